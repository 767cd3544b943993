package delegated

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"sync"
	"testing"
	"time"

	"roost/rosterdb"
	"roost/xmlstream/jid"
)

// Users come and go, rosters change and are refreshed, and the application fails now and then. Whoever
// stays is told of every step, and in the end everybody has what the application says.
func TestChurn(t *testing.T) {
	const users, rounds = 8, 150
	var mu sync.Mutex
	seen := map[jid.JID]uint64{} // the version that a user who stays has been told of
	w := newWorld(t, func(o *Options) {
		o.Pause, o.Hold, o.IdleBytes = time.Millisecond, time.Nanosecond, 3000
		o.Changed = func(owner jid.JID, old, now *rosterdb.Roster) {
			mu.Lock()
			defer mu.Unlock()
			if was, ok := seen[owner]; ok && was != old.Ver {
				t.Errorf("%s had %x, and is told of a step from %x", owner, was, old.Ver)
			}
			if _, ok := seen[owner]; ok {
				seen[owner] = now.Ver
			}
			if old.Ver == now.Ver {
				t.Errorf("%s is told of nothing", owner)
			}
		}
	})
	owner := func(i int) jid.JID { return j(fmt.Sprintf("u%d@x.example", i)) }
	for i := range users {
		w.app.set(owner(i).Local(), `{}`)
	}
	stay := []jid.JID{owner(0), owner(1)}
	for _, u := range stay { // these two have their rosters from the beginning
		w.comes(u)
		r := w.want(u, "[]")
		mu.Lock()
		seen[u] = r.Ver
		mu.Unlock()
	}
	w.app.does(func(rw http.ResponseWriter, _ *http.Request) bool {
		return rand.IntN(10) == 0 && status(500)(rw, nil)
	})
	var wg sync.WaitGroup
	for g := range 6 {
		wg.Go(func() {
			for n := range rounds {
				u := owner(rand.IntN(users))
				switch rand.IntN(6) {
				case 0:
					w.comes(u)
				case 1:
					if u != stay[0] && u != stay[1] {
						w.goes(u)
					}
				case 2:
					w.app.set(u.Local(), fmt.Sprintf(`{"u%d@x.example":{"name":"%d %d"}}`, users+rand.IntN(3), g, n))
					w.Refresh(t.Context(), u)
				case 3:
					w.Known(u)
					w.Stats()
				default:
					w.Roster(u)
				}
			}
		})
	}
	wg.Wait()
	w.app.does(nil)
	for i := range users {
		u := owner(i)
		w.comes(u)
		w.until("the application answers", func() bool { _, err := w.Refresh(t.Context(), u); return err == nil })
		r, err := w.Roster(u)
		w.app.mu.Lock()
		items, _ := parse(u, []byte(w.app.rosters["/contacts/"+u.Local()]), w.o)
		w.app.mu.Unlock()
		if err != nil || content(r.Items) != content(items) {
			t.Errorf("%s: %v %v, want %v", u, names(r), err, content(items))
		}
		if v, ok := seen[u]; ok && i < len(stay) && v != r.Ver {
			t.Errorf("%s was told of %x, and has %x", u, v, r.Ver)
		}
	}
	w.Store.mu.Lock()
	defer w.Store.mu.Unlock()
	size := 0
	for e := w.idle.Front(); e != nil; e = e.Next() {
		size += e.Value.(*entry).size
	}
	if size != w.idleSize || w.idle.Len() > len(w.entries) || w.waiting != 0 {
		t.Errorf("idle: %d bytes, counted %d; %d of %d entries; %d wait", size, w.idleSize, w.idle.Len(), len(w.entries), w.waiting)
	}
}
