package main

import (
	"bytes"
	"io"
	"log/slog"
	"net"
	"net/netip"
	"strings"
	"testing"
	"time"

	"roost/cmd/roost/conf"
	"roost/netio"
)

// TestAddressCount: connections are counted by IPv4 address and by /64 of IPv6, and nothing is kept for those
// that are gone.
func TestAddressCount(t *testing.T) {
	keys := map[uint64]string{}
	for _, row := range [][]string{{"192.0.2.1", "::ffff:192.0.2.1"}, {"192.0.2.2"}, {"255.255.255.255"},
		{"2001:db8::1", "2001:db8::ffff:1"}, {"2001:db8:0:1::1"}, {"fe80::1", "fe80::2%eth0"}} {
		key := addressKey(netip.MustParseAddr(row[0]))
		for _, a := range row[1:] {
			if addressKey(netip.MustParseAddr(a)) != key {
				t.Errorf("%s and %s count as two", row[0], a)
			}
		}
		if other, twice := keys[key]; twice {
			t.Errorf("%s counts as %s", row[0], other)
		}
		keys[key] = row[0]
	}
	var n addressCount
	a, b, c, d := new(netio.Conn), new(netio.Conn), new(netio.Conn), new(netio.Conn)
	here, there := netip.MustParseAddr("192.0.2.1"), netip.MustParseAddr("192.0.2.2")
	for i, step := range []struct {
		conn *netio.Conn
		from netip.Addr
		max  int
		want bool
	}{{a, here, 2, true}, {b, here, 2, true}, {c, here, 2, false}, {c, there, 2, true}, {d, here, 0, true}, {d, here, 3, true}} {
		if got := n.enter(step.conn, step.from, step.max); got != step.want {
			t.Errorf("step %d: %v", i, got)
		}
	}
	for _, conn := range []*netio.Conn{a, a, b, c, d, new(netio.Conn)} {
		n.leave(conn)
	}
	if n.n != nil || n.of != nil {
		t.Errorf("left: %v, %v", n.n, n.of)
	}
}

// TestConnectionsPerAddress: there is room again when a connection has ended, in whichever way.
func TestConnectionsPerAddress(t *testing.T) {
	p := newPlace(t, "max_connections_per_ip = 2", "")
	s := p.start()
	full := func() error {
		conn, err := net.Dial("tcp", s.addr())
		if err != nil {
			return err
		}
		defer conn.Close()
		conn.SetDeadline(time.Now().Add(patience))
		if _, err := io.WriteString(conn, "<stream:stream xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams' to='localhost' version='1.0'>"); err == nil {
			if _, err := conn.Read(make([]byte, 1)); err == nil {
				return nil
			}
		}
		return errAgain
	}
	for _, end := range []func(*client){
		func(c *client) { c.conn.Close() },
		func(c *client) { c.conn.(*net.TCPConn).SetLinger(0); c.conn.Close() },
		func(c *client) { c.send("</stream:stream>"); c.rest() },
	} {
		one, two := dial(t, s.addr()), dial(t, s.addr())
		one.header()
		two.header()
		if full() == nil {
			t.Error("a third one is let in")
		}
		end(one)
		p.until(full)
		two.conn.Close()
		p.until(func() error {
			if s.engine.Stats().Conns > 0 {
				return errAgain
			}
			return nil
		})
	}
	if n := s.admission.refused.address.Load(); n < 3 {
		t.Errorf("%d were refused", n)
	}
}

// TestProxyFromElsewhere: a header from an address that no Peer names is not waited for.
func TestProxyFromElsewhere(t *testing.T) {
	var elsewhere string
	all, err := net.InterfaceAddrs()
	if err != nil {
		t.Fatal(err)
	}
	for _, a := range all {
		if ip, ok := a.(*net.IPNet); ok && ip.IP.To4() != nil && !ip.IP.IsLoopback() {
			elsewhere = ip.IP.String()
		}
	}
	s := serveText(t, `xmpp_listener { AuthPlainParameters = [ uri = "accounts://" ] require_tls = false proxy_protocol = true Listen "*:0" {} }`)
	_, port, _ := net.SplitHostPort(s.addr())
	near := dial(t, "127.0.0.1:"+port)
	near.send("PROXY TCP4 192.0.2.1 192.0.2.9 1 2\r\n")
	near.header()
	if elsewhere == "" {
		return // this machine has no other address
	}
	far := dial(t, net.JoinHostPort(elsewhere, port))
	if _, err := far.conn.Read(make([]byte, 1)); err == nil {
		t.Error("somebody from elsewhere is taken for a proxy")
	}
	if n := s.admission.refused.proxy.Load(); n != 1 {
		t.Errorf("%d refused", n)
	}
}

// TestBudget: it shuts at the high mark and opens below the low one, with one line each; before that it tries to
// give memory back, not too often.
func TestBudget(t *testing.T) {
	var log bytes.Buffer
	now := time.Unix(1000, 0)
	var used, after uint64
	shrunk := 0
	b := newBudget(slog.New(slog.NewTextHandler(&log, nil)), &conf.Config{MemoryLimit: 1000})
	b.used = func() uint64 { return used }
	b.shrink = func() { shrunk++; used = min(used, after) }
	b.now = func() time.Time { return now }
	for i, step := range []struct {
		used, after uint64
		wait        time.Duration
		full        bool
		shrunk      int
		lines       int
	}{
		{0, 0, 0, false, 0, 0},
		{899, 899, time.Second, false, 0, 0},
		{950, 500, time.Second, false, 1, 0}, // only garbage
		{950, 500, time.Second, true, 1, 1},  // so soon again
		{950, 850, 10 * time.Second, true, 2, 1},
		{800, 800, time.Second, true, 2, 1},
		{799, 799, time.Second, false, 2, 2},
		{899, 899, time.Minute, false, 2, 2},
		{900, 900, time.Second, true, 3, 3},
		{820, 700, 10 * time.Second, false, 4, 4},
	} {
		now = now.Add(step.wait)
		used, after = step.used, step.after
		b.look()
		if b.full() != step.full || shrunk != step.shrunk || strings.Count(log.String(), "\n") != step.lines {
			t.Errorf("step %d: full %v, shrunk %d times, %s", i, b.full(), shrunk, &log)
		}
	}
	used, after = 5000, 5000
	now = now.Add(time.Minute)
	if b.look(); !b.full() || b.closed.Load() != 3 {
		t.Errorf("full %v, %d times", b.full(), b.closed.Load())
	}
	b.limit.Store(0) // as a reload may
	if b.look(); b.full() {
		t.Error("without a limit nobody is let in")
	}
}

// TestMemoryLimit: when memory runs out, who has not logged in hears so, who comes waits in the backlog, sessions go
// on; and all of them are let in when there is memory again.
func TestMemoryLimit(t *testing.T) {
	p := newPlace(t, "", `Memory_Limit = 0 HTTP_Listener { Listen "127.0.0.1:0" {} }`)
	for _, u := range []string{"alice", "bob"} {
		p.do("secret\n", "user", "add", u+"@localhost")
	}
	s := p.start()
	url := "http://" + s.webs()[0].ln.Addr().String()
	alice := s.login(t, "alice", "a")
	early := dial(t, s.addr())
	early.header()
	turn := func(limit uint64, full float64) {
		t.Helper()
		s.admission.budget.limit.Store(limit)
		p.until(func() error {
			if s.admission.budget.full() != (full == 1) {
				return errAgain
			}
			return nil
		})
		if got := scrape(t, url); got["roost_memory_full"] != full || got["roost_memory_limit_bytes"] != float64(limit) {
			t.Errorf("%v, %v", got["roost_memory_full"], got["roost_memory_limit_bytes"])
		}
	}
	turn(1<<20, 1) // no Go program is that small
	early.send("<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='PLAIN'>AGJvYgBzZWNyZXQ=</auth>")
	if got := early.rest(); !strings.Contains(got, "<resource-constraint ") {
		t.Errorf("got %s", got)
	}
	alice.ping()
	rests, late := s.engine.Stats().Rests, make(chan *client)
	go func() {
		c := &addrOnly{s.addr()}
		late <- c.login(t, "bob", "b")
	}()
	p.until(func() error {
		if s.engine.Stats().Rests < rests+2 {
			return errAgain
		}
		return nil
	})
	var out bytes.Buffer
	if s.status(&out); !strings.Contains(out.String(), "nobody new is let in") || s.engine.Stats().Conns != 1 {
		t.Errorf("%d connections\n%s", s.engine.Stats().Conns, &out)
	}
	turn(0, 0)
	(<-late).ping()
	alice.ping()
}

// TestReloadLimits: limits that are set and taken back while somebody is there.
func TestReloadLimits(t *testing.T) {
	p := newPlace(t, "", "")
	p.do("secret\n", "user", "add", "alice@localhost")
	s := p.start()
	alice := s.login(t, "alice", "a")
	alice.ping()
	p.edit("require_tls = false", "require_tls = false stanza_rate = 1/3600 stanza_burst = 2 max_connections_per_ip = 1")
	p.reload()
	alice.ping()
	alice.ping()
	alice.send("<iq type='get' id='late' to='localhost'><ping xmlns='urn:xmpp:ping'/></iq>") // is owed
	alice.send("<iq type='get' id='later' to='localhost'><ping xmlns='urn:xmpp:ping'/></iq>")
	alice.until("id='late'")
	dial(t, s.addr()).header() // alice came when nobody counted
	refused := dial(t, s.addr())
	if _, err := refused.conn.Read(make([]byte, 1)); err == nil {
		t.Error("a second connection is let in")
	}
	if n := s.c2s.Stats().Slowed; n == 0 {
		t.Error("a session that was there is not slowed down")
	}
	p.edit(" stanza_rate = 1/3600 stanza_burst = 2 max_connections_per_ip = 1", "")
	p.reload()
	alice.until("id='later'")
	dial(t, s.addr()).header()
	alice.until("/>")
	alice.ping()
}
