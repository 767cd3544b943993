package s2s

import (
	"maps"

	"roost/tlsconf"
	"roost/xmlstream"
	"roost/xmlstream/stanza"
)

// Rules are what may change while streams go on: who speaks with whom, and how.
type Rules struct {
	Domains    map[string]*Local // ours
	Remotes    map[string]Remote // those that the configuration names
	Others     Remote            // what holds for all others
	MaxStreams int               // that we make, to all domains; default 20000
	Limits     xmlstream.Limits
}

// rules are Rules with their defaults. They never change.
type rules struct {
	domains    map[string]*Local
	remotes    map[string]*Remote
	others     *Remote
	maxStreams int
	limits     xmlstream.Limits
}

func (r Rules) complete() *rules {
	out := &rules{domains: r.Domains, remotes: map[string]*Remote{}, others: r.Others.withDefaults(), maxStreams: r.MaxStreams, limits: r.Limits}
	if out.maxStreams == 0 {
		out.maxStreams = defaultMaxStreams
	}
	for name, at := range r.Remotes {
		out.remotes[name] = at.withDefaults()
	}
	return out
}

// Change puts other rules in place. Streams that we make for pairs that may not speak any more end with
// host-gone (RFC 6120 §4.9.3.5); the others go on by the rules with which they began. Recheck does the
// same for streams of others.
func (s *Server) Change(r Rules) {
	s.rules.Store(r.complete())
	var gone []*Out
	s.mu.Lock()
	for p, o := range s.outs {
		if !s.speaks(p) {
			gone = append(gone, o)
		}
	}
	maps.DeleteFunc(s.bidi, func(p Pair, _ *In) bool { return !s.speaks(p) })
	clear(s.holds) // what could not be reached may have a route now
	s.mu.Unlock()
	for _, o := range gone {
		o.End(stanza.StreamHostGone.New())
	}
}

// Recheck drops the pairs of a stream of another server that may not speak any more. One that is left
// with none, and claims none that may, ends. On the loop only.
func (in *In) Recheck() {
	gone := false
	for p, how := range in.pairs {
		if how == proven && !in.srv.speaks(p) {
			in.srv.withdraw(p, in)
			in.srv.dropped(p, in)
			delete(in.pairs, p)
			gone = true
		}
	}
	if claims := in.claim.Remote != ""; len(in.pairs) == 0 && (gone || claims) && !in.srv.speaks(in.claim) {
		in.stop(stanza.StreamHostGone.New())
	}
}

// Watch shows stanzas to t; nil ends it. Any goroutine, at any time.
func (s *Server) Watch(t Tap) {
	if t == nil {
		s.tap.Store(nil)
		return
	}
	s.tap.Store(&t)
}

// watcher is who watches, or nil.
func (s *Server) watcher() Tap {
	if t := s.tap.Load(); t != nil {
		return *t
	}
	return nil
}

// Certificates are those for domains that are not listed.
func (s *Server) Certificates() *tlsconf.Config { return s.rules.Load().others.Certs }

// local is what holds for a domain of ours; nil for another.
func (s *Server) local(domain string) *Local { return s.rules.Load().domains[domain] }
