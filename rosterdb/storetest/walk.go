package storetest

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"

	"roost/rosterdb"
	"roost/xmlstream/jid"
)

// model is what the tables of RFC 6121 Appendix A say, without any store.
type model map[[2]jid.JID]*entry

type entry struct {
	state            rosterdb.State
	approved, listed bool
	exists           bool
}

func (m model) at(owner, contact jid.JID) *entry {
	k := [2]jid.JID{owner, contact}
	if m[k] == nil {
		m[k] = &entry{}
	}
	return m[k]
}

func (e *entry) apply(d rosterdb.Direction, ev rosterdb.Event) rosterdb.Step {
	step := rosterdb.Next(e.state, e.approved, d, ev)
	e.state, e.approved = step.State, step.Approved
	if e.approved || (e.state != rosterdb.StNone && e.state != rosterdb.StNoneIn) {
		e.listed = true
	}
	e.exists = e.listed || e.state == rosterdb.StNoneIn
	return step
}

// send is one stanza between local users; it returns what the store must say.
func (m model) send(from, to jid.JID, ev rosterdb.Event) (route, deliver bool, reply rosterdb.Event) {
	out := m.at(from, to).apply(rosterdb.Outbound, ev)
	if !out.Route {
		return false, false, rosterdb.NoEvent
	}
	in := m.at(to, from).apply(rosterdb.Inbound, ev)
	if in.Reply != rosterdb.NoEvent {
		m.at(from, to).apply(rosterdb.Inbound, in.Reply)
	}
	return true, in.Deliver, in.Reply
}

// remove is a roster remove; ok is false when there is nothing to remove.
func (m model) remove(owner, contact jid.JID) (ok bool) {
	e := m.at(owner, contact)
	if !e.listed {
		return false
	}
	st := e.state
	*e = entry{}
	other := m.at(contact, owner)
	switch st { // to, both or asking
	case rosterdb.StTo, rosterdb.StToIn, rosterdb.StBoth, rosterdb.StNoneOut, rosterdb.StNoneOutIn, rosterdb.StFromOut:
		other.apply(rosterdb.Inbound, rosterdb.Unsubscribe)
	}
	switch st { // from, both or asked
	case rosterdb.StFrom, rosterdb.StFromOut, rosterdb.StBoth, rosterdb.StNoneIn, rosterdb.StNoneOutIn, rosterdb.StToIn:
		other.apply(rosterdb.Inbound, rosterdb.Unsubscribed)
	}
	return true
}

// check compares all pairs.
func (m model) check(t *testing.T, s rosterdb.Store, users []jid.JID) {
	t.Helper()
	for _, o := range users {
		r, err := s.Roster(o)
		must(t, err)
		n := 0
		for _, c := range users {
			if o == c {
				continue
			}
			e := m.at(o, c)
			it, ok := r.Find(c)
			if ok {
				n++
			}
			if ok != e.exists || it.State() != e.state || it.Approved != e.approved || it.Listed != e.listed {
				t.Fatalf("%s → %s: stored %v %+v, the tables say %+v", o, c, ok, it, *e)
			}
			if len(it.Request) > 0 && !it.PendingIn {
				t.Fatalf("%s → %s keeps a request without one", o, c)
			}
		}
		if n != len(r.Items) {
			t.Fatalf("%s has %d entries, the tables say %d", o, len(r.Items), n)
		}
	}
}

func someUsers(n int) []jid.JID {
	users := make([]jid.JID, n)
	for i := range users {
		users[i] = j(fmt.Sprintf("u%02d@a.example", i))
	}
	return users
}

var allEvents = []rosterdb.Event{rosterdb.Subscribe, rosterdb.Subscribed, rosterdb.Unsubscribe, rosterdb.Unsubscribed}

// walk sends random stanzas between four users and compares with the tables
// after each.
func walk(t *testing.T, s rosterdb.Store) {
	users, m := someUsers(4), model{}
	rnd := rand.New(rand.NewPCG(6121, 1))
	for range 1500 {
		a := rnd.IntN(len(users))
		b := (a + 1 + rnd.IntN(len(users)-1)) % len(users)
		from, to := users[a], users[b]
		if rnd.IntN(12) == 0 {
			_, err := s.Remove(from, to, true)
			if ok := m.remove(from, to); ok != (err == nil) || err != nil && !errors.Is(err, rosterdb.ErrNoItem) {
				t.Fatalf("remove of %s by %s: %v, the tables say %v", to, from, err, ok)
			}
			m.check(t, s, users)
			continue
		}
		ev := allEvents[rnd.IntN(len(allEvents))]
		out := send(t, s, from, to, ev)
		route, deliver, reply := m.send(from, to, ev)
		if out.Route != route || out.Deliver != deliver || out.AutoReply != reply {
			t.Fatalf("%s of %s to %s: %+v; the tables say route %v, deliver %v, reply %v", ev, from, to, out, route, deliver, reply)
		}
		m.check(t, s, users)
	}
}

// agree checks what must hold between two local users whatever happened: who
// gets presence is sent presence, and who asks is asked.
func agree(t *testing.T, s rosterdb.Store, users []jid.JID) {
	t.Helper()
	for _, a := range users {
		for _, b := range users {
			if a == b {
				continue
			}
			mine, _, err := s.Item(a, b)
			must(t, err)
			theirs, _, err := s.Item(b, a)
			must(t, err)
			if mine.Sub.HasTo() != theirs.Sub.HasFrom() || mine.Ask != theirs.PendingIn {
				t.Fatalf("%s has %s as %v, %s has %s as %v", a, b, mine.State(), b, a, theirs.State())
			}
		}
	}
}

// walkConcurrent sends random stanzas from many goroutines at once.
func walkConcurrent(t *testing.T, s rosterdb.Store) {
	users := someUsers(5)
	var wg sync.WaitGroup
	for g := range 8 {
		wg.Go(func() {
			rnd := rand.New(rand.NewPCG(uint64(g), 2))
			for range 60 {
				a := rnd.IntN(len(users))
				b := (a + 1 + rnd.IntN(len(users)-1)) % len(users)
				x := rosterdb.Exchange{From: users[a], To: users[b], Event: allEvents[rnd.IntN(4)], FromLocal: true, ToLocal: true, Stanza: []byte("<presence/>")}
				if _, err := s.Subscription(x); err != nil {
					t.Error(err)
				}
				if _, err := s.Roster(users[b]); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	agree(t, s, users)
}

// noLostUpdates lets many writers add entries to the same two rosters.
func noLostUpdates(t *testing.T, s rosterdb.Store) {
	const writers, each = 8, 25
	var wg sync.WaitGroup
	vers := make([][]uint64, writers)
	for g := range writers {
		wg.Go(func() {
			for i := range each {
				contact := j(fmt.Sprintf("c%d-%d@far.example", g, i))
				c, err := s.SetItem(ann, contact, contact.Local(), []string{"g"}, rosterdb.Limits{})
				if err != nil {
					t.Error(err)
					return
				}
				vers[g] = append(vers[g], c.Ver)
				if _, err := s.Subscription(rosterdb.Exchange{From: contact, To: bob, Event: rosterdb.Subscribe, ToLocal: true,
					Limits: rosterdb.Limits{MaxPending: writers * each}}); err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	wg.Wait()
	for owner, visible := range map[jid.JID]bool{ann: true, bob: false} {
		r, err := s.Roster(owner)
		must(t, err)
		if len(r.Items) != writers*each || r.Items[0].Visible() != visible {
			t.Fatalf("%s has %d entries, want %d", owner, len(r.Items), writers*each)
		}
	}
	seen := map[uint64]bool{}
	for _, vs := range vers {
		for _, v := range vs {
			if seen[v] {
				t.Fatalf("two changes gave version %d", v)
			}
			seen[v] = true
		}
	}
}
