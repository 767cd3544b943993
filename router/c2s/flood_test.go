package c2s_test

import (
	"context"
	"net"
	"net/netip"
	"slices"
	"sync"
	"testing"
	"time"

	"roost/netio/netiotest"
	"roost/router/c2s"
)

// slowHash is a store whose answers take the processor's time that a password hash takes.
type slowHash struct{ passwords }

func (s slowHash) Verify(ctx context.Context, user, domain, password string) error {
	for end := time.Now().Add(time.Millisecond); time.Now().Before(end); {
	}
	return s.passwords.Verify(ctx, user, domain, password)
}

// dialFrom is dial from another of this host's addresses.
func (h *house) dialFrom(ip string) *client {
	d := net.Dialer{Timeout: netiotest.Patience, LocalAddr: &net.TCPAddr{IP: net.ParseIP(ip)}}
	conn, err := d.Dial(h.addr.Network(), h.addr.String())
	c := &client{Conn: conn, err: err}
	if err == nil {
		conn.SetDeadline(time.Now().Add(netiotest.Patience))
		c.tok.Reset(nil)
	}
	return c
}

// flood has n clients at ip that try to log in again and again until stop is called.
func (h *house) flood(n int, ip string) (stop func()) {
	done := make(chan struct{})
	var all sync.WaitGroup
	for range n {
		all.Go(func() {
			for {
				c := h.dialFrom(ip).open()
				for c.err == nil {
					select {
					case <-done:
						c.Close()
						return
					default:
					}
					c.send(plain("alice", "wrong"))
					c.next()
				}
				c.Close()
				select {
				case <-done:
					return
				default:
				}
			}
		})
	}
	return func() { close(done); all.Wait() }
}

// guestbook is a store that answers when the gate opens and notes who asks, in turn.
type guestbook struct {
	passwords
	gate chan struct{}
	mu   sync.Mutex
	who  []string
}

func (g *guestbook) Verify(ctx context.Context, user, domain, password string) error {
	g.mu.Lock()
	g.who = append(g.who, user)
	g.mu.Unlock()
	<-g.gate
	return g.passwords.Verify(ctx, user, domain, password)
}

// TestLoginFlood: logins that wait by the hundred at one address delay a login from another by one
// of them, not by all.
func TestLoginFlood(t *testing.T) {
	const flooders, pool = 200, 2
	g := &guestbook{gate: make(chan struct{})}
	h := newHouse(t, options{cfg: func(c *c2s.Config) { c.Store = g }})
	var all []*client
	for range flooders {
		all = append(all, h.dialFrom("127.0.0.2").open().send(plain("alice", "alice")).check(t))
	}
	eventually(t, "they wait", func() bool { return h.c2s.Auth.Backlog() == flooders-pool })
	all = append(all, h.dial().open().send(plain("bob", "bob")).check(t))
	eventually(t, "one more waits", func() bool { return h.c2s.Auth.Backlog() == flooders-pool+1 })
	close(g.gate)
	for i, c := range all {
		if c.want("<success"); c.err != nil {
			t.Errorf("client %d: %v", i, c.err)
		}
		c.Close()
	}
	h.empty(t)
	if i := slices.Index(g.who, "bob"); i < pool || i > 2*pool { // who was there, and one of each goroutine
		t.Errorf("bob came after %d of the %d others", i, flooders)
	}
}

// TestLineFull: where too many logins of one address wait, the next is told so and may try again.
func TestLineFull(t *testing.T) {
	s := stuck{asked: make(chan struct{}), answer: make(chan struct{})}
	h := newHouse(t, options{cfg: func(c *c2s.Config) { c.Store = s }})
	for range 2 {
		defer h.dial().open().send(plain("alice", "alice")).check(t).Close()
		<-s.asked
	}
	for h.c2s.Auth.GoFor(netip.MustParseAddr("127.0.0.1"), func() {}) {
	}
	c := h.dial().open().send(plain("bob", "bob"))
	c.want("<temporary-auth-failure/>")
	other := h.dialFrom("127.0.0.2").open().send(plain("bob", "bob")).check(t)
	eventually(t, "another address gets in", func() bool { return h.c2s.Auth.Backlog() > 0 })
	go func() { <-s.asked; <-s.asked }()
	close(s.answer)
	other.want("<success")
	c.auth("bob").check(t).Close()
	other.check(t).Close()
}

// BenchmarkLoginBesideFlood is how long a login waits for its answer alone, and beside 500 clients
// that try passwords, at another address and at its own.
func BenchmarkLoginBesideFlood(b *testing.B) {
	for _, bb := range []struct {
		name     string
		flooders int
		from     string
	}{{"alone", 0, ""}, {"elsewhere", 500, "127.0.0.2"}, {"here", 500, "127.0.0.1"}} {
		b.Run(bb.name, func(b *testing.B) {
			h := newHouse(b, options{cfg: func(c *c2s.Config) { c.Store = slowHash{}; c.MaxAuthFailures = 1 << 30 }})
			stop := h.flood(bb.flooders, bb.from)
			eventually(b, "the flood has come", func() bool { return h.c2s.Auth.Backlog() >= bb.flooders/2 })
			for b.Loop() {
				b.StopTimer()
				c := h.dial().open().check(b)
				b.StartTimer()
				c.send(plain("bob", "bob")).want("<success")
				c.check(b).Close()
			}
			stop()
			h.empty(b)
		})
	}
}
