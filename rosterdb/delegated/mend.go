package delegated

import (
	"slices"
	"sync"
	"time"

	"github.com/sony/gobreaker/v2"

	"roost/rosterdb"
	"roost/xmlstream/jid"
)

const (
	menders   = 8 // fetches at a time that nobody waits for
	longWaits = 6 // the wait for a roster that fails again and again doubles so often
)

// mend fetches by itself what is known to be out of date: rosters whose last fetch failed, as soon as
// the application answers again, and those that contradict the new roster of a contact.
func (s *Store) mend() {
	tick := time.NewTicker(s.o.Pause)
	defer tick.Stop()
	for {
		select {
		case <-s.ctx.Done():
			return
		case <-s.wake:
			s.each(s.doubted(), s.settle)
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
	s.each(due[1:], func(owner jid.JID) {
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
		if wait := s.o.Pause << min(e.failures, longWaits) / 2; time.Since(e.failedAt) >= wait {
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

// each calls fn for all owners, a few at a time.
func (s *Store) each(owners []jid.JID, fn func(jid.JID)) {
	var wg sync.WaitGroup
	for part := range slices.Chunk(owners, (len(owners)+menders-1)/menders+1) {
		wg.Go(func() {
			for _, owner := range part {
				if s.ctx.Err() == nil {
					fn(owner)
				}
			}
		})
	}
	wg.Wait()
}

// mirror is how a subscription looks from the other side.
var mirror = [...]rosterdb.Sub{rosterdb.SubNone: rosterdb.SubNone, rosterdb.SubTo: rosterdb.SubFrom,
	rosterdb.SubFrom: rosterdb.SubTo, rosterdb.SubBoth: rosterdb.SubBoth}

// suspect notes the contacts of owner whose rosters in memory do not say what its new one says of
// them: a friendship has two sides, and the application may have named only one. The caller holds s.mu.
func (s *Store) suspect(owner jid.JID, old, now *rosterdb.Roster) {
	look := func(it rosterdb.Item, was rosterdb.Sub) {
		if it.Sub != was && it.Contact.Domain() == s.o.Domain && s.disagree(it.Contact, owner) {
			s.suspects[it.Contact] = owner
		}
	}
	for _, it := range now.Items {
		was := rosterdb.Item{}
		if old != nil {
			was, _ = old.Find(it.Contact)
		}
		look(it, was.Sub)
	}
	if old != nil {
		for _, it := range old.Items {
			if _, kept := now.Find(it.Contact); !kept {
				look(it, rosterdb.SubNone)
			}
		}
	}
	if len(s.suspects) > 0 {
		select {
		case s.wake <- struct{}{}:
		default:
		}
	}
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

// doubted takes the suspects.
func (s *Store) doubted() (owners []jid.JID) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for owner := range s.suspects {
		owners = append(owners, owner)
	}
	return owners
}

// settle fetches a suspect's roster once, unless a fetch that goes on settles the matter.
func (s *Store) settle(owner jid.JID) {
	s.mu.Lock()
	other := s.suspects[owner]
	delete(s.suspects, owner)
	var f *flight
	if e := s.entries[owner]; e != nil {
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
	still := s.disagree(owner, other)
	s.mu.Unlock()
	if still {
		s.again(owner)
	}
}
