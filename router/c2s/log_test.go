package c2s_test

import (
	"bytes"
	"log/slog"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"testing"

	"roost/router"
	"roost/router/c2s"
	"roost/xmlstream/stanza"
)

// lines is where a log is written to.
type lines struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if bytes.Count(p, []byte("\n")) != 1 {
		l.buf.WriteString("MANY LINES ")
	}
	return l.buf.Write(p)
}

func (l *lines) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.String()
}

// TestLog: what clients do is told in one line each, without their passwords, and cut where they
// chose the length.
func TestLog(t *testing.T) {
	var log lines
	h := newHouse(t, options{tls: true, srv: func(s *c2s.Server) { s.Log = slog.New(slog.NewTextHandler(&log, nil)) },
		cfg: func(c *c2s.Config) { c.LogLogins = true }})
	long := strings.Repeat("x", 5000)
	c := h.dial().open().secure().open().send(plain("alice", "not-the-password") + plain("bad\nname", "tell-nobody"))
	c.want("<not-authorized/>")
	c.want("failure")
	c.auth("alice").bind("a").send("<" + long + "/>").ends(stanza.StreamUnsupportedStanzaType).check(t)
	h.dial().open().send("<stream:error><" + long + " xmlns='t'/></stream:error>").ends("").check(t)
	h.dial().open().send(plain("bob", "bob")).reset()
	h.dial().login("alice", "c").ask("here", "1").ask("here", "2").reset()
	h.dial().login("bob", "d").logout().check(t)
	h.empty(t)
	got := log.String()
	ends := 0
	for line := range strings.Lines(got) {
		if !strings.Contains(line, `msg="session ended"`) {
			continue
		}
		ends++
		for _, want := range []string{"jid=", "peer=127.0.0.1:", "mechanism=PLAIN", "tls=", "duration=", "in=", "out=", "reason="} {
			if !strings.Contains(line, want) {
				t.Errorf("no %q in %s", want, line)
			}
		}
	}
	if ends != 3 {
		t.Errorf("%d sessions ended, want 3", ends)
	}
	for _, want := range []string{"authentication failed", "authentication succeeded", "user=alice@x", "session bound", "jid=alice@x/a",
		"mechanism=PLAIN tls=1.3", "unsupported-stanza-type", "session ended", "ended its stream with an error", "peer=127.0.0.1:"} {
		if !strings.Contains(got, want) {
			t.Errorf("the log does not tell %q", want)
		}
	}
	for _, never := range []string{"not-the-password", "tell-nobody", "MANY LINES", long[:200], "invalid AddrPort"} {
		if strings.Contains(got, never) {
			t.Errorf("the log tells %q", never)
		}
	}
	if t.Failed() {
		t.Log(got)
	}
}

// tap records what it is shown.
type tap struct {
	mu  sync.Mutex
	got []string
}

func (p *tap) Received(peer netip.AddrPort, st *stanza.Stanza) {
	p.add(peer, "R"+st.From.Local(), st.El.Raw())
}
func (p *tap) Delivered(peer netip.AddrPort, b []byte) { p.add(peer, "D", b) }

func (p *tap) add(peer netip.AddrPort, what string, b []byte) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !peer.Addr().IsLoopback() {
		what = "?"
	}
	head, _, _ := strings.Cut(string(b), " ")
	p.got = append(p.got, what+head)
}

// TestTap: every stanza of a session and its stream error are shown, what was said before is not.
func TestTap(t *testing.T) {
	var p tap
	h := newHouse(t, options{srv: func(s *c2s.Server) { s.SetTap(&p) }, cfg: func(c *c2s.Config) { c.Conflict = router.Refuse }})
	first := h.dial().login("alice", "a").ask("beside", "1").ask("here", "2").check(t)
	c := h.dial().open().auth("alice").send(bind("a"))
	c.want("<conflict")
	c.bind("b").send("<a b>").ends(stanza.StreamNotWellFormed).check(t)
	first.logout().check(t)
	h.empty(t)
	want := []string{"Ralice<iq", "D<iq", "Ralice<iq", "D<iq", "Ralice<iq", "D<iq", "Ralice<iq", "D<iq", "Ralice<iq", "D<iq", "D<stream:error><not-well-formed"}
	if !slices.Equal(p.got, want) {
		t.Errorf("got  %v\nwant %v", p.got, want)
	}
}
