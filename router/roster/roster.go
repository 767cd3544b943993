// Package roster serves jabber:iq:roster (RFC 6121 §2) and subscriptions (§3) over a rosterdb
// store, and tells the router who may see whose presence.
//
// Everything here may block on the store. A change and the pushes that follow it happen under the
// lock of the roster's owner, so that resources see versions in their order.
package roster

import (
	"errors"
	"hash/maphash"
	"sync"
	"sync/atomic"

	"roost/rosterdb"
	"roost/router"
	"roost/xmlstream/jid"
	"roost/xmlstream/stanza"
)

// Service is the roster and subscription half of the server.
type Service struct {
	r        *router.Router
	db       rosterdb.Rosters
	accounts router.Accounts
	limits   rosterdb.Limits

	places    atomic.Pointer[places]
	strangers chan struct{} // one for each who waits for the roster of another

	pushID atomic.Uint64
	seed   maphash.Seed
	owners [4096]sync.Mutex // by bare JID; a bulk load holds hundreds at once
}

// Register makes the service and enters it into r: requests, features, and presence.
func Register(r *router.Router, db rosterdb.Rosters, accounts router.Accounts, limits rosterdb.Limits) *Service {
	s := &Service{r: r, db: db, accounts: accounts, limits: limits, seed: maphash.MakeSeed(),
		strangers: make(chan struct{}, maxStrangers)}
	s.places.Store(&places{map[string]Elsewhere{}, map[string]bool{}})
	r.Handle(
		router.Row{Space: stanza.NSRoster, Local: "query", Get: true, Set: true, Blocks: true, Unknown: true,
			To: router.ToOwn | router.ToOthers, Handle: s.serve})
	r.AddFeature(router.ToServer, stanza.NSRoster)
	r.SetRosters(s)
	return s
}

// StreamFeatures are announced to a client after authentication (RFC 6121 §2.6.1, §3.4.1).
func StreamFeatures() string {
	return "<ver xmlns='" + stanza.NSRosterVer + "'/><sub xmlns='" + stanza.NSPreApprove + "'/>"
}

// Contacts implements router.Rosters.
func (s *Service) Contacts(user jid.JID) ([]router.Contact, error) {
	out := make([]router.Contact, 0, 32) // most have no more
	add := func(contact jid.JID, sub rosterdb.Sub) {
		if sub != rosterdb.SubNone {
			out = append(out, router.Contact{JID: contact, From: sub.HasFrom(), To: sub.HasTo()})
		}
	}
	store := s.store(user)
	if quick, ok := store.(subscribed); ok {
		err := quick.Subscribed(user, add)
		return out, storeError(err)
	}
	ro, err := store.Roster(user)
	if err != nil {
		return nil, storeError(err)
	}
	for _, it := range ro.Items {
		add(it.Contact, it.Sub)
	}
	return out, nil
}

// subscribed is implemented by stores that need not decode a whole roster for this.
type subscribed interface {
	Subscribed(owner jid.JID, fn func(contact jid.JID, sub rosterdb.Sub)) error
}

// Sees implements router.Rosters.
func (s *Service) Sees(user, who jid.JID) (bool, error) {
	it, err := s.item(user, who)
	return it.Sub.HasFrom(), storeError(err)
}

// Pending implements router.Rosters (RFC 6121 §3.1.3: requests are shown again at each login).
func (s *Service) Pending(user jid.JID, deliver func(stanza []byte)) error {
	ro, err := s.store(user).Roster(user)
	if err != nil {
		return storeError(err)
	}
	for it := range ro.Requests() {
		f := request(user, it)
		deliver(f.Bytes())
		f.Release()
	}
	return nil
}

// storeError maps a store's faults to those that the router knows.
func storeError(err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, rosterdb.ErrNoSpace), errors.Is(err, rosterdb.ErrReadOnly):
		return errors.Join(router.ErrNoSpace, err)
	case errors.Is(err, rosterdb.ErrAway):
		return errors.Join(router.ErrAway, err)
	}
	return err
}

// lock takes the locks of one or two owners in a fixed order and gives the way back.
func (s *Service) lock(a, b jid.JID) (unlock func()) {
	i := maphash.String(s.seed, a.String()) % uint64(len(s.owners))
	j := maphash.String(s.seed, b.String()) % uint64(len(s.owners))
	if i == j {
		s.owners[i].Lock()
		return s.owners[i].Unlock
	}
	s.owners[min(i, j)].Lock()
	s.owners[max(i, j)].Lock()
	return func() {
		s.owners[max(i, j)].Unlock()
		s.owners[min(i, j)].Unlock()
	}
}

// push sends one changed item to the owner's interested resources (RFC 6121 §2.1.6).
func (s *Service) push(owner jid.JID, it rosterdb.Item, ver uint64, removed bool) {
	for _, ses := range s.r.Sessions(owner) {
		if !ses.Status().Interested {
			continue
		}
		s.pushTo(ses, it, ver, removed)
	}
}
