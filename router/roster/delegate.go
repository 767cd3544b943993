package roster

import (
	"roost/rosterdb"
	"roost/xmlstream/jid"
)

// Elsewhere is a store whose truth is not here: it takes no changes from clients, and its answers may
// take long unless Known.
type Elsewhere interface {
	rosterdb.Rosters
	// Known reports whether the roster of owner can be had without waiting. It can while owner is
	// available.
	Known(owner jid.JID) bool
	// Forget drops what is kept of an account that was removed.
	Forget(owner jid.JID)
}

// Delegate makes store the place of the rosters of one domain. Roster sets of clients are refused
// there. It must not be called once sessions are bound.
func (s *Service) Delegate(domain string, store Elsewhere) { s.elsewhere[domain] = store }

// Block drops subscription stanzas from and to the accounts of a domain, without a word to anybody.
// It must not be called once sessions are bound.
func (s *Service) Block(domain string) { s.blocked[domain] = true }

// Differ tells owner's resources of a roster that has changed elsewhere, and shows or hides presence
// as the new subscriptions say. Calls for one owner must come one after the other. It blocks.
func (s *Service) Differ(owner jid.JID, old, now *rosterdb.Roster) {
	defer s.lock(owner, owner)()
	// §2.6.3: a client that misses the last push must not take its roster for the new one, nor, when
	// the old content comes back with its version, for that.
	s.tellReplaced(owner, &rosterdb.Roster{Ver: now.Ver + 1, Items: old.Items}, now)
}

// AtHand implements router.Fetching.
func (s *Service) AtHand(user jid.JID) bool {
	e := s.elsewhere[user.Domain()]
	return e == nil || e.Known(user)
}

// store is the place of owner's roster.
func (s *Service) store(owner jid.JID) rosterdb.Rosters {
	if e := s.elsewhere[owner.Domain()]; e != nil {
		return e
	}
	return s.db
}
