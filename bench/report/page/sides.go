package page

import (
	"fmt"
	"io"
	"math"
	"slices"

	"roost/bench/measure"
	"roost/bench/report"
	"roost/bench/scenario"
	"roost/bench/units"
)

// sidesView is several sides, in groups that can be compared, as the template wants them.
type sidesView struct {
	Title, About string
	Groups       []groupView
}

type groupView struct {
	ID, Title, About string
	Sides            []sideView
	Rows             []figureRow
	Differences      []difference
	Charts           []chart
}

type sideView struct {
	Name, Class string
	Runs        int
	Verdict     string // empty when all passed
}

// figureRow is one figure of all sides.
type figureRow struct {
	Name  string
	Cells []cell
}

// barLength is in em; on a phone these are small.
const barLength = 7

// A cell is a median, its extremes over the runs, and how long a bar it makes, in em; the row's longest has barLength.
type cell struct {
	Value, Range string
	Bar          float64
	Class        string
}

// difference is a row of a comparison of two.
type difference struct {
	Name, A, B, Change, Chance string
	Counts                     bool
}

// WriteGroups draws results side by side.
func WriteGroups(w io.Writer, title string, groups []report.Group) error {
	v := &sidesView{Title: title}
	for i := range groups {
		v.Groups = append(v.Groups, viewGroup(i, &groups[i]))
	}
	return write(w, v)
}

// WriteComparison draws two sides, and the differences that report.Compare has found.
func WriteComparison(w io.Writer, a, b report.Side, ds []report.Difference) error {
	g := report.Group{Title: a.Runs[0].Scenario.Name, About: a.Runs[0].Scenario.About, Sides: []report.Side{a, b}}
	v := viewGroup(0, &g)
	for i := range ds {
		v.Differences = append(v.Differences, viewDifference(&ds[i]))
	}
	return write(w, &sidesView{Title: fmt.Sprintf("%s: %s and %s", g.Title, a.Name, b.Name), Groups: []groupView{v}})
}

func write(w io.Writer, v *sidesView) error {
	t, err := parsed()
	if err != nil {
		return err
	}
	return t.ExecuteTemplate(w, "sides.html", v)
}

func viewDifference(d *report.Difference) difference {
	out := difference{Name: d.Name, A: between(d.A, d.LowA, d.HighA), B: between(d.B, d.LowB, d.HighB), Change: "~", Chance: fmt.Sprintf("%.3f", d.P),
		Counts: d.Significant}
	if d.Significant {
		out.Change = fmt.Sprintf("%+.1f %%", 100*d.Change())
	}
	return out
}

func between(m, low, high float64) string {
	if low == high {
		return units.Three(m)
	}
	return fmt.Sprintf("%s [%s, %s]", units.Three(m), units.Three(low), units.Three(high))
}

func viewGroup(i int, g *report.Group) groupView {
	v := groupView{ID: fmt.Sprintf("g%d", i+1), Title: g.Title, About: g.About}
	ranges := make([]map[string]report.Range, len(g.Sides))
	var names []string
	for k := range g.Sides {
		s := &g.Sides[k]
		v.Sides = append(v.Sides, sideView{Name: s.Name, Class: classes[k%len(classes)], Runs: len(s.Runs), Verdict: verdict(s)})
		order, all := s.Ranges()
		ranges[k] = all
		for _, n := range order {
			if !slices.Contains(names, n) {
				names = append(names, n)
			}
		}
	}
	for _, n := range names {
		v.Rows = append(v.Rows, figureRow{n, cells(n, ranges)})
	}
	v.Charts = sideCharts(g)
	return v
}

// verdict says how many runs of a side failed, and why the first did.
func verdict(s *report.Side) string {
	n, why := 0, ""
	for _, r := range s.Runs {
		if r.Verdict.OK {
			continue
		}
		if n++; n == 1 && len(r.Verdict.Failures) > 0 {
			why = r.Verdict.Failures[0]
		}
	}
	if n == 0 {
		return ""
	}
	return fmt.Sprintf("%d of %d runs failed: %s", n, len(s.Runs), why)
}

func cells(name string, ranges []map[string]report.Range) []cell {
	top := 0.0
	for _, r := range ranges {
		top = max(top, r[name].Median)
	}
	out := make([]cell, len(ranges))
	for i, all := range ranges {
		r, ok := all[name]
		out[i] = cell{Value: "–", Class: classes[i%len(classes)]}
		if !ok {
			continue
		}
		out[i].Value, out[i].Bar = units.Three(r.Median), round1(barLength*r.Median/top)
		if r.Runs > 1 {
			out[i].Range = units.Three(r.Low) + " … " + units.Three(r.High)
		}
	}
	return out
}

// sideCharts draws each kind of each phase as percentile curves and over time, and memory, all sides in one picture.
func sideCharts(g *report.Group) []chart {
	sides := g.Sides[:min(len(g.Sides), len(classes))]
	var out []chart
	add := func(p plot) {
		if c, ok := p.draw(); ok {
			out = append(out, c)
		}
	}
	add(memory(sides))
	for _, s := range spreads(sides[0].Runs[0]) {
		var names []string
		var hs []*measure.Hist
		for _, side := range sides {
			if o := find(spreads(side.Runs...), s.phase, s.kind); o != nil && o.pair.Latency().Count() >= fewest {
				names, hs = append(names, side.Name), append(hs, o.pair.Latency())
			}
		}
		if len(hs) > 0 {
			add(percentilePlot(s.title()+", percentiles", "All runs together.", names, hs))
		}
		add(phaseOverTime(s, sides, ", p99 over time", latencyAxis, kind(s.kind, p99)))
		add(phaseOverTime(s, sides, ", rate over time", rateAxis, rate(s.kind)))
	}
	return out
}

// phaseOverTime draws a value of the first run of each side, in a phase of load, from where it begins.
func phaseOverTime(s *spread, sides []report.Side, what string, ya func(low, high float64) axis, value func(*moment) float64) plot {
	p := plot{title: s.title() + what, note: "The first run of each.", ya: ya, when: func(v float64) string { return "at " + units.Seconds(v) }}
	all := make([]times, len(sides))
	n := 0
	for i, side := range sides {
		all[i] = slices.DeleteFunc(timesOf(side.Runs[0]), func(m moment) bool {
			return m.seg.Phase != s.phase || m.seg.WarmUp || m.seg.Kind != scenario.Hold || m.seg.Slope
		})
		n = max(n, len(all[i]))
	}
	group := max((n+most-1)/most, 1)
	for at := 0; at < n; at += group {
		p.x = append(p.x, float64(min(at+group, n)))
	}
	for i, ts := range all {
		c := curve{name: sides[i].Name}
		for at := 0; at < n; at += group {
			v := math.NaN()
			for k := at; k < min(at+group, len(ts)); k++ {
				if one := value(&ts[k]); !math.IsNaN(one) && !(one < v) {
					v = one
				}
			}
			c.y = append(c.y, v)
		}
		p.curves = append(p.curves, c)
	}
	p.xa = linear(float64(n), units.Seconds, niceTime)
	return p
}
