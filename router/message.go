package router

import (
	"roost/xmlstream/jid"
	"roost/xmlstream/stanza"
)

// message routes a message (RFC 6121 §5, §8.5).
func (r *Router) message(s *Session, st *stanza.Stanza, mayBlock bool) bool {
	if st.To.IsZero() { // RFC 6120 §10.3.1: no to means the sender's own bare JID
		st.To = s.JID.Bare()
	}
	switch {
	case !r.Serves(st.To.Domain()):
		r.abroad(s, st, s.JID)
	case st.To.Local() == "":
		// RFC 6120 §10.5.1: a message to the server itself; nobody reads it here
		if st.Type != stanza.Headline {
			r.bounce(s, st, stanza.ServiceUnavailable.With("nobody reads messages to "+st.To.Domain()))
		}
	default:
		return r.deliver(s, st, mayBlock)
	}
	return true
}

// deliver applies the table of RFC 6121 §8.5 to a stanza for a local account.
func (r *Router) deliver(s *Session, st *stanza.Stanza, mayBlock bool) bool {
	act := r.attempt(st, st.To, false)
	if act == asBare {
		act = r.attempt(st, st.To.Bare(), false)
	}
	switch act {
	case delivered, drop:
	case bounce:
		r.bounce(s, st, stanza.ServiceUnavailable.New())
	case keep, answer, toSharing:
		switch {
		case !mayBlock:
			return false
		case act == toSharing:
			r.vouch(s, st)
		default:
			r.absent(s, st, act)
		}
	}
	return true
}

// delivered is the outcome of attempt when sessions took the stanza.
const delivered = action(0xff)

// attempt delivers st as if it was addressed to to. It gives delivered, or what is left to do when
// no session takes it. Whether the account exists at all is then still open. vouched says that the
// roster of the addressee lets the sender see it.
func (r *Router) attempt(st *stanza.Stanza, to jid.JID, vouched bool) action {
	table := &actions[st.Kind][st.Type]
	u := r.users.get(to.Bare())
	if u == nil {
		if to.IsBare() {
			return table[bareOffline]
		}
		return table[fullGone]
	}
	u.mu.Lock()
	defer u.mu.Unlock()
	at, one := u.situation(to)
	act := table[at]
	if act == toSharing && (vouched || r.shares(one, st.From)) {
		act = toOne
	}
	var buf [maxTargets]*Session
	taken := false
	switch act {
	case toOne:
		taken = give(append(buf[:0], one), relay(st, st.From))
	case toAll, toPresent:
		taken = give(u.targets(act, buf[:0]), relay(st, st.From))
	case toBest:
		taken = giveBest(u.targets(act, buf[:0]), relay(st, st.From))
	default:
		return act
	}
	switch {
	case taken:
		return delivered
	case act == toOne: // its stream is ending: as if it had ended
		return table[fullGone]
	}
	return table[bareOffline]
}

// situation tells in which column of the table a stanza to to is; one is the session of a full JID
// that is bound. The caller holds u.mu.
func (u *User) situation(to jid.JID) (at where, one *Session) {
	switch {
	case !to.IsBare():
		if one = u.byResource(to); one != nil {
			return fullHere, one
		}
		return fullGone, nil
	case u.takesMessages():
		return bareOnline, nil
	}
	return bareOffline, nil
}

// shares reports whether a session is known to share its presence with from, without asking the
// roster: from is of the same account or was sent directed presence. The caller holds the user's lock.
func (r *Router) shares(s *Session, from jid.JID) bool {
	if r.rosters == nil || from.Bare() == s.bare() {
		return true
	}
	_, full := s.directed[from]
	_, bare := s.directed[from.Bare()]
	return full || bare
}

// vouch finishes a request to a resource whose roster has to say whether it shares presence with the
// sender (RFC 6121 §8.5.3.1). The refusal is that of a resource that is not there. It blocks.
func (r *Router) vouch(s *Session, st *stanza.Stanza) {
	sees, err := r.rosters.Sees(st.To.Bare(), st.From.Bare())
	switch {
	case err != nil:
		r.bounce(s, st, r.StoreError("roster", st.To.Bare(), err))
	case !sees || r.attempt(st, st.To, true) != delivered:
		r.bounce(s, st, stanza.ServiceUnavailable.New())
	}
}

// give delivers f, which it takes over, to all takers. It reports whether any could take it.
func give(takers []*Session, f *stanza.Frame) (taken bool) {
	for _, t := range takers {
		if t.Deliver(f.Retain()) {
			taken = true
		}
	}
	f.Release()
	return taken
}

// giveBest delivers f, which it takes over, to those of takers, best first, that share the highest
// priority at which any of them can take it. The callers hold their user's lock.
func giveBest(takers []*Session, f *stanza.Frame) (taken bool) {
	for i, t := range takers {
		if taken && t.prio < takers[i-1].prio {
			break
		}
		if t.Deliver(f.Retain()) {
			taken = true
		}
	}
	f.Release()
	return taken
}

// absent finishes a stanza that no session took and that needs the store: it asks whether the
// account exists, and keeps the message or answers the request. It blocks.
func (r *Router) absent(s *Session, st *stanza.Stanza, act action) {
	bare := st.To.Bare()
	if act == answer {
		if row := r.iq.find(st.Payload(), ToOthers); row != nil && row.Unknown {
			r.answer(s, st)
			return
		}
	}
	exists, err := r.cfg.Accounts.Exists(bare)
	switch {
	case err != nil:
		r.bounce(s, st, r.StoreError("account", bare, err))
	case !exists: // RFC 6121 §8.5.1
		r.bounce(s, st, stanza.ServiceUnavailable.New())
	case act == answer:
		r.answer(s, st)
	default:
		r.store(s, st, bare)
	}
}
