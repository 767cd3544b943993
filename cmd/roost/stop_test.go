package main

import (
	"fmt"
	"io"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"roost/cmd/roost/script"
)

// TestServe: the command from its banner to its end, with a client that is told why.
func TestServe(t *testing.T) {
	p := newPlace(t, "", "")
	p.do("secret\n", "user", "add", "alice@localhost")
	out, stop, end := p.background()
	for _, want := range []string{versionLine() + "\n", "listening on 127.0.0.1:", "(XMPP clients)\n", "data/control.sock (console)\n", "user add alice@localhost\n"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("no %q in\n%s", want, out)
		}
	}
	c := dial(t, firstAddr(out.String()).at)
	c.header()
	stop()
	if got := c.rest(); !strings.Contains(got, "<system-shutdown ") { // also one who has not logged in
		t.Error(got)
	}
	if got := end(); got.code != exitOK || !strings.HasSuffix(got.out, "stopping: closing all streams\n") {
		t.Errorf("%+v", got)
	}
	if _, err := os.Lstat(p.path("data/control.sock")); err == nil {
		t.Error("the control socket is left")
	}
}

// TestSelfSigned: without a certificate one is made, and shown so that a client can compare it.
func TestSelfSigned(t *testing.T) {
	p := newPlace(t, "", "")
	p.write("roost.conf", strings.Replace(p.read("roost.conf"), "require_tls = false", "require_tls = true", 1))
	out, _, end := p.background()
	if !strings.Contains(out.String(), "self-signed certificate "+p.path("data/selfsigned-cert.pem")) || !strings.Contains(out.String(), "SHA-256 ") {
		t.Error(out)
	}
	end()
}

// TestShutdown: the console's word for a stop, with everybody on line told, within seconds, and the
// store is whole.
func TestShutdown(t *testing.T) {
	p := newPlace(t, "", "")
	p.do("alice@localhost secret\nbob@localhost secret\n", "user", "import")
	out, _, end := p.background()
	at := firstAddr(out.String())
	alice, bob := at.login(t, "alice", "r"), at.login(t, "bob", "r")
	alice.send("<iq type='set' id='s'><query xmlns='jabber:iq:roster'><item jid='x@y'/></query></iq>")
	alice.until("id='s'")
	if got := p.do("", "console", "shutdown"); got != "shutting down\n" {
		t.Error(got)
	}
	for _, c := range []*client{alice, bob} {
		if got := c.rest(); !strings.Contains(got, "<system-shutdown ") || !strings.HasSuffix(got, "</stream:stream>") {
			t.Error(got)
		}
	}
	if got := end(); got.code != exitOK {
		t.Errorf("%+v", got)
	}
	if got := p.do("", "roster", "show", "alice@localhost"); !strings.Contains(got, "x@y") {
		t.Error(got)
	}
	p.start()
}

// TestStopWithDeafClient: one who does not read holds a stop up no longer than the limit says.
func TestStopWithDeafClient(t *testing.T) {
	t.Parallel()
	p := newPlace(t, "", "")
	p.do("alice@localhost secret\n", "user", "import")
	s := p.start()
	deaf := s.login(t, "alice", "deaf")
	text := strings.Repeat("x", 8000)
	for range 50 {
		deaf.send("<message to='alice@localhost/deaf'><body>" + text + "</body></message>")
	}
	p.until(func() error {
		if st := s.engine.Stats(); st.BytesIn < 50*8000 {
			return errAgain
		}
		return nil
	})
	if err := stopSoon(s); err != nil {
		t.Error(err)
	}
	p.start()
}

// TestStopTimeout: one who has read everything and does not close its side is waited for as long as
// Stop_Timeout says, and leaves the session's end as any other.
func TestStopTimeout(t *testing.T) {
	t.Parallel()
	p := newPlace(t, "", "Stop_Timeout = 1")
	p.do("alice@localhost secret\n", "user", "import")
	s := p.start()
	lazy := s.login(t, "alice", "lazy")
	start := time.Now()
	if err := stopSoon(s); err != nil {
		t.Error(err)
	}
	if took := time.Since(start); took < time.Second || took > 4*time.Second { // closing alone would take 5
		t.Errorf("the stop took %v", took)
	}
	lazy.until("</stream:stream>")
	if _, err := lazy.conn.Read(make([]byte, 1)); err != io.EOF {
		t.Errorf("at the end of the connection: %v", err)
	}
}

// TestKillKeepsWhatWasAcknowledged: what a command or a client was told is there after SIGKILL.
func TestKillKeepsWhatWasAcknowledged(t *testing.T) {
	t.Parallel()
	p := newPlace(t, "", "")
	o := script.Options{Dir: p.dir, Config: p.file, Process: true}
	for round := range 3 {
		srv, err := startProcess(t, o)
		if err != nil {
			t.Fatal(err)
		}
		for i := range 5 {
			p.do("secret\n", "user", "add", fmt.Sprintf("u%d-%d@localhost", round, i))
		}
		who := fmt.Sprintf("u%d-0", round)
		c := (&addrOnly{srv.Addr("127.0.0.1:0")}).login(t, who, "r")
		for i := range 5 {
			c.send(fmt.Sprintf("<iq type='set' id='s%d'><query xmlns='jabber:iq:roster'><item jid='c%[1]d@x'/></query></iq>", i))
			c.until(fmt.Sprintf("id='s%d'", i))
		}
		if err := srv.Kill(); err != nil {
			t.Fatal(err)
		}
		if got := p.do("", "user", "list"); strings.Count(got, "\n") != 5*(round+1) {
			t.Errorf("round %d: %s", round, got)
		}
		if got := p.do("", "roster", "show", who+"@localhost"); strings.Count(got, "@x") != 5 {
			t.Errorf("round %d: %s", round, got)
		}
	}
}

// TestHangUp: SIGHUP reloads.
func TestHangUp(t *testing.T) {
	p := newPlace(t, "", `xmpp_logger "a" { logfile = "{dir}/log" }`)
	_, _, end := p.background()
	if err := os.Rename(p.path("log"), p.path("log.1")); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Kill(os.Getpid(), syscall.SIGHUP); err != nil {
		t.Fatal(err)
	}
	p.until(func() error {
		if _, err := os.Stat(p.path("log")); err != nil {
			return errAgain
		}
		return nil
	})
	if got := end(); got.code != exitOK || !strings.Contains(got.err, "1 log file opened anew") {
		t.Errorf("%+v", got)
	}
}
