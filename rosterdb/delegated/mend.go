package delegated

import (
	"context"
	"errors"
	"maps"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/sony/gobreaker/v2"

	"roost/rosterdb"
	"roost/xmlstream/jid"
)

const (
	menders   = 8 // fetches at a time that nobody waits for
	longWaits = 6 // the wait for a roster that is wrong again and again doubles so often
)

// mend fetches by itself the rosters whose last fetch failed, as soon as the application answers again.
func (s *Store) mend() {
	tick := time.NewTicker(s.o.Pause)
	defer tick.Stop()
	for {
		select {
		case <-s.ctx.Done():
			return
		case <-tick.C:
			s.retry()
		}
	}
}

// retry fetches the stale rosters. One goes ahead of the others: when it finds the application still
// down, they wait for the next time.
func (s *Store) retry() {
	due := s.due()
	if len(due) == 0 || s.breaker.State() == gobreaker.StateOpen {
		return
	}
	s.again(due[0])
	each(s.ctx, due[1:], func(owner jid.JID) {
		if s.breaker.State() == gobreaker.StateClosed {
			s.again(owner)
		}
	})
}

// due lists the owners of stale rosters whose turn it is.
func (s *Store) due() (owners []jid.JID) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for e := range s.stale {
		wait := s.o.Pause / 2
		if err, ok := errors.AsType[*Error](e.failed); ok && !err.outage() && err.Reason != ReasonPaused {
			wait = s.o.Pause << min(e.failures, longWaits) / 2 // this one is wrong: others are not
		}
		if time.Since(e.failedAt) >= wait {
			owners = append(owners, e.owner)
		}
	}
	return owners
}

// again fetches the roster of owner unless it is dropped or fetched already.
func (s *Store) again(owner jid.JID) {
	s.mu.Lock()
	e := s.entries[owner]
	if e == nil || !e.live {
		s.mu.Unlock()
		return
	}
	f := e.flight
	if f == nil {
		f = s.launch(e)
	}
	s.mu.Unlock()
	<-f.done
}

// each calls fn for all of list, a few at a time, until ctx ends.
func each[T any](ctx context.Context, list []T, fn func(T)) {
	var wg sync.WaitGroup
	var next atomic.Int64
	for range min(len(list), menders) {
		wg.Go(func() {
			for i := next.Add(1) - 1; i < int64(len(list)) && ctx.Err() == nil; i = next.Add(1) - 1 {
				fn(list[i])
			}
		})
	}
	wg.Wait()
}

// mirror is how a subscription looks from the other side.
var mirror = [...]rosterdb.Sub{rosterdb.SubNone: rosterdb.SubNone, rosterdb.SubTo: rosterdb.SubFrom,
	rosterdb.SubFrom: rosterdb.SubTo, rosterdb.SubBoth: rosterdb.SubBoth}

// doubt is a contact whose roster in memory contradicts the new one of other.
type doubt struct{ contact, other jid.JID }

// doubts are those of one refresh, other by contact; the zero JID stands for several. There are no
// more of them than users with sessions.
type doubts map[jid.JID]jid.JID

// add enters what was found, but for contacts whose own rosters are fetched by the same refresh.
func (d doubts) add(found []doubt, named map[jid.JID]struct{}) {
	for _, x := range found {
		if _, ok := named[x.contact]; ok {
			continue
		}
		if first, ok := d[x.contact]; ok && first != x.other {
			x.other = jid.JID{}
		}
		d[x.contact] = x.other
	}
}

// compare lists the contacts of owner, with sessions too, whose rosters do not say what its new one
// says of them: a friendship has two sides, and the application may have named only one. The caller
// holds s.mu.
func (s *Store) compare(owner jid.JID, old, now *rosterdb.Roster) (out []doubt) {
	look := func(contact jid.JID, was, is rosterdb.Sub) {
		if is != was && contact.Domain() == s.o.Domain && s.disagree(contact, owner) {
			out = append(out, doubt{contact, owner})
		}
	}
	if old == nil {
		old = &rosterdb.Roster{}
	}
	for _, it := range now.Items {
		was, _ := old.Find(it.Contact)
		look(it.Contact, was.Sub, it.Sub)
	}
	for _, it := range old.Items {
		if _, kept := now.Find(it.Contact); !kept {
			look(it.Contact, it.Sub, rosterdb.SubNone)
		}
	}
	return out
}

// disagree reports whether the rosters of a and b, both of users with sessions, contradict each
// other. The caller holds s.mu.
func (s *Store) disagree(a, b jid.JID) bool {
	x, y := s.entries[a], s.entries[b]
	if x == nil || y == nil || !x.live || !y.live {
		return false
	}
	of, _ := x.roster.Find(b)
	back, _ := y.roster.Find(a)
	return of.Sub != mirror[back.Sub]
}

// settle fetches the rosters of all contacts that are in doubt.
func (s *Store) settle(ctx context.Context, all doubts) {
	each(ctx, slices.Collect(maps.Keys(all)), func(contact jid.JID) { s.check(doubt{contact, all[contact]}) })
}

// check fetches the contact's roster once, unless a fetch that goes on settles the matter.
func (s *Store) check(d doubt) {
	s.mu.Lock()
	var f *flight
	if e := s.entries[d.contact]; e != nil {
		f = e.flight
		if e.next != nil {
			f = e.next
		}
	}
	s.mu.Unlock()
	if f != nil {
		<-f.done
	}
	s.mu.Lock()
	still := d.other.IsZero() || s.disagree(d.contact, d.other)
	s.mu.Unlock()
	if still {
		s.again(d.contact)
	}
}
