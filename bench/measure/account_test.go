package measure

import (
	"math/rand/v2"
	"testing"
)

// TestFlow holds a Flow against a plain map under losses, repetitions, swaps and things given up.
func TestFlow(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	var f Flow
	const open, settled = 100, 101
	state := map[uint32]int{}
	var high uint32
	for step := range 40000 {
		switch r := rng.IntN(20); {
		case r < 9:
			state[f.Send()] = open
		case r < 10 && step%500 == 0:
			as := []Column{Cut, Lost, Stored}[rng.IntN(3)]
			want := 0
			for n, s := range state {
				if s == open {
					state[n] = int(as)
					want++
				}
			}
			if got := f.GiveUp(as); got != want || f.Open() != 0 {
				t.Fatalf("step %d: gave up %d, want %d; %d are open", step, got, want, f.Open())
			}
		default:
			n := uint32(rng.IntN(len(state) + 2))
			if rng.IntN(8) > 0 && len(state) > 10 { // mostly near the end
				n = uint32(len(state) - 1 - rng.IntN(10))
			}
			s, sent := state[n]
			a, from := f.Arrive(n)
			switch {
			case !sent:
				if a != Never {
					t.Fatalf("step %d: %d was never sent, got %d", step, n, a)
				}
				continue
			case s == settled:
				if a != Again {
					t.Fatalf("step %d: %d came again, got %d", step, n, a)
				}
				continue
			case s == open && from != Open, s != open && from != Column(s):
				t.Fatalf("step %d: %d was in column %d, got %d", step, n, s, from)
			}
			if (n < high) != (a == Swapped) || a > Swapped {
				t.Fatalf("step %d: %d after %d is %d", step, n, high, a)
			}
			high = max(high, n+1)
			state[n] = settled
		}
		left := 0
		if step%1000 == 0 {
			for _, s := range state {
				if s == open {
					left++
				}
			}
			if left != f.Open() {
				t.Fatalf("step %d: %d are open, Flow says %d", step, left, f.Open())
			}
		}
	}
}

// TestFlowForgets: what is settled in order takes no memory.
func TestFlowForgets(t *testing.T) {
	var f Flow
	for range 1_000_000 {
		f.Arrive(f.Send())
	}
	if cap(f.done) > 2 || cap(f.gone) > 0 {
		t.Errorf("a million in order keep %d words and %d entries", cap(f.done), cap(f.gone))
	}
}

func TestWindow(t *testing.T) {
	for _, c := range []struct {
		in   []uint32
		want []Arrival
	}{
		{[]uint32{5, 6, 6, 8, 7, 7}, []Arrival{InOrder, InOrder, Again, InOrder, Swapped, Again}},
		{[]uint32{0, 63, 64, 1, 0}, []Arrival{InOrder, InOrder, InOrder, Swapped, Again}},
		{[]uint32{0, 1000, 999, 936}, []Arrival{InOrder, InOrder, Swapped, Again}},
		{[]uint32{3, 67, 3, 4}, []Arrival{InOrder, InOrder, Again, Swapped}},
	} {
		var w Window
		for i, n := range c.in {
			if got := w.Arrive(n); got != c.want[i] {
				t.Errorf("%v: number %d is %d, want %d", c.in, n, got, c.want[i])
			}
		}
	}
}

// TestHist: what is merged over JSON counts like what was recorded in one place.
func TestHist(t *testing.T) {
	a, b, all := NewSegment(nil), NewSegment(nil), NewSegment(nil)
	rng := rand.New(rand.NewPCG(3, 4))
	for i := range 20000 {
		v := int64(rng.ExpFloat64() * 1e6)
		s := a
		if i%3 == 0 {
			s = b
		}
		s.Record(Message, v+1000, v)
		all.Record(Message, v+1000, v)
	}
	b.Error(Auth, "not-authorized")
	over := overJSON(t, b)
	a.Merge(over)
	got, want := a.Kind(Message), all.Kind(Message)
	for _, q := range []float64{0.5, 0.99, 0.9999, 1} {
		if got.Intended.At(q) != want.Intended.At(q) || got.Service.At(q) != want.Service.At(q) {
			t.Errorf("%v: %v and %v, want %v and %v", q, got.Intended.At(q), got.Service.At(q), want.Intended.At(q), want.Service.At(q))
		}
	}
	if got.Service.Count() != 20000 || a.Errors["auth: not-authorized"] != 1 || a.Kind(Auth).Errors != 1 {
		t.Errorf("%d times, errors %v", got.Service.Count(), a.Errors)
	}
}
