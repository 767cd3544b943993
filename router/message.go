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
	act := r.attempt(st, st.To)
	if act == asBare {
		act = r.attempt(st, st.To.Bare())
	}
	switch act {
	case delivered, drop:
	case bounce:
		r.bounce(s, st, stanza.ServiceUnavailable.New())
	case keep, answer:
		if !mayBlock {
			return false
		}
		r.absent(s, st, act)
	}
	return true
}

// delivered is the outcome of attempt when sessions took the stanza.
const delivered = action(0xff)

// attempt delivers st as if it was addressed to to. It gives delivered, or what is left to do when
// no session takes it. Whether the account exists at all is then still open.
func (r *Router) attempt(st *stanza.Stanza, to jid.JID) action {
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
	at := bareOffline
	var one *Session
	if to.IsBare() {
		if u.takesMessages() {
			at = bareOnline
		}
	} else if one = u.byResource(to); one != nil {
		at = fullHere
	} else {
		at = fullGone
	}
	var buf [maxTargets]*Session
	var takers []*Session
	act := table[at]
	switch act {
	case toOne:
		takers = append(buf[:0], one)
	case toBest, toAll, toPresent:
		takers = u.targets(act, buf[:0])
	default:
		return act
	}
	if give(takers, relay(st, st.From)) {
		return delivered
	}
	if act == toOne { // its stream is ending: as if it had ended
		return table[fullGone]
	}
	return table[bareOffline]
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
