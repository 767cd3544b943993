package report

import (
	"cmp"
	"fmt"
	"io"
	"math"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"

	"roost/bench/measure"
)

// Two sides are compared by what they did in each second: a second is a sample, the first and the last of a segment left out,
// and a side may have several runs. The difference is that of the medians; it counts when a Mann–Whitney U test of the samples says that
// chance alone gives one like it in less than 5 of 100 cases. Figures that a run has one of (memory, CPU of a phase) are
// compared over the runs, and count from three runs a side on.

// alpha is the chance that is accepted.
const alpha = 0.05

// fewest is how many samples a side needs before anything can be said.
const fewest = 3

// A Difference is one figure of both sides.
type Difference struct {
	Name        string  `json:"name"`
	A           float64 `json:"a"` // median
	B           float64 `json:"b"`
	LowA        float64 `json:"a_low"` // 95 % confidence interval of the median
	HighA       float64 `json:"a_high"`
	LowB        float64 `json:"b_low"`
	HighB       float64 `json:"b_high"`
	Samples     [2]int  `json:"samples"`
	P           float64 `json:"p"` // of no difference; 1 with too few samples
	Significant bool    `json:"significant"`
}

// Change is how much larger B is, as a part of A.
func (d *Difference) Change() float64 {
	if d.A == 0 {
		return 0
	}
	return d.B/d.A - 1
}

// Compare lists the figures that both sides have.
func Compare(a, b []*Result) []Difference {
	namesA, sa := samples(a)
	_, sb := samples(b)
	var out []Difference
	for _, name := range namesA {
		x, y := sa[name], sb[name]
		if len(y) == 0 {
			continue
		}
		d := Difference{Name: name, Samples: [2]int{len(x), len(y)}, P: 1}
		d.A, d.LowA, d.HighA = median(x)
		d.B, d.LowB, d.HighB = median(y)
		if len(x) >= fewest && len(y) >= fewest {
			d.P = mannWhitney(x, y)
		}
		d.Significant = d.P < alpha
		out = append(out, d)
	}
	return out
}

// samples gathers the samples of all runs of a side, by name in the order of the first run.
func samples(rs []*Result) (names []string, all map[string][]float64) {
	all = make(map[string][]float64)
	add := func(name string, v float64) {
		if all[name] == nil {
			names = append(names, name)
		}
		all[name] = append(all[name], v)
	}
	for _, r := range rs {
		for _, f := range r.figures() {
			add(f.name, f.value)
		}
		for _, s := range r.Segments {
			if s.WarmUp || len(s.Series) < fewest+2 {
				continue
			}
			for _, sec := range s.Series[1 : len(s.Series)-1] {
				var done int64
				for _, k := range measure.Kinds() {
					one, ok := sec.Kinds[k]
					if !ok || k == measure.Lag {
						continue
					}
					done += one.Count
					at := s.Name + ": " + k.String() + ", by second: "
					add(at+"/s", float64(one.Count))
					add(at+"p50 ms", one.P50)
					add(at+"p99 ms", one.P99)
				}
				if sec.CPU > 0 && done > 0 {
					add(s.Name+": CPU µs each, by second", sec.CPU*1e6/float64(done))
				}
			}
		}
	}
	return names, all
}

// median returns the median and a 95 % confidence interval of it: the order statistics between which it lies by the binomial
// distribution, the extremes where there are too few.
func median(x []float64) (m, low, high float64) {
	x = slices.Sorted(slices.Values(x))
	n := len(x)
	m = (x[(n-1)/2] + x[n/2]) / 2
	k := int(math.Floor(float64(n)/2 - 1.96*math.Sqrt(float64(n))/2))
	k = max(k, 0)
	return m, x[k], x[n-1-k]
}

// mannWhitney returns the two-sided probability that samples of one distribution differ as x and y do, by the normal
// approximation with corrections for ties and continuity.
func mannWhitney(x, y []float64) float64 {
	type val struct {
		v     float64
		fromX bool
	}
	all := make([]val, 0, len(x)+len(y))
	for _, v := range x {
		all = append(all, val{v, true})
	}
	for _, v := range y {
		all = append(all, val{v, false})
	}
	slices.SortFunc(all, func(a, b val) int { return cmp.Compare(a.v, b.v) })
	var ranks, ties float64
	for i := 0; i < len(all); {
		j := i
		for j < len(all) && all[j].v == all[i].v {
			j++
		}
		t := float64(j - i)
		ties += t*t*t - t
		for k := i; k < j; k++ {
			if all[k].fromX {
				ranks += float64(i+j+1) / 2
			}
		}
		i = j
	}
	n, m := float64(len(x)), float64(len(y))
	u := ranks - n*(n+1)/2
	variance := n * m / 12 * (n + m + 1 - ties/((n+m)*(n+m-1)))
	if variance <= 0 {
		return 1
	}
	z := max(math.Abs(u-n*m/2)-0.5, 0) / math.Sqrt(variance)
	return math.Erfc(z / math.Sqrt2)
}

// Text of a comparison: ~ where nothing can be said.
func WriteDifferences(w io.Writer, ds []Difference) error {
	tw := tabwriter.NewWriter(w, 2, 8, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(tw, "\tA\tB\tB/A\tp\tn\t")
	for _, d := range ds {
		change := "~"
		if d.Significant {
			change = fmt.Sprintf("%+.1f %%", 100*d.Change())
		}
		fmt.Fprintf(tw, "%s\t%s\t%s\t%s\t%.3f\t%d+%d\t\n", d.Name, between(d.A, d.LowA, d.HighA), between(d.B, d.LowB, d.HighB), change, d.P,
			d.Samples[0], d.Samples[1])
	}
	return tw.Flush()
}

func between(m, low, high float64) string {
	if low == high {
		return short(m)
	}
	return fmt.Sprintf("%s [%s, %s]", short(m), short(low), short(high))
}

// A Threshold is a worsening that fails a comparison: figures whose name contains Match may not change by more than Part.
type Threshold struct {
	Match string
	Part  float64 // 0.1 is 10 % more; -0.1 is 10 % less
}

// ParseThreshold reads "p99+10%" or "message/s-5%".
func ParseThreshold(s string) (Threshold, error) {
	bad := fmt.Errorf("the threshold %q is not like p99+10%% (10 %% more fails) or /s-5%% (5 %% less fails)", s)
	body, ok := strings.CutSuffix(s, "%")
	at := strings.LastIndexAny(body, "+-")
	if !ok || at < 1 {
		return Threshold{}, bad
	}
	v, err := strconv.ParseFloat(body[at:], 64)
	if err != nil || v == 0 || math.IsNaN(v) || math.IsInf(v, 0) {
		return Threshold{}, bad
	}
	return Threshold{strings.TrimSpace(body[:at]), v / 100}, nil
}

// Exceeded returns the differences that are significant and beyond t; found says whether t is about any at all.
func (t Threshold) Exceeded(ds []Difference) (over []Difference, found bool) {
	for _, d := range ds {
		if !strings.Contains(d.Name, t.Match) {
			continue
		}
		found = true
		if c := d.Change(); d.Significant && (t.Part > 0 && c > t.Part || t.Part < 0 && c < t.Part) {
			over = append(over, d)
		}
	}
	return over, found
}
