package delegated

import (
	"container/list"
	"context"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/sony/gobreaker/v2"

	"roost/rosterdb"
	"roost/xmlstream/jid"
)

// Store is the rosters of one domain. It implements rosterdb.Rosters; what would change a roster
// fails with rosterdb.ErrDelegated.
type Store struct {
	o       Options
	aim     atomic.Pointer[aim]
	client  *http.Client
	breaker *gobreaker.CircuitBreaker[answer]

	slots     chan struct{} // one for each request that goes on
	errands   chan struct{} // likewise, for refreshes: logins keep half of the slots
	refreshes chan struct{}
	signing   chan struct{} // one for each signed body that is read

	ctx    context.Context // ends with Close
	cancel context.CancelFunc
	wg     sync.WaitGroup

	trust    atomic.Pointer[trust]
	troubles troubles

	mu       sync.Mutex // guards what follows; never held while anything blocks
	closed   bool
	entries  map[jid.JID]*entry
	idle     list.List // of *entry that are not live, those used last in front
	idleSize int
	stale    map[*entry]struct{} // live ones that could not be fetched anew
	waiting  int                 // for a slot
	average  time.Duration       // of a request
	version  uint64              // the highest that a roster has had
	stats    Stats
}

// Stats counts what has happened since the start, and what is.
type Stats struct {
	Requests    uint64        // to the application
	NotModified uint64        // of these, answered with 304
	Failures    uint64        // of these, failed
	Took        time.Duration // all requests together
	Open        int           // requests that go on
	Waiting     int           // fetches that wait for their turn
	Trips       uint64        // how often the application was given up for a while
	Refreshed   Refreshed
	Stale       uint64 // rosters served although they could not be fetched anew
	Live, Idle  int    // rosters in memory, of users with and without a session
	IdleBytes   int    // size of the latter, about
	Paused      bool   // the application is left alone for the moment
}

// Refreshed counts the accounts that refreshes have named, by what came of it.
type Refreshed struct{ Updated, Unchanged, Offline, Failed uint64 }

// New makes a Store. It asks nothing yet.
func New(o Options) (*Store, error) {
	o = o.withDefaults()
	if err := CheckURL(o.URL); err != nil {
		return nil, fmt.Errorf("%s: %w", o.URL, err)
	}
	s := &Store{o: o, slots: make(chan struct{}, o.Concurrency),
		errands: make(chan struct{}, max(o.Concurrency/2, 1)), refreshes: make(chan struct{}, o.Refreshes), signing: make(chan struct{}, maxSigned),
		entries: map[jid.JID]*entry{}, stale: map[*entry]struct{}{}}
	s.troubles.told, s.troubles.since = map[string]time.Time{}, map[string]int{}
	s.aim.Store(&aim{target(o.URL), o.Token, o.Timeout})
	s.client = &http.Client{Transport: o.Transport, CheckRedirect: fewRedirects}
	s.breaker = gobreaker.NewCircuitBreaker[answer](s.breakerSettings())
	s.ctx, s.cancel = context.WithCancel(context.Background())
	s.abandon()
	s.wg.Go(s.mend)
	return s, nil
}

// Close ends all requests; who waits for one gets an error. It returns when they have ended.
func (s *Store) Close() {
	s.mu.Lock()
	s.closed = true
	s.mu.Unlock()
	s.cancel()
	s.wg.Wait()
	s.client.CloseIdleConnections()
}

// Domain is the domain whose rosters these are.
func (s *Store) Domain() string { return s.o.Domain }

// Stats takes a snapshot.
func (s *Store) Stats() Stats {
	paused := s.breaker.State() == gobreaker.StateOpen
	s.mu.Lock()
	defer s.mu.Unlock()
	st := s.stats
	st.Open, st.Waiting, st.Trips = len(s.slots), s.waiting, s.troubles.trips.Load()
	st.Idle, st.IdleBytes, st.Paused = s.idle.Len(), s.idleSize, paused
	st.Live = len(s.entries) - st.Idle
	return st
}

// Roster implements rosterdb.Rosters. It fetches the roster when it is not in memory, or was fetched
// before the user's first session began, and waits no longer than Options.Timeout. When that fails
// and there is an older one, it gives that; else the error is an *Error.
func (s *Store) Roster(owner jid.JID) (*rosterdb.Roster, error) {
	owner = owner.Bare()
	if owner.Domain() != s.o.Domain {
		return nil, fmt.Errorf("roster of %s: not of the domain %s", owner, s.o.Domain)
	}
	if r := s.cached(owner); r != nil {
		return r, nil
	}
	switch ok, err := s.o.Exists(owner); {
	case err != nil:
		return nil, err
	case !ok:
		return &rosterdb.Roster{}, nil
	}
	return s.load(owner)
}

// Item implements rosterdb.Rosters; it may fetch as Roster does.
func (s *Store) Item(owner, contact jid.JID) (rosterdb.Item, bool, error) {
	r, err := s.Roster(owner)
	if err != nil {
		return rosterdb.Item{}, false, err
	}
	it, ok := r.Find(contact)
	return it, ok, nil
}

// Known reports whether the roster of owner can be had without asking the application.
func (s *Store) Known(owner jid.JID) bool { return s.cached(owner.Bare()) != nil }

// Subscription implements rosterdb.Rosters: refused.
func (s *Store) Subscription(x rosterdb.Exchange) (rosterdb.Outcome, error) {
	if x.FromLocal && x.From.Domain() == s.o.Domain {
		return rosterdb.Outcome{}, refused(x.From)
	}
	return rosterdb.Outcome{}, refused(x.To)
}

// SetItem implements rosterdb.Rosters: refused.
func (s *Store) SetItem(owner, _ jid.JID, _ string, _ []string, _ rosterdb.Limits) (rosterdb.Change, error) {
	return rosterdb.Change{}, refused(owner)
}

// Remove implements rosterdb.Rosters: refused.
func (s *Store) Remove(owner, _ jid.JID, _ bool) (rosterdb.RemoveOutcome, error) {
	return rosterdb.RemoveOutcome{}, refused(owner)
}

// PutRoster implements rosterdb.Rosters: refused.
func (s *Store) PutRoster(owner jid.JID, _ *rosterdb.Roster) (*rosterdb.Roster, error) {
	return nil, refused(owner)
}

// DeleteRoster implements rosterdb.Rosters: refused.
func (s *Store) DeleteRoster(owner jid.JID) (*rosterdb.Roster, error) { return nil, refused(owner) }

// ReplaceRoster implements rosterdb.Rosters: refused.
func (s *Store) ReplaceRoster(owner jid.JID, _ *rosterdb.Roster, _ func(*rosterdb.Roster) error) (old, now *rosterdb.Roster, err error) {
	return nil, nil, refused(owner)
}

// Rosters implements rosterdb.Rosters: refused, the application alone knows them all.
func (s *Store) Rosters(domain string, _ func(jid.JID, *rosterdb.Roster) error) error {
	return fmt.Errorf("rosters of %s: %w: list them there", domain, rosterdb.ErrDelegated)
}

// RosterOwners implements rosterdb.Rosters: refused like Rosters.
func (s *Store) RosterOwners(domain string, _ jid.JID, _ int) ([]jid.JID, error) {
	return nil, fmt.Errorf("rosters of %s: %w: list them there", domain, rosterdb.ErrDelegated)
}

// clip keeps what others say short enough for a log or an answer.
func clip(s string) string {
	const most = 200
	if len(s) > most {
		return strings.ToValidUTF8(s[:most], "") + "…"
	}
	return s
}
