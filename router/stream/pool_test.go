package stream

import (
	"sync"
	"testing"
)

// TestPool: never more goroutines than allowed, in order, and none left.
func TestPool(t *testing.T) {
	p := NewPool(2)
	var mu sync.Mutex
	var order []int
	most, now := 0, 0
	hold := make(chan struct{})
	for i := range 100 {
		p.Go(func() {
			mu.Lock()
			now++
			most = max(most, now)
			order = append(order, i)
			mu.Unlock()
			<-hold
			mu.Lock()
			now--
			mu.Unlock()
		})
	}
	if n := p.Backlog(); n != 98 {
		t.Errorf("%d pieces of work wait, want 98", n)
	}
	close(hold)
	p.Wait()
	if most > 2 || len(order) != 100 || p.Backlog() != 0 || p.running != 0 {
		t.Errorf("%d at once, %d done, %d wait, %d run", most, len(order), p.Backlog(), p.running)
	}
}

// TestPoolOrder: one goroutine works in the order of the calls, those from inside work too.
func TestPoolOrder(t *testing.T) {
	p := NewPool(1)
	var got []int
	p.Go(func() {
		for i := range 1000 {
			p.Go(func() { got = append(got, i) })
		}
	})
	p.Wait()
	for i, v := range got {
		if i != v {
			t.Fatalf("work %d ran as number %d", v, i)
		}
	}
	if len(got) != 1000 {
		t.Fatalf("%d pieces of work ran, want 1000", len(got))
	}
}
