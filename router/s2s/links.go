package s2s

import (
	"cmp"
	"maps"
	"slices"
	"time"
)

// Link is a way to or from another domain, for the status page and for metrics.
type Link struct {
	Local, Remote string    // the pair; Local is "" where all of ours are meant
	Direction     string    // "in", "out", or "both" (XEP-0288)
	State         string    // LinkVerified, LinkConnecting or LinkWaiting
	Since         time.Time // of a stream of ours, when it was begun
	Reason        string    // why stanzas do not go; "" for one that works or is being made
	Waiting       int       // stanzas
}

// States of a Link.
const (
	LinkVerified   = "verified"   // stanzas go, or a key was verified
	LinkConnecting = "connecting" // a stream is being made
	LinkWaiting    = "waiting"    // it failed, and is left alone for a while
)

// incoming is one pair that is proven on one stream of another server.
type incoming struct {
	in   *In
	pair Pair
}

// accepted notes that a pair is proven on a stream of another server.
func (s *Server) accepted(p Pair, in *In) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.proven[incoming{in, p}] = s.c.Now()
}

// dropped forgets a pair of a stream of another server.
func (s *Server) dropped(p Pair, in *In) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.proven, incoming{in, p})
}

// Links lists the ways to and from other domains: what is not well first, then by name. Any goroutine.
func (s *Server) Links() (out []Link) {
	now := s.c.Now()
	s.mu.Lock()
	all := slices.Collect(maps.Values(s.outs))
	for p, h := range s.holds {
		if now.Before(h.until) {
			out = append(out, Link{p.Local, p.Remote, "out", LinkWaiting, h.until.Add(-h.delay), h.why.Text, 0})
		}
	}
	for k, at := range s.proven {
		l := Link{k.pair.Local, k.pair.Remote, "in", LinkVerified, at, "", 0}
		if s.bidi[k.pair] == k.in {
			l.Direction = "both"
		}
		out = append(out, l)
	}
	s.mu.Unlock()
	for _, o := range all {
		out = append(out, o.describe())
	}
	slices.SortFunc(out, func(a, b Link) int {
		return cmp.Or(cmp.Compare(rank[a.State], rank[b.State]), cmp.Compare(a.Remote, b.Remote), cmp.Compare(a.Local, b.Local), cmp.Compare(a.Direction, b.Direction))
	})
	return out
}

// rank is the order of states in a list.
var rank = map[string]int{LinkWaiting: 0, LinkConnecting: 1, LinkVerified: 2}

// describe is the stream as a Link.
func (o *Out) describe() Link {
	o.mu.Lock()
	defer o.mu.Unlock()
	l := Link{o.pair.Local, o.pair.Remote, "out", LinkConnecting, o.since, "", len(o.queue)}
	switch {
	case o.state == outOpen, o.state == outReady:
		l.State = LinkVerified
	case o.err != nil: // of a place that was tried before
		l.Reason = o.err.Error()
	}
	return l
}
