package s2s

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/miekg/dns"
)

// zone is a DNS server on loopback with a few records.
type zone struct {
	t     *testing.T
	addr  string
	asked atomic.Int64

	mu      sync.Mutex
	records map[string][]string // by "name. TYPE"
	rcode   map[string]int      // by name
	silent  map[string]bool
	big     bool // UDP answers are cut
}

func newZone(t *testing.T, records ...string) *zone {
	z := &zone{t: t, records: map[string][]string{}, rcode: map[string]int{}, silent: map[string]bool{}}
	for _, r := range records {
		rr, err := dns.NewRR(r)
		if err != nil {
			t.Fatal(err)
		}
		key := rr.Header().Name + " " + dns.TypeToString[rr.Header().Rrtype]
		z.records[key] = append(z.records[key], r)
	}
	pc, ln := listenBoth(t)
	z.addr = pc.LocalAddr().String()
	for _, s := range []*dns.Server{{PacketConn: pc, Handler: z}, {Listener: ln, Handler: z}} {
		started := make(chan bool)
		s.NotifyStartedFunc = func() { close(started) }
		go s.ActivateAndServe()
		<-started
		t.Cleanup(func() { s.Shutdown() })
	}
	return z
}

// listenBoth takes one port of both kinds; others may have taken half of it.
func listenBoth(t *testing.T) (net.PacketConn, net.Listener) {
	t.Helper()
	for {
		pc, err := net.ListenPacket("udp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		ln, err := net.Listen("tcp", pc.LocalAddr().String())
		if err == nil {
			return pc, ln
		}
		defer pc.Close() // not before another is found
	}
}

// set changes how the zone answers.
func (z *zone) set(change func()) {
	z.mu.Lock()
	defer z.mu.Unlock()
	change()
}

func (z *zone) ServeDNS(w dns.ResponseWriter, q *dns.Msg) {
	z.asked.Add(1)
	z.mu.Lock()
	defer z.mu.Unlock()
	name := strings.ToLower(q.Question[0].Name)
	if z.silent[name] {
		return
	}
	m := new(dns.Msg).SetReply(q)
	m.Rcode = z.rcode[name]
	for _, r := range z.records[name+" "+dns.TypeToString[q.Question[0].Qtype]] {
		rr, _ := dns.NewRR(r)
		m.Answer = append(m.Answer, rr)
	}
	if len(m.Answer) == 0 {
		soa, _ := dns.NewRR("example. 3600 IN SOA ns.example. admin.example. 1 2 3 4 7")
		m.Ns = append(m.Ns, soa)
	}
	if _, udp := w.RemoteAddr().(*net.UDPAddr); udp && z.big {
		m.Answer, m.Truncated = nil, true
	}
	w.WriteMsg(m)
}

// resolver asks z, with a clock that stands still until moved.
func (z *zone) resolver(ipv6 bool) (*DNS, *time.Time) {
	now := time.Unix(1000, 0)
	return NewDNS(DNSOptions{Servers: []string{z.addr}, IPv6: ipv6, Timeout: 200 * time.Millisecond, Attempts: 1,
		Now: func() time.Time { return now }, Rand: func(int) int { return 0 }}), &now
}

func show(found []Candidate) string {
	var out []string
	for _, c := range found {
		s := c.Addr.String()
		if c.Direct {
			s += " direct"
		}
		out = append(out, s)
	}
	return strings.Join(out, ", ")
}

// TestService: RFC 6120 §3.2, XEP-0368 §3.
func TestService(t *testing.T) {
	for _, c := range []struct {
		name    string
		ipv6    bool
		domain  string
		records []string
		want    string
		err     error
	}{
		{"priorities", false, "x.example", []string{
			"_xmpp-server._tcp.x.example. 60 IN SRV 20 0 5269 b.example.", "_xmpp-server._tcp.x.example. 60 IN SRV 10 0 5270 a.example.",
			"a.example. 60 IN A 192.0.2.1", "b.example. 60 IN A 192.0.2.2"}, "192.0.2.1:5270, 192.0.2.2:5269", nil},
		{"both kinds are one list", false, "x.example", []string{
			"_xmpp-server._tcp.x.example. 60 IN SRV 10 0 5269 a.example.", "_xmpps-server._tcp.x.example. 60 IN SRV 5 0 443 a.example.",
			"a.example. 60 IN A 192.0.2.1"}, "192.0.2.1:443 direct, 192.0.2.1:5269", nil},
		{"direct TLS is not offered", false, "x.example", []string{
			"_xmpp-server._tcp.x.example. 60 IN SRV 10 0 5269 a.example.", "_xmpps-server._tcp.x.example. 60 IN SRV 0 0 0 .",
			"a.example. 60 IN A 192.0.2.1"}, "192.0.2.1:5269", nil},
		{"no service", false, "x.example", []string{"_xmpp-server._tcp.x.example. 60 IN SRV 0 0 0 .", "x.example. 60 IN A 192.0.2.1"}, "", ErrNoServer},
		{"no records", false, "x.example", []string{"x.example. 60 IN A 192.0.2.9"}, "192.0.2.9:5269", nil},
		{"nothing", false, "x.example", nil, "", ErrNoServer},
		{"a target without address", false, "x.example", []string{
			"_xmpp-server._tcp.x.example. 60 IN SRV 10 0 5269 none.example.", "_xmpp-server._tcp.x.example. 60 IN SRV 20 0 5269 a.example.",
			"a.example. 60 IN A 192.0.2.1"}, "192.0.2.1:5269", nil},
		{"no IPv6 unless wanted", false, "x.example", []string{"x.example. 60 IN AAAA 2001:db8::1"}, "", ErrNoServer},
		{"families in turns", true, "x.example", []string{"x.example. 60 IN AAAA 2001:db8::1", "x.example. 60 IN AAAA 2001:db8::2",
			"x.example. 60 IN A 192.0.2.1"}, "[2001:db8::1]:5269, 192.0.2.1:5269, [2001:db8::2]:5269", nil},
		{"letters of any language", false, "bücher.example", []string{"xn--bcher-kva.example. 60 IN A 192.0.2.1"}, "192.0.2.1:5269", nil},
		{"the machine itself", false, "localhost", nil, "127.0.0.1:5269", nil},
		{"an address", false, "192.0.2.7", nil, "192.0.2.7:5269", nil},
		{"an IPv6 address", false, "[2001:db8::7]", nil, "[2001:db8::7]:5269", nil},
		{"too long", false, strings.Repeat("a.", 120) + "example", nil, "", ErrNoServer},
	} {
		t.Run(c.name, func(t *testing.T) {
			d, _ := newZone(t, c.records...).resolver(c.ipv6)
			found, err := d.Service(t.Context(), c.domain)
			if show(found) != c.want || !errors.Is(err, c.err) || (err == nil) != (c.err == nil) {
				t.Errorf("%s, %v; want %s, %v", show(found), err, c.want, c.err)
			}
		})
	}
}

// TestKept: answers hold for their time to live, "there is none" and failures for theirs.
func TestKept(t *testing.T) {
	z := newZone(t, "x.example. 60 IN A 192.0.2.1")
	d, now := z.resolver(false)
	ask := func(host string) int64 {
		before := z.asked.Load()
		d.Host(t.Context(), host, 1)
		return z.asked.Load() - before
	}
	z.set(func() { z.rcode["broken.example."] = dns.RcodeServerFailure })
	for _, c := range []struct {
		host string
		ttl  time.Duration
	}{{"x.example", time.Minute}, {"X.EXAMPLE", 0}, {"none.example", 7 * time.Second}, {"broken.example", failureTTL}} {
		first, again := ask(c.host), ask(c.host)
		if want := int64(min(c.ttl, 1)); first != want || again != 0 {
			t.Errorf("%s: asked %d times, then %d", c.host, first, again)
		}
		*now = now.Add(c.ttl - 1)
		if c.ttl > 0 && ask(c.host) != 0 {
			t.Errorf("%s: asked before %v", c.host, c.ttl)
		}
		*now = now.Add(1)
		if c.ttl > 0 && ask(c.host) != 1 {
			t.Errorf("%s: not asked after %v", c.host, c.ttl)
		}
	}
}

// TestKeptIsBounded: many names do not take memory without end.
func TestKeptIsBounded(t *testing.T) {
	z := newZone(t)
	d, _ := z.resolver(false)
	d.o.MaxEntries = 10
	for i := range 50 {
		d.Host(t.Context(), fmt.Sprintf("h%d.example", i), 1)
	}
	if len(d.kept) != 10 {
		t.Errorf("%d entries", len(d.kept))
	}
}

// TestDNSFails: a server that is silent, one that answers too much, and one that does not exist.
func TestDNSFails(t *testing.T) {
	z := newZone(t, "x.example. 60 IN A 192.0.2.1")
	z.set(func() { z.silent["silent.example."], z.silent["_xmpp-server._tcp.silent.example."] = true, true })
	d, _ := z.resolver(false)
	if _, err := d.Service(t.Context(), "silent.example"); err == nil || errors.Is(err, ErrNoServer) {
		t.Errorf("silence means: %v", err)
	}
	z.set(func() { z.big = true })
	if found, err := d.Host(t.Context(), "x.example", 1); show(found) != "192.0.2.1:1" {
		t.Errorf("over TCP: %v, %v", found, err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := d.Host(ctx, "y.example", 1); err == nil || errors.Is(err, ErrNoServer) {
		t.Errorf("nobody waits: %v", err)
	}
	if len(d.kept) == 0 || d.kept[question{"y.example.", dns.TypeA}] != nil {
		t.Error("what nobody waited for is kept")
	}
}

// TestOrder: priorities first; within one, weights say how often each is first (RFC 2782).
func TestOrder(t *testing.T) {
	list := func() []srv {
		return []srv{{target: "c", priority: 20, weight: 1}, {target: "a", priority: 10, weight: 75}, {target: "b", priority: 10, weight: 25}, {target: "z", priority: 10}}
	}
	first := map[string]int{}
	for range 4000 {
		got := order(list(), nil)
		if got[3].target != "c" {
			t.Fatalf("%v", got)
		}
		first[got[0].target]++
	}
	if a, b, z := first["a"], first["b"], first["z"]; a < 2700 || a > 3200 || b < 800 || b > 1200 || z == 0 || z > 120 {
		t.Errorf("%v", first)
	}
}

// TestReadResolvConf: the servers, with their port.
func TestReadResolvConf(t *testing.T) {
	dir := t.TempDir()
	file := dir + "/resolv.conf"
	write(t, file, "nameserver 192.0.2.53\nnameserver 2001:db8::53\nnameserver 127.0.0.1:5353\noptions timeout:3 attempts:4\n")
	o, err := ReadResolvConf(file)
	if err != nil || fmt.Sprint(o.Servers) != "[192.0.2.53:53 [2001:db8::53]:53 127.0.0.1:5353]" || o.Timeout != 3*time.Second || o.Attempts != 4 {
		t.Errorf("%+v, %v", o, err)
	}
	write(t, file, "search example.org\n")
	if _, err := ReadResolvConf(file); err == nil {
		t.Error("a file without servers is accepted")
	}
	if _, err := ReadResolvConf(dir + "/none"); err == nil {
		t.Error("a file that is not there is accepted")
	}
}

func write(t *testing.T, file, text string) {
	t.Helper()
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}
