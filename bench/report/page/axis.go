package page

import (
	"fmt"
	"math"
	"strconv"
)

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

// How values are written for people.

// count writes a number with a narrow space between the thousands of five digits and more.
func count(v float64) string {
	if v >= 9_999_500 {
		return fmt.Sprintf("%.3g M", v/1e6)
	}
	if v != math.Trunc(v) && v < 100 {
		return fmt.Sprintf("%.2g", v)
	}
	s := strconv.FormatFloat(v, 'f', 0, 64)
	if len(s) > 4 {
		for i := len(s) - 3; i > 0; i -= 3 {
			s = s[:i] + "\u202f" + s[i:]
		}
	}
	return s
}

func perSecond(v float64) string { return count(v) + "/s" }

// period writes milliseconds in the unit that suits them.
func period(ms float64) string {
	switch {
	case ms == 0:
		return "0"
	case ms < 0.9995:
		return fmt.Sprintf("%.3g µs", ms*1000)
	case ms < 999.5:
		return fmt.Sprintf("%.3g ms", ms)
	}
	return fmt.Sprintf("%.3g s", ms/1000)
}

func bytes(v float64) string {
	for _, unit := range []string{"B", "KiB", "MiB", "GiB"} {
		if v < 1000 {
			return fmt.Sprintf("%.3g %s", v, unit)
		}
		v /= 1024
	}
	return fmt.Sprintf("%.3g TiB", v)
}

func seconds(v float64) string {
	if v >= 120 {
		return fmt.Sprintf("%.3g min", v/60)
	}
	return fmt.Sprintf("%.3g s", v)
}

func cores(v float64) string { return fmt.Sprintf("%.3g", v) }

// percentile writes where one in n is slower: p50, p99, p99.9 …
func percentile(n float64) string {
	if n <= 1 {
		return "p0"
	}
	return "p" + strconv.FormatFloat(math.Round((1-1/n)*1e7)/1e5, 'f', -1, 64)
}

// three writes a figure with three digits that count.
func three(v float64) string {
	if v >= 1000 {
		return count(math.Round(v))
	}
	return fmt.Sprintf("%.3g", v)
}
