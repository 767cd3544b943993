package router

import (
	"sync"

	cmap "github.com/orcaman/concurrent-map/v2"

	"roost/xmlstream/jid"
	"roost/xmlstream/stanza"
)

// Session is one bound resource. Its fields besides JID, user and out are guarded by user.mu.
type Session struct {
	JID  jid.JID // full
	user *User
	out  Outlet

	tail       []byte               // the last available presence behind its addresses; owned
	directed   map[jid.JID]struct{} // who was sent directed presence (RFC 6121 §4.6)
	prio       int8
	available  bool
	interested bool // has asked for the roster (RFC 6121 §2.2)
	gone       bool // unbound
}

// User is all sessions of one bare JID.
type User struct {
	JID jid.JID // bare
	mu  sync.Mutex
	// sessions is ordered by descending priority of the available ones; those that are not
	// available stand at the end.
	sessions []*Session
}

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
	for _, s := range u.sessions {
		if keep == nil || keep(s) {
			out = append(out, s)
		}
	}
	return out
}

func isAvailable(s *Session) bool { return s.available }

// place puts s where its priority belongs. The caller holds u.mu.
func (u *User) place(s *Session) {
	u.drop(s)
	i := 0
	for i < len(u.sessions) && !before(s, u.sessions[i]) {
		i++
	}
	u.sessions = append(u.sessions, nil)
	copy(u.sessions[i+1:], u.sessions[i:])
	u.sessions[i] = s
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
	for i, x := range u.sessions {
		if x == s {
			u.sessions = append(u.sessions[:i], u.sessions[i+1:]...)
			return
		}
	}
}

// byResource finds the session of a full JID. The caller holds u.mu.
func (u *User) byResource(full jid.JID) *Session {
	for _, s := range u.sessions {
		if s.JID == full {
			return s
		}
	}
	return nil
}

// table is the sharded map from bare JID to User. A User is in it while it has sessions.
type table struct {
	m cmap.ConcurrentMap[string, *User]
}

func newTable() table { return table{m: cmap.New[*User]()} }

// get finds a user who is connected; the key is not kept, so bare may be borrowed.
func (t *table) get(bare jid.JID) *User {
	u, _ := t.m.Get(bare.String())
	return u
}

// with runs fn on the User of bare, made when it is not there, under its lock.
func (t *table) with(bare jid.JID, fn func(*User)) *User {
	return t.m.Upsert(bare.String(), nil, func(exists bool, u, _ *User) *User {
		if !exists {
			u = &User{JID: bare}
		}
		u.mu.Lock()
		defer u.mu.Unlock()
		fn(u)
		return u
	})
}

// reap removes u when nobody is left.
func (t *table) reap(u *User) {
	t.m.RemoveCb(u.JID.String(), func(_ string, v *User, exists bool) bool {
		if !exists || v != u {
			return false
		}
		v.mu.Lock()
		defer v.mu.Unlock()
		return len(v.sessions) == 0
	})
}

// all calls fn for every User that is connected at about this moment, outside all locks.
func (t *table) all(fn func(*User)) {
	for item := range t.m.IterBuffered() {
		fn(item.Val)
	}
}
