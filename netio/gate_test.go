package netio_test

import (
	"net/netip"
	"runtime"
	"sync/atomic"
	"testing"
	"time"

	"roost/netio"
	"roost/netio/netiotest"
)

// turnstile lets through as many as left says.
type turnstile struct{ left, passed atomic.Int32 }

func (g *turnstile) Open() bool { return g.left.Load() > 0 }
func (g *turnstile) Passed()    { g.left.Add(-1); g.passed.Add(1) }

func (*turnstile) Ended(*netio.Conn) {}

// exit is a gate that is always open, and told of every end.
type exit func(*netio.Conn)

func (exit) Open() bool            { return true }
func (exit) Passed()               {}
func (g exit) Ended(c *netio.Conn) { g(c) }

// A closed gate leaves who comes in the backlog; an open one lets in as many as it says, also those
// that have waited.
func TestGate(t *testing.T) {
	e := netiotest.Engine(t, netio.Config{Tick: 10 * time.Millisecond})
	fs := &netiotest.Frames{T: t}
	gate := new(turnstile)
	ls := netiotest.Listen(t, e, netio.ListenOptions{Gate: gate}, echo(fs))
	const clients = 5
	var all []*netiotest.Peer
	for range clients {
		p := netiotest.Dial(t, ls.Addr()) // the kernel takes it
		p.Say("hello")
		all = append(all, p)
	}
	for start := e.Stats().Rests; e.Stats().Rests < start+3; {
		runtime.Gosched() // it is asked again and again
	}
	if s := e.Stats(); s.Accepted != 0 || s.Refused != 0 {
		t.Fatalf("before it opens: %+v", s)
	}
	gate.left.Store(clients - 1)
	for _, p := range all[:clients-1] {
		p.Hear("hello")
	}
	for start := e.Stats().Rests; e.Stats().Rests < start+3; {
		runtime.Gosched()
	}
	if s := e.Stats(); s.Accepted != clients-1 || gate.passed.Load() != clients-1 {
		t.Fatalf("%+v, %d have passed", s, gate.passed.Load())
	}
	gate.left.Store(1)
	all[clients-1].Hear("hello")
}

// SetRemoteAddr counts for RemoteAddr until the Conn has ended, in Ended, too, which follows OnClose
// and a refusal.
func TestRemoteAddrTold(t *testing.T) {
	e := netiotest.Engine(t, netio.Config{})
	told := netip.MustParseAddrPort("192.0.2.1:4711")
	type end struct {
		closed bool
		at     netip.AddrPort
		conn   *netio.Conn
	}
	var refuse, closed atomic.Bool
	ended := make(chan end, 1)
	ls := netiotest.Listen(t, e, netio.ListenOptions{Gate: exit(func(c *netio.Conn) { ended <- end{closed.Load(), c.RemoteAddr(), c} })},
		func(c *netio.Conn) netio.Handler {
			if own := c.RemoteAddr(); !own.Addr().IsLoopback() {
				t.Errorf("at first %v", own)
			}
			c.SetRemoteAddr(told)
			if refuse.Load() {
				return nil
			}
			return &netiotest.Funcs{Data: func(c *netio.Conn, b []byte) int { c.Close(); return len(b) },
				Close: func(c *netio.Conn, _ error) {
					if got := c.RemoteAddr(); got != told {
						t.Errorf("at the end %v", got)
					}
					closed.Store(true)
				}}
		})
	for _, refused := range []bool{false, true} {
		refuse.Store(refused)
		closed.Store(false)
		p := netiotest.Dial(t, ls.Addr())
		if !refused {
			p.Say("x")
			p.Close()
		}
		got := <-ended
		if got.closed == refused || got.at != told {
			t.Errorf("refused %v: %+v", refused, got)
		}
		for end := time.Now().Add(netiotest.Patience); got.conn.RemoteAddr().IsValid() && time.Now().Before(end); {
			runtime.Gosched()
		}
		if at := got.conn.RemoteAddr(); at.IsValid() {
			t.Errorf("afterwards %v", at)
		}
	}
}
