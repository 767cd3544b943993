package page

import (
	"math"
	"slices"

	"roost/bench/measure"
	"roost/bench/report"
	"roost/bench/units"
)

// shown are the kinds that get pictures of their own, steps those that a login consists of.
var (
	shown = []measure.Kind{measure.Login, measure.Message, measure.Presence, measure.Ping, measure.RosterGet, measure.RosterSet, measure.Register}
	steps = []measure.Kind{measure.Connect, measure.TLS, measure.Auth, measure.Bind, measure.RosterGet}
)

// shortest is the part of a second, at the end of a segment, from which rates can be told.
const shortest = 0.1

// A moment is one second of a run.
type moment struct {
	at     float64 // its end, in seconds since the run began
	length float64 // in seconds; less than 1 at the end of a segment
	seg    *report.Segment
	sec    *report.Second
}

// times are all moments of a run, in order.
type times []moment

func timesOf(r *report.Result) times {
	var out times
	for _, seg := range r.Segments {
		for i := range seg.Series {
			sec := &seg.Series[i]
			end := min(float64(sec.T+1), max(seg.Took, float64(sec.T)))
			out = append(out, moment{seg.Start + end, end - float64(sec.T), seg, sec})
		}
	}
	return out
}

// thinned puts neighbours together until there are few enough to draw. fold makes one value of those of several moments.
func (ts times) thinned(value func(*moment) float64, fold func([]float64) float64) []float64 {
	n := ts.group()
	var out, some []float64
	for i := range ts {
		if v := value(&ts[i]); !math.IsNaN(v) {
			some = append(some, v)
		}
		if (i+1)%n != 0 && i+1 < len(ts) {
			continue
		}
		if len(some) == 0 {
			out = append(out, math.NaN())
		} else {
			out = append(out, fold(some))
		}
		some = some[:0]
	}
	return out
}

func (ts times) group() int { return max((len(ts)+most-1)/most, 1) }

func mean(vs []float64) float64 {
	sum := 0.0
	for _, v := range vs {
		sum += v
	}
	return sum / float64(len(vs))
}

// x returns the places of the moments, as thinned makes them.
func (ts times) x() []float64 {
	return ts.thinned(func(m *moment) float64 { return m.at }, last)
}

// kind makes a value function of one kind's second; NaN where nothing of it happened.
func kind(k measure.Kind, get func(report.SecondKind) float64) func(*moment) float64 {
	return func(m *moment) float64 {
		one, ok := m.sec.Kinds[k]
		if !ok || one.Count == 0 {
			return math.NaN()
		}
		return get(one)
	}
}

func p50(s report.SecondKind) float64     { return s.P50 }
func p99(s report.SecondKind) float64     { return s.P99 }
func slowest(s report.SecondKind) float64 { return s.Max }

// rate is how many of a kind there were in a second.
func rate(k measure.Kind) func(*moment) float64 {
	return func(m *moment) float64 {
		if m.length < shortest {
			return math.NaN()
		}
		return float64(m.sec.Kinds[k].Count) / m.length
	}
}

// has reports whether anything of a kind happened.
func (ts times) has(k measure.Kind) bool {
	for i := range ts {
		if ts[i].sec.Kinds[k].Count > 0 {
			return true
		}
	}
	return false
}

// overTime makes a plot of a run; its bands are the phases.
func (ts times) overTime(title, note string, ya func(low, high float64) axis, curves ...curve) plot {
	end := ts[len(ts)-1].at
	xa := linear(end, units.Seconds, niceTime)
	p := plot{title: title, note: note, x: ts.x(), xa: xa, ya: ya, curves: curves, when: func(v float64) string { return "at " + units.Seconds(v) }}
	for i := range ts {
		m := &ts[i]
		from := round1(100 * xa.at(m.seg.Start))
		to := round1(100 * xa.at(m.at))
		if n := len(p.bands); n > 0 && p.bands[n-1].Name == m.seg.Phase {
			p.bands[n-1].Width = to - p.bands[n-1].From
			continue
		}
		p.bands = append(p.bands, band{from, to - from, m.seg.Phase, len(p.bands)%2 == 1})
	}
	return p
}

// niceTime ends an axis of time where the run ends, but for what makes four even parts.
func niceTime(v float64) float64 {
	unit := nice(v / 20)
	return math.Ceil(v/unit/4) * unit * 4
}

// headroom keeps a curve that is flat at its highest off the upper edge.
const headroom = 1.02

// The axes of values.
func latencyAxis(low, high float64) axis { return logarithmic(low, high, units.Period) }
func rateAxis(_, high float64) axis      { return linear(headroom*high, units.Rate, niceCount) }
func countAxis(_, high float64) axis     { return linear(headroom*high, units.Count, niceCount) }
func bytesAxis(_, high float64) axis     { return linear(headroom*high, units.Bytes, niceSize) }
func coresAxis(_, high float64) axis     { return linear(headroom*high, units.Cores, nice) }

// percentileAxis has few labels, because they are long.
func percentileAxis(highest float64) axis {
	a := logarithmic(1, highest, units.Percentile)
	step := (len(a.marks) + 3) / 4
	a.marks = slices.DeleteFunc(a.marks, func(m float64) bool { return int(math.Round(math.Log10(m)))%step != 0 })
	return a
}
