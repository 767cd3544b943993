package delegated

import (
	"errors"
	"sync"
	"sync/atomic"
	"time"

	"github.com/sony/gobreaker/v2"
)

// troubles are what the log has been told of failed fetches: of each reason the first at once, then one
// line per Options.LogEvery with the number of those between. A thousand logins that fail for one cause
// are one line.
type troubles struct {
	mu    sync.Mutex // guards what follows; the breaker's lock may be held
	told  map[string]time.Time
	since map[string]int // not told, by reason
	down  time.Time      // since when the application fails; zero: it does not
	lost  int            // fetches that have failed since then

	trips atomic.Uint64
}

// count notes one failure; tell: the log is to be told, also of those before that it was not.
func (t *troubles) count(reason string, now time.Time, every time.Duration) (before int, tell bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if !t.down.IsZero() {
		t.lost++
	}
	if last, ok := t.told[reason]; ok && now.Sub(last) < every {
		t.since[reason]++
		return 0, false
	}
	before = t.since[reason]
	t.told[reason], t.since[reason] = now, 0
	return before, true
}

// report tells the log of a flight that has failed.
func (s *Store) report(f *flight) {
	e, ok := errors.AsType[*Error](f.err)
	if !ok || e.Reason == ReasonClosed {
		return
	}
	before, tell := s.troubles.count(e.Reason, time.Now(), s.o.LogEvery)
	if !tell {
		return
	}
	what := "a roster cannot be had"
	if f.roster != nil {
		what = "a roster cannot be fetched anew, the old one stays"
	}
	s.o.Log.Warn(what, "user", e.Owner.String(), "reason", e.Reason, "err", e.Err, "before", before)
}

// reportState tells the log that the application is left alone from now on, or is back. That it is
// tried in between, in vain, is no news. The breaker holds its lock.
func (s *Store) reportState(to gobreaker.State) {
	t := &s.troubles
	t.mu.Lock()
	defer t.mu.Unlock()
	if to == gobreaker.StateOpen {
		t.trips.Add(1)
	}
	switch {
	case to == gobreaker.StateOpen && t.down.IsZero():
		t.down, t.lost = time.Now(), 0
		t.told[ReasonPaused] = t.down // this line tells of them
		s.o.Log.Error("roster service fails: it is left alone for a while, and tried again", "domain", s.o.Domain, "every", s.o.Pause)
	case to == gobreaker.StateClosed && !t.down.IsZero():
		s.o.Log.Info("roster service is back", "domain", s.o.Domain, "after", time.Since(t.down).Round(time.Millisecond), "failed", t.lost)
		t.down = time.Time{}
		clear(t.told)
		clear(t.since)
	}
}
