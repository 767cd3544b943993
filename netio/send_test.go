package netio_test

import (
	"bytes"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"testing"

	"roost/netio"
	"roost/netio/netiotest"
)

// Whatever a batch sends leaves in one write, and one record.
func TestGather(t *testing.T) {
	server, client := netiotest.Certificates(t)
	for _, secure := range []bool{false, true} {
		e := netiotest.Engine(t, netio.Config{Loops: 1})
		fs := &netiotest.Frames{T: t}
		const each = 50
		conns := make(chan *netio.Conn, 1)
		addr := netiotest.Serve(t, e, func(c *netio.Conn) netio.Handler {
			conns <- c
			if secure {
				c.StartTLS(server, 0)
			}
			return &netiotest.Funcs{Data: func(c *netio.Conn, b []byte) int {
				for range each {
					c.Send(fs.New(b))
				}
				c.Post(func() {
					for range each {
						c.Send(fs.New(b[:0:0]))
						c.Send(fs.New([]byte("y")))
					}
				})
				return len(b)
			}}
		})
		p := netiotest.Dial(t, addr)
		if secure {
			p.StartTLS(client)
		}
		p.Say("x")
		p.Hear(strings.Repeat("x", each))
		p.Hear(strings.Repeat("y", each))
		c := netiotest.Await(t, conns)
		writes := func() uint64 { // as the loop sees it, between batches
			n := make(chan uint64)
			c.Post(func() { n <- e.Stats().Writes })
			return netiotest.Await(t, n)
		}
		before := writes()
		for range 10 {
			p.Say("x")
			p.Hear(strings.Repeat("x", each) + strings.Repeat("y", each))
		}
		if n := writes() - before; n != 10 {
			t.Errorf("TLS %v: %d writes for 10 batches", secure, n)
		}
		noFrames(t, fs)
	}
}

// A peer that does not read is told apart from the others, once, and cut; the
// others go on.
func TestSlowReader(t *testing.T) {
	e := netiotest.Engine(t, netio.Config{Loops: 1})
	fs := &netiotest.Frames{T: t}
	type event struct {
		what string
		err  error
	}
	events := make(chan event, 10)
	conns := make(chan *netio.Conn, 2)
	ls := netiotest.Listen(t, e, netio.ListenOptions{SendLimit: 100000, SendBuffer: 8192}, func(c *netio.Conn) netio.Handler {
		conns <- c
		return &netiotest.Funcs{
			Data: func(c *netio.Conn, b []byte) int { c.Send(fs.New(b)); return len(b) },
			Overflow: func(c *netio.Conn) {
				events <- event{"overflow", nil}
				if c.Send(fs.New([]byte("too late"))) {
					t.Error("Send after the overflow")
				}
				c.SendLast(fs.New([]byte("the end")))
			},
			Close: func(_ *netio.Conn, err error) { events <- event{"close", err} },
		}
	})
	slow := netiotest.Dial(t, ls.Addr())
	c := netiotest.Await(t, conns)
	other := netiotest.Dial(t, ls.Addr())
	netiotest.Await(t, conns)
	for c.Send(fs.New(make([]byte, 1000))) {
	}
	for range 10 {
		if c.Send(fs.New([]byte("x"))) {
			t.Error("Send over the limit")
		}
	}
	if ev := netiotest.Await(t, events); ev.what != "overflow" {
		t.Fatalf("%+v", ev)
	}
	other.Say("still there")
	other.Hear("still there")
	all, err := io.ReadAll(slow)
	if err != nil || !bytes.HasSuffix(all, []byte("the end")) || len(all) < 100000 {
		t.Errorf("slow reader got %d bytes, %v", len(all), err)
	}
	slow.Close()
	if ev := netiotest.Await(t, events); ev.what != "close" || ev.err != netio.ErrOverflow {
		t.Errorf("%+v", ev)
	}
	other.Close()
	if s := e.Stats(); s.Overflows != 1 {
		t.Errorf("stats: %+v", s)
	}
	netiotest.Shutdown(t, e)
	noFrames(t, fs)
}

// Frames of one goroutine leave in order, whatever the others do.
func TestSendOrder(t *testing.T) {
	e := netiotest.Engine(t, netio.Config{Loops: 2})
	fs := &netiotest.Frames{T: t}
	conns := make(chan *netio.Conn, 1)
	addr := netiotest.Serve(t, e, func(c *netio.Conn) netio.Handler {
		conns <- c
		return &netiotest.Funcs{}
	})
	p := netiotest.Dial(t, addr)
	c := netiotest.Await(t, conns)
	const senders, each = 16, 500
	var wg sync.WaitGroup
	for s := range senders {
		wg.Go(func() {
			for i := range each {
				if !c.Send(fs.New(fmt.Appendf(nil, "%02d%04d", s, i))) {
					t.Error("Send refused")
				}
			}
		})
	}
	next := make([]int, senders)
	buf := make([]byte, 6)
	for range senders * each {
		if _, err := io.ReadFull(p, buf); err != nil {
			t.Fatal(err)
		}
		var s, i int
		fmt.Sscanf(string(buf), "%02d%04d", &s, &i)
		if next[s] != i {
			t.Fatalf("sender %d: frame %d, want %d", s, i, next[s])
		}
		next[s]++
	}
	wg.Wait()
	p.Close()
	netiotest.Shutdown(t, e)
	noFrames(t, fs)
}

// Sockets come and go quickly and their numbers are used again; nobody gets
// somebody else's bytes.
func TestReuse(t *testing.T) {
	e := netiotest.Engine(t, netio.Config{Loops: 2})
	fs := &netiotest.Frames{T: t}
	var mu sync.Mutex
	var old []*netio.Conn
	addr := netiotest.Serve(t, e, func(c *netio.Conn) netio.Handler {
		return &netiotest.Funcs{
			Data: func(c *netio.Conn, b []byte) int {
				c.SendLast(fs.New(b))
				return len(b)
			},
			Close: func(c *netio.Conn, _ error) {
				mu.Lock()
				old = append(old, c)
				mu.Unlock()
			},
		}
	})
	var wg sync.WaitGroup
	for w := range 4 {
		wg.Go(func() {
			for i := range 100 {
				p := netiotest.Dial(t, addr)
				msg := fmt.Sprintf("%d/%d", w, i)
				p.Say(msg)
				p.Hear(msg)
				if i%2 == 0 {
					p.HearEnd()
				}
				p.Close()
				mu.Lock()
				stale := slices.Clone(old)
				mu.Unlock()
				for _, c := range stale {
					c.Send(fs.New([]byte("stale")))
					c.Resume()
				}
			}
		})
	}
	wg.Wait()
	netiotest.Shutdown(t, e)
	noFrames(t, fs)
}

// Post keeps its order and runs on the loop.
func TestPost(t *testing.T) {
	e := netiotest.Engine(t, netio.Config{})
	conns := make(chan *netio.Conn, 1)
	addr := netiotest.Serve(t, e, func(c *netio.Conn) netio.Handler {
		conns <- c
		return &netiotest.Funcs{}
	})
	netiotest.Dial(t, addr)
	c := netiotest.Await(t, conns)
	got := make(chan int, 5000)
	for i := range 5000 {
		c.Post(func() { got <- i })
	}
	for i := range 5000 {
		if v := netiotest.Await(t, got); v != i {
			t.Fatalf("%d ran in place of %d", v, i)
		}
	}
}
