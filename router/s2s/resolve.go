package s2s

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"slices"
	"strings"
	"sync"

	"golang.org/x/net/idna"
)

// DefaultPort is where servers listen when nothing says otherwise (RFC 6120 §14.7).
const DefaultPort = 5269

// Limits of what one answer may lead to.
const (
	maxTargets    = 16 // SRV records that are looked at
	maxCandidates = 24 // addresses that are tried for one stream
)

// A Candidate is one place where a server may be found.
type Candidate struct {
	Host   string // as DNS or a route names it, for the log
	Addr   netip.AddrPort
	Direct bool // TLS from the first byte (XEP-0368)
}

// A Resolver finds servers. Its methods may block until ctx ends. Their errors are ErrNoServer, when
// there surely is none, or anything else, when there may be one another time.
type Resolver interface {
	// Service finds the servers of a domain, the one to try first in front.
	Service(ctx context.Context, domain string) ([]Candidate, error)
	// Host finds the addresses of a host.
	Host(ctx context.Context, host string, port uint16) ([]Candidate, error)
}

// ErrNoServer says that a domain has no server.
var ErrNoServer = errors.New("the domain has no XMPP server")

// srv is one SRV record (RFC 2782).
type srv struct {
	target           string
	port             uint16
	priority, weight uint16
	direct           bool
}

// Service implements Resolver: SRV records of both kinds as one list (XEP-0368 §3), and without any
// the domain's own addresses (RFC 6120 §3.2.2).
func (d *DNS) Service(ctx context.Context, domain string) ([]Candidate, error) {
	if ip, err := netip.ParseAddr(strings.Trim(domain, "[]")); err == nil {
		return []Candidate{{Host: domain, Addr: netip.AddrPortFrom(ip, DefaultPort)}}, nil
	}
	name, err := idna.Lookup.ToASCII(domain)
	if err != nil || len(name) > 240 { // no room for the service in front
		return nil, fmt.Errorf("%w: %q is no name for DNS", ErrNoServer, domain)
	}
	var list [2][]srv
	var errs [2]error
	var both sync.WaitGroup
	for i, service := range []string{"_xmpps-server._tcp.", "_xmpp-server._tcp."} {
		both.Go(func() { list[i], errs[i] = d.srv(ctx, service+name) })
	}
	both.Wait()
	var all []srv
	refused := false
	for i, l := range list {
		for _, s := range l {
			if s.target == "." { // RFC 2782: the service is decidedly not available
				refused = refused || i == 1
				continue
			}
			s.direct = i == 0
			all = append(all, s)
		}
	}
	switch {
	case len(all) > 0:
		return d.targets(ctx, order(all, d.o.Rand))
	case refused: // RFC 6120 §3.2.1
		return nil, fmt.Errorf("%w: its SRV record says so", ErrNoServer)
	}
	found, err := d.Host(ctx, name, DefaultPort)
	if err != nil && (errs[0] != nil || errs[1] != nil) {
		err = errors.Join(errs[0], errs[1]) // the records may be there all the same
	}
	return found, err
}

var loopback = netip.AddrFrom4([4]byte{127, 0, 0, 1})

// targets looks up the hosts of records that are in order.
func (d *DNS) targets(ctx context.Context, records []srv) (found []Candidate, err error) {
	var errs []error
	for _, s := range records[:min(len(records), maxTargets)] {
		at, err := d.Host(ctx, s.target, s.port)
		if err != nil {
			errs = append(errs, err)
			continue
		}
		for _, c := range at {
			c.Direct = s.direct
			found = append(found, c)
		}
		if len(found) >= maxCandidates {
			return found[:maxCandidates], nil
		}
	}
	if len(found) == 0 {
		return nil, errors.Join(errs...)
	}
	return found, nil
}

// Host implements Resolver: both families, in turns, IPv6 first where it is used (RFC 8305 §4).
func (d *DNS) Host(ctx context.Context, host string, port uint16) ([]Candidate, error) {
	if ip, err := netip.ParseAddr(host); err == nil {
		return []Candidate{{Host: host, Addr: netip.AddrPortFrom(ip, port)}}, nil
	}
	if h := strings.ToLower(strings.TrimSuffix(host, ".")); h == "localhost" || strings.HasSuffix(h, ".localhost") {
		// RFC 6761 §6.3: never asked of DNS
		return []Candidate{{Host: host, Addr: netip.AddrPortFrom(loopback, port)}}, nil
	}
	var v4, v6 []netip.Addr
	var err4, err6 error
	var both sync.WaitGroup
	both.Go(func() { v4, err4 = d.addrs(ctx, host, false) })
	if d.o.IPv6 {
		both.Go(func() { v6, err6 = d.addrs(ctx, host, true) })
	}
	both.Wait()
	var out []Candidate
	for i := range max(len(v4), len(v6)) {
		for _, l := range [][]netip.Addr{v6, v4} {
			if i < len(l) {
				out = append(out, Candidate{Host: host, Addr: netip.AddrPortFrom(l[i], port)})
			}
		}
	}
	switch {
	case len(out) > 0:
		return out, nil
	case err4 != nil || err6 != nil:
		return nil, errors.Join(err4, err6)
	}
	return nil, fmt.Errorf("%w: %s has no address", ErrNoServer, strings.TrimSuffix(host, "."))
}

// order sorts by priority, and those of one priority at random by their weights (RFC 2782). n below
// its argument comes from random.
func order(list []srv, random func(n int) int) []srv {
	if random == nil {
		random = rand.IntN
	}
	// Records of weight 0 go to the front of their priority, so that they have a small chance.
	slices.SortStableFunc(list, func(a, b srv) int {
		return cmp.Or(cmp.Compare(a.priority, b.priority), cmp.Compare(min(a.weight, 1), min(b.weight, 1)))
	})
	for i := range list {
		total, end := 0, i
		for end < len(list) && list[end].priority == list[i].priority {
			total += int(list[end].weight)
			end++
		}
		pick, sum := i, 0
		for at, chosen := i, random(total+1); at < end; at++ {
			if sum += int(list[at].weight); sum >= chosen {
				pick = at
				break
			}
		}
		s := list[pick]
		copy(list[i+1:pick+1], list[i:pick])
		list[i] = s
	}
	return list
}
