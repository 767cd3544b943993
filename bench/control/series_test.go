package control

import (
	"testing"

	"roost/bench/measure"
)

// TestSeries: a second is published when every worker that still runs has passed it, and nothing of it is lost when
// others have ended long before.
func TestSeries(t *testing.T) {
	s := &series{o: &Options{}, passed: make([]int, 3)}
	add := func(worker, at int) { s.add(worker, &measure.Second{T: at}) }
	for at := range 3 {
		add(0, at)
		add(1, at)
	}
	s.end(0)
	if len(s.done) != 0 {
		t.Fatalf("%d seconds are published while one worker has told nothing", len(s.done))
	}
	for at := range 2 {
		add(2, at)
		if len(s.done) != at+1 {
			t.Errorf("%d seconds are published, want %d", len(s.done), at+1)
		}
	}
	s.end(1)
	s.end(2)
	if len(s.done) != 3 || len(s.open) != 0 {
		t.Errorf("%d seconds are published at the end, %d are left", len(s.done), len(s.open))
	}
}
