package page

import (
	"fmt"
	"math"

	"roost/bench/measure"
	"roost/bench/report"
	"roost/bench/scenario"
	"roost/bench/units"
)

// fewest is how many times a percentile curve needs.
const fewest = 20

// A spread is the latencies of one kind in a phase.
type spread struct {
	phase string
	kind  measure.Kind
	pair  measure.Pair
}

func (s *spread) title() string { return s.phase + ": " + s.kind.String() }

// spreads puts the segments of each phase together, warm-ups left out; in the order of the phases. Runs beyond the first add to
// them.
func spreads(rs ...*report.Result) []*spread {
	var out []*spread
	for _, r := range rs {
		for _, seg := range r.Segments {
			for _, k := range shown {
				h := seg.Hists[k]
				if seg.WarmUp || h == nil || h.Service.Count() == 0 || k == measure.RosterGet && seg.Kind != scenario.Hold {
					continue
				}
				s := find(out, seg.Phase, k)
				if s == nil {
					s = &spread{phase: seg.Phase, kind: k}
					out = append(out, s)
				}
				s.pair.Intended.Merge(&h.Intended)
				s.pair.Service.Merge(&h.Service)
			}
		}
	}
	return out
}

func find(all []*spread, phase string, k measure.Kind) *spread {
	for _, s := range all {
		if s.phase == phase && s.kind == k {
			return s
		}
	}
	return nil
}

// perDecade is how many points a percentile curve has between p90 and p99.
const perDecade = 24

// ranks are the places along a percentile curve of n times: 1, then one in 1.1 that is slower … up to one in n.
func ranks(n int64) []float64 {
	var out []float64
	for k := 0; ; k++ {
		x := math.Pow(10, float64(k)/perDecade)
		if x > float64(n) {
			return out
		}
		out = append(out, x)
	}
}

// along returns the times of h at ranks x, in milliseconds; NaN beyond what h can tell.
func along(h *measure.Hist, x []float64) []float64 {
	out := make([]float64, len(x))
	for i, n := range x {
		out[i] = math.NaN()
		if n <= float64(h.Count()) {
			out[i] = float64(h.At(1-1/n).Microseconds()) / 1000
		}
	}
	return out
}

// at99 stands for a percentile curve: its p99.
func at99(y []float64) float64 { return y[min(2*perDecade, len(y)-1)] }

// percentilePlot draws histograms, each with its name. Each must have fewest times.
func percentilePlot(title, note string, names []string, hs []*measure.Hist) plot {
	var most int64
	for _, h := range hs {
		most = max(most, h.Count())
	}
	p := plot{title: title, note: note, x: ranks(most), ya: latencyAxis, when: units.Percentile}
	p.xa = percentileAxis(p.x[len(p.x)-1])
	for i, h := range hs {
		p.curves = append(p.curves, curve{name: names[i] + ", p99", y: along(h, p.x), now: at99})
	}
	return p
}

// percentiles draws the curves of a run.
func percentiles(r *report.Result) []chart {
	var out []chart
	for _, s := range spreads(r) {
		if s.pair.Service.Count() < fewest {
			continue
		}
		names, hs := []string{"from the real time"}, []*measure.Hist{&s.pair.Service}
		note := fmt.Sprintf("%s times.", units.Count(float64(s.pair.Service.Count())))
		if s.pair.Intended.Count() > 0 {
			names, hs = []string{"from the intended time", "service (from the real time)"}, []*measure.Hist{&s.pair.Intended, &s.pair.Service}
		}
		p := percentilePlot(s.title(), note, names, hs)
		if c, ok := p.draw(); ok {
			out = append(out, c)
		}
	}
	return out
}
