package page

import "math"

// An axis turns values into places and into text.
type axis struct {
	low, high float64
	log       bool
	write     func(float64) string
	marks     []float64
}

// linear makes an axis from 0 to the next round value that is not below high.
func linear(high float64, write func(float64) string, round func(float64) float64) axis {
	a := axis{high: round(high), write: write}
	for i := range 5 {
		a.marks = append(a.marks, a.high*float64(i)/4)
	}
	return a
}

// logarithmic makes an axis of whole decades around low and high, both above 0.
func logarithmic(low, high float64, write func(float64) string) axis {
	from, to := math.Floor(math.Log10(low)+1e-9), math.Ceil(math.Log10(high)-1e-9)
	to = max(to, from+1)
	a := axis{low: math.Pow(10, from), high: math.Pow(10, to), log: true, write: write}
	for e := from; e <= to; e += math.Ceil((to - from) / 6) {
		a.marks = append(a.marks, math.Pow(10, e))
	}
	return a
}

// at returns where v stands, from 0 to 1; what is beyond an end stands at it.
func (a axis) at(v float64) float64 {
	f := (v - a.low) / (a.high - a.low)
	if a.log {
		f = math.Log(max(v, a.low)/a.low) / math.Log(a.high/a.low)
	}
	return min(max(f, 0), 1)
}

// ticks are the labels of an axis.
func (a axis) ticks() []tick {
	ts := make([]tick, len(a.marks))
	for i, m := range a.marks {
		ts[i] = tick{At: round1(100 * a.at(m)), Text: a.write(m)}
	}
	return ts
}

func round1(v float64) float64 { return math.Round(v*10) / 10 }

// nice is the next of 1, 2, 4, 5, 8, 10, 20 … that is not below v.
func nice(v float64) float64 {
	if v <= 0 {
		return 1
	}
	ten := math.Pow(10, math.Floor(math.Log10(v)))
	for _, m := range []float64{1, 2, 4, 8} {
		if v <= m*ten*(1+1e-6) {
			return m * ten
		}
	}
	return 10 * ten
}

// niceCount is nice for things that come whole.
func niceCount(v float64) float64 { return max(nice(v), 4) }

// niceSize is nice in the unit in which a size is written.
func niceSize(v float64) float64 {
	unit := 1.0
	for v/unit > 800 {
		unit *= 1024
	}
	return nice(v/unit) * unit
}
