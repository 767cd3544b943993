package router

import (
	"roost/xmlstream/jid"
	"roost/xmlstream/stanza"
)

// ConflictPolicy is what happens when a resource is bound that is bound already (RFC 6120 §7.7.2.2).
type ConflictPolicy uint8

const (
	Replace ConflictPolicy = iota // the older stream ends with <conflict/>
	Refuse                        // the newer request gets <conflict/>
	Rename                        // the newer stream gets another resource
)

// Bind makes full the address of a new session. rename makes another full JID for the policy
// Rename. It may block: a session that is replaced is first taken off line.
func (r *Router) Bind(full jid.JID, policy ConflictPolicy, rename func() jid.JID, out Outlet) (*Session, *stanza.StanzaError) {
	for {
		s, old, err := r.tryBind(full, policy, out)
		switch {
		case err != nil:
			return nil, err
		case old == nil:
			return s, nil
		case policy == Rename:
			full = rename()
		default:
			r.Unbind(old, "")
			old.End(stanza.StreamConflict.With("replaced by a new stream with this resource"))
		}
	}
}

// tryBind adds the session, or gives the one that is in its way.
func (r *Router) tryBind(full jid.JID, policy ConflictPolicy, out Outlet) (s, old *Session, err *stanza.StanzaError) {
	u := r.users.with(full.Bare(), func(u *User) {
		if old = u.byResource(full); old != nil {
			if policy == Refuse {
				err = stanza.Conflict.With("resource " + full.Resource() + " is in use")
			}
			return
		}
		if len(u.sessions) >= r.cfg.Limits.MaxSessions { // RFC 6120 §7.6.2.1
			err = stanza.ResourceConstraint.With("too many resources of this account are connected")
			return
		}
		s = &Session{JID: full, user: u, out: out}
		if r.rosters == nil { // without presence every bound resource takes messages
			s.available = true
		}
		u.place(s)
	})
	if s == nil {
		r.users.reap(u)
	}
	return s, old, err
}

// Unbind ends a session: whoever saw it available sees it unavailable (RFC 6121 §4.5.3), with
// status as the reason when it is not empty. It may block and may be called more than once.
func (r *Router) Unbind(s *Session, status string) {
	u := s.user
	u.mu.Lock()
	if s.gone {
		u.mu.Unlock()
		return
	}
	s.gone = true
	u.drop(s)
	tell := s.available || len(s.directed) > 0
	u.mu.Unlock()
	r.users.reap(u)
	if tell && r.rosters != nil {
		r.leave(s, unavailableTail(status))
	}
}
