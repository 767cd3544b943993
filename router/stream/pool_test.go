package stream

import (
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
)

// TestPoolBound: never more at once than allowed, and nothing is lost.
func TestPoolBound(t *testing.T) {
	const most, jobs = 3, 500
	p := NewPool(most)
	var running, done atomic.Int32
	var wg sync.WaitGroup
	for range 4 { // several who hand in work
		wg.Go(func() {
			for range jobs / 4 {
				p.Go(func() {
					if n := running.Add(1); n > most {
						t.Errorf("%d at once", n)
					}
					running.Add(-1)
					done.Add(1)
				})
			}
		})
	}
	wg.Wait()
	p.Wait()
	if done.Load() != jobs || p.Backlog() != 0 {
		t.Errorf("%d done, %d waiting", done.Load(), p.Backlog())
	}
}

// TestPoolOrder: what waits is done in the order in which it came; and Go never waits.
func TestPoolOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := NewPool(1)
		gate := make(chan struct{})
		p.Go(func() { <-gate })
		var got []int
		for i := range 100 {
			p.Go(func() { got = append(got, i) })
		}
		synctest.Wait()
		if n := p.Backlog(); n != 100 || len(got) != 0 {
			t.Errorf("%d waiting, %d done", n, len(got))
		}
		close(gate)
		p.Wait()
		if len(got) != 100 || !slices.IsSorted(got) {
			t.Error(got)
		}
	})
}

// TestPoolIdle: goroutines end when there is nothing to do (a bubble with one left would not end),
// and the Pool goes on afterwards. Work may hand in more.
func TestPoolIdle(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := NewPool(2)
		p.Wait() // nothing to wait for
		n := 0
		for range 3 {
			p.Go(func() { p.Go(func() { n++ }) })
			synctest.Wait()
			p.Wait()
		}
		if n != 3 {
			t.Error(n)
		}
	})
}

// TestPoolWaits: Wait returns only when also what was queued is done.
func TestPoolWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := NewPool(1)
		gates := []chan struct{}{make(chan struct{}), make(chan struct{})}
		for _, g := range gates {
			p.Go(func() { <-g })
		}
		over := false
		go func() { p.Wait(); over = true }()
		for _, g := range gates {
			synctest.Wait()
			if over {
				t.Fatal("Wait returned early")
			}
			close(g)
		}
		synctest.Wait()
		if !over {
			t.Error("Wait does not return")
		}
	})
}
