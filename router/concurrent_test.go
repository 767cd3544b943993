package router_test

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"roost/router"
	. "roost/router/routertest"
)

// within ends the test with all stacks when fn hangs.
func within(t *testing.T, fn func()) {
	t.Helper()
	done := make(chan struct{})
	go func() {
		defer close(done)
		fn()
	}()
	select {
	case <-done:
	case <-time.After(time.Minute):
		panic("deadlock")
	}
}

// Two users come and go at the same time, and each is shown to and probes the other. At the end each
// knows the truth about the other.
func TestTwoUsersShowEachOther(t *testing.T) {
	const rounds = 200
	s := New(t, Options{})
	s.Friends("a@x", "b@x")
	s.Accounts.Add(JID(t, "a@x"), JID(t, "b@x"))
	watch := s.Bind("a@x/watch")
	watch.Send("<presence/>")
	churn := func(user, other string) {
		for i := range rounds {
			c := s.Bind(fmt.Sprintf("%s/%d", user, i%3))
			c.Send("<presence><priority>1</priority></presence>")
			c.Send("<presence to='" + other + "'/>")
			c.Send("<message to='" + other + "' type='chat'><body>hi</body></message>")
			s.Router.Show(JID(t, user), JID(t, other))
			s.Router.Withdraw(JID(t, user), JID(t, other))
			if i%2 == 0 {
				c.Send("<presence type='unavailable'/>")
			}
			c.Leave()
		}
	}
	within(t, func() {
		var wg sync.WaitGroup
		wg.Go(func() { churn("a@x", "b@x") })
		wg.Go(func() { churn("b@x", "a@x") })
		wg.Wait()
	})
	last := map[string]string{}
	for _, g := range watch.Got() {
		if from, ok := strings.CutPrefix(g, "<presence from='b@x/"); ok {
			last[from[:1]] = g
		}
	}
	if len(last) != 3 {
		t.Errorf("seen: %v", last)
	}
	for r, g := range last {
		if !strings.Contains(g, "type='unavailable'") {
			t.Errorf("b@x/%s has gone, and was last seen: %s", r, g)
		}
	}
}

// A session is replaced while its presence is under way: whoever watches sees it come, go, and come
// again, in this order.
func TestReplacedWhileComing(t *testing.T) {
	s := New(t, Options{})
	s.Watches("w@x", "a@x")
	w := s.Online("w@x/r", "")
	old := s.Bind("a@x/r")
	var done <-chan struct{}
	s.Rosters.OnContacts = func() {
		done = Meanwhile(func() {
			if c, e := s.TryBind("a@x/r", router.Replace, nil); e == nil {
				c.Send("<presence><show>chat</show></presence>")
			}
		})
	}
	old.Send("<presence><show>away</show></presence>")
	<-done
	want := []string{
		"<presence from='a@x/r' to='w@x'><show>away</show></presence>",
		"<presence from='a@x/r' to='w@x' type='unavailable'/>",
		"<presence from='a@x/r' to='w@x'><show>chat</show></presence>",
	}
	if g := w.Got(); !slices.Equal(g, want) {
		t.Errorf("got\n  %s\nwant\n  %s", strings.Join(g, "\n  "), strings.Join(want, "\n  "))
	}
}

// A new stream takes the address of one that is just ending: it is seen, and stays seen, by contacts
// and by those to whom both sent directed presence.
func TestBoundWhileTheOldOneEnds(t *testing.T) {
	s := New(t, Options{})
	s.Watches("w@x", "a@x")
	w, z := s.Online("w@x/r", ""), s.Online("z@x/r", "")
	old := s.Online("a@x/r", "")
	old.Send("<presence to='z@x'/>")
	s.Drain()
	var done <-chan struct{}
	s.Rosters.OnContacts = func() {
		done = Meanwhile(func() {
			if c, e := s.TryBind("a@x/r", router.Replace, nil); e == nil {
				c.Send("<presence to='z@x'/>")
				c.Send("<presence/>")
			}
		})
	}
	old.Leave()
	<-done
	for _, c := range []*Client{w, z} {
		to := c.Session.JID.Bare().String()
		want := []string{"<presence from='a@x/r' to='" + to + "' type='unavailable'/>", "<presence from='a@x/r' to='" + to + "'/>"}
		if g := c.Got(); !slices.Equal(g, want) {
			t.Errorf("%s got\n  %s\nwant\n  %s", to, strings.Join(g, "\n  "), strings.Join(want, "\n  "))
		}
	}
}

// A subscription that is approved while a session comes or goes is not missed: the contact knows in
// the end how things are.
func TestApprovedMeanwhile(t *testing.T) {
	for _, k := range []struct{ before, send, want string }{
		{"", "<presence/>", "<presence from='a@x/r' to='w@x'/>"},
		{"<presence/>", "<presence type='unavailable'/>", "<presence from='a@x/r' to='w@x' type='unavailable'/>"},
	} {
		s := New(t, Options{})
		w, a := s.Online("w@x/r", ""), s.Bind("a@x/r")
		if k.before != "" {
			a.Send(k.before)
		}
		s.Rosters.OnContacts = func() {
			s.Watches("w@x", "a@x")
			s.Router.Show(JID(t, "a@x"), JID(t, "w@x"))
		}
		a.Send(k.send)
		if g := w.Got(); len(g) == 0 || g[len(g)-1] != k.want {
			t.Errorf("%s: got %q, want %s at the end", k.send, g, k.want)
		}
	}
}

// Many streams take the same address from each other. The last one stays, and is seen.
func TestReplaceStorm(t *testing.T) {
	s := New(t, Options{})
	s.Watches("w@x", "a@x")
	w := s.Online("w@x/r", "")
	within(t, func() {
		var wg sync.WaitGroup
		for i := range 8 {
			wg.Go(func() {
				for range 25 {
					c, e := s.TryBind("a@x/r", router.Replace, nil)
					if e != nil {
						t.Error(e)
						return
					}
					c.Send("<presence/>")
					if i%2 == 0 {
						c.Leave()
					}
				}
			})
		}
		wg.Wait()
	})
	c, e := s.TryBind("a@x/r", router.Replace, nil)
	if e != nil {
		t.Fatal(e)
	}
	c.Send("<presence><show>chat</show></presence>")
	all := w.Got()
	if g, want := all[len(all)-1], "<presence from='a@x/r' to='w@x'><show>chat</show></presence>"; g != want {
		t.Errorf("last seen %s, want %s", g, want)
	}
	available := false
	for _, g := range all {
		up := !strings.Contains(g, "unavailable")
		if up == available {
			t.Fatalf("twice in a row: %s", g)
		}
		available = up
	}
	if n := len(s.Router.Sessions(JID(t, "a@x"))); n != 1 {
		t.Errorf("%d sessions", n)
	}
}

// RFC 6120 §10.1: what one sends to another arrives once and in order, whether the other is on line,
// comes, or goes.
func TestOrderWhileComingAndGoing(t *testing.T) {
	const n = 400
	s := New(t, Options{})
	s.Accounts.Add(JID(t, "b@x"))
	a := s.Bind("a@x/r")
	var got []string
	collect := func(c *Client) {
		for _, g := range c.Got() {
			if _, rest, ok := strings.Cut(g, "<body>"); ok {
				got = append(got, rest[:strings.IndexByte(rest, '<')])
			}
		}
	}
	sent := make(chan struct{})
	within(t, func() {
		go func() {
			defer close(sent)
			for i := range n {
				a.Send(fmt.Sprintf("<message to='b@x' type='chat'><body>%d</body></message>", i))
			}
		}()
		b := s.Bind("b@x/r")
		for more := true; more; {
			select {
			case <-sent:
				more = false
			default:
			}
			b.Send("<presence/>")
			collect(b)
			b.Send("<presence type='unavailable'/>")
			collect(b)
		}
		b.Send("<presence/>")
		collect(b)
	})
	if len(got) != n {
		t.Errorf("%d messages arrived, want %d", len(got), n)
	}
	for i, g := range got {
		if g != fmt.Sprint(i) {
			t.Fatalf("message %d is %s", i, g)
		}
	}
}
