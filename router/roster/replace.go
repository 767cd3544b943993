package roster

import (
	"slices"

	"roost/rosterdb"
	"roost/xmlstream/jid"
)

// Replace puts a whole roster in the place of owner's, as an operator or another system wants it,
// and tells the people on line: pushes for what was added, changed and removed, and presence as the
// new subscriptions say. The contacts' own rosters stay as they are. It blocks.
func (s *Service) Replace(owner jid.JID, ro *rosterdb.Roster) error {
	defer s.lock(owner, owner)()
	old, err := s.db.PutRoster(owner, ro)
	if err != nil {
		return err
	}
	now, err := s.db.Roster(owner)
	if err != nil {
		return err
	}
	for _, was := range old.Items {
		if _, kept := now.Find(was.Contact); kept {
			continue
		}
		if was.Visible() {
			s.push(owner, was, now.Ver, true)
		}
		s.tellDifference(owner, was, rosterdb.Item{})
	}
	for _, is := range now.Items {
		was, _ := old.Find(is.Contact)
		if is.Visible() && !sameToClients(was, is) {
			s.push(owner, is, is.Ver, false)
		}
		s.tellDifference(owner, was, is)
	}
	return nil
}

// sameToClients reports whether two states of an item look the same in a roster push.
func sameToClients(a, b rosterdb.Item) bool {
	return a.Visible() == b.Visible() && a.Name == b.Name && a.Sub == b.Sub && a.Ask == b.Ask &&
		a.Approved == b.Approved && slices.Equal(a.Groups, b.Groups)
}

// tellDifference shows or hides presence where the subscription between owner and a contact has
// changed. was or is may be the zero Item; one of them names the contact.
func (s *Service) tellDifference(owner jid.JID, was, is rosterdb.Item) {
	contact := is.Contact
	if is.IsZero() {
		contact = was.Contact
	}
	switch before, after := was.Sub.HasFrom(), is.Sub.HasFrom(); {
	case after && !before:
		s.r.Show(owner, contact)
	case before && !after:
		s.r.Withdraw(owner, contact)
	}
	if !is.Sub.HasTo() || was.Sub.HasTo() || !s.r.Serves(contact.Domain()) {
		return
	}
	if sees, err := s.Sees(contact, owner); err == nil && sees {
		s.r.Show(contact, owner)
	}
}
