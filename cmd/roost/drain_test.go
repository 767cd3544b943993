package main

import (
	"context"
	"fmt"
	"net"
	"strings"
	"testing"
	"time"
)

// crowdOf logs n clients of one account in.
func crowdOf(t *testing.T, s *Server, n int) (all []*client) {
	t.Helper()
	for i := range n {
		all = append(all, s.login(t, "alice", fmt.Sprint("r", i)))
	}
	return all
}

func drainPlace(t *testing.T) (*place, *Server) {
	t.Helper()
	p := newPlace(t, "", "HTTP_Listener { Listen \"127.0.0.1:0\" {} }")
	p.do("secret\n", "user", "add", "alice@localhost")
	return p, p.start()
}

// TestDrain: nobody is let in, everybody is told where to go, and the probes, the page and the status say so.
func TestDrain(t *testing.T) {
	p, s := drainPlace(t)
	all := crowdOf(t, s, 5)
	stranger := dial(t, s.addr())
	stranger.header()
	got := p.do("", "console", "drain", "0", "--to", "other.example:5223")
	if !strings.Contains(got, "draining: 5 of 5 sessions left\n") || !strings.HasSuffix(got, "drained: 5 sessions sent away, none left\n") {
		t.Error(got)
	}
	for _, c := range append(all, stranger) {
		if got := c.rest(); !strings.Contains(got, "<see-other-host xmlns='urn:ietf:params:xml:ns:xmpp-streams'>other.example:5223</see-other-host>") {
			t.Error(got)
		}
	}
	if conn, err := net.Dial("tcp", s.addr()); err == nil {
		conn.Close()
		t.Error("a client is let in")
	}
	for path, want := range map[string]string{"/readyz": "draining", "/metrics": "roost_ready 0", "/": "drained: 5 sessions sent away"} {
		if got := page(t, s, path); !strings.Contains(got, want) {
			t.Errorf("%s: %s", path, got)
		}
	}
	if v := s.snapshot(); v.State != "draining" || v.Listeners[0].State != "closed for draining" {
		t.Errorf("%+v", v)
	}
	p.refuse("", []string{"console", "drain"}, "is draining")
	p.refuse("", []string{"console", "reload"}, "is draining")
	if got := p.do("", "console", "drain", "cancel"); got != "clients are accepted again\n" {
		t.Error(got)
	}
	p.refuse("", []string{"console", "drain", "cancel"}, "does not drain")
	s.login(t, "alice", "again").ping()
	if got := page(t, s, "/readyz"); got != "ready\n" {
		t.Error(got)
	}
}

// page is what a page of HTTP says.
func page(t *testing.T, s *Server, path string) string {
	t.Helper()
	_, body := get(t, "http://"+s.webs()[0].ln.Addr().String()+path, "")
	return body
}

// TestDrainPace: so many a second, and a cancel leaves the others where they are.
func TestDrainPace(t *testing.T) {
	t.Parallel()
	p, s := drainPlace(t)
	all := crowdOf(t, s, 20)
	start := time.Now()
	done := make(chan said, 1)
	go func() { done <- p.try("", "console", "drain", "4") }()
	p.until(func() error {
		if n, _ := s.router.Count(); n > 16 {
			return errAgain
		}
		return nil
	})
	if took := time.Since(start); took < 500*time.Millisecond {
		t.Errorf("4 sessions are gone after %v", took)
	}
	p.do("", "console", "drain", "cancel")
	if r := <-done; r.code != exitFailed || !strings.Contains(r.err, "cancelled") || !strings.Contains(r.out, "of 20 sessions left") {
		t.Errorf("%+v", r)
	}
	for _, c := range all {
		c.send("<iq type='get' id='still' to='localhost'><ping xmlns='urn:xmpp:ping'/></iq>")
	}
	still, told := 0, 0
	for _, c := range all {
		for !strings.Contains(string(c.buf), "id='still'") && !strings.Contains(string(c.buf), "</stream:stream>") {
			if err := c.more(); err != nil {
				t.Fatal(err)
			}
		}
		if strings.Contains(string(c.buf), "<system-shutdown ") {
			told++
		} else {
			still++
		}
	}
	if told < 4 || still == 0 || told+still != 20 {
		t.Errorf("%d were told, %d are still here", told, still)
	}
}

// TestDrainStop: when all have gone, the server ends in order.
func TestDrainStop(t *testing.T) {
	p := newPlace(t, "", "")
	p.do("secret\n", "user", "add", "alice@localhost")
	x := p.execute("serve")
	alice := p.listening(x).login(t, "alice", "r")
	got := p.do("", "console", "drain", "--stop")
	if !strings.HasSuffix(got, "stopping\n") {
		t.Error(got)
	}
	if got := alice.rest(); !strings.Contains(got, "<system-shutdown ") {
		t.Error(got)
	}
	if err := x.Wait(); err != nil {
		t.Errorf("%v\n%s", err, &x.out)
	}
}

// TestDrainBadWords: what cannot be done is refused before anybody is sent away.
func TestDrainBadWords(t *testing.T) {
	p, s := drainPlace(t)
	for _, words := range [][]string{{"-1"}, {"many"}, {"10000000"}, {"5", "--to=a b"}, {"--to=a:0"}, {"--to=a:99999"}, {"--to=::1:5"}, {"cancel", "--stop"}} {
		r := p.try("", append([]string{"console", "drain"}, words...)...)
		if r.code == exitOK || s.drained.Load() != nil {
			t.Errorf("%v: %+v", words, r)
		}
	}
	for _, to := range []string{"a.example", "a.example:1", "192.0.2.1", "192.0.2.1:5222", "[2001:db8::1]", "[2001:db8::1]:5222"} {
		if err := checkHost(to); err != nil {
			t.Error(err)
		}
	}
}

// TestStopWhileDraining: a stop does not wait for a drain.
func TestStopWhileDraining(t *testing.T) {
	t.Parallel()
	_, s := drainPlace(t)
	all := crowdOf(t, s, 3)
	d, err := s.startDrain(1, "")
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Stop(context.Background()); err != nil {
		t.Error(err)
	}
	<-d.done
	for _, c := range all {
		if got := c.rest(); !strings.Contains(got, "<system-shutdown ") {
			t.Error(got)
		}
	}
}
