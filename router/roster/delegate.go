package roster

import (
	"maps"

	"roost/rosterdb"
	"roost/xmlstream/jid"
)

// Elsewhere is a store whose truth is not here: it takes no changes from clients, and its answers may
// take long unless a roster is cached.
type Elsewhere interface {
	rosterdb.Rosters
	// Cached gives the roster of owner when it can be had without waiting, else nil. It can while owner
	// is available.
	Cached(owner jid.JID) *rosterdb.Roster
	// Forget drops what is kept of an account that was removed.
	Forget(owner jid.JID)
}

// Delegate makes store the place of the rosters of one domain. Roster sets of clients are refused
// there. nil gives them back to the store here. Once sessions of the domain are bound, their rosters must be
// at hand before the call, and Differ tells them what is new after it.
func (s *Service) Delegate(domain string, store Elsewhere) {
	s.change(func(p *places) {
		if store == nil {
			delete(p.elsewhere, domain)
			return
		}
		p.elsewhere[domain] = store
	})
}

// Block drops subscription stanzas from and to the accounts of a domain, without a word to anybody, or
// ends that.
func (s *Service) Block(domain string, on bool) { s.change(func(p *places) { p.blocked[domain] = on }) }

// places are the domains that are not like others. They never change: others take their place.
type places struct {
	elsewhere map[string]Elsewhere
	blocked   map[string]bool
}

func (s *Service) change(fn func(*places)) {
	for {
		old := s.places.Load()
		p := &places{maps.Clone(old.elsewhere), maps.Clone(old.blocked)}
		fn(p)
		if s.places.CompareAndSwap(old, p) {
			return
		}
	}
}

// elsewhere is the store of a domain whose rosters are not here; nil for another.
func (s *Service) elsewhere(domain string) Elsewhere { return s.places.Load().elsewhere[domain] }

func (s *Service) blocked(domain string) bool { return s.places.Load().blocked[domain] }

// Differ tells owner's resources of a roster that has changed elsewhere, and shows or hides presence
// as the new subscriptions say. Calls for one owner must come one after the other. It blocks.
func (s *Service) Differ(owner jid.JID, old, now *rosterdb.Roster) {
	defer s.lock(owner, owner)()
	s.tellReplaced(owner, old, now)
}

// AtHand implements router.Fetching.
func (s *Service) AtHand(user jid.JID) bool {
	e := s.elsewhere(user.Domain())
	return e == nil || e.Cached(user) != nil
}

// Fetch implements router.Fetching.
func (s *Service) Fetch(user jid.JID) error {
	e := s.elsewhere(user.Domain())
	if e == nil {
		return nil
	}
	_, err := e.Roster(user)
	return storeError(err)
}

// maxStrangers is how many may wait at a time for the rosters of others, all domains together: they
// wait on goroutines that all users share.
const maxStrangers = 32

// item looks into user's roster. One that is elsewhere, of a user who is not here, is fetched for a few
// who ask at a time.
func (s *Service) item(user, contact jid.JID) (rosterdb.Item, error) {
	e := s.elsewhere(user.Domain())
	if e == nil {
		it, _, err := s.db.Item(user, contact)
		return it, err
	}
	if ro := e.Cached(user); ro != nil {
		it, _ := ro.Find(contact)
		return it, nil
	}
	select {
	case s.strangers <- struct{}{}:
		defer func() { <-s.strangers }()
	default:
		return rosterdb.Item{}, rosterdb.ErrAway
	}
	it, _, err := e.Item(user, contact)
	return it, err
}

// store is the place of owner's roster.
func (s *Service) store(owner jid.JID) rosterdb.Rosters {
	if e := s.elsewhere(owner.Domain()); e != nil {
		return e
	}
	return s.db
}
