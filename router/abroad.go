package router

import (
	"bytes"

	"roost/xmlstream"
	"roost/xmlstream/jid"
	"roost/xmlstream/stanza"
)

// Inbound handles one stanza from another domain; st is borrowed. Its addresses are there and were
// checked: from is of the domain that sends it, and to of one of ours. What holds for Route about
// order and blocking holds here for the stanzas of one stream.
func (r *Router) Inbound(st *stanza.Stanza, mayBlock bool) (done bool) {
	switch {
	case st.Bad != nil:
		r.bounce(nil, st, st.Bad)
	case !r.Serves(st.To.Domain()): // never back to where it came from
	case st.Kind == stanza.Message:
		return r.message(nil, st, mayBlock)
	case st.Kind == stanza.IQ:
		return r.inboundIQ(st, mayBlock)
	case r.rosters != nil && st.To.Local() != "": // presence to the server itself concerns nobody
		return r.inboundPresence(st, mayBlock)
	}
	return true
}

// inboundIQ is routeIQ for other domains (RFC 6120 §10.5): none of the accounts here is their own.
func (r *Router) inboundIQ(st *stanza.Stanza, mayBlock bool) bool {
	switch {
	case st.To.IsDomain():
		return !st.Wants() || r.serve(nil, st, ToServer, mayBlock)
	case st.To.Local() == "":
		r.bounce(nil, st, stanza.ServiceUnavailable.New())
		return true
	}
	return r.deliver(nil, st, mayBlock)
}

// inboundPresence is the side of the contact's server in RFC 6121 §3 and §4.
func (r *Router) inboundPresence(st *stanza.Stanza, mayBlock bool) bool {
	switch {
	case st.Type == stanza.Probe: // §4.3.2
		if !mayBlock {
			return false
		}
		r.Probe(st.From, st.To.Bare())
	case st.Type.IsSubscription(): // §3.1.3, §3.1.6, §3.2.3, §3.3.3
		if !mayBlock {
			return false
		}
		if e := r.rosters.Subscription(st.From.Bare(), st.To.Bare(), st); e != nil {
			r.bounce(nil, st, e)
		}
	default:
		switch st.Type {
		case stanza.NoType:
			if r.users.get(st.To.Bare()) == nil {
				return true // §8.5.1, §8.5.2.2.2: nobody is there to see it
			}
			r.sights.add(st.From, st.To)
		case stanza.Unavailable:
			r.sights.drop(st.From, st.To)
		}
		return r.deliver(nil, st, mayBlock)
	}
	return true
}

// Undelivered gives back a stanza of a local sender, which another domain did not take: once, and
// never for an error or a result (RFC 6120 §8.3.1). Of presence, only requests and what went to one
// resource in particular are worth a word: whoever broadcasts knows that not all listen. It takes
// over f, and it must not be called with a lock that the router takes.
func (r *Router) Undelivered(f *stanza.Frame, e *stanza.StanzaError) {
	defer f.Release()
	st, ok := reread(f.Bytes())
	switch {
	case !ok || !st.Wants() || st.From.IsZero() || !r.Serves(st.From.Domain()):
		return
	case st.Kind == stanza.Presence && !st.Type.IsSubscription() && (st.Type != stanza.NoType || st.To.IsBare()):
		return
	}
	back := stanza.NewFrame()
	back.Set(st.AppendError(back.Buf(), st.To, st.From, e))
	r.Send(st.To, st.From, back)
}

// reread takes apart a stanza that we have serialized, which carries no namespace of its own.
func reread(b []byte) (stanza.Stanza, bool) {
	name := bytes.IndexAny(b, " />")
	if name < 0 {
		return stanza.Stanza{}, false
	}
	whole := make([]byte, 0, len(b)+len(" xmlns=''")+len(stanza.NSClient))
	whole = append(append(whole, b[:name]...), " xmlns='"+stanza.NSClient+"'"...)
	el, err := xmlstream.ParseElement(append(whole, b[name:]...), nil)
	if err != nil {
		return stanza.Stanza{}, false
	}
	st := stanza.Parse(el, stanza.NSClient)
	return st, st.Kind != stanza.NotStanza
}

// DomainLost makes the users of another domain unavailable for those who saw them here, once: it
// cannot be reached, so nobody else tells. It must not be called with a lock that the router takes.
func (r *Router) DomainLost(domain string) {
	for _, s := range r.sights.lose(domain) {
		r.tell(s.who, s.to, unavailableTail)
	}
}

// DomainFound asks anew for the presence of those whom DomainLost took away: the domain is there
// again, and may never have been gone for its own users (RFC 6121 §4.3.1). It blocks.
func (r *Router) DomainFound(domain string) {
	for user, whom := range r.sights.find(domain) {
		if r.rosters == nil || len(r.Available(user)) == 0 {
			continue
		}
		contacts, err := r.rosters.Contacts(user)
		if err != nil {
			r.StoreError("roster", user, err)
			continue
		}
		for _, c := range contacts {
			if c.To && whom[c.JID] {
				r.probeAbroad(user, c.JID)
			}
		}
	}
}

// probeAbroad asks for a contact's presence (§4.3.1). An unreachable contact is simply not seen.
func (r *Router) probeAbroad(from, contact jid.JID) {
	h := stanza.Header{Kind: stanza.Presence, Type: stanza.Probe, From: from, To: contact}
	f := stanza.NewFrame()
	f.Set(append(h.Append(f.Buf()), "/>"...))
	r.sendAbroad(from, contact, f)
}
