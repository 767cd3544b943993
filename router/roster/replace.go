package roster

import (
	"fmt"
	"slices"

	"roost/rosterdb"
	"roost/xmlstream"
	"roost/xmlstream/jid"
	"roost/xmlstream/stanza"
)

// Replace is ReplaceIf without a condition.
func (s *Service) Replace(owner jid.JID, ro *rosterdb.Roster) error {
	_, err := s.ReplaceIf(owner, ro, nil)
	return err
}

// ReplaceIf puts a whole roster in the place of owner's, as an operator or another system wants it,
// and tells the people on line: pushes for what was added, changed and removed, and presence as the
// new subscriptions say. The contacts' own rosters stay as they are. A nil ro deletes the record.
// check sees the roster that is there, in the same transaction; its error refuses the change and is
// returned as it is; nil lets everything. now is what is stored then. It blocks.
func (s *Service) ReplaceIf(owner jid.JID, ro *rosterdb.Roster, check func(old *rosterdb.Roster) error) (now *rosterdb.Roster, err error) {
	owner = owner.Bare()
	if ro != nil {
		if err := checkRequests(owner, ro); err != nil {
			return nil, err
		}
	}
	defer s.lock(owner, owner)()
	old, now, err := s.store(owner).ReplaceRoster(owner, ro, check)
	if err != nil {
		return nil, err
	}
	// Who comes after this look reads the roster that is stored now.
	if len(s.r.Sessions(owner)) > 0 {
		s.tellReplaced(owner, old, now)
	}
	return now, nil
}

// checkRequests refuses a waiting request that owner's clients could not be shown: it is sent as it
// stands.
func checkRequests(owner jid.JID, ro *rosterdb.Roster) error {
	for it := range ro.Requests() {
		if it.Request == nil {
			continue
		}
		el, err := xmlstream.ParseElement(it.Request, nil)
		if err == nil {
			st := stanza.Parse(el, string(el.Space()))
			if space := string(el.Space()); space != "" && space != stanza.NSClient || st.Kind != stanza.Presence || st.Type != stanza.Subscribe || st.Bad != nil || st.From.Bare() != it.Contact || st.To.Bare() != owner {
				err = fmt.Errorf("it is no presence of type subscribe from %s to %s", it.Contact, owner)
			}
		}
		if err != nil {
			return fmt.Errorf("roster of %s, contact %s: %w: the stanza of the request: %w", owner, it.Contact, rosterdb.ErrBadItem, err)
		}
	}
	return nil
}

// tellReplaced tells owner's resources what is different, and shows or hides presence.
func (s *Service) tellReplaced(owner jid.JID, old, now *rosterdb.Roster) {
	s.pushReplaced(owner, old, now)
	for _, was := range old.Items {
		if _, kept := now.Find(was.Contact); !kept {
			s.tellDifference(owner, was, rosterdb.Item{Contact: was.Contact})
		}
	}
	for _, is := range now.Items {
		was, _ := old.Find(is.Contact)
		s.tellDifference(owner, was, is)
	}
}

// pushReplaced sends the pushes that lead from one roster to another. §2.6.3: a client that misses the
// rest must not take its roster for the new one.
func (s *Service) pushReplaced(owner jid.JID, old, now *rosterdb.Roster) {
	if edits, ok := now.Since(old.Ver); ok && old.Ver != now.Ver {
		for _, e := range edits {
			s.push(owner, e.Item, e.Item.Ver, e.Removed)
		}
		return
	}
	told := changes(old, now) // a roster without a past: only the last push has a version of its own
	for i, c := range told {
		ver := old.Ver
		if i == len(told)-1 {
			ver = now.Ver
		}
		s.push(owner, c.item, ver, c.removed)
	}
}

// change is one push.
type change struct {
	item    rosterdb.Item
	removed bool
}

// changes are the pushes that lead from one roster to another: what is gone, then what is new or
// different.
func changes(old, now *rosterdb.Roster) (out []change) {
	for was := range old.Visible() {
		if is, _ := now.Find(was.Contact); !is.Visible() {
			out = append(out, change{was, true})
		}
	}
	for is := range now.Visible() {
		if was, _ := old.Find(is.Contact); !sameToClients(was, is) {
			out = append(out, change{is, false})
		}
	}
	return out
}

// sameToClients reports whether two states of an item look the same in a roster push.
func sameToClients(a, b rosterdb.Item) bool {
	return a.Visible() == b.Visible() && a.Name == b.Name && a.Sub == b.Sub && a.Ask == b.Ask &&
		a.Approved == b.Approved && slices.Equal(a.Groups, b.Groups)
}

// tellDifference shows or hides presence where the subscription between owner and a contact has
// changed, and shows a request that is new. was may be the zero Item.
func (s *Service) tellDifference(owner jid.JID, was, is rosterdb.Item) {
	contact := is.Contact
	switch before, after := was.Sub.HasFrom(), is.Sub.HasFrom(); {
	case after && !before:
		s.r.Show(owner, contact)
	case before && !after:
		s.r.Withdraw(owner, contact)
	}
	if before, after := was.Sub.HasTo(), is.Sub.HasTo(); before != after {
		s.tellSight(owner, contact, after)
	}
	if is.PendingIn && !was.PendingIn { // RFC 6121 §3.1.3
		f := request(owner, is)
		s.show(owner, rosterdb.Subscribe, f)
		f.Release()
	}
}

// tellSight shows owner the contact that it sees from now on, or takes the contact's presence back.
// A contact decides whom it shows itself to, so that its own roster is asked: here, or by a probe.
func (s *Service) tellSight(owner, contact jid.JID, sees bool) {
	if !s.r.Serves(contact.Domain()) {
		for _, ses := range s.r.Available(owner) {
			if sees { // RFC 6121 §4.3.1
				h := stanza.Header{Kind: stanza.Presence, Type: stanza.Probe, From: ses.JID, To: contact}
				f := stanza.NewFrame()
				f.Set(append(h.Append(f.Buf()), "/>"...))
				s.r.Send(ses.JID, contact, f)
			}
		}
		return
	}
	if !s.AtHand(contact) { // then it is not available: there is nothing to be seen
		return
	}
	shows, err := s.Sees(contact, owner)
	switch {
	case err != nil:
		s.r.StoreError("roster", contact, err)
	case shows && sees:
		s.r.Show(contact, owner)
	case shows:
		s.r.Withdraw(contact, owner)
	}
}

// request is the subscribe stanza that waits in an entry of owner's roster. When it was too long to
// be kept its envelope says enough.
func request(owner jid.JID, it rosterdb.Item) *stanza.Frame {
	if it.Request != nil {
		return stanza.FrameOf(it.Request)
	}
	return bareStanza(it.Contact, owner, rosterdb.Subscribe)
}
