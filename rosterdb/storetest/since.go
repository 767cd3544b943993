package storetest

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"roost/rosterdb"
	"roost/xmlstream/jid"
)

// client is what a client keeps of a roster while it is away (RFC 6121 §2.6.3).
type client struct {
	ver   uint64
	items map[jid.JID]string
}

func view(it rosterdb.Item) string {
	return fmt.Sprint(it.Name, it.Groups, it.Sub, it.Ask, it.Approved)
}

// whole is a client that has got the whole roster.
func whole(r *rosterdb.Roster) client {
	c := client{r.Ver, map[jid.JID]string{}}
	for it := range r.Visible() {
		c.items[it.Contact] = view(it)
	}
	return c
}

// sync brings c up to date as pushes do, and checks that it then has r. It
// returns the edits in short.
func (c *client) sync(t *testing.T, r *rosterdb.Roster) (short string, ok bool) {
	t.Helper()
	edits, ok := r.Since(c.ver)
	if !ok {
		*c = whole(r)
		return "", false
	}
	var words []string
	had := map[jid.JID]bool{}
	for _, e := range edits {
		switch {
		case e.Item.Ver <= c.ver || e.Item.Ver > r.Ver:
			t.Fatalf("version %d after %d, the roster has %d: %+v", e.Item.Ver, c.ver, r.Ver, edits)
		case had[e.Item.Contact]:
			t.Fatalf("%s twice: %+v", e.Item.Contact, edits)
		}
		had[e.Item.Contact] = true
		c.ver = e.Item.Ver
		word := "+" + e.Item.Contact.Local()
		if e.Removed {
			word = "-" + e.Item.Contact.Local()
			delete(c.items, e.Item.Contact)
		} else {
			c.items[e.Item.Contact] = view(e.Item)
		}
		words = append(words, word)
	}
	if want := whole(r); c.ver != want.ver || !maps.Equal(c.items, want.items) {
		t.Fatalf("a client has %d %v after %+v; the roster is %d %v", c.ver, c.items, edits, want.ver, want.items)
	}
	return strings.Join(words, " "), true
}

// expectSync is sync with the edits that are wanted.
func expectSync(t *testing.T, s rosterdb.Store, c *client, want string) {
	t.Helper()
	r, err := s.Roster(ann)
	must(t, err)
	if got, ok := c.sync(t, r); !ok || got != want {
		t.Fatalf("edits %q, known %v; want %q", got, ok, want)
	}
}

// since: the final state of what has changed, in the order of the changes.
func since(t *testing.T, s rosterdb.Store) {
	set := func(contact jid.JID, name string) {
		t.Helper()
		_, err := s.SetItem(ann, contact, name, nil, rosterdb.Limits{})
		must(t, err)
	}
	set(bob, "")
	r, err := s.Roster(ann)
	must(t, err)
	start := whole(r)
	sync := func(want string) {
		t.Helper()
		c := client{start.ver, maps.Clone(start.items)}
		expectSync(t, s, &c, want)
	}
	sync("")
	set(cat, "")
	sync("+cat")
	set(bob, "B")
	set(cat, "C") // once, and last
	sync("+bob +cat")
	_, err = s.Remove(ann, bob, true)
	must(t, err)
	sync("+cat -bob")
	set(bob, "again") // no tombstone
	sync("+cat +bob")
	_, err = s.Remove(ann, cat, true) // added and removed while the client was away
	must(t, err)
	sync("+bob -cat")
	send(t, s, far, ann, rosterdb.Subscribe) // a stranger is nobody
	sync("+bob -cat")
	send(t, s, ann, far, rosterdb.Subscribed)
	sync("+bob -cat +dan")
	for _, ver := range []uint64{0, 1, start.ver - 100, start.ver + 100, 1 << 63} {
		r, err := s.Roster(ann)
		must(t, err)
		if edits, ok := r.Since(ver); ok {
			t.Errorf("version %d: %+v", ver, edits)
		}
	}
	if text := string(rosterdb.RosterJSON(r)); strings.Contains(text, "cat") {
		t.Errorf("JSON of a removed entry: %s", text)
	}
}

// sinceReplace: a replacement gives each difference its own version.
func sinceReplace(t *testing.T, s rosterdb.Store) {
	put := func(items ...rosterdb.Item) *rosterdb.Roster {
		t.Helper()
		_, now, err := s.ReplaceRoster(ann, &rosterdb.Roster{Items: items}, nil)
		must(t, err)
		return now
	}
	item := func(who jid.JID, name string) rosterdb.Item { return rosterdb.Item{Contact: who, Name: name} }
	c := whole(put(item(bob, ""), item(cat, "")))
	first := client{c.ver, maps.Clone(c.items)}
	now := put(item(bob, "B"), item(far, ""))
	if got, ok := c.sync(t, now); !ok || got != "-cat +bob +dan" {
		t.Fatalf("what ReplaceRoster gives: %q, %v", got, ok)
	}
	expectSync(t, s, &first, "-cat +bob +dan")
	ver := now.Ver
	in := item(far, "")
	in.Extra = []byte(`{"x":1}`)
	if now = put(item(bob, "B"), in); now.Ver != ver {
		t.Fatalf("version %d became %d for what clients do not see", ver, now.Ver)
	}
	// Not visible any more is removed, and comes back without a tombstone.
	put(item(bob, "B"), rosterdb.Item{Contact: far, PendingIn: true})
	expectSync(t, s, &c, "-dan")
	put(item(bob, "B"), item(far, ""), item(cat, ""))
	expectSync(t, s, &c, "+cat +dan")
	put()
	put(item(cat, ""))
	expectSync(t, s, &c, "-bob -dan +cat")
	put(rosterdb.Item{Contact: bob, PendingIn: true})
	expectSync(t, s, &c, "-cat")
}

// sinceDelete: no version of a deleted roster comes again, at once neither.
func sinceDelete(t *testing.T, s rosterdb.Store) {
	last := uint64(0)
	var olds []client
	for round := range 5 {
		for n := range 3 {
			ch, err := s.SetItem(ann, bob, fmt.Sprint(round, n), nil, rosterdb.Limits{})
			must(t, err)
			if ch.Ver <= last {
				t.Fatalf("version %d after %d", ch.Ver, last)
			}
			last = ch.Ver
		}
		r, err := s.Roster(ann)
		must(t, err)
		for _, old := range olds {
			if _, ok := r.Since(old.ver); ok && len(old.items) > 0 {
				t.Fatalf("a version of a deleted roster is known")
			}
			old.sync(t, r)
		}
		olds = append(olds, whole(r))
		_, now, err := s.ReplaceRoster(ann, nil, nil)
		must(t, err)
		if now.Ver <= last {
			t.Fatalf("version %d for telling of the deletion of %d", now.Ver, last)
		}
		last = now.Ver
		olds = append(olds, whole(now)) // who was told
	}
}

// sinceWalk: whatever happens, who was away gets what he lacks.
func sinceWalk(t *testing.T, s rosterdb.Store) {
	users := append(someUsers(5), far)
	rnd := rand.New(rand.NewPCG(6121, 26))
	clients := make([]client, 6)
	known, age := make([]bool, len(clients)), 0 // known: nothing was deleted since the last sync
	for range 1500 {
		who := users[rnd.IntN(len(users))]
		switch rnd.IntN(40) {
		case 0:
			_, err := s.DeleteRoster(ann)
			must(t, err)
			clear(known)
		case 1, 2:
			r, err := s.Roster(ann)
			must(t, err)
			items := slices.DeleteFunc(r.Items, func(rosterdb.Item) bool { return rnd.IntN(3) == 0 })
			for i := range items {
				items[i].Listed = items[i].Listed != (rnd.IntN(4) == 0)
			}
			_, err = s.PutRoster(ann, &rosterdb.Roster{Items: items})
			must(t, err)
		case 3, 4, 5, 6, 7, 8:
			_, err := s.Remove(ann, who, who != far)
			if err != nil {
				want(t, err, rosterdb.ErrNoItem)
			}
		case 9, 10, 11, 12, 13, 14:
			_, err := s.SetItem(ann, who, fmt.Sprint(rnd.IntN(3)), nil, rosterdb.Limits{})
			must(t, err)
		default:
			from, to := ann, who
			if rnd.IntN(2) == 0 {
				from, to = to, from
			}
			send(t, s, from, to, allEvents[rnd.IntN(len(allEvents))])
		}
		if k := rnd.IntN(3 * len(clients)); k < len(clients) {
			r, err := s.Roster(ann)
			must(t, err)
			if _, ok := clients[k].sync(t, r); !ok && known[k] {
				t.Fatalf("client %d: the whole roster for nothing", k)
			} else if ok {
				age++
			}
			known[k] = r.Ver != 0
		}
	}
	if age < 100 {
		t.Errorf("only %d times less than the whole roster", age)
	}
}
