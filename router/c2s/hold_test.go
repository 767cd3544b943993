package c2s_test

import (
	"fmt"
	"io"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"roost/netio"
	"roost/netio/netiotest"
	"roost/router/routertest"
	"roost/xmlstream/stanza"
)

// flood sends n headlines of 30 000 bytes to a full address, numbered, and returns the error that
// ended it before.
func (c *client) flood(n int, to string) error {
	text := strings.Repeat("x", 30000)
	for i := range n {
		if _, err := fmt.Fprintf(c.Conn, "<message to='%s' type='headline' id='%d'><body>%s</body></message>", to, i, text); err != nil {
			return err
		}
	}
	return nil
}

// narrow makes the system take little for a client that does not read.
func (c *client) narrow() *client {
	if tcp, ok := c.Conn.(*net.TCPConn); ok {
		tcp.SetReadBuffer(16 << 10)
	}
	return c
}

// TestFloodIsHeld: one who sends faster than another reads is slowed down to that, so that the reader
// is not cut; all comes, in order, and nobody else waits.
func TestFloodIsHeld(t *testing.T) {
	const messages = 700 // 21 MB, and 64 KiB may wait
	h := newHouse(t, options{send: 64 << 10, net: netio.Config{Loops: 2, Tick: time.Second}})
	bob := h.dial().narrow().online("bob", "b").check(t)
	alice, carol, dave := h.dial().login("alice", "a").check(t), h.dial().login("carol", "c").check(t), h.dial().login("carol", "d").check(t)
	sent := make(chan error, 1)
	go func() { sent <- alice.flood(messages, "bob@x/b") }()
	for i := range messages {
		if got := bob.next(); !strings.Contains(got, fmt.Sprintf(" id='%d'", i)) {
			bob.fail("message %d: %.100q", i, got)
		}
		bob.check(t)
		if i%50 == 0 {
			time.Sleep(time.Millisecond) // a reader that is busy
			carol.send("<message to='carol@x/d'><body>hi</body></message>")
			dave.want("hi")
			dave.check(t)
		}
	}
	if err := netiotest.Await(t, sent); err != nil {
		t.Error(err)
	}
	if s := h.engine.Stats(); s.Overflows != 0 {
		t.Errorf("%+v", s)
	}
	for _, c := range []*client{alice, bob, carol, dave} {
		c.logout().check(t)
	}
	h.empty(t)
}

// TestFloodEachOther: two that flood each other, and themselves, and never read do not stop each
// other for good: both are cut by the limit. Whoever reads is served meanwhile.
func TestFloodEachOther(t *testing.T) {
	h := newHouse(t, options{send: 64 << 10, net: netio.Config{Loops: 2}})
	pair := map[string]*client{"alice": h.dial().narrow().online("alice", "r").check(t), "bob": h.dial().narrow().online("bob", "r").check(t)}
	carol := h.dial().online("carol", "r").check(t)
	var both sync.WaitGroup
	for me, you := range map[string]string{"alice": "bob", "bob": "alice"} {
		both.Go(func() {
			for pair[me].flood(50, you+"@x/r") == nil && pair[me].flood(10, me+"@x/r") == nil {
			}
		})
	}
	carol.ask("here", "1").ask("beside", "2").check(t)
	both.Wait()
	carol.ask("here", "3").check(t)
	if s := h.engine.Stats(); s.Overflows != 2 {
		t.Errorf("%+v", s)
	}
	for _, c := range pair {
		c.Close()
	}
	carol.logout().check(t)
	h.empty(t)
}

// TestHeldStreamEnds: a stream that is held ends as any other: by its client's end, by the server, and
// when the receiver goes.
func TestHeldStreamEnds(t *testing.T) {
	user := routertest.JID(t, "alice@x")
	for name, end := range map[string]func(h *house, alice, bob *client){
		"reset":    func(_ *house, alice, _ *client) { alice.reset() },
		"receiver": func(_ *house, alice, bob *client) { bob.reset(); alice.ask("here", "1").logout() },
		"end":      func(_ *house, alice, bob *client) { alice.send(footer); go io.Copy(io.Discard, bob); alice.ends("") },
		"kicked": func(h *house, alice, _ *client) {
			h.Router.Sessions(user)[0].End(stanza.StreamReset.New())
			alice.ends(stanza.StreamReset)
		},
	} {
		t.Run(name, func(t *testing.T) {
			h := newHouse(t, options{send: 64 << 10})
			alice, bob := h.dial().login("alice", "a").check(t), h.dial().narrow().online("bob", "b").check(t)
			for h.engine.Stats().Crowded == 0 {
				if err := alice.flood(1, "bob@x/b"); err != nil {
					t.Fatal(err)
				}
			}
			end(h, alice, bob)
			alice.check(t).Close()
			bob.Close()
			h.empty(t)
		})
	}
}
