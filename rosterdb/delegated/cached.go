package delegated

import (
	"roost/rosterdb"
	"roost/xmlstream/jid"
)

// Cached gives the roster of owner when it can be had without asking the application, else nil. It
// never waits.
func (s *Store) Cached(owner jid.JID) *rosterdb.Roster { return s.cached(owner.Bare()) }
