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

// Request is what a stream asks for when it binds a resource.
type Request struct {
	JID    jid.JID // full
	Policy ConflictPolicy
	Rename func() jid.JID // another full JID, for the policy Rename
	Out    Outlet
	Seat   *Seat // unused memory for the session; nil: Bind allocates it
	// Welcome makes the answer for the address that was bound. It is delivered before the session
	// can be addressed: nothing overtakes it.
	Welcome func(jid.JID) *stanza.Frame
}

// Bind makes a session. It may block: a session that is replaced is first taken off line.
func (r *Router) Bind(q Request) (*Session, *stanza.StanzaError) {
	if q.Seat == nil {
		q.Seat = new(Seat)
	}
	for {
		s, old, err := r.tryBind(q)
		switch {
		case err != nil:
			return nil, err
		case old == nil:
			for _, fn := range r.hooks.bound {
				fn(s.JID)
			}
			if !r.Serves(s.JID.Domain()) { // gone while the client logged in: nobody else sees that session
				r.EndGone(s)
			}
			return s, nil
		case q.Policy == Rename:
			q.JID = q.Rename()
		default:
			r.Unbind(old, "")
			old.End(stanza.StreamConflict.With("replaced by a new stream with this resource"))
		}
	}
}

// EndGone ends the session of a domain that is not served any more (RFC 6120 §4.9.3.5). It may block.
func (r *Router) EndGone(s *Session) {
	r.Unbind(s, "")
	s.End(stanza.StreamHostGone.With(s.JID.Domain() + " is not served here any more"))
}

// tryBind adds the session, or gives the one that is in its way.
func (r *Router) tryBind(q Request) (s, old *Session, err *stanza.StanzaError) {
	bare := q.JID.Bare()
	u := r.users.with(bare, &q.Seat.first, func(u *User) {
		if old = u.byResource(q.JID); old != nil {
			if q.Policy == Refuse {
				err = stanza.Conflict.With("resource " + q.JID.Resource() + " is in use")
			}
			return
		}
		if u.count() >= r.cfg.Limits.MaxSessions { // RFC 6120 §7.6.2.1
			err = stanza.ResourceConstraint.With("too many resources of this account are connected")
			return
		}
		s = &q.Seat.Session
		s.JID, s.user, s.out = q.JID, u, q.Out
		q.Out.Deliver(q.Welcome(q.JID))
		if r.rosters == nil { // without presence every bound resource takes messages
			r.setAvailable(s, true)
		}
		r.count.bound.Add(1)
		u.place(s)
	})
	if s == nil {
		r.users.reap(bare, u)
	}
	return s, old, err
}

// Unbind ends a session: whoever saw it available sees it unavailable (RFC 6121 §4.5.3), with
// status as the reason when it is not empty. Until all are told its address is taken. It may block
// and may be called more than once.
func (r *Router) Unbind(s *Session, status string) {
	u, bare := s.user, s.bare()
	turn := r.stripe(&r.turns, bare)
	turn.Lock()
	defer turn.Unlock()
	u.mu.Lock()
	if s.gone {
		u.mu.Unlock()
		return
	}
	s.gone = true
	r.count.bound.Add(-1)
	tell := s.available || len(s.directed) > 0
	u.mu.Unlock()
	if tell && r.rosters != nil {
		r.leave(s, reasonTail(status))
	}
	u.mu.Lock()
	r.setAvailable(s, false)
	u.drop(s)
	last := u.best == nil
	u.mu.Unlock()
	r.users.reap(bare, u)
	if last {
		for _, fn := range r.hooks.gone {
			fn(bare)
		}
	}
}
