package s2s

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strings"
	"sync"
	"time"

	"github.com/miekg/dns"
)

// DNSOptions of a DNS. Servers is required.
type DNSOptions struct {
	Servers    []string         // "address:port", asked in this order
	Timeout    time.Duration    // for one question to one server; default 5 s
	Attempts   int              // rounds over the servers; default 2
	IPv6       bool             // look for IPv6 addresses, too
	MaxEntries int              // answers that are kept; default 8192
	Now        func() time.Time // default time.Now
	Rand       func(n int) int  // default rand.IntN
}

// How long answers are kept at most and at least, whatever they say themselves.
const (
	maxTTL     = time.Hour
	minTTL     = time.Second
	maxNoTTL   = 5 * time.Minute // of "there is none" (RFC 2308)
	defaultNo  = time.Minute     // of one that says nothing about it
	failureTTL = 5 * time.Second // of a server that does not know, or does not answer
	maxAnswers = 32              // records of one answer that are kept
	maxLooked  = 64              // entries that are looked at for one past its time
	udpSize    = 1232            // EDNS(0), what passes everywhere
)

// DNS finds servers by DNS. It is safe for concurrent use.
type DNS struct {
	o  DNSOptions
	mu sync.Mutex // guards kept
	// kept are the answers so far, those that failed among them. It is bounded by MaxEntries.
	kept map[question]*answer
}

type question struct {
	name string
	kind uint16
}

type answer struct {
	addrs []netip.Addr
	srvs  []srv
	err   error // nil also when there is nothing
	until time.Time
}

// NewDNS makes a resolver of our own.
func NewDNS(o DNSOptions) *DNS {
	if o.Timeout <= 0 {
		o.Timeout = 5 * time.Second
	}
	if o.Attempts <= 0 {
		o.Attempts = 2
	}
	if o.MaxEntries <= 0 {
		o.MaxEntries = 8192
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	return &DNS{o: o, kept: map[question]*answer{}}
}

// ReadResolvConf takes the servers, the time-out and the attempts of a file in the form of
// resolv.conf(5), where a server may be written with a port. Its search list is not used: what is asked for is always a whole name.
func ReadResolvConf(path string) (o DNSOptions, err error) {
	c, err := dns.ClientConfigFromFile(path)
	if err != nil {
		return o, err
	}
	for _, s := range c.Servers {
		if _, err := netip.ParseAddrPort(s); err != nil { // a port is our addition to the form
			s = net.JoinHostPort(s, c.Port)
		}
		o.Servers = append(o.Servers, s)
	}
	if len(o.Servers) == 0 {
		return o, errors.New("it names no server; write one such as: nameserver 192.0.2.53")
	}
	o.Timeout, o.Attempts = time.Duration(c.Timeout)*time.Second, c.Attempts
	return o, nil
}

func (d *DNS) srv(ctx context.Context, name string) ([]srv, error) {
	a := d.ask(ctx, question{dns.Fqdn(name), dns.TypeSRV})
	return a.srvs, a.err
}

func (d *DNS) addrs(ctx context.Context, host string, v6 bool) ([]netip.Addr, error) {
	kind := dns.TypeA
	if v6 {
		kind = dns.TypeAAAA
	}
	a := d.ask(ctx, question{dns.Fqdn(host), kind})
	return a.addrs, a.err
}

// ask answers from what is kept, or asks the servers.
func (d *DNS) ask(ctx context.Context, q question) *answer {
	q.name = strings.ToLower(q.name)
	d.mu.Lock()
	a := d.kept[q]
	d.mu.Unlock()
	if a != nil && d.o.Now().Before(a.until) {
		return a
	}
	a = d.exchange(ctx, q)
	if a.err != nil && ctx.Err() != nil {
		return a // whoever asked has left; that says nothing about the name
	}
	d.keep(q, a)
	return a
}

// keep stores an answer. At the limit others go: those past their time first.
func (d *DNS) keep(q question, a *answer) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if _, there := d.kept[q]; !there && len(d.kept) >= d.o.MaxEntries {
		now, looked := d.o.Now(), 0
		var victim question
		for old, was := range d.kept {
			victim = old
			if looked++; !now.Before(was.until) || looked >= maxLooked {
				break
			}
		}
		delete(d.kept, victim)
	}
	d.kept[q] = a
}

// exchange asks server after server.
func (d *DNS) exchange(ctx context.Context, q question) *answer {
	m := new(dns.Msg)
	m.SetQuestion(q.name, q.kind)
	m.SetEdns0(udpSize, false)
	var last error
	for range d.o.Attempts {
		for _, server := range d.o.Servers {
			r, err := d.one(ctx, m, server)
			if err == nil {
				return d.read(q, r)
			}
			if last = err; ctx.Err() != nil {
				return d.failed(q, last)
			}
		}
	}
	return d.failed(q, last)
}

func (d *DNS) failed(q question, err error) *answer {
	return &answer{err: fmt.Errorf("DNS %s %s: %w", dns.TypeToString[q.kind], q.name, err), until: d.o.Now().Add(failureTTL)}
}

// one asks one server: over TCP when the answer does not fit.
func (d *DNS) one(ctx context.Context, m *dns.Msg, server string) (*dns.Msg, error) {
	for _, network := range []string{"udp", "tcp"} {
		ctx, cancel := context.WithTimeout(ctx, d.o.Timeout)
		c := dns.Client{Net: network, Timeout: d.o.Timeout, UDPSize: udpSize}
		r, _, err := c.ExchangeContext(ctx, m, server)
		cancel()
		switch {
		case err != nil:
			return nil, err
		case r.Truncated && network == "udp":
			continue
		case len(r.Question) != 1 || !strings.EqualFold(r.Question[0].Name, m.Question[0].Name) || r.Question[0].Qtype != m.Question[0].Qtype:
			return nil, errors.New("the server answered another question")
		case r.Rcode != dns.RcodeSuccess && r.Rcode != dns.RcodeNameError:
			return nil, errors.New("the server says " + dns.RcodeToString[r.Rcode])
		}
		return r, nil
	}
	return nil, errors.New("the answer does not even fit into TCP")
}

// read takes what was asked for out of a reply, and how long it holds.
func (d *DNS) read(q question, r *dns.Msg) *answer {
	a := &answer{}
	ttl := maxTTL
	for _, rr := range r.Answer {
		if len(a.addrs)+len(a.srvs) >= maxAnswers {
			break
		}
		ttl = min(ttl, time.Duration(rr.Header().Ttl)*time.Second) // of the aliases on the way, too
		switch rr := rr.(type) {
		case *dns.A:
			a.add(q, dns.TypeA, rr.A)
		case *dns.AAAA:
			a.add(q, dns.TypeAAAA, rr.AAAA)
		case *dns.SRV:
			if q.kind == dns.TypeSRV {
				a.srvs = append(a.srvs, srv{target: strings.ToLower(rr.Target), port: rr.Port, priority: rr.Priority, weight: rr.Weight})
			}
		}
	}
	if len(a.addrs)+len(a.srvs) == 0 {
		ttl = defaultNo
		for _, rr := range r.Ns { // RFC 2308 §5
			if soa, ok := rr.(*dns.SOA); ok {
				ttl = time.Duration(min(soa.Minttl, soa.Hdr.Ttl)) * time.Second
			}
		}
		ttl = min(ttl, maxNoTTL)
	}
	a.until = d.o.Now().Add(max(ttl, minTTL))
	return a
}

func (a *answer) add(q question, kind uint16, ip net.IP) {
	if addr, ok := netip.AddrFromSlice(ip); ok && q.kind == kind {
		a.addrs = append(a.addrs, addr.Unmap())
	}
}
