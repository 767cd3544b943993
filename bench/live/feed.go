// Package live shows a run in a terminal while it goes: a bar for each phase, rates and latencies of the last second, errors,
// and whether the load tester itself comes late. What happens is put into a Feed, which never waits; the picture is drawn from
// it twice a second.
package live

import (
	"sync"
	"time"

	"roost/bench/measure"
	"roost/bench/report"
	"roost/bench/scenario"
)

// history is how many seconds of rates are kept for the small curve.
const history = 60

// A Feed takes what a run reports (it is a control.Observer) and keeps what is shown of it. Its methods only copy.
type Feed struct {
	clock func() time.Time

	mu  sync.Mutex
	now state
}

// state is what is shown; a copy of it shares nothing that changes.
type state struct {
	began  time.Time
	phases []phase
	at     int // number of the phase that goes on; -1 before the first
	seg    scenario.Segment
	since  time.Time // seg began
	from   int       // sessions on line then
	logins int64     // in seg
	sec    report.Second
	totals map[measure.Kind]total
	rates  []float64        // of the phase's busiest kind, by second
	errors map[string]int64 // by name, of the segments that are over
	late   bool             // the load tester came late in a segment
	lines  []string         // of segments that are over, and not printed yet
}

// phase is a phase of the scenario: segments in all, and those that are over.
type phase struct {
	name       string
	segs, done int
}

// total is what a kind has come to.
type total struct{ count, errors int64 }

// NewFeed makes a Feed for a scenario that begins now.
func NewFeed(sc *scenario.Scenario, clock func() time.Time) *Feed {
	f := &Feed{clock: clock}
	f.now = state{began: clock(), at: -1, totals: map[measure.Kind]total{}, errors: map[string]int64{}}
	for i := range sc.Phases {
		f.now.phases = append(f.now.phases, phase{name: sc.Phases[i].Name})
	}
	for _, seg := range sc.Segments() {
		for i := range sc.Phases {
			if seg.Phase == &sc.Phases[i] {
				f.now.phases[i].segs++
			}
		}
	}
	return f
}

// SegmentBegins implements control.Observer.
func (f *Feed) SegmentBegins(seg scenario.Segment, _ int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	s := &f.now
	for s.at < 0 || s.at+1 < len(s.phases) && s.phases[s.at].done >= s.phases[s.at].segs {
		s.at++
	}
	s.seg, s.since, s.from, s.logins = seg, f.clock(), s.sec.Sessions, 0
}

// SecondPassed implements control.Observer.
func (f *Feed) SecondPassed(_ scenario.Segment, sec report.Second) {
	f.mu.Lock()
	defer f.mu.Unlock()
	s := &f.now
	s.sec = sec
	s.logins += sec.Kinds[measure.Login].Count
	top := int64(0)
	for k, one := range sec.Kinds {
		t := s.totals[k]
		s.totals[k] = total{t.count + one.Count, t.errors + one.Errors}
		if k != measure.Lag {
			top = max(top, one.Count)
		}
	}
	s.rates = append(s.rates, float64(top))
	if len(s.rates) > history {
		s.rates = s.rates[len(s.rates)-history:]
	}
}

// SegmentEnded implements control.Observer.
func (f *Feed) SegmentEnded(_ scenario.Segment, seg *report.Segment) {
	f.mu.Lock()
	defer f.mu.Unlock()
	s := &f.now
	if s.at >= 0 {
		s.phases[s.at].done++
	}
	for name, n := range seg.Errors {
		s.errors[name] += n
	}
	s.late = s.late || seg.Saturate && !seg.WarmUp
	s.sec.Sessions = seg.Sessions
	s.lines = append(s.lines, seg.Line())
}

// take returns what is to be shown, and the lines that have not been printed yet, which are the caller's from then on.
func (f *Feed) take() (state, []string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	s := f.now
	lines := s.lines
	f.now.lines, s.lines = nil, nil
	s.phases = append([]phase(nil), s.phases...)
	s.rates = append([]float64(nil), s.rates...)
	s.totals = copied(s.totals)
	s.errors = copied(s.errors)
	return s, lines
}

func copied[K comparable, V any](m map[K]V) map[K]V {
	out := make(map[K]V, len(m))
	for k, v := range m {
		out[k] = v
	}
	return out
}

// part is how much of a phase is over, from 0 to 1.
func (s *state) part(i int, now time.Time) float64 {
	p := s.phases[i]
	if p.segs == 0 || i > s.at {
		return 0
	}
	done := float64(p.done)
	if i == s.at && p.done < p.segs {
		done += min(max(s.segmentPart(now), 0), 1)
	}
	return done / float64(p.segs)
}

// segmentPart is how much of the segment that goes on is over, as far as that can be told.
func (s *state) segmentPart(now time.Time) float64 {
	of := func(n, all int) float64 {
		if all == 0 {
			return 0
		}
		return float64(n) / float64(all)
	}
	switch s.seg.Kind {
	case scenario.Hold:
		return now.Sub(s.since).Seconds() / max(s.seg.For.Seconds(), 1e-3)
	case scenario.Ramp, scenario.Drain:
		return of(s.sec.Sessions-s.from, s.seg.Sessions-s.from)
	case scenario.Storm:
		return of(int(s.logins), s.seg.Sessions)
	}
	return 0
}
