package router_test

import (
	"fmt"
	"slices"
	"testing"

	"roost/router"
	. "roost/router/routertest"
	"roost/xmlstream/jid"
	"roost/xmlstream/stanza"
)

// RFC 6120 §7.7.2.2.
func TestConflictPolicies(t *testing.T) {
	t.Run("refuse", func(t *testing.T) {
		s := New(t, Options{})
		old := s.Online("a@x/r", "")
		_, e := s.TryBind("a@x/r", router.Refuse, nil)
		if e == nil || e.Condition != stanza.Conflict {
			t.Errorf("got %v", e)
		}
		if _, ended := old.Ended(); ended || !old.Session.Status().Available {
			t.Error("the older stream was disturbed")
		}
	})
	t.Run("replace", func(t *testing.T) {
		s := New(t, Options{})
		s.Watches("w@x", "a@x")
		w := s.Online("w@x/r", "")
		old := s.Online("a@x/r", "<priority>5</priority>")
		w.Got()
		c, e := s.TryBind("a@x/r", router.Replace, nil)
		if e != nil {
			t.Fatal(e)
		}
		if g := w.One(); g != "<presence from='a@x/r' to='w@x' type='unavailable'/>" {
			t.Errorf("the contact got %s", g)
		}
		if e, ended := old.Ended(); !ended || e == nil || e.Condition != stanza.StreamConflict {
			t.Errorf("the older stream: ended %v, %v", ended, e)
		}
		if got := s.Router.Sessions(JID(t, "a@x")); len(got) != 1 || got[0] != c.Session {
			t.Errorf("sessions: %v", got)
		}
		old.Leave() // its stream's own end comes late
		if got := s.Router.Sessions(JID(t, "a@x")); len(got) != 1 || got[0] != c.Session {
			t.Errorf("after the old one's end: %v", got)
		}
		s.Bind("z@x/r").Send("<message to='a@x/r'><body>hi</body></message>")
		c.One()
	})
	t.Run("rename", func(t *testing.T) {
		s := New(t, Options{})
		old := s.Bind("a@x/r")
		s.Bind("a@x/r2")
		n := 1
		c, e := s.TryBind("a@x/r", router.Rename, func() jid.JID {
			n++
			return JID(t, fmt.Sprint("a@x/r", n))
		})
		if e != nil || c.Session.JID.String() != "a@x/r3" {
			t.Errorf("got %v, %v", c, e)
		}
		if _, ended := old.Ended(); ended {
			t.Error("the older stream was ended")
		}
	})
}

func TestMaxSessions(t *testing.T) {
	s := New(t, Options{Limits: router.Limits{MaxSessions: 2}})
	one := s.Bind("a@x/1")
	s.Bind("a@x/2")
	if _, e := s.TryBind("a@x/3", router.Replace, nil); e == nil || e.Condition != stanza.ResourceConstraint {
		t.Errorf("a third session: %v", e) // RFC 6120 §7.6.2.1
	}
	if _, e := s.TryBind("a@x/2", router.Replace, nil); e != nil {
		t.Errorf("in place of another: %v", e)
	}
	one.Leave()
	if _, e := s.TryBind("a@x/3", router.Replace, nil); e != nil {
		t.Errorf("when there is room: %v", e)
	}
	s.Bind("b@x/1") // another account has its own
	d := New(t, Options{})
	for i := range 32 {
		d.Bind(fmt.Sprint("a@x/", i))
	}
	if _, e := d.TryBind("a@x/32", router.Refuse, nil); e == nil {
		t.Error("the default is more than 32")
	}
}

// The answer to a bind is the first that the stream gets.
func TestWelcomeComesFirst(t *testing.T) {
	s := New(t, Options{})
	out := &Outlet{}
	var at []string
	_, e := s.Router.Bind(router.Request{JID: JID(t, "a@x/r"), Out: out, Welcome: func(j jid.JID) *stanza.Frame {
		at = append(at, j.String())
		return stanza.FrameString("welcome")
	}})
	if e != nil || !slices.Equal(at, []string{"a@x/r"}) {
		t.Errorf("%v, %q", e, at)
	}
}

func TestSnapshots(t *testing.T) {
	s := New(t, Options{Domains: []string{"x", "y"}})
	lo, hi := s.Online("a@x/lo", ""), s.Online("a@x/hi", "<priority>3</priority>")
	raw, other := s.Bind("a@x/raw"), s.Bind("a@y/r")
	names := func(ss []*router.Session) (out []string) {
		for _, x := range ss {
			out = append(out, x.JID.String())
		}
		return out
	}
	if got, want := names(s.Router.Sessions(JID(t, "a@x"))), []string{"a@x/hi", "a@x/lo", "a@x/raw"}; !slices.Equal(got, want) {
		t.Errorf("Sessions: %q", got)
	}
	if got := names(raw.Session.Sessions()); len(got) != 3 {
		t.Errorf("Session.Sessions: %q", got)
	}
	if got, want := names(s.Router.Available(JID(t, "a@x"))), []string{"a@x/hi", "a@x/lo"}; !slices.Equal(got, want) {
		t.Errorf("Available: %q", got)
	}
	var all []string
	s.Router.EachSession(func(x *router.Session) { all = append(all, x.JID.String()) })
	slices.Sort(all)
	if want := []string{"a@x/hi", "a@x/lo", "a@x/raw", "a@y/r"}; !slices.Equal(all, want) {
		t.Errorf("EachSession: %q", all)
	}
	raw.Session.SetInterested()
	if got, want := raw.Session.Status(), (router.Status{Interested: true}); got != want {
		t.Errorf("Status: %+v", got)
	}
	if got, want := hi.Session.Status(), (router.Status{Available: true, Priority: 3}); got != want {
		t.Errorf("Status: %+v", got)
	}
	for _, c := range []*Client{lo, hi, raw, other} {
		c.Leave()
	}
	s.Router.EachSession(func(x *router.Session) { t.Errorf("%v is left", x.JID) })
	if s.Router.Available(JID(t, "a@x")) != nil || s.Router.Sessions(JID(t, "a@x")) != nil {
		t.Error("sessions of a user who is gone")
	}
	if got := s.Router.Domains(); !slices.Equal(got, []string{"x", "y"}) || !s.Router.Serves("y") || s.Router.Serves("z") {
		t.Errorf("domains: %q", got)
	}
}

// TestCount: the two numbers are those of the sessions that are there, whatever has happened to them.
func TestCount(t *testing.T) {
	for _, presence := range []bool{true, false} {
		s := New(t, Options{})
		if !presence {
			s.Router.SetRosters(nil)
		}
		same := func(step string) {
			t.Helper()
			bound, available := 0, 0
			s.Router.EachSession(func(ses *router.Session) {
				bound++
				if ses.Status().Available {
					available++
				}
			})
			if b, a := s.Router.Count(); b != bound || a != available {
				t.Errorf("%s: counted %d bound, %d available; there are %d, %d", step, b, a, bound, available)
			}
		}
		a, b := s.Bind("a@x/1"), s.Bind("a@x/2")
		same("bound")
		for _, st := range []string{"<presence/>", "<presence/>", "<presence><show>away</show></presence>",
			"<presence type='unavailable'/>", "<presence type='unavailable'/>", "<presence><priority>-1</priority></presence>"} {
			a.Send(st)
			same(st)
		}
		s.TryBind("a@x/1", router.Replace, nil)
		same("replaced")
		a.Leave()
		b.Send("<presence/>")
		b.Leave()
		b.Leave()
		same("ended")
	}
}
