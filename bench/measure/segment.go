package measure

import "time"

// A Pair is the two views of one kind's latency: Intended from when the schedule wanted it to begin, Service from when it
// really began. Where nothing was scheduled (closed loops) both are the same, and only Service is kept.
type Pair struct {
	Intended Hist  `json:"intended"`
	Service  Hist  `json:"service"`
	Errors   int64 `json:"errors"`
}

// Latency returns the one that counts: Intended if there is a schedule.
func (p *Pair) Latency() *Hist {
	if p.Intended.Count() > 0 {
		return &p.Intended
	}
	return &p.Service
}

// A Second is what happened in one second of a segment.
type Second struct {
	T        int                 `json:"t"`        // seconds since the segment began
	Sessions int                 `json:"sessions"` // on line at its end
	Kinds    map[Kind]*SecondOne `json:"kinds"`    // of what happened
}

// A SecondOne is one kind in one second.
type SecondOne struct {
	Errors int64 `json:"errors,omitempty"`
	Hist   *Hist `json:"hist"` // the latency that counts
}

// Merge adds another worker's same second.
func (s *Second) Merge(o *Second) {
	s.Sessions += o.Sessions
	for k, one := range o.Kinds {
		mine := s.kind(k)
		mine.Errors += one.Errors
		mine.Hist.Merge(one.Hist)
	}
}

func (s *Second) kind(k Kind) *SecondOne {
	if s.Kinds == nil {
		s.Kinds = make(map[Kind]*SecondOne)
	}
	one := s.Kinds[k]
	if one == nil {
		one = &SecondOne{Hist: Coarse()}
		s.Kinds[k] = one
	}
	return one
}

// A Segment is what one worker measures between two moments that all workers share.
type Segment struct {
	Took     time.Duration    `json:"took_ns"`
	Kinds    map[Kind]*Pair   `json:"kinds"`
	Account  [nClasses]Tally  `json:"account"`  // by Class
	Errors   map[string]int64 `json:"errors"`   // by what a person would call them
	Sessions int              `json:"sessions"` // on line at the end
	Skipped  int64            `json:"skipped"`  // actions of sessions that were not there
	Full     int64            `json:"tls_full"` // TLS handshakes without resumption
	Resumed  int64            `json:"tls_resumed"`
	BytesIn  int64            `json:"bytes_in"`  // application bytes, TLS left out
	BytesOut int64            `json:"bytes_out"` // likewise

	sec   *Second
	onSec func(*Second)
}

// NewSegment starts a Segment; onSecond, if there is one, gets each Second when it is over and owns it.
func NewSegment(onSecond func(*Second)) *Segment {
	return &Segment{Kinds: make(map[Kind]*Pair), Errors: make(map[string]int64), sec: &Second{}, onSec: onSecond}
}

// Kind returns the Pair of k.
func (s *Segment) Kind(k Kind) *Pair {
	p := s.Kinds[k]
	if p == nil {
		p = new(Pair)
		s.Kinds[k] = p
	}
	return p
}

// Record takes one latency in nanoseconds; intended is negative where nothing was scheduled.
func (s *Segment) Record(k Kind, intended, service int64) {
	p := s.Kind(k)
	p.Service.Record(service)
	if intended >= 0 {
		p.Intended.Record(intended)
		service = intended
	}
	s.sec.kind(k).Hist.Record(service)
}

// Error counts a failure of k under the name that a person would give it.
func (s *Segment) Error(k Kind, name string) {
	s.Kind(k).Errors++
	s.sec.kind(k).Errors++
	s.Errors[k.String()+": "+name]++
}

// Tick ends a second: the one number t since the segment began, with that many sessions on line.
func (s *Segment) Tick(t, sessions int) {
	s.sec.T, s.sec.Sessions = t, sessions
	if s.onSec != nil {
		s.onSec(s.sec)
	}
	s.sec = &Second{}
}

// Merge adds what another worker measured in the same segment.
func (s *Segment) Merge(o *Segment) {
	s.Took = max(s.Took, o.Took)
	for k, p := range o.Kinds {
		mine := s.Kind(k)
		mine.Intended.Merge(&p.Intended)
		mine.Service.Merge(&p.Service)
		mine.Errors += p.Errors
	}
	for c := range s.Account {
		s.Account[c].Add(o.Account[c])
	}
	for e, n := range o.Errors {
		s.Errors[e] += n
	}
	s.Sessions += o.Sessions
	s.Skipped += o.Skipped
	s.Full += o.Full
	s.Resumed += o.Resumed
	s.BytesIn += o.BytesIn
	s.BytesOut += o.BytesOut
}
