package page

import (
	"embed"
	"fmt"
	"html/template"
	"io"
	"math"
	"slices"
	"strings"

	"roost/bench/measure"
	"roost/bench/report"
	"roost/bench/scenario"
	"roost/bench/units"
)

//go:embed *.html
var files embed.FS

// parsed are the templates, by the name of their file.
func parsed() (*template.Template, error) { return template.ParseFS(files, "*.html") }

// A section is a heading with pictures.
type section struct {
	ID, Title, About string
	Charts           []chart
}

// runView is a run as the template wants it.
type runView struct {
	Title    string
	Name     string
	When     string
	Verdict  report.Verdict
	Phases   []phaseView
	Sections []section
	Rows     []row
	Accounts []account
	Errors   []named
	Words    []string
	Facts    []named
}

// LatencyHead and AccountHead are the heads of the tables.
func (*runView) LatencyHead() []string {
	return []string{"Count", "Rate", "p50", "p90", "p99", "p99.9", "p99.99", "Slowest"}
}

// AccountHead is documented with LatencyHead.
func (*runView) AccountHead() []string {
	return []string{"sent", "delivered", "refused", "stored", "cut", "lost", "duplicated", "reordered", "corrupted", "foreign"}
}

// phaseView is what a phase came to.
type phaseView struct {
	Name    string
	Figures []named
}

type named struct{ Name, Value string }

// row is a line of the latency table.
type row struct {
	Phase, Kind string
	Cells       []string
}

type account struct {
	Class string
	Cells []string
	Bad   bool
}

// Write draws a run as a page.
func Write(w io.Writer, r *report.Result) error {
	t, err := parsed()
	if err != nil {
		return err
	}
	return t.ExecuteTemplate(w, "run.html", view(r))
}

func view(r *report.Result) *runView {
	v := &runView{Name: r.Scenario.Name, Title: r.Scenario.Name, Verdict: r.Verdict, Facts: facts(r), Words: words(r.Scenario)}
	if r.Label != "" {
		v.Title += ": " + r.Label
	}
	v.When = fmt.Sprintf("%s, %s long, on %s", r.Started.UTC().Format("2006-01-02 15:04 UTC"), units.Seconds(math.Round(r.Took)), strings.Join(r.Target.Addrs, ", "))
	v.Phases = phases(r)
	for _, s := range []section{
		{"time", "Latency over time", "On a logarithmic scale, by the second; a grey stripe is a phase.", latencies(r)},
		{"percentiles", "Percentile curves", "How slow the slowest are: at p99, one in 100 takes longer than the curve says. Where the scenario has a schedule, a time counts " +
			"from the intended moment; the service time, from the moment of sending, leaves out what waited for its turn.", percentiles(r)},
		{"load", "Load, and what it took", "", loads(r)},
	} {
		if len(s.Charts) > 0 {
			v.Sections = append(v.Sections, s)
		}
	}
	v.Rows, v.Accounts, v.Errors = rows(r), accounts(r), failures(r)
	return v
}

// phases sorts the figures by the phase that their names begin with. Of the latencies p99 stands for the others, which the tables have.
func phases(r *report.Result) []phaseView {
	var out []phaseView
	for _, f := range r.Figures() {
		phase, name, _ := strings.Cut(f.Name, ": ")
		if strings.HasSuffix(name, "p50 ms") || strings.HasSuffix(name, "p99.9 ms") {
			continue
		}
		if len(out) == 0 || out[len(out)-1].Name != phase {
			out = append(out, phaseView{Name: phase})
		}
		value := units.Three(f.Value)
		if f.Error > 0 {
			value += " ± " + units.Three(f.Error)
		}
		p := &out[len(out)-1]
		p.Figures = append(p.Figures, named{name, value})
	}
	return out
}

// latencies draws each kind over time, the steps of logins, and the load tester's own lag.
func latencies(r *report.Result) []chart {
	ts := timesOf(r)
	if len(ts) == 0 {
		return nil
	}
	var out []chart
	add := func(p plot) {
		if c, ok := p.draw(); ok {
			out = append(out, c)
		}
	}
	for _, k := range shown {
		if !ts.has(k) || k == measure.RosterGet && len(spreadOf(r, k)) == 0 {
			continue
		}
		add(ts.overTime("Latency: "+k.String(), "", latencyAxis,
			curve{name: "p50", y: ts.thinned(kind(k, p50), mean)},
			curve{name: "p99", y: ts.thinned(kind(k, p99), slices.Max)},
			curve{name: "slowest", y: ts.thinned(kind(k, slowest), slices.Max)}))
	}
	var parts []curve
	for _, k := range steps {
		if ts.has(k) && ts.has(measure.Login) {
			parts = append(parts, curve{name: k.String(), y: ts.thinned(kind(k, p99), slices.Max)})
		}
	}
	add(ts.overTime("Steps of a login, p99", "", latencyAxis, parts...))
	add(ts.overTime("The load tester's own lag", "Where its p99 is beyond 1 ms the other latencies contain it.", latencyAxis,
		curve{name: "p50", y: ts.thinned(kind(measure.Lag, p50), mean)},
		curve{name: "p99", y: ts.thinned(kind(measure.Lag, p99), slices.Max)}))
	return out
}

// spreadOf returns the spreads of one kind.
func spreadOf(r *report.Result, k measure.Kind) []*spread {
	return slices.DeleteFunc(spreads(r), func(s *spread) bool { return s.kind != k })
}

// loads draws sessions, rates, errors, memory and processor time.
func loads(r *report.Result) []chart {
	ts := timesOf(r)
	if len(ts) == 0 {
		return nil
	}
	var kinds []curve
	for _, k := range shown {
		if ts.has(k) && len(spreadOf(r, k)) > 0 {
			kinds = append(kinds, curve{name: k.String(), y: ts.thinned(rate(k), mean)})
		}
	}
	errs := func(m *moment) float64 {
		n := 0.0
		for _, s := range m.sec.Kinds {
			n += float64(s.Errors)
		}
		return n
	}
	cpu := func(m *moment) float64 {
		if m.length < shortest {
			return math.NaN()
		}
		return m.sec.CPU / m.length
	}
	var out []chart
	for _, p := range []plot{
		ts.overTime("Sessions on line", "", countAxis, curve{name: "sessions", y: ts.thinned(func(m *moment) float64 { return float64(m.sec.Sessions) }, last)}),
		ts.overTime("Rates", "Finished in each second.", rateAxis, kinds...),
		ts.overTime("Errors", "", rateAxis, curve{name: "errors", y: ts.thinned(errs, slices.Max)}),
		ts.overTime("The server's resident memory", "", bytesAxis, curve{name: "resident", y: ts.thinned(func(m *moment) float64 { return float64(m.sec.RSS) }, slices.Max)}),
		ts.overTime("The server's processors", "1 is one processor all the time.", coresAxis, curve{name: "busy", y: ts.thinned(cpu, mean)}),
		memory([]report.Side{{Name: "resident", Runs: []*report.Result{r}}}),
	} {
		if c, ok := p.draw(); ok {
			out = append(out, c)
		}
	}
	return out
}

// memory draws resident memory over the number of sessions, of the first run of each side.
func memory(sides []report.Side) plot {
	p := plot{title: "Resident memory by sessions", note: "Read at the end of each step; the slope through these points is what a session costs.", ya: bytesAxis,
		when: func(v float64) string { return units.Count(v) + " sessions" }}
	at := map[float64]map[int]float64{}
	for i, s := range sides {
		for _, seg := range s.Runs[0].Segments {
			if seg.Slope && seg.After != nil && seg.After.RSS > 0 {
				x := float64(seg.Sessions)
				if at[x] == nil {
					at[x] = map[int]float64{}
					p.x = append(p.x, x)
				}
				at[x][i] = float64(seg.After.RSS)
			}
		}
	}
	if len(p.x) < 2 { // no slope
		p.x = nil
	}
	slices.Sort(p.x)
	for i, s := range sides {
		c := curve{name: s.Name, now: last}
		for _, x := range p.x {
			v, ok := at[x][i]
			if !ok {
				v = math.NaN()
			}
			c.y = append(c.y, v)
		}
		p.curves = append(p.curves, c)
	}
	if len(p.x) > 0 {
		p.xa = linear(p.x[len(p.x)-1], units.Count, niceTime)
	}
	return p
}

// rows makes the latency table.
func rows(r *report.Result) []row {
	var out []row
	for _, s := range r.Segments {
		if s.WarmUp {
			continue
		}
		for _, k := range measure.Kinds() {
			l := s.Latency[k]
			if l == nil || l.Count == 0 {
				continue
			}
			add := func(name string, q report.Quantiles) {
				cells := []string{units.Count(float64(q.Count)), units.Rate(math.Round(l.Rate))}
				for _, v := range []float64{q.P50, q.P90, q.P99, q.P999, q.P9999, q.Max} {
					cells = append(cells, units.Period(v))
				}
				out = append(out, row{s.Name, name, cells})
			}
			add(k.String(), l.Quantiles)
			if l.Service != nil {
				add(k.String()+", service", *l.Service)
			}
		}
	}
	return out
}

func accounts(r *report.Result) []account {
	var out []account
	for _, c := range measure.Classes() {
		t := r.Account[c]
		if t == (measure.Tally{}) {
			continue
		}
		a := account{Class: c.String(), Bad: t.Lost+t.Duplicated+t.Reordered+t.Corrupted+t.Foreign > 0}
		for _, n := range []int64{t.Sent, t.Delivered, t.Refused, t.Stored, t.Cut, t.Lost, t.Duplicated, t.Reordered, t.Corrupted, t.Foreign} {
			a.Cells = append(a.Cells, units.Count(float64(n)))
		}
		out = append(out, a)
	}
	return out
}

// failures lists errors by name, the most frequent first.
func failures(r *report.Result) []named {
	all := map[string]int64{}
	var names []string
	for _, s := range r.Segments {
		for e, n := range s.Errors {
			if all[e] == 0 {
				names = append(names, e)
			}
			all[e] += n
		}
	}
	slices.SortFunc(names, func(a, b string) int { return int(all[b]-all[a])*2 + strings.Compare(a, b) })
	var out []named
	for _, e := range names {
		out = append(out, named{e, units.Count(float64(all[e]))})
	}
	return out
}

// words says what the scenario does, line by line.
func words(s *scenario.Scenario) []string {
	var b strings.Builder
	if scenario.Explain(&b, s) != nil {
		return nil
	}
	return strings.Split(strings.TrimSpace(b.String()), "\n")
}

func facts(r *report.Result) []named {
	e := r.Env
	fs := []named{{"Made by", fmt.Sprintf("%s, %d worker(s)", r.Tool, r.Workers)}, {"Server", strings.Join(r.Target.Addrs, ", ") + " for " + r.Target.Domain}}
	if r.Target.Server != "" {
		fs = append(fs, named{"It says it is", r.Target.Server})
	}
	return append(fs, named{"Machine of the load tester", fmt.Sprintf("%s: %d processors (%s), %s of memory", e.Host, e.CPUs, e.CPU, units.Bytes(float64(e.Memory)))},
		named{"System", fmt.Sprintf("%s, kernel %s, %s open files, %s", e.OS, e.Kernel, units.Count(float64(e.Files)), e.Go)})
}
