package roster

import (
	"errors"

	"roost/rosterdb"
	"roost/router"
	"roost/xmlstream/jid"
	"roost/xmlstream/stanza"
)

// events maps presence types to the store's events.
var events = map[stanza.Type]rosterdb.Event{
	stanza.Subscribe: rosterdb.Subscribe, stanza.Subscribed: rosterdb.Subscribed,
	stanza.Unsubscribe: rosterdb.Unsubscribe, stanza.Unsubscribed: rosterdb.Unsubscribed,
}

var presenceTypes = map[rosterdb.Event]stanza.Type{
	rosterdb.Subscribe: stanza.Subscribe, rosterdb.Subscribed: stanza.Subscribed,
	rosterdb.Unsubscribe: stanza.Unsubscribe, rosterdb.Unsubscribed: stanza.Unsubscribed,
}

// Subscription implements router.Rosters (RFC 6121 §3): the rosters of both sides change in one
// transaction, then whoever is on line hears of it, in the order that the RFC gives.
func (s *Service) Subscription(from, to jid.JID, st *stanza.Stanza) *stanza.StanzaError {
	fromLocal := s.r.Serves(from.Domain())
	switch {
	case s.blocked(from.Domain()), !fromLocal && !s.takes(to):
		return nil
	case s.elsewhere(from.Domain()) != nil:
		return stanza.ServiceUnavailable.With("the roster is kept elsewhere and cannot be changed from here")
	}
	f := stanza.NewFrame() // §3.1.2: bare addresses on both sides
	defer f.Release()
	f.Set(st.AppendRelay(f.Buf(), from, to))
	toLocal, err := s.isAccount(to)
	if err != nil {
		return s.fault(to, err)
	}
	x := rosterdb.Exchange{From: from, To: to, Event: events[st.Type], FromLocal: fromLocal,
		ToLocal: toLocal && s.takes(to), Stanza: f.Bytes(), Limits: s.limits}
	defer s.lock(from, to)()
	out, err := s.db.Subscription(x)
	switch {
	case errors.Is(err, rosterdb.ErrRosterFull): // the sender's; a full one of the receiver is To.Full
		return stanza.ResourceConstraint.With("the roster has no room for another contact")
	case err != nil:
		return s.fault(from, err)
	}
	s.tellSides(x, out, f)
	s.tellPresence(x, out)
	return nil
}

// takes reports whether subscription stanzas may change the roster of j.
func (s *Service) takes(j jid.JID) bool {
	return !s.blocked(j.Domain()) && s.elsewhere(j.Domain()) == nil
}

// isAccount reports whether j has its roster in the store here. RFC 6121 §8.5.1: stanzas to an address
// of ours that is no account are ignored.
func (s *Service) isAccount(j jid.JID) (bool, error) {
	if !s.r.Serves(j.Domain()) || j.Local() == "" || s.elsewhere(j.Domain()) != nil {
		return false, nil
	}
	return s.accounts.Exists(j)
}

func (s *Service) fault(who jid.JID, err error) *stanza.StanzaError {
	return s.r.StoreError("subscription", who, storeError(err))
}

// tellSides pushes the changed items and shows the stanza to those whom it concerns.
func (s *Service) tellSides(x rosterdb.Exchange, out rosterdb.Outcome, f *stanza.Frame) {
	if out.From.Push { // §3.1.2: the push with ask='subscribe' goes ahead of the stanza
		s.push(x.From, out.From.After, out.From.Ver, false)
	}
	switch {
	case out.Deliver:
		s.show(x.To, x.Event, f)
	case out.Route && !s.r.Serves(x.To.Domain()):
		s.r.Send(x.From, x.To, f.Retain())
	}
	if out.To.Push { // §3.1.6: after the stanza
		s.push(x.To, out.To.After, out.To.Ver, false)
	}
	if out.AutoReply != rosterdb.NoEvent {
		s.reply(x, out)
	}
}

// reply sends the answer that the server gives in To's name (§3.1.3, §3.4.2).
func (s *Service) reply(x rosterdb.Exchange, out rosterdb.Outcome) {
	f := bareStanza(x.To, x.From, out.AutoReply)
	defer f.Release()
	switch {
	case !x.FromLocal:
		s.r.Send(x.To, x.From, f.Retain())
	case out.ReplyDeliver:
		s.show(x.From, out.AutoReply, f)
	}
}

// tellPresence sends what the new subscription shows, and takes back what it hides.
func (s *Service) tellPresence(x rosterdb.Exchange, out rosterdb.Outcome) {
	switch x.Event {
	case rosterdb.Subscribed:
		if out.Route { // §3.1.5: the approved contact sees the user at once
			s.r.Show(x.From, x.To)
		}
	case rosterdb.Unsubscribed:
		if out.From.Before.Sub.HasFrom() { // §3.2.2
			s.r.Withdraw(x.From, x.To)
		}
	case rosterdb.Unsubscribe:
		if out.To.Before.Sub.HasFrom() { // §3.3.3
			s.r.Withdraw(x.To, x.From)
		}
	}
	if out.AutoReply == rosterdb.Subscribed {
		s.r.Show(x.To, x.From)
	}
}

// show gives a subscription stanza to the resources that are to see it: a request to every
// available one (§3.1.3), the others to every interested one (§3.1.6, §3.2.3, §3.3.3).
func (s *Service) show(to jid.JID, ev rosterdb.Event, f *stanza.Frame) {
	for _, ses := range s.r.Sessions(to) {
		st := ses.Status()
		if ev == rosterdb.Subscribe && st.Available || ev != rosterdb.Subscribe && st.Interested {
			ses.Deliver(f.Retain())
		}
	}
}

// remove takes a contact out of the roster (RFC 6121 §2.5) and ends both subscriptions.
func (s *Service) remove(q *router.IQ, contact jid.JID) {
	err := s.drop(q.Account(), contact, func() { q.Result(nil) })
	switch {
	case errors.Is(err, rosterdb.ErrNoItem): // §2.5.3
		q.Error(stanza.ItemNotFound.With(contact.String() + " is not in the roster"))
	case err != nil:
		q.Fault("roster", storeError(err))
	}
}

// drop removes one item; done is called when the owner's resources have heard of it and the contact
// has not.
func (s *Service) drop(owner, contact jid.JID, done func()) error {
	local, err := s.isAccount(contact)
	if err != nil {
		return err
	}
	defer s.lock(owner, contact)()
	out, err := s.db.Remove(owner, contact, local)
	if err != nil {
		return err
	}
	s.push(owner, out.Before, out.Ver, true)
	done()
	s.part(owner, contact, local, out)
	return nil
}

// Cancel empties owner's roster and ends all its subscriptions, as before its account is removed
// (XEP-0077 §3.2). It blocks.
func (s *Service) Cancel(owner jid.JID) error {
	if e := s.elsewhere(owner.Domain()); e != nil {
		e.Forget(owner)
		return nil
	}
	ro, err := s.db.Roster(owner)
	if err != nil {
		return err
	}
	for _, it := range ro.Items {
		err := s.drop(owner, it.Contact, func() {})
		if err != nil && !errors.Is(err, rosterdb.ErrNoItem) { // a stranger's request is no item
			return err
		}
	}
	return nil
}

// part tells the contact that it was removed (§2.5.2).
func (s *Service) part(owner, contact jid.JID, local bool, out rosterdb.RemoveOutcome) {
	for _, m := range []struct {
		send, deliver bool
		ev            rosterdb.Event
	}{
		{out.Unsubscribe, out.DeliverUnsubscribe, rosterdb.Unsubscribe},
		{out.Unsubscribed, out.DeliverUnsubscribed, rosterdb.Unsubscribed},
	} {
		f := bareStanza(owner, contact, m.ev)
		switch {
		case local && m.deliver:
			s.show(contact, m.ev, f)
		case m.send && !s.r.Serves(contact.Domain()):
			s.r.Send(owner, contact, f.Retain())
		}
		f.Release()
	}
	if out.Contact.Push {
		s.push(contact, out.Contact.After, out.Contact.Ver, false)
	}
	if out.Before.Sub.HasFrom() { // §2.5.2 and §3.2.2
		s.r.Withdraw(owner, contact)
	}
	if local && out.Contact.Before.Sub.HasFrom() { // §3.3.3
		s.r.Withdraw(contact, owner)
	}
}

// bareStanza is a subscription stanza that the server makes.
func bareStanza(from, to jid.JID, ev rosterdb.Event) *stanza.Frame {
	f := stanza.NewFrame()
	h := stanza.Header{Kind: stanza.Presence, Type: presenceTypes[ev], From: from, To: to}
	f.Set(append(h.Append(f.Buf()), "/>"...))
	return f
}
