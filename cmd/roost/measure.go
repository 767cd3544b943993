package main

import (
	"os"
	"runtime"
	"strconv"
	"strings"

	"roost/cmd/roost/metrics"
	"roost/xmlstream/stanza"
)

// measure makes the counters. It comes before everything that counts.
func (s *Server) measure(Options) error {
	s.metrics = metrics.New(s.sheet)
	return nil
}

// sheet puts the values for /metrics.
func (s *Server) sheet(m *metrics.Sheet) {
	m.Put("roost_build_info", 1, versionNumber, revision(), runtime.Version())
	m.Put("roost_start_time_seconds", float64(s.started.Unix()))
	m.Put("roost_ready", truth(s.isReady()))
	for file, at := range s.secrets.Load().certificates() {
		m.Put("roost_tls_certificate_expiry_timestamp_seconds", float64(at.Unix()), file)
	}
	st := s.store.Stats()
	m.Put("roost_store_changes_total", float64(st.Changes))
	m.Put("roost_store_commits_total", float64(st.Commits))
	m.Put("roost_store_size_bytes", float64(st.Size))
	m.Put("roost_store_free_bytes", float64(st.Free))
	s.sheetNet(m)
	s.sheetStreams(m)
	s.sheetAdmission(m)
	s.sheetDelegated(m)
	s.sheetLinks(m)
	for _, l := range s.taps.Load().Stats() {
		m.Put("roost_stanza_log_records_total", float64(l.Written), l.Name, "written")
		m.Put("roost_stanza_log_records_total", float64(l.Dropped), l.Name, "dropped")
		m.Put("roost_stanza_log_waiting_bytes", float64(l.Waiting), l.Name)
	}
}

func (s *Server) sheetNet(m *metrics.Sheet) {
	n := s.engine.Stats()
	m.Put("roost_connections", float64(n.Conns))
	m.Put("roost_connections_secured", float64(n.Secured))
	m.Put("roost_connections_accepted_total", float64(n.Accepted))
	m.Put("roost_connections_dialed_total", float64(n.Dialed))
	m.Put("roost_connections_refused_total", float64(n.Refused-min(n.Refused, s.admission.refused.atAccept.Load())), "limit")
	m.Put("roost_connections_refused_total", float64(n.RefusedFiles), "files")
	m.Put("roost_connections_overflowed_total", float64(n.Overflows))
	m.Put("roost_connections_crowded", float64(n.Crowded))
	m.Put("roost_tls_handshakes_total", float64(n.Handshakes), "success")
	m.Put("roost_tls_handshakes_total", float64(n.HandshakesFailed), "failure")
	m.Put("roost_tls_handshakes_open", float64(n.HandshakesOpen))
	m.Put("roost_tls_handshakes_dropped_total", float64(n.HandshakesDropped))
	m.Put("roost_network_bytes_total", float64(n.BytesIn), "in")
	m.Put("roost_network_bytes_total", float64(n.BytesOut), "out")
	m.Put("roost_network_calls_total", float64(n.Reads), "in")
	m.Put("roost_network_calls_total", float64(n.Writes), "out")
	m.Put("roost_panics_total", float64(n.Panics))
}

// sheetAdmission puts what limits have held back.
func (s *Server) sheetAdmission(m *metrics.Sheet) {
	a, st := s.admission, s.c2s.Stats()
	for reason, n := range a.refused.counts() {
		m.Put("roost_connections_refused_total", float64(n), reason)
	}
	m.Put("roost_accept_rests_total", float64(s.engine.Stats().Rests))
	m.Put("roost_sessions_slowed_total", float64(st.Slowed))
	m.Put("roost_logins_delayed_total", float64(st.LoginsDelayed))
	m.Put("roost_logins_refused_total", float64(st.LoginsRefused), "rate")
	m.Put("roost_logins_refused_total", float64(st.LoginsFull), "memory")
	m.Put("roost_memory_limit_bytes", float64(a.budget.limit.Load()))
	m.Put("roost_memory_full", truth(a.budget.full()))
	m.Put("roost_memory_full_total", float64(a.budget.closed.Load()))
}

func (s *Server) sheetStreams(m *metrics.Sheet) {
	bound, available := s.router.Count()
	m.Put("roost_sessions", float64(available), "available")
	m.Put("roost_sessions", float64(bound-available), "unavailable")
	m.Put("roost_logins_waiting", float64(s.c2s.Auth.Waiting()))
	in, out := s.c2s.Meter.Counts()
	for k := stanza.Message; k <= stanza.IQ; k++ {
		m.Put("roost_stanzas_total", float64(in[k]), "in", k.String())
		m.Put("roost_stanzas_total", float64(out[k]), "out", k.String())
	}
}

// sheetLinks puts the ways to and from other domains, counted.
func (s *Server) sheetLinks(m *metrics.Sheet) {
	type kind struct{ direction, state string }
	count, waiting := map[kind]int{}, 0
	for _, l := range s.s2s.Links() {
		count[kind{l.Direction, l.State}]++
		waiting += l.Waiting
	}
	for k, n := range count {
		m.Put("roost_s2s_links", float64(n), k.direction, k.state)
	}
	m.Put("roost_s2s_waiting", float64(waiting))
}

func (s *Server) sheetDelegated(m *metrics.Sheet) {
	for domain, d := range s.delegated() {
		st := d.Stats()
		for result, n := range map[string]uint64{"not_modified": st.NotModified, "failure": st.Failures,
			"success": st.Requests - st.NotModified - st.Failures} {
			m.Put("roost_roster_requests_total", float64(n), domain, result)
		}
		m.Put("roost_roster_request_seconds_total", st.Took.Seconds(), domain)
		m.Put("roost_roster_requests_open", float64(st.Open), domain)
		m.Put("roost_roster_requests_waiting", float64(st.Waiting), domain)
		m.Put("roost_roster_breaker_open", truth(st.Paused), domain)
		m.Put("roost_roster_stale_total", float64(st.Stale), domain)
		for result, n := range map[string]uint64{"updated": st.Refreshed.Updated, "unchanged": st.Refreshed.Unchanged,
			"offline": st.Refreshed.Offline, "failure": st.Refreshed.Failed} {
			m.Put("roost_roster_refreshed_total", float64(n), domain, result)
		}
		m.Put("roost_rosters", float64(st.Live), domain, "live")
		m.Put("roost_rosters", float64(st.Idle), domain, "idle")
	}
}

func truth(b bool) float64 {
	if b {
		return 1
	}
	return 0
}

// rss is the memory of this process that is in RAM, in bytes; 0 when it cannot be known (proc(5)).
func rss() uint64 {
	b, err := os.ReadFile("/proc/self/statm")
	if err != nil {
		return 0
	}
	if words := strings.Fields(string(b)); len(words) > 1 {
		pages, _ := strconv.ParseUint(words[1], 10, 64)
		return pages * uint64(os.Getpagesize())
	}
	return 0
}

// isReady says whether new clients are welcome.
func (s *Server) isReady() bool {
	return s.state() == "serving"
}
