package router

import (
	"bytes"
	"strconv"

	"roost/xmlstream"
	"roost/xmlstream/jid"
	"roost/xmlstream/stanza"
)

// presence routes a presence stanza from a client (RFC 6121 §3 and §4).
func (r *Router) presence(s *Session, st *stanza.Stanza, mayBlock bool) bool {
	switch {
	case r.rosters == nil:
		// Roster and presence are switched off: nothing is handled.
		r.bounce(s, st, stanza.ServiceUnavailable.With("presence is switched off on this server"))
		return true
	case st.Type == stanza.Probe:
		return true // RFC 6121 §4.3: servers probe, clients do not; their probes go nowhere
	case st.Type.IsSubscription():
		return r.subscription(s, st, mayBlock)
	case !st.To.IsZero():
		return r.directed(s, st, mayBlock)
	case st.Type == stanza.Error:
		return true // an error with no addressee tells nobody anything
	case !mayBlock:
		return false
	case st.Type == stanza.Unavailable:
		r.unavailable(s, st)
	default:
		r.available(s, st)
	}
	return true
}

// subscription strips the addresses to bare JIDs (RFC 6121 §3.1.2) and lets the rosters decide.
func (r *Router) subscription(s *Session, st *stanza.Stanza, mayBlock bool) bool {
	to := st.To.Bare()
	switch {
	case st.To.IsZero():
		r.bounce(s, st, stanza.BadRequest.With("a subscription stanza needs a to address"))
	case to == s.JID.Bare():
		r.bounce(s, st, stanza.NotAllowed.With("an account is always subscribed to itself"))
	case !mayBlock:
		return false
	default:
		if e := r.rosters.Subscription(s.JID.Bare(), to, st); e != nil {
			r.bounce(s, st, e)
		}
	}
	return true
}

// available handles presence without type and addressee: initial presence (RFC 6121 §4.2) or a
// change of it (§4.4). It blocks.
func (r *Router) available(s *Session, st *stanza.Stanza) {
	prio, ok := priority(st.El)
	if !ok { // RFC 6121 §4.7.2.3
		r.bounce(s, st, stanza.BadRequest.With("priority is not an integer from -128 to 127"))
		return
	}
	// What takes long is done before the turn is taken, which other users share.
	if f, ok := r.rosters.(Fetching); ok {
		if err := f.Fetch(s.bare()); err != nil {
			r.bounce(s, st, r.StoreError("roster", s.bare(), err))
			return
		}
	}
	turn := r.stripe(&r.turns, s.bare())
	turn.Lock()
	defer turn.Unlock()
	was, gone := s.shown()
	if gone { // unbound before its turn came
		return
	}
	now := shown{r.tails.keep(st), prio, true}
	ready := func() { r.show(s, now) }
	if prio >= 0 && (!was.available || was.prio < 0) {
		r.flush(s, ready) // XEP-0160 §2: stored messages first, in order
	} else {
		ready()
	}
	// The contacts are read after the session shows itself: who is let see it now is told either by
	// Show or by announce.
	contacts, err := r.rosters.Contacts(s.bare())
	if err != nil {
		r.show(s, was)
		r.bounce(s, st, r.StoreError("roster", s.bare(), err))
		return
	}
	r.announce(s, *now.tail, contacts)
	if !was.available {
		r.greet(s, contacts)
	}
}

// shown is what a session shows of itself.
type shown struct {
	tail      *string
	prio      int8
	available bool
}

// shown is a snapshot. Who holds the user's turn can rely on gone.
func (s *Session) shown() (v shown, gone bool) {
	s.user.mu.Lock()
	defer s.user.mu.Unlock()
	return shown{s.tail, s.prio, s.available}, s.gone
}

// show stores what a session shows from now on. The caller holds the user's turn.
func (r *Router) show(s *Session, v shown) {
	s.user.mu.Lock()
	defer s.user.mu.Unlock()
	s.tail, s.prio = v.tail, v.prio
	r.setAvailable(s, v.available)
	s.user.place(s)
}

// unavailable handles a client's unavailable presence without addressee (RFC 6121 §4.5.2). It
// blocks.
func (r *Router) unavailable(s *Session, st *stanza.Stanza) {
	tail := string(st.AppendTail(nil))
	turn := r.stripe(&r.turns, s.bare())
	turn.Lock()
	defer turn.Unlock()
	s.user.mu.Lock()
	tell := !s.gone && (s.available || len(s.directed) > 0)
	s.user.mu.Unlock()
	if tell {
		r.leave(s, tail)
	}
}

// leave takes a session off line: all who saw it are told with tail. It blocks; the caller holds the
// user's turn.
func (r *Router) leave(s *Session, tail string) {
	u, bare := s.user, s.bare()
	u.mu.Lock()
	directed := s.directed
	wasAvailable, self := s.available, !s.gone
	s.tail, s.directed = nil, nil
	r.setAvailable(s, false)
	u.place(s)
	last := wasAvailable && (u.best == nil || !u.best.available)
	u.mu.Unlock()
	told := map[jid.JID]bool{}
	if wasAvailable {
		contacts, err := r.rosters.Contacts(bare) // read now: see available
		if err != nil {
			r.StoreError("roster", bare, err) // own resources and directed targets are still told
		}
		r.announce(s, tail, contacts)
		if self { // §4.5.2: the resource that left is told too
			s.Deliver(presenceFrame(s.JID, bare, tail))
		}
		for _, c := range contacts {
			told[c.JID] = c.From
		}
		told[bare] = true
	}
	for to := range directed { // §4.6.3: those who were told directly are told now
		if !told[to.Bare()] {
			r.tell(s.JID, to, tail)
		}
	}
	if last {
		r.wentOffline(bare, tail)
	}
}

// announce broadcasts a session's presence to subscribers and to the user's own resources, the
// session included while it is available (RFC 6121 §4.2.2, §4.4.2, §4.5.2).
func (r *Router) announce(s *Session, tail string, contacts []Contact) {
	bare := s.JID.Bare()
	r.tell(s.JID, bare, tail)
	for _, c := range contacts {
		if c.From && c.JID != bare {
			r.tell(s.JID, c.JID, tail)
		}
	}
}

// tell sends one presence to a bare JID (all its available resources) or to a full one.
func (r *Router) tell(from, to jid.JID, tail string) {
	if !r.Serves(to.Domain()) {
		r.sendAbroad(from, to, presenceFrame(from, to, tail)) // who cannot be reached is not told
		return
	}
	u := r.users.get(to.Bare())
	if u == nil {
		return
	}
	u.mu.Lock()
	defer u.mu.Unlock()
	var f *stanza.Frame // made when somebody takes it
	for s := u.best; s != nil; s = s.next {
		if !s.shows(to) {
			continue
		}
		if f == nil {
			f = presenceFrame(from, to, tail)
			defer f.Release()
		}
		s.Deliver(f.Retain())
	}
}

// shows reports whether presence to to, an address of its user, goes to s: the bound resource of a
// full JID, or every available one. The caller holds the user's lock.
func (s *Session) shows(to jid.JID) bool {
	if to.IsBare() {
		return s.available
	}
	return s.JID == to
}

// Withdraw sends unavailable from each available resource of user to the bare JID to, who may no
// longer see them (RFC 6121 §3.2.2, §3.3.2).
func (r *Router) Withdraw(user, to jid.JID) {
	tail := unavailableTail
	for _, s := range r.Available(user) {
		r.tell(s.JID, to, tail)
	}
}

// Show sends the presence of each available resource of user to the bare or full JID to
// (RFC 6121 §3.1.6, §4.3.2). It reports whether there was any.
func (r *Router) Show(user, to jid.JID) bool {
	u := r.users.get(user)
	if u == nil {
		return false
	}
	local := r.Serves(to.Domain())
	var takers []*Session // found before u is locked: one User at a time
	if local {
		takers = r.present(to)
	}
	u.mu.Lock() // held while sending: a later change cannot overtake what is shown now
	defer u.mu.Unlock()
	shown := false
	for s := u.best; s != nil; s = s.next {
		if !s.available {
			continue
		}
		shown = true
		f := presenceFrame(s.JID, to, *s.tail)
		if local {
			give(takers, f)
		} else {
			r.sendAbroad(s.JID, to, f)
		}
	}
	return shown
}

// present is a snapshot of the sessions that presence to a local address goes to.
func (r *Router) present(to jid.JID) []*Session {
	u := r.users.get(to.Bare())
	if u == nil {
		return nil
	}
	return u.snapshot(func(s *Session) bool { return s.shows(to) })
}

// directed handles presence to somebody in particular (RFC 6121 §4.6).
func (r *Router) directed(s *Session, st *stanza.Stanza, mayBlock bool) bool {
	switch st.Type {
	case stanza.NoType:
		noted, gone := s.remember(st.To, r.cfg.Limits.MaxDirected)
		if gone {
			return true // nobody would take it back
		}
		if !noted {
			r.bounce(s, st, stanza.ResourceConstraint.With("directed presence to too many entities"))
			return true
		}
	case stanza.Unavailable:
		s.forget(st.To)
	}
	switch {
	case !r.Serves(st.To.Domain()):
		r.abroad(s, st, s.JID)
	case st.To.Local() != "":
		return r.deliver(s, st, mayBlock)
	}
	return true // presence to the server itself concerns nobody
}

// remember notes the target of directed presence, which is told when the session ends
// (RFC 6121 §4.6.3). It fails at the limit and when the session has ended.
func (s *Session) remember(to jid.JID, limit int) (noted, gone bool) {
	s.user.mu.Lock()
	defer s.user.mu.Unlock()
	if s.gone {
		return false, true
	}
	if _, ok := s.directed[to]; ok {
		return true, false
	}
	if len(s.directed) >= limit {
		return false, false
	}
	if s.directed == nil {
		s.directed = map[jid.JID]struct{}{}
	}
	s.directed[to.Clone()] = struct{}{}
	return true, false
}

func (s *Session) forget(to jid.JID) {
	s.user.mu.Lock()
	delete(s.directed, to)
	s.user.mu.Unlock()
}

// priority reads <priority/> (RFC 6121 §4.7.2.3): an integer from -128 to 127, 0 when absent.
func priority(el xmlstream.Element) (int8, bool) {
	p := el.Child(stanza.NSClient, "priority")
	if p.IsZero() {
		return 0, true
	}
	n, err := strconv.ParseInt(string(bytes.TrimSpace(p.Text())), 10, 8)
	return int8(n), err == nil
}
