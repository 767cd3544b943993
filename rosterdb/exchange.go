package rosterdb

import (
	"errors"
	"fmt"

	"roost/xmlstream/jid"
)

// Subscription implements Store.
func (db *DB) Subscription(x Exchange) (Outcome, error) {
	x.From, x.To, x.Limits = x.From.Bare(), x.To.Bare(), x.Limits.withDefaults()
	if x.From.IsZero() || x.To.IsZero() || x.From == x.To || x.Event == NoEvent || x.Event >= nEvents {
		return Outcome{}, fmt.Errorf("subscription stanza %q from %q to %q: %w", x.Event, x.From, x.To, ErrBadItem)
	}
	var out Outcome
	err := db.update(func(t *tx) error {
		out = Outcome{Route: true}
		return t.exchange(x, &out)
	})
	if err != nil {
		return Outcome{}, err
	}
	return out, nil
}

// exchange applies the stanza to the sender, to the receiver, and the
// receiver's automatic answer to the sender again.
func (t *tx) exchange(x Exchange, out *Outcome) error {
	if x.FromLocal {
		step, err := t.side(&out.From, x.From, x.To, Outbound, x.Event, x)
		if err != nil {
			return err
		}
		out.Route = step.Route
	}
	if !x.ToLocal || !out.Route {
		return nil
	}
	step, err := t.side(&out.To, x.To, x.From, Inbound, x.Event, x)
	if errors.Is(err, ErrRosterFull) {
		// A full roster is the receiver's affair: the stanza is dropped.
		out.To.Full = true
		return nil
	}
	if err != nil {
		return err
	}
	out.Deliver, out.AutoReply = step.Deliver, step.Reply
	if step.Reply == NoEvent || !x.FromLocal {
		return nil
	}
	reply, err := t.side(&out.From, x.From, x.To, Inbound, step.Reply, x)
	out.ReplyDeliver = reply.Deliver
	return err
}

// side applies one event to owner's entry for contact. s gathers: when it is
// applied twice, s.Before stays what it was.
func (t *tx) side(s *Side, owner, contact jid.JID, d Direction, ev Event, x Exchange) (Step, error) {
	e, err := t.edit(owner)
	if err != nil {
		return Step{}, err
	}
	it, ok, err := e.item(contact)
	if err != nil {
		return Step{}, err
	}
	var before Item
	if ok {
		before = it
	}
	if s.After.IsZero() && !s.Changed {
		s.Before, s.Existed = before, ok
	}
	s.After, s.Ver = before, e.rec.ver
	keep := false
	if d == Inbound && ev == Subscribe && !it.PendingIn {
		u, err := e.rec.usage()
		if err != nil {
			return Step{}, badRoster(owner, err)
		}
		keep = len(x.Stanza) <= x.Limits.MaxRequest && u.requests+len(x.Stanza) <= maxRequests
	}
	next, step, gone := apply(it, d, ev, x.Stanza, keep)
	if gone && !ok || ok && !gone && sameRecord(it, next) {
		return step, nil
	}
	if !gone && (!ok || next.Listed != it.Listed) {
		if err := e.room(next.Listed, x.Limits); err != nil {
			return Step{}, err
		}
	}
	after, visible, err := e.put(before, next, gone)
	if err != nil {
		return Step{}, err
	}
	s.After, s.Changed, s.Ver = after, true, e.rec.ver
	s.Push = s.Push || visible
	return step, nil
}

// Remove implements Store.
func (db *DB) Remove(owner, contact jid.JID, contactLocal bool) (RemoveOutcome, error) {
	owner, contact = owner.Bare(), contact.Bare()
	var out RemoveOutcome
	err := db.update(func(t *tx) error {
		out = RemoveOutcome{}
		return t.remove(owner, contact, contactLocal, &out)
	})
	if err != nil {
		return RemoveOutcome{}, err
	}
	return out, nil
}

func (t *tx) remove(owner, contact jid.JID, contactLocal bool, out *RemoveOutcome) error {
	e, err := t.edit(owner)
	if err != nil {
		return err
	}
	it, ok, err := e.item(contact)
	if err != nil {
		return err
	}
	if !ok || !it.Listed {
		return fmt.Errorf("roster of %s, contact %s: %w", owner, contact, ErrNoItem)
	}
	out.Before = it
	// RFC 6121 §2.5.2: end what is there in both directions. A request of ours
	// that waits is taken back, one of theirs is refused; else it would come back
	// at the next login without an entry to belong to.
	out.Unsubscribe = it.Sub.HasTo() || it.Ask
	out.Unsubscribed = it.Sub.HasFrom() || it.PendingIn
	if _, _, err := e.put(it, it, true); err != nil {
		return err
	}
	out.Ver = e.rec.ver
	if !contactLocal || contact == owner {
		return nil
	}
	x := Exchange{Limits: Limits{}.withDefaults()}
	for _, ev := range []struct {
		on      bool
		event   Event
		deliver *bool
	}{
		{out.Unsubscribe, Unsubscribe, &out.DeliverUnsubscribe},
		{out.Unsubscribed, Unsubscribed, &out.DeliverUnsubscribed},
	} {
		if !ev.on {
			continue
		}
		step, err := t.side(&out.Contact, contact, owner, Inbound, ev.event, x)
		if err != nil {
			return err
		}
		*ev.deliver = step.Deliver
	}
	return nil
}
