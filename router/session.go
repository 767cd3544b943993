package router

import (
	"sync"

	"roost/xmlstream/jid"
	"roost/xmlstream/stanza"
)

// Session is one bound resource. Its fields besides JID, user and out are guarded by user.mu.
type Session struct {
	JID  jid.JID // full
	user *User   // nil: not bound yet
	out  Outlet

	next       *Session             // of the same user, in the order of User.best
	tail       *string              // the last available presence behind its addresses; see tails
	directed   map[jid.JID]struct{} // who was sent directed presence (RFC 6121 §4.6); nil for nobody
	prio       int8
	available  bool
	interested bool // has asked for the roster (RFC 6121 §2.2)
	gone       bool // unbound
}

// User is all sessions of one bare JID.
type User struct {
	mu sync.Mutex
	// best is the first in a list of the sessions, by descending priority of the available ones; those
	// that are not available stand at the end.
	best *Session
}

// Seat is the memory of a session, to be part of the memory of its stream: most users have one session,
// and it needs no allocation of its own. The User lies in the Seat of the session that came first,
// which stays in memory while the user has sessions.
type Seat struct {
	first User // used by the session that was its user's first
	Session
}

// Bound reports whether the session was bound, at any time.
func (s *Seat) Bound() bool { return s.user != nil }

// bare is the session's address without the resource.
func (s *Session) bare() jid.JID { return s.JID.Bare() }

// Sessions reports the session's user's other resources too, itself included, as a snapshot.
func (s *Session) Sessions() []*Session { return s.user.snapshot(nil) }

// SetInterested notes that the resource has asked for the roster (RFC 6121 §2.2).
func (s *Session) SetInterested() {
	s.user.mu.Lock()
	s.interested = true
	s.user.mu.Unlock()
}

// Deliver queues f for this session's peer and takes over one reference. It is false when the
// stream is ending and f was not queued.
func (s *Session) Deliver(f *stanza.Frame) bool { return s.out.Deliver(f) }

// Outlet is the stream behind the session.
func (s *Session) Outlet() Outlet { return s.out }

// End closes the session's stream with an error.
func (s *Session) End(e *stanza.StreamError) { s.out.End(e) }

// Status is a snapshot of what a session has announced.
type Status struct {
	Available  bool
	Interested bool
	Priority   int8
}

// Status takes the snapshot.
func (s *Session) Status() Status {
	s.user.mu.Lock()
	defer s.user.mu.Unlock()
	return Status{s.available, s.interested, s.prio}
}

// snapshot copies the sessions for which keep holds (nil: all), best first.
func (u *User) snapshot(keep func(*Session) bool) []*Session {
	u.mu.Lock()
	defer u.mu.Unlock()
	var out []*Session
	for s := u.best; s != nil; s = s.next {
		if keep == nil || keep(s) {
			out = append(out, s)
		}
	}
	return out
}

// setAvailable is the one place that changes whether s is available. The caller holds the user's lock.
func (r *Router) setAvailable(s *Session, available bool) {
	if s.available == available {
		return
	}
	s.available = available
	if available {
		r.count.available.Add(1)
	} else {
		r.count.available.Add(-1)
	}
}

// Count tells how many sessions are bound, and how many of them are available.
func (r *Router) Count() (bound, available int) {
	return int(r.count.bound.Load()), int(r.count.available.Load())
}

func isAvailable(s *Session) bool { return s.available }

// place puts s where its priority belongs. The caller holds u.mu.
func (u *User) place(s *Session) {
	u.drop(s)
	at := &u.best
	for *at != nil && !before(s, *at) {
		at = &(*at).next
	}
	s.next = *at
	*at = s
}

// before orders available sessions by priority and, among equals, the newest first.
func before(a, b *Session) bool {
	switch {
	case !a.available:
		return false
	case !b.available:
		return true
	}
	return a.prio >= b.prio
}

// drop takes s out. The caller holds u.mu.
func (u *User) drop(s *Session) {
	for at := &u.best; *at != nil; at = &(*at).next {
		if *at == s {
			*at, s.next = s.next, nil
			return
		}
	}
}

// count is the number of sessions. The caller holds u.mu.
func (u *User) count() (n int) {
	for s := u.best; s != nil; s = s.next {
		n++
	}
	return n
}

// byResource finds the session of a full JID. The caller holds u.mu.
func (u *User) byResource(full jid.JID) *Session {
	for s := u.best; s != nil; s = s.next {
		if s.JID == full {
			return s
		}
	}
	return nil
}
