package main

import (
	"fmt"
	"io"
	"runtime"
	"text/tabwriter"
	"time"

	"roost/cmd/roost/statuspage"
)

// status prints what the server is doing, for people.
func (s *Server) status(out io.Writer) {
	w := tabwriter.NewWriter(out, 0, 4, 2, ' ', 0)
	fmt.Fprintf(w, "%s\n", versionLine())
	fmt.Fprintf(w, "up\t%s\n", time.Since(s.started).Round(time.Second))
	for _, d := range served(s.conf()) {
		fmt.Fprintf(w, "domain\t%s\n", d)
	}
	for _, l := range s.open() {
		fmt.Fprintf(w, "listening\t%s\n", l)
	}
	if d := s.drained.Load(); d != nil {
		fmt.Fprintf(w, "state\t%s\n", d)
	}
	bound, available := s.router.Count()
	st := s.engine.Stats()
	fmt.Fprintf(w, "connections\t%d open, %d accepted, %d refused, %d cut for not reading\n",
		st.Conns, st.Accepted, st.Refused+st.RefusedFiles, st.Overflows)
	fmt.Fprintf(w, "TLS handshakes\t%d done, %d failed, %d going on\n", st.Handshakes, st.HandshakesFailed, st.HandshakesOpen)
	fmt.Fprintf(w, "sessions\t%d bound, %d available\n", bound, available)
	for _, l := range s.links() {
		fmt.Fprintf(w, "other server\t%s\n", described(l))
	}
	fmt.Fprintf(w, "bytes\t%d in, %d out\n", st.BytesIn, st.BytesOut)
	s.statusAdmission(w)
	s.statusDelegated(w)
	for _, l := range s.taps.Load().Stats() {
		fmt.Fprintf(w, "%s\t%d records written, %d dropped, %d bytes waiting%s\n", l.Name, l.Written, l.Dropped, l.Waiting, broken(l.Err))
	}
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	fmt.Fprintf(w, "memory\t%d KiB heap, %d KiB from the system, %d goroutines\n", m.HeapAlloc>>10, m.Sys>>10, runtime.NumGoroutine())
	w.Flush()
}

// statusAdmission prints what limits have held back, where they have.
func (s *Server) statusAdmission(w io.Writer) {
	a, st, rests := s.admission, s.c2s.Stats(), s.engine.Stats().Rests
	r := a.refused.counts()
	if r["address"]+r["rate"]+r["proxy"]+rests > 0 {
		fmt.Fprintf(w, "connections held back\t%d for their address, %d for the rate of a Peer, %d for PROXY headers; accepting has rested %d times\n",
			r["address"], r["rate"], r["proxy"], rests)
	}
	if st.LoginsDelayed+st.LoginsRefused+st.LoginsFull+st.Slowed > 0 {
		fmt.Fprintf(w, "logins held back\t%d delayed, %d refused, %d refused for want of memory\n", st.LoginsDelayed, st.LoginsRefused, st.LoginsFull)
		fmt.Fprintf(w, "sessions slowed down\t%d times\n", st.Slowed)
	}
	if limit := a.budget.limit.Load(); limit > 0 {
		state := "everybody is let in"
		if a.budget.full() {
			state = "nobody new is let in"
		}
		fmt.Fprintf(w, "memory limit\t%d KiB, %d KiB in use, %s\n", limit>>10, a.budget.seen.Load()>>10, state)
	}
}

func broken(err error) string {
	if err == nil {
		return ""
	}
	return "; cannot be written: " + err.Error()
}

// count is a number of things in words.
func count(n int, thing string) string {
	if n != 1 {
		thing += "s"
	}
	return fmt.Sprintf("%d %s", n, thing)
}

// described is a way to or from another domain in words.
func described(l statuspage.Link) string {
	text := fmt.Sprintf("%s (%s) %s since %s", l.Domain, l.Direction, l.State, l.Since.Format(time.DateTime))
	if l.Waiting > 0 {
		text += fmt.Sprintf(", %d stanzas wait", l.Waiting)
	}
	if l.Reason != "" {
		text += ": " + l.Reason
	}
	return text
}

// String names a socket for people.
func (o *opened) String() string {
	if o.ssl() {
		return o.ln.Addr().String() + " (XMPP clients, direct TLS)"
	}
	return o.ln.Addr().String() + " (XMPP clients)"
}

// ssl reports whether connections begin with TLS.
func (o *opened) ssl() bool { return o.scope.Load().at.UseSSL }
