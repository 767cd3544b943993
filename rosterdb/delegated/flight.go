package delegated

import (
	"errors"
	"time"

	"roost/rosterdb"
	"roost/xmlstream/jid"
)

// flight is one fetch for one owner; whoever needs the roster waits for the same. A refresh must not
// join a flight that began before it, whose answer may be older than the change: it waits for the
// next one. What follows done is set when done is closed.
type flight struct {
	done    chan struct{}
	refresh bool // of a refresh: the user's contacts are compared too
	roster  *rosterdb.Roster
	err     error
	changed bool // roster is another than was there before, or the first
	dropped bool // the user went while the fetch was under way; its answer is not kept
	doubts  []doubt
}

// load gives a roster that is not in force, by a fetch. Soon after one that failed there is no
// other: a login that needs the roster twice waits once.
func (s *Store) load(owner jid.JID) (*rosterdb.Roster, error) {
	s.mu.Lock()
	e := s.entry(owner)
	f := e.flight
	if s.held(e) {
		e.live = e.roster != nil && s.o.Online(owner)
		s.place(e)
		r, err := e.roster, e.failed
		s.served(r)
		s.mu.Unlock()
		return r, unless(r, err)
	}
	if f == nil {
		f = s.launch(e)
		s.place(e)
	}
	s.mu.Unlock()
	<-f.done // no longer than Options.Timeout
	if f.err != nil {
		s.mu.Lock()
		s.served(f.roster)
		s.mu.Unlock()
	}
	return f.roster, unless(f.roster, f.err)
}

// unless is err when there is no roster to go on with.
func unless(r *rosterdb.Roster, err error) error {
	if r != nil {
		return nil
	}
	return err
}

// served counts a roster that is given out although it could not be fetched anew. The caller holds s.mu.
func (s *Store) served(r *rosterdb.Roster) {
	if r != nil {
		s.stats.Stale++
	}
}

// launch begins e's next flight. The caller holds s.mu; none goes on.
func (s *Store) launch(e *entry) *flight {
	f := e.next
	if f == nil {
		f = &flight{done: make(chan struct{})}
	}
	e.flight, e.next = f, nil
	if s.closed {
		f.err = &Error{Owner: e.owner, Reason: ReasonClosed, Err: errors.New("the server stops")}
		e.flight = nil
		close(f.done)
		return f
	}
	etag := e.etag
	s.wg.Go(func() { s.fly(e, f, etag) })
	return f
}

func (s *Store) fly(e *entry, f *flight, etag string) {
	got, err := s.fetch(e.owner, etag)
	s.mu.Lock()
	old := s.land(e, f, got, err)
	s.mu.Unlock()
	s.report(f)
	if old != nil {
		s.o.Changed(e.owner, old, f.roster)
	}
	s.mu.Lock()
	if f.refresh && f.changed {
		f.doubts = s.compare(e.owner, old, f.roster)
	}
	e.flight = nil
	if e.next != nil {
		s.launch(e)
	}
	s.mu.Unlock()
	close(f.done)
}

// land enters what a flight has brought. It gives the roster that clients have seen so far when they
// have to be told of another. The caller holds s.mu.
func (s *Store) land(e *entry, f *flight, got answer, err error) (old *rosterdb.Roster) {
	if s.entries[e.owner] != e { // dropped meanwhile: it is of use to those who wait, no more
		f.err, f.dropped = err, true
		switch {
		case got.unchanged:
			f.roster = e.roster
		case err == nil:
			f.roster = s.succeed(&entry{}, got.items)
		}
		return nil
	}
	defer s.place(e)
	told, online := e.live, s.o.Online(e.owner)
	if err != nil {
		e.failed, e.failedAt = err, time.Now()
		e.failures++
		e.live = e.roster != nil && online
		f.roster, f.err = e.roster, err
		return nil
	}
	e.failed, e.failures, e.at, e.live = nil, 0, time.Now(), online
	if was := e.roster; !got.unchanged {
		e.etag = got.etag
		now := s.succeed(e, got.items)
		if was == nil || was.Ver != now.Ver {
			e.roster, f.changed = now, true
			if told {
				old = was
			}
		}
	}
	f.roster = e.roster
	return old
}

// Prefetch begins to fetch the roster of owner, whose first session has just begun, when it is not in
// force. It does not wait.
func (s *Store) Prefetch(owner jid.JID) {
	owner = owner.Bare()
	s.mu.Lock()
	defer s.mu.Unlock()
	if e := s.entries[owner]; e != nil && (s.inForce(e) || e.flight != nil || s.held(e)) {
		return
	}
	e := s.entry(owner)
	s.launch(e)
	s.place(e)
}

// held reports whether the last fetch for e has failed so shortly ago that there is no other. The
// caller holds s.mu.
func (s *Store) held(e *entry) bool {
	return e.flight == nil && e.failed != nil && time.Since(e.failedAt) < s.o.Hold
}

// request gives the flight that a refresh of e waits for. The caller holds s.mu.
func (s *Store) request(e *entry) *flight {
	switch {
	case e.flight == nil:
		e.next = &flight{done: make(chan struct{}), refresh: true}
		return s.launch(e)
	case e.next == nil:
		e.next = &flight{done: make(chan struct{}), refresh: true}
	}
	return e.next
}
