package roster

import (
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"

	"roost/rosterdb"
	"roost/router"
	"roost/router/routertest"
	"roost/xmlstream/jid"
	"roost/xmlstream/stanza"
)

type stores interface{ rosterdb.Rosters }

// afar is a store of canned rosters; asked counts what would have to be fetched.
type afar struct {
	stores  // nil: nothing else may be called
	t       *testing.T
	rosters map[jid.JID]*rosterdb.Roster
	known   map[jid.JID]bool
	asked   []string
}

func (a *afar) Roster(owner jid.JID) (*rosterdb.Roster, error) {
	if !a.known[owner] {
		a.asked = append(a.asked, owner.String())
	}
	if r := a.rosters[owner]; r != nil {
		return r, nil
	}
	return &rosterdb.Roster{}, nil
}

func (a *afar) Item(owner, contact jid.JID) (rosterdb.Item, bool, error) {
	r, _ := a.Roster(owner)
	it, ok := r.Find(contact)
	return it, ok, nil
}

func (a *afar) ReplaceRoster(jid.JID, *rosterdb.Roster, func(*rosterdb.Roster) error) (_, _ *rosterdb.Roster, err error) {
	return nil, nil, rosterdb.ErrDelegated
}

func (a *afar) Cached(owner jid.JID) *rosterdb.Roster {
	if !a.known[owner] {
		return nil
	}
	r, _ := a.Roster(owner)
	return r
}

func (a *afar) Forget(owner jid.JID) { delete(a.rosters, owner) }

// newAfar is a world in which the rosters of the domain x are elsewhere, and those of y here.
func newAfar(t *testing.T) (*world, *afar) {
	w := newWorld(t, routertest.Options{Domains: []string{"x", "y"}}, rosterdb.Limits{})
	w.Accounts.Add(routertest.JID(t, "zoe@y"))
	a := &afar{t: t, rosters: map[jid.JID]*rosterdb.Roster{}, known: map[jid.JID]bool{}}
	w.Delegate("x", a)
	return w, a
}

func (a *afar) set(owner, json string) (old, now *rosterdb.Roster) {
	a.t.Helper()
	o := routertest.JID(a.t, owner)
	now, err := rosterdb.ParseRosterJSON([]byte(json))
	if err != nil {
		a.t.Fatal(err)
	}
	if old = a.rosters[o]; old == nil {
		old = &rosterdb.Roster{}
	}
	now.Ver = old.Ver + 10
	a.rosters[o] = now
	a.known[o] = true
	return old, now
}

func TestDelegatedDiffer(t *testing.T) {
	w, a := newAfar(t)
	a.set("alice@x", `{}`)
	a.set("bob@x", `{}`)
	alice, bob := w.here("alice@x/r"), w.here("bob@x/r")
	old, now := a.set("alice@x", `{"bob@x":{"name":"B","subscription":"both"},"zoe@y":{"subscription":"both"}}`)
	a.set("bob@x", `{"alice@x":{"subscription":"both"}}`)
	w.Differ(routertest.JID(t, "alice@x"), old, now)
	got := alice.Got()
	if len(got) != 3 || !strings.Contains(got[0], " ver='"+verString(old.Ver)+"'><item jid='bob@x' name='B' subscription='both'/>") ||
		!strings.Contains(got[1], " ver='"+verString(now.Ver)+"'><item jid='zoe@y'") || got[2] != "<presence from='bob@x/r' to='alice@x'/>" {
		t.Errorf("%q", got)
	}
	expect(t, bob, "<presence from='alice@x/r' to='bob@x'/>")
	old, now = a.set("alice@x", `{}`)
	w.Differ(routertest.JID(t, "alice@x"), old, now)
	expect(t, bob, "<presence from='alice@x/r' to='bob@x' type='unavailable'/>")
}

// A login asks for nobody's roster but its own.
func TestDelegatedLoginWaitsForNobodyElse(t *testing.T) {
	w, a := newAfar(t)
	a.set("alice@x", `{"bob@x":{"subscription":"both"},"carol@x":{"subscription":"both"}}`)
	a.set("bob@x", `{"alice@x":{"subscription":"both"}}`)
	bob := w.here("bob@x/r")
	w.here("carol@x/r")
	a.known[routertest.JID(t, "carol@x")] = false
	a.asked = nil
	alice := w.Bind("alice@x/r")
	alice.Send("<presence/>")
	if a.asked != nil {
		t.Errorf("asked for %q", a.asked)
	}
	if got := alice.Got(); !slices.Contains(got, "<presence from='bob@x/r' to='alice@x/r'/>") {
		t.Errorf("%q", got)
	}
	expect(t, bob, "<presence from='alice@x/r' to='bob@x'/>")
}

func TestDelegatedRefuses(t *testing.T) {
	w, a := newAfar(t)
	a.set("alice@x", `{"bob@x":{}}`)
	alice := w.here("alice@x/r")
	alice.Send("<iq type='set' id='s'><query xmlns='jabber:iq:roster'><item jid='bob@x' subscription='remove'/></query></iq>")
	alice.Send("<presence to='bob@x' type='subscribe'/>")
	for _, got := range alice.Got() {
		if !strings.Contains(got, "<service-unavailable") || !strings.Contains(got, "type='cancel'") {
			t.Error(got)
		}
	}
	if err := w.Replace(routertest.JID(t, "alice@x"), &rosterdb.Roster{}); err == nil {
		t.Error("replaced")
	}
	if err := w.Cancel(routertest.JID(t, "alice@x")); err != nil || a.rosters[routertest.JID(t, "alice@x")] != nil {
		t.Error(err)
	}
}

// Blocked subscription stanzas are dropped in both directions; whoever sends one from elsewhere waits
// for an answer that does not come.
func TestBlock(t *testing.T) {
	w, a := newAfar(t)
	w.Block("x", true)
	a.set("alice@x", `{}`)
	alice, zoe := w.here("alice@x/r"), w.here("zoe@y/r")
	for _, kind := range []stanza.Type{stanza.Subscribe, stanza.Subscribed, stanza.Unsubscribe, stanza.Unsubscribed} {
		alice.Send("<presence to='zoe@y' type='" + kind.String() + "'/>")
		alice.Send("<presence to='bob@x' type='" + kind.String() + "'/>")
	}
	expect(t, alice)
	expect(t, zoe)
	zoe.Send("<presence to='alice@x' type='subscribe'/>")
	expect(t, alice)
	expect(t, zoe, "push <item jid='alice@x' subscription='none' ask='subscribe'/>")
	zoe.Send("<iq type='set' id='s'><query xmlns='jabber:iq:roster'><item jid='alice@x' subscription='remove'/></query></iq>")
	expect(t, alice)
	if w.stored("zoe@y") != "{}" || w.stored("alice@x") != "{}" {
		t.Errorf("%s, %s", w.stored("zoe@y"), w.stored("alice@x"))
	}
}

// stuck is a store of rosters that cannot be had while the test holds it.
type stuck struct {
	*afar
	inside chan struct{} // one for each who waits
	free   chan struct{}
}

func (s *stuck) Item(owner, contact jid.JID) (rosterdb.Item, bool, error) {
	s.inside <- struct{}{}
	<-s.free
	return rosterdb.Item{}, false, nil
}

// Few wait at a time for the rosters of others; the rest hears at once that they are away.
func TestStrangersWaitFewAtATime(t *testing.T) {
	w, a := newAfar(t)
	s := &stuck{a, make(chan struct{}), make(chan struct{})}
	w.Delegate("x", s)
	alice, zoe := routertest.JID(t, "alice@x"), routertest.JID(t, "zoe@y")
	var wg sync.WaitGroup
	for range maxStrangers {
		wg.Go(func() {
			if _, err := w.Sees(alice, zoe); err != nil {
				t.Error(err)
			}
		})
		<-s.inside
	}
	if _, err := w.Sees(alice, zoe); !errors.Is(err, router.ErrAway) {
		t.Errorf("one more: %v", err)
	}
	if _, err := w.Sees(zoe, alice); err != nil { // a roster that is here is nobody's wait
		t.Error(err)
	}
	close(s.free)
	wg.Wait()
}

// A probe from another domain makes nobody fetch a roster from afar.
func TestProbeDoesNotFetch(t *testing.T) {
	w, a := newAfar(t)
	w.Router.Probe(routertest.JID(t, "romeo@far.example/r"), routertest.JID(t, "alice@x"))
	if a.asked != nil {
		t.Errorf("asked for %q", a.asked)
	}
}
