package roster

import (
	"fmt"
	"hash/maphash"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"

	"roost/rosterdb"
	"roost/router/routertest"
)

// TestConcurrentExchanges: few users do everything to each other at once. No lock is taken in an
// order that another breaks (the test would hang), both sides agree in the end, and each resource
// that listened to all pushes has the roster that is stored.
func TestConcurrentExchanges(t *testing.T) {
	const users, rounds = 4, 60
	w := newWorld(t, routertest.Options{}, rosterdb.Limits{})
	name := func(i int) string { return fmt.Sprintf("u%d@x", i) }
	var listeners []*routertest.Client
	var resources [users][2]*routertest.Client
	for i := range users {
		w.Accounts.Add(routertest.JID(t, name(i)))
	}
	for i := range users { // all are here before the first acts: here forgets what everybody has got
		listeners = append(listeners, w.here(name(i)+"/listener"))
		for k := range resources[i] {
			resources[i][k] = w.here(fmt.Sprintf("%s/r%d", name(i), k))
		}
	}
	var wg sync.WaitGroup
	for i := range users {
		for k, c := range resources[i] {
			rnd := rand.New(rand.NewPCG(uint64(i), uint64(k)))
			wg.Go(func() {
				for range rounds {
					c.Send(randomStanza(rnd, name((i+1+rnd.IntN(users-1))%users)))
				}
			})
		}
		wg.Go(func() { // and an operator
			for range rounds / 10 {
				ro, err := w.db.Roster(routertest.JID(t, name(i)))
				if err == nil {
					err = w.Replace(routertest.JID(t, name(i)), ro)
				}
				if err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	for i := range users {
		checkListener(t, w, name(i), listeners[i])
	}
}

func randomStanza(rnd *rand.Rand, to string) string {
	switch n := rnd.IntN(8); n {
	case 0:
		return "<iq type='set' id='1'><query xmlns='jabber:iq:roster'><item jid='" + to + "' subscription='remove'/></query></iq>"
	case 1:
		return fmt.Sprintf("<iq type='set' id='1'><query xmlns='jabber:iq:roster'><item jid='%s' name='n%d'/></query></iq>", to, rnd.IntN(10))
	case 2:
		return "<presence><priority>1</priority></presence>"
	default:
		types := []string{"subscribe", "subscribed", "unsubscribe", "unsubscribed"}
		return "<presence type='" + types[rnd.IntN(len(types))] + "' to='" + to + "'/>"
	}
}

// checkListener replays the pushes that a client got and compares them with the store.
func checkListener(t *testing.T, w *world, user string, c *routertest.Client) {
	t.Helper()
	has := map[string]string{}
	for _, s := range c.Got() {
		m := pushed.FindStringSubmatch(s)
		if m == nil {
			continue
		}
		_, rest, _ := strings.Cut(m[2], "<item jid='")
		contact, _, _ := strings.Cut(rest, "'")
		if has[contact] = m[2]; strings.Contains(m[2], "subscription='remove'") {
			delete(has, contact)
		}
	}
	ro, err := w.db.Roster(routertest.JID(t, user))
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for it := range ro.Visible() {
		n++
		if want := string(appendItem(nil, it, false)); has[it.Contact.String()] != want {
			t.Errorf("%s: stored %s, the pushes say %s", user, want, has[it.Contact.String()])
		}
	}
	if n != len(has) {
		t.Errorf("%s: %d items stored, %d after the pushes: %v", user, n, len(has), has)
	}
}

// TestLockOrder: any two owners, also those that share a lock, in either order.
func TestLockOrder(t *testing.T) {
	s := &Service{seed: maphash.MakeSeed()}
	var wg sync.WaitGroup
	for g := range 4 {
		rnd := rand.New(rand.NewPCG(1, uint64(g)))
		wg.Go(func() {
			for range 2000 {
				a := routertest.JID(t, fmt.Sprintf("u%d@x", rnd.IntN(600)))
				b := routertest.JID(t, fmt.Sprintf("u%d@x", rnd.IntN(600)))
				s.lock(a, b)()
			}
		})
	}
	wg.Wait()
}
