package stream

import (
	"net/netip"
	"slices"
	"strings"
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

// TestPoolParked: goroutines that stayed do what comes, and more of them at once than stay lose nothing.
func TestPoolParked(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := NewPool(2 * maxParked)
		var done atomic.Int32
		want := int32(0)
		for i := range 200 {
			gate := make(chan struct{})
			for range i%(2*maxParked) + 1 {
				want++
				p.Go(func() { <-gate; done.Add(1) })
			}
			close(gate)
			synctest.Wait()
			if n := done.Load(); n != want {
				t.Fatalf("round %d: %d done, want %d", i, n, want)
			}
			if i%50 == 49 {
				p.Wait() // and it goes on afterwards
			}
		}
		p.Wait()
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

// TestPoolTurns: addresses take turns, so that one with much work does not delay the others; a /64
// is one address, and so is an IPv4 address in both of its forms.
func TestPoolTurns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := NewPool(1)
		gate := make(chan struct{})
		p.Go(func() { <-gate })
		var got []string
		add := func(who, what string) {
			if !p.GoFor(netip.MustParseAddr(who), func() { got = append(got, what) }) {
				t.Errorf("%s of %s refused", what, who)
			}
		}
		for range 100 {
			add("192.0.2.1", "a")
			add("::ffff:192.0.2.1", "a")
			add("2001:db8::1", "b")
			add("2001:db8::2%eth0", "b")
		}
		add("192.0.2.2", "c")
		add("2001:db8:0:1::1", "d")
		p.Go(func() { got = append(got, "e") })
		close(gate)
		p.Wait()
		if s := strings.Join(got, ""); !strings.HasPrefix(s, "abcdeabab") || len(s) != 403 || p.Backlog() != 0 || len(p.lines) != 0 {
			t.Errorf("%s; %d waiting, %d lines", s, p.Backlog(), len(p.lines))
		}
	})
}

// TestPoolLine: a line has an end; other addresses, and what has no address, get in.
func TestPoolLine(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := NewPool(1)
		gate := make(chan struct{})
		p.Go(func() { <-gate })
		n := 0
		count := func() { n++ }
		one, other := netip.MustParseAddr("192.0.2.1"), netip.MustParseAddr("192.0.2.2")
		for range maxLine {
			p.GoFor(one, count)
		}
		if p.GoFor(one, count) || !p.GoFor(other, count) {
			t.Error("the line has no end, or it is everybody's")
		}
		p.Go(count)
		close(gate)
		p.Wait()
		if n != maxLine+2 || !p.GoFor(one, count) {
			t.Errorf("%d done", n)
		}
		p.Wait()
	})
}
