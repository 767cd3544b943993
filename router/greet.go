package router

import (
	"roost/xmlstream/jid"
	"roost/xmlstream/stanza"
)

// greet gives a session that has just become available what it has missed (RFC 6121 §4.2.2,
// §4.3.1, §3.1.3): the presence of its contacts, of its user's other resources, and the
// subscription requests that wait. It blocks.
func (r *Router) greet(s *Session, contacts []Contact) {
	user := s.JID.Bare()
	r.showOwn(s)
	for _, c := range contacts {
		if !c.To || c.JID == user {
			continue
		}
		if r.Serves(c.JID.Domain()) {
			r.probeLocal(s.JID, c.JID)
		} else {
			r.probeAbroad(s.JID, c.JID)
		}
	}
	err := r.rosters.Pending(user, func(b []byte) { s.Deliver(stanza.FrameOf(b)) })
	if err != nil {
		r.StoreError("subscription requests", user, err)
	}
}

// showOwn exchanges presence between a user's resources: announce told the others of s, here s is
// told of the others (RFC 6121 §4.2.2).
func (r *Router) showOwn(s *Session) {
	u := s.user
	u.mu.Lock()
	defer u.mu.Unlock()
	for other := u.best; other != nil; other = other.next {
		if other != s && other.available {
			s.Deliver(presenceFrame(other.JID, s.JID, *other.tail))
		}
	}
}

// probeLocal answers who's probe of a local contact (RFC 6121 §4.3.2). A contact who does not let
// who see it, or does not exist, is as silent as one that nobody knows.
func (r *Router) probeLocal(who, contact jid.JID) {
	if f, ok := r.rosters.(Fetching); ok && !f.AtHand(contact) {
		return // nobody is available, and a login does not wait for rosters that are far away to say so
	}
	sees, err := r.rosters.Sees(contact, who.Bare())
	switch {
	case err != nil:
		r.StoreError("roster", contact, err)
	case !sees:
	case !r.Show(contact, who):
		// §4.3.2: nobody is available, which the answer says
		r.tell(contact, who, unavailableTail)
	}
}

// Probe answers a probe that came from another domain (RFC 6121 §4.3.2). It blocks.
func (r *Router) Probe(who, contact jid.JID) {
	if f, ok := r.rosters.(Fetching); ok && !f.AtHand(contact) {
		return // nobody is available; strangers do not make the server fetch rosters from afar
	}
	sees, err := r.rosters.Sees(contact, who.Bare())
	switch {
	case err != nil:
		r.StoreError("roster", contact, err)
	case !sees: // §4.3.2: not authorized
		h := stanza.Header{Kind: stanza.Presence, Type: stanza.Unsubscribed, From: contact, To: who.Bare()}
		f := stanza.NewFrame()
		f.Set(append(h.Append(f.Buf()), "/>"...))
		r.Send(contact, who.Bare(), f)
	case !r.Show(contact, who):
		r.tell(contact, who, unavailableTail)
	}
}
