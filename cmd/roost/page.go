package main

import (
	"net/http"
	"runtime/metrics"
	"strings"
	"time"

	"roost/cmd/roost/statuspage"
	"roost/router/stream"
	"roost/xmlstream/stanza"
)

// snapshot is what the status page shows.
func (s *Server) snapshot() *statuspage.Snapshot {
	n := s.engine.Stats()
	in, out := s.c2s.Meter.Counts()
	v := &statuspage.Snapshot{Time: time.Now(), Version: versionLine(), Started: s.started, State: s.state(),
		Domains: served(s.conf()), Connections: n.Conns, Secured: n.Secured, In: stanzas(in), Out: stanzas(out), Resident: rss(), Heap: heap(),
		Errors: s.recent.lines()}
	v.Sessions, v.Available = s.router.Count()
	v.LoggingIn = max(n.Conns-v.Sessions, 0)
	for _, l := range s.metrics.Logins() {
		v.Logins = append(v.Logins, statuspage.Login{Mechanism: l.Mechanism, Result: l.Result, Count: l.Count})
	}
	q := s.metrics.Latency(v.Time, 0.5, 0.95, 0.99)
	v.Latency = statuspage.Latency{P50: q[0], P95: q[1], P99: q[2]}
	v.Listeners = s.listening()
	v.Links = s.links()
	return v
}

func stanzas(c stream.Counts) statuspage.Stanzas {
	return statuspage.Stanzas{Message: c[stanza.Message], Presence: c[stanza.Presence], IQ: c[stanza.IQ]}
}

// listening lists what is listened on.
func (s *Server) listening() (out []statuspage.Listener) {
	state := "open"
	if s.drained.Load() != nil {
		state = "closed for draining"
	}
	for _, l := range s.open() {
		kind := "XMPP"
		if l.ssl() {
			kind = "XMPP, direct TLS"
		}
		out = append(out, statuspage.Listener{Address: l.ln.Addr().String(), Kind: kind, State: state})
	}
	for _, w := range s.webs() {
		out = append(out, statuspage.Listener{Address: w.ln.Addr().String(), Kind: "HTTP", State: "open"})
	}
	return out
}

// maxLinks bounds what the page shows; those that are not well come first.
const maxLinks = 100

// links lists the ways to and from other domains.
func (s *Server) links() (out []statuspage.Link) {
	for _, l := range s.s2s.Links() {
		if len(out) == maxLinks {
			break
		}
		out = append(out, statuspage.Link{Domain: l.Remote, Direction: l.Direction, State: l.State, Since: l.Since, Reason: l.Reason, Waiting: l.Waiting})
	}
	return out
}

// heap is the memory that objects take, in bytes, without stopping anybody.
func heap() uint64 {
	sample := []metrics.Sample{{Name: "/memory/classes/heap/objects:bytes"}}
	metrics.Read(sample)
	return sample[0].Value.Uint64()
}

// wantsText says whether somebody without a browser asks: the page is text for them.
func wantsText(q *http.Request) bool { return !strings.Contains(q.Header.Get("Accept"), "text/html") }
