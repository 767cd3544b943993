package report

import (
	"math"
	"math/rand/v2"
	"testing"

	"roost/bench/measure"
	"roost/bench/scenario"
)

// TestMannWhitney: against values that are known, and as often wrong as it says where there is no difference.
func TestMannWhitney(t *testing.T) {
	// By hand: U = 12.5, its mean 50, its variance 100/12·(21 − 30/380); z = 37/13.204, two-sided.
	if p := mannWhitney([]float64{1, 2, 3, 4, 5, 6, 7, 8, 9, 10}, []float64{6, 7, 8, 9, 10, 11, 12, 13, 14, 15}); math.Abs(p-0.00508) > 0.00005 {
		t.Errorf("p is %v", p)
	}
	if p := mannWhitney([]float64{1, 1, 1}, []float64{1, 1, 1}); p != 1 {
		t.Errorf("p of the same is %v", p)
	}
	rng := rand.New(rand.NewPCG(1, 1))
	wrong := 0
	for range 2000 {
		x, y := make([]float64, 12), make([]float64, 9)
		for i := range x {
			x[i] = rng.ExpFloat64()
		}
		for i := range y {
			y[i] = rng.ExpFloat64()
		}
		if mannWhitney(x, y) < alpha {
			wrong++
		}
	}
	if wrong > 130 || wrong < 40 {
		t.Errorf("%d of 2000 comparisons of the same differ, want about 100", wrong)
	}
}

func TestMedian(t *testing.T) {
	m, low, high := median([]float64{9, 1, 5, 3, 7})
	if m != 5 || low != 1 || high != 9 {
		t.Errorf("%v in %v to %v", m, low, high)
	}
}

// synthetic makes a result whose messages take about p99 ms each second.
func synthetic(p99 float64, seed uint64) *Result {
	rng := rand.New(rand.NewPCG(seed, 0))
	s := &Segment{Name: "chat", Phase: "chat", Kind: scenario.Hold, Latency: map[measure.Kind]*Latency{}}
	for i := range 12 {
		s.Series = append(s.Series, Second{T: i, CPU: 0.5, Kinds: map[measure.Kind]SecondKind{
			measure.Message: {Count: 1000, P50: 1, P99: p99 * (1 + 0.1*rng.NormFloat64())}}})
	}
	return &Result{Scenario: &scenario.Scenario{Name: "x"}, Segments: []*Segment{s}}
}

// TestThresholds: what is worse by more than is allowed fails, what is worse by chance does not.
func TestThresholds(t *testing.T) {
	base, same, worse := []*Result{synthetic(10, 1)}, []*Result{synthetic(10, 2)}, []*Result{synthetic(15, 3)}
	for _, c := range []struct {
		b     []*Result
		spec  string
		fails bool
		found bool
	}{
		{same, "p99+10%", false, true},
		{worse, "p99+10%", true, true},
		{worse, "p99+100%", false, true},
		{worse, "p50+1%", false, true},
		{worse, "/s-5%", false, true},
		{worse, "ping+1%", false, false},
	} {
		th, err := ParseThreshold(c.spec)
		if err != nil {
			t.Fatal(err)
		}
		over, found := th.Exceeded(Compare(base, c.b))
		if (len(over) > 0) != c.fails || found != c.found {
			t.Errorf("%s: %+v, found %v", c.spec, over, found)
		}
	}
	for _, bad := range []string{"", "p99", "p99+10", "+10%", "p99+x%", "p99+0%", "p99+NaN%"} {
		if _, err := ParseThreshold(bad); err == nil {
			t.Errorf("%q is taken", bad)
		}
	}
}
