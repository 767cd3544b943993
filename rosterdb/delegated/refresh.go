package delegated

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"

	"roost/xmlstream/jid"
)

// Outcome is what a refresh did to one roster.
type Outcome uint8

// Offline: the user has no session; what is kept of the roster is not in force any more, and the next
// login fetches it. Updated: fetched, and another than before. Unchanged: fetched, and the same.
const (
	Offline Outcome = iota
	Updated
	Unchanged
)

// Summary counts what a refresh did. Every account is in exactly one of the four numbers.
type Summary struct {
	Updated   int // fetched, found changed and in force; clients have been told
	Unchanged int // fetched, and as it was
	Offline   int // without a session: nothing was fetched, and nothing that is old is kept
	Failed    []*Error
}

// Refresh fetches the roster of a user who has a session, after this moment, and puts it in force:
// when it returns, clients have been told. The error is an *Error; the old roster then stays, and is
// fetched again by itself when the application is back. Where the new roster says of a contact with
// a session what that one's roster does not, the latter is fetched as well.
func (s *Store) Refresh(ctx context.Context, owner jid.JID) (Outcome, error) {
	out, found, err := s.renew(ctx, owner.Bare())
	var sum Summary
	sum.add(owner, out, err)
	s.counted(&sum)
	doubts := doubts{}
	doubts.add(found, nil)
	s.settle(ctx, doubts)
	return out, err
}

// renew refreshes one. An account without a session is not fetched.
func (s *Store) renew(ctx context.Context, owner jid.JID) (Outcome, []doubt, error) {
	s.mu.Lock()
	e := s.entries[owner]
	if !s.o.Online(owner) {
		switch {
		case e == nil:
		case e.flight != nil: // its answer may be older than the change
			s.drop(e)
		default:
			e.outdate()
		}
		s.mu.Unlock()
		return Offline, nil, nil
	}
	s.mu.Unlock()
	select {
	case s.errands <- struct{}{}:
		defer func() { <-s.errands }()
	case <-ctx.Done():
	}
	if ctx.Err() != nil {
		return 0, nil, s.outdated(owner, &Error{Owner: owner, Reason: ReasonTimeout, Err: fmt.Errorf("not fetched: the refresh took longer than %v", s.o.RefreshTime)})
	}
	s.mu.Lock()
	f := s.request(s.entry(owner))
	s.place(s.entry(owner))
	s.mu.Unlock()
	<-f.done // within two Timeouts
	switch {
	case f.dropped:
		return Offline, nil, nil
	case f.err != nil:
		return 0, nil, f.err
	case f.changed:
		return Updated, f.doubts, nil
	}
	return Unchanged, nil, nil
}

// outdated notes that the roster of owner is to be fetched, although nobody could.
func (s *Store) outdated(owner jid.JID, err *Error) *Error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if e := s.entries[owner]; e != nil && e.live {
		e.failed = err
		s.place(e)
	}
	return err
}

// RefreshAll refreshes many, as many at a time as errands may go on; contacts are compared when all
// that were named are fetched, and not counted. It takes no longer than Options.RefreshTime and a few
// Timeouts.
func (s *Store) RefreshAll(ctx context.Context, owners []jid.JID) Summary {
	ctx, cancel := context.WithTimeout(ctx, s.o.RefreshTime)
	defer cancel()
	named := make(map[jid.JID]struct{}, len(owners))
	for _, o := range owners {
		named[o] = struct{}{}
	}
	var (
		sum    Summary
		doubts = doubts{}
		mu     sync.Mutex // guards sum and doubts
		wg     sync.WaitGroup
		next   atomic.Int64
	)
	for range min(len(owners), cap(s.errands)) {
		wg.Go(func() {
			for i := next.Add(1) - 1; i < int64(len(owners)); i = next.Add(1) - 1 {
				out, more, err := s.renew(ctx, owners[i])
				mu.Lock()
				doubts.add(more, named)
				sum.add(owners[i], out, err)
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	s.settle(ctx, doubts)
	s.counted(&sum)
	return sum
}

// counted enters a refresh into the statistics.
func (s *Store) counted(sum *Summary) {
	s.mu.Lock()
	defer s.mu.Unlock()
	n := &s.stats.Refreshed
	n.Updated += uint64(sum.Updated)
	n.Unchanged += uint64(sum.Unchanged)
	n.Offline += uint64(sum.Offline)
	n.Failed += uint64(len(sum.Failed))
}

func (sum *Summary) add(owner jid.JID, out Outcome, err error) {
	switch {
	case err != nil:
		e, ok := errors.AsType[*Error](err)
		if !ok {
			e = &Error{Owner: owner, Reason: ReasonAnswer, Err: err}
		}
		sum.Failed = append(sum.Failed, e)
	case out == Updated:
		sum.Updated++
	case out == Unchanged:
		sum.Unchanged++
	default:
		sum.Offline++
	}
}
