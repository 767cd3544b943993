package c2s_test

import (
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"roost/netio"
	"roost/router/c2s"
	"roost/router/routertest"
	"roost/router/stream"
	"roost/xmlstream/stanza"
)

// fine is a clock of which little is lost by rounding.
var fine = netio.Config{Tick: 5 * time.Millisecond}

// atLeast says that something was held back as long as it should be.
func atLeast(t *testing.T, what string, start time.Time, want time.Duration) {
	t.Helper()
	if got := time.Since(start); got < want {
		t.Errorf("%s took %v, want %v at least", what, got, want)
	}
}

// TestSessionRates: a session that sends too fast is read from more slowly; nothing is lost, and its order
// stays.
func TestSessionRates(t *testing.T) {
	const n, every = 30, 10 * time.Millisecond
	for name, set := range map[string]func(*c2s.Config){
		"stanzas": func(c *c2s.Config) { c.Stanzas = stream.Rate{Every: every, Burst: 5} },
		"bytes":   func(c *c2s.Config) { c.Bytes = stream.Rate{Every: every / 50, Burst: 5 * 50} },
	} {
		for _, cut := range cuts {
			o := options{net: fine, cfg: set}
			o.net.ReadBuffer = cut
			h := newHouse(t, o)
			c := h.dial().login("alice", "a").check(t)
			start := time.Now()
			var all strings.Builder
			for i := range n { // more than 50 bytes each
				fmt.Fprintf(&all, "<iq type='get' id='%04d'><here xmlns='t'><x/></here></iq>", i)
			}
			c.send(all.String())
			for i := range n {
				c.want(fmt.Sprintf("id='%04d'", i))
			}
			c.check(t)
			atLeast(t, name, start, (n-6)*every)
			if h.c2s.Stats().Slowed == 0 {
				t.Errorf("%s: nobody was slowed down", name)
			}
			c.logout().check(t)
		}
	}
}

// TestRatesAndIdle: a session that waits for its turn is not idle; one that ends meanwhile, or is ended, leaves
// nothing.
func TestRatesAndIdle(t *testing.T) {
	o := options{net: fine, cfg: func(c *c2s.Config) {
		c.Stanzas = stream.Rate{Every: 1500 * time.Millisecond, Burst: 1}
		c.IdleTime = time.Second
	}}
	h := newHouse(t, o)
	gone, told, waits := h.dial().login("bob", "b").check(t), h.dial().login("carol", "c").check(t), h.dial().login("alice", "a").check(t)
	for _, c := range []*client{gone, told, waits} {
		c.ask("here", "1").send("<iq type='get' id='2'><here xmlns='t'/></iq><iq type='get' id='3'><here xmlns='t'/></iq>")
		c.want("id='2'")
		c.check(t)
	}
	gone.reset()
	for _, s := range h.Router.Sessions(routertest.JID(t, "carol@x")) {
		s.Outlet().End(stanza.StreamPolicyViolation.New())
	}
	told.ends(stanza.StreamPolicyViolation).check(t)
	waits.want("id='3'")
	waits.logout().check(t)
	h.empty(t)
}

// TestLoginRate: attempts wait for their turn, and are refused when that would be long.
func TestLoginRate(t *testing.T) {
	const every = 100 * time.Millisecond
	o := options{net: fine, cfg: func(c *c2s.Config) { c.Logins = stream.NewLimiter(stream.Rate{Every: every, Burst: 1}) }}
	h := newHouse(t, o)
	start := time.Now()
	var all []*client
	for range 4 {
		all = append(all, h.dial().open().send(plain("alice", "alice")))
	}
	for _, c := range all {
		c.want("<success")
		c.open().bind("a" + c.LocalAddr().String()).check(t)
	}
	atLeast(t, "4 logins", start, 3*every)
	if st := h.c2s.Stats(); st.LoginsDelayed == 0 || st.LoginsRefused != 0 {
		t.Errorf("%+v", st)
	}
	for _, c := range all {
		c.logout().check(t)
	}

	o.cfg = func(c *c2s.Config) { c.Logins = stream.NewLimiter(stream.Rate{Every: time.Hour, Burst: 1}) }
	h = newHouse(t, o)
	h.dial().login("alice", "a").logout().check(t)
	late := h.dial().open().send(plain("alice", "alice"))
	late.want("<temporary-auth-failure/>")
	late.logout().check(t)
	if st := h.c2s.Stats(); st.LoginsRefused != 1 {
		t.Errorf("%+v", st)
	}
}

// TestWrongPasswords: after some wrong passwords the answers come later and later. It makes no difference whether
// there is such an account, and whoever comes with another account does not wait.
func TestWrongPasswords(t *testing.T) {
	const first = 50 * time.Millisecond
	h := newHouse(t, options{net: fine, cfg: func(c *c2s.Config) {
		c.FailureDelay, c.MaxFailureDelay, c.MaxAuthFailures = first, time.Second, 100
	}})
	var heard [2]strings.Builder
	for i, user := range []string{"alice", "nobody"} {
		c := h.dial().open()
		for range 5 {
			c.send(plain(user, "wrong"))
			heard[i].WriteString(c.want("<not-authorized/>"))
		}
		if n := h.c2s.Stats().LoginsDelayed; n != uint64(2*i) {
			t.Errorf("%s: %d were delayed", user, n)
		}
		start := time.Now()
		for range 2 {
			c.send(plain(user, "wrong"))
			heard[i].WriteString(c.want("<not-authorized/>"))
		}
		atLeast(t, user, start, first+2*first)
		if n := h.c2s.Stats().LoginsDelayed; n != uint64(2*i+2) {
			t.Errorf("%s: %d were delayed", user, n)
		}
		c.logout().check(t)
	}
	if heard[0].String() != heard[1].String() {
		t.Errorf("whether an account exists shows: %s, %s", &heard[0], &heard[1])
	}
	h.dial().login("bob", "b").logout().check(t)
	if n := h.c2s.Stats().LoginsDelayed; n != 4 {
		t.Errorf("%d were delayed", n)
	}
	h.dial().login("alice", "a").logout().check(t)
}

// TestWrongPasswordsRefused: an answer that would have to wait for too long, behind another one, is not given, not even
// to the right password.
func TestWrongPasswordsRefused(t *testing.T) {
	h := newHouse(t, options{net: fine, cfg: func(c *c2s.Config) {
		c.FailureDelay, c.MaxFailureDelay, c.MaxAuthFailures = time.Hour, time.Hour, 100
		c.AuthTimeout = 0
	}})
	waits := h.dial().open()
	for range 5 {
		waits.send(plain("alice", "wrong"))
		waits.want("<not-authorized/>")
	}
	waits.send(plain("alice", "wrong")).check(t)
	eventually(t, "the answer waits", func() bool { return h.c2s.Stats().LoginsDelayed == 1 })
	second := h.dial().open().send(plain("alice", "wrong"))
	second.want("<temporary-auth-failure/>")
	second.logout().check(t)
	if st := h.c2s.Stats(); st.LoginsRefused != 1 {
		t.Errorf("%+v", st)
	}
	waits.reset()
	h.empty(t)
}

// TestFull: without memory for more sessions nobody logs in any more; those who are there stay.
func TestFull(t *testing.T) {
	var full atomic.Bool
	h := newHouse(t, options{srv: func(s *c2s.Server) { s.Full = func() bool { return full.Load() } }})
	here := h.dial().login("alice", "a").check(t)
	late := h.dial().open().check(t)
	full.Store(true)
	late.send(plain("bob", "bob")).ends(stanza.StreamResourceConstraint).check(t)
	here.ask("here", "1").check(t)
	if n := h.c2s.Stats().LoginsFull; n != 1 {
		t.Errorf("%d logins were refused", n)
	}
	full.Store(false)
	h.dial().login("bob", "b").logout().check(t)
	here.logout().check(t)
}
