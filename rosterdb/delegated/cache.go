package delegated

import (
	"container/list"
	"time"

	"roost/rosterdb"
	"roost/xmlstream/jid"
)

// entry is what is known of one account. Store.mu guards it.
type entry struct {
	owner  jid.JID
	roster *rosterdb.Roster // read-only once it stands here; nil: never had
	etag   string           // of roster, as the application gave it
	at     time.Time        // when the application last vouched for roster; zero: it has said that it changed

	// live: the roster was fetched, or tried to be, since the user's first session began. Such a
	// roster is in force until a refresh or until the last session ends.
	live     bool
	failed   error // of the last fetch; nil: it succeeded
	failedAt time.Time
	failures int // in a row

	flight *flight // goes on
	next   *flight // begins when that one has ended

	where *list.Element // in Store.idle; nil while live
	size  int           // as counted in Store.idleSize
}

// cached gives the roster of owner when it is in force, nil when it is to be fetched.
func (s *Store) cached(owner jid.JID) *rosterdb.Roster {
	s.mu.Lock()
	defer s.mu.Unlock()
	e := s.entries[owner]
	if e == nil || !s.inForce(e) {
		return nil
	}
	return e.roster
}

// inForce reports whether e's roster may be used as it is. The caller holds s.mu.
func (s *Store) inForce(e *entry) bool {
	switch {
	case e.roster == nil:
		return false
	case e.live:
		return true
	case e.failed == nil:
		// Without a session the application's word is good for a while; the first session asks anew.
		return time.Since(e.at) < s.o.IdleAge && !s.o.Online(e.owner)
	}
	return false
}

// entry gives the entry of owner, made when there is none. The caller holds s.mu and has it placed.
func (s *Store) entry(owner jid.JID) *entry {
	e := s.entries[owner]
	if e == nil {
		e = &entry{owner: owner.Clone()}
		s.entries[e.owner] = e
	}
	return e
}

// place puts e where it belongs: among the live, or in front of the idle, of which the oldest then
// make room. The caller holds s.mu.
func (s *Store) place(e *entry) {
	s.displace(e)
	if e.live {
		if e.failed != nil {
			s.stale[e] = struct{}{}
		}
		return
	}
	e.size = sizeOf(e.roster)
	s.idleSize += e.size
	e.where = s.idle.PushFront(e)
	for s.idleSize > s.o.IdleBytes {
		s.drop(s.idle.Back().Value.(*entry))
	}
}

func (s *Store) displace(e *entry) {
	delete(s.stale, e)
	if e.where != nil {
		s.idle.Remove(e.where)
		s.idleSize -= e.size
		e.where = nil
	}
}

// succeed makes the roster with items that follows e's. Versions come from the clock, and none comes
// twice: what a client remembers of before a restart, or of an entry that was dropped, is no version of
// this roster (RFC 6121 §2.6). The caller holds s.mu.
func (s *Store) succeed(e *entry, items []rosterdb.Item) *rosterdb.Roster {
	var r *rosterdb.Roster
	now := time.Now()
	if e.roster != nil {
		if next, err := e.roster.Succeed(items, now); err == nil {
			r = next
		}
	}
	if r == nil {
		r = rosterdb.First(max(uint64(max(now.UnixMicro(), 1)), s.version+1), items)
	}
	s.version = max(s.version, r.Ver)
	return r
}

// outdate notes that the roster of an entry without a session has changed: the next session fetches it,
// and is told of the difference. The caller holds s.mu.
func (e *entry) outdate() { e.at = time.Time{} }

// drop forgets e. A fetch for it that goes on is of use to those who wait, and is not kept. The
// caller holds s.mu.
func (s *Store) drop(e *entry) {
	s.displace(e)
	delete(s.entries, e.owner)
}

// Forget drops what is known of an account, as when it was removed.
func (s *Store) Forget(owner jid.JID) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if e := s.entries[owner.Bare()]; e != nil {
		s.drop(e)
	}
}

// Gone tells that the last session of user has ended.
func (s *Store) Gone(user jid.JID) {
	s.mu.Lock()
	defer s.mu.Unlock()
	e := s.entries[user.Bare()]
	if e == nil || !e.live || s.o.Online(e.owner) { // a new session may have begun meanwhile
		return
	}
	e.live = false
	s.place(e)
}

// sizeOf is about what an entry takes in memory.
func sizeOf(r *rosterdb.Roster) int {
	const entrySize, itemSize, groupSize = 512, 256, 16
	n := entrySize
	if r == nil {
		return n
	}
	n += r.PastSize()
	for _, it := range r.Items {
		n += itemSize + len(it.Contact.String()) + len(it.Name)
		for _, g := range it.Groups {
			n += groupSize + len(g)
		}
	}
	return n
}
