package main

import (
	"fmt"
	"io"
	"runtime"
	"text/tabwriter"
	"time"
)

// status prints what the server is doing, for people.
func (s *Server) status(out io.Writer) {
	w := tabwriter.NewWriter(out, 0, 4, 2, ' ', 0)
	fmt.Fprintf(w, "%s\n", versionLine())
	fmt.Fprintf(w, "up\t%s\n", time.Since(s.started).Round(time.Second))
	for _, d := range served(s.conf()) {
		fmt.Fprintf(w, "domain\t%s\n", d)
	}
	for _, l := range s.open {
		fmt.Fprintf(w, "listening\t%s\n", l)
	}
	bound, available := s.router.Count()
	st := s.engine.Stats()
	fmt.Fprintf(w, "connections\t%d open, %d accepted, %d refused, %d cut for not reading\n",
		st.Conns, st.Accepted, st.Refused+st.RefusedFiles, st.Overflows)
	fmt.Fprintf(w, "TLS handshakes\t%d done, %d failed, %d going on\n", st.Handshakes, st.HandshakesFailed, st.HandshakesOpen)
	fmt.Fprintf(w, "sessions\t%d bound, %d available\n", bound, available)
	fmt.Fprintf(w, "bytes\t%d in, %d out\n", st.BytesIn, st.BytesOut)
	s.statusDelegated(w)
	if s.taps != nil {
		for _, l := range s.taps.Stats() {
			fmt.Fprintf(w, "%s\t%d records written, %d dropped, %d bytes waiting%s\n", l.Name, l.Written, l.Dropped, l.Waiting, broken(l.Err))
		}
	}
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	fmt.Fprintf(w, "memory\t%d KiB heap, %d KiB from the system, %d goroutines\n", m.HeapAlloc>>10, m.Sys>>10, runtime.NumGoroutine())
	w.Flush()
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

// String names a socket for people.
func (o opened) String() string {
	if o.ssl {
		return o.ln.Addr().String() + " (XMPP clients, direct TLS)"
	}
	return o.ln.Addr().String() + " (XMPP clients)"
}

// reload reads certificates and password files again, opens the stanza logs anew, and checks the
// configuration file.
func (s *Server) reload(out io.Writer) error {
	if s.conf().File != builtin {
		if _, err := loadChecked(s.conf().File); err != nil {
			return fmt.Errorf("nothing was changed: %w", err)
		}
	}
	certs, files, err := s.secrets.reload()
	if err != nil {
		return fmt.Errorf("what could not be read stays as it was: %w", err)
	}
	logs, err := s.reopenLogs()
	if err != nil {
		return fmt.Errorf("certificates and password files were read again, but a log file could not be opened anew: %w", err)
	}
	fmt.Fprintf(out, "%s and %s read again, %s opened anew; other changes take effect at the next start\n",
		count(certs, "certificate"), count(files, "password file"), count(logs, "log file"))
	return nil
}
