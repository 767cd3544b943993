package load

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"slices"
	"strconv"
	"strings"

	"roost/bench/people"
	"roost/bench/scenario"
	"roost/bench/sock"
)

// A Target says which server is loaded, and as whom. It travels to workers as JSON.
type Target struct {
	Addrs   []string     `json:"addrs"`   // host:port, or the path of a Unix socket; sessions take them in turn
	Names   people.Names `json:"names"`   //
	Sources []string     `json:"sources"` // addresses that connections come from, in turn; none: see sourcesFor
	CA      string       `json:"ca"`      // PEM file; the server's certificate must verify. "": it is not looked at
	MaxTLS  uint16       `json:"max_tls"` // highest version of TLS; 0 is the newest
}

// Config is what one Engine is to do.
type Config struct {
	Scenario *scenario.Scenario `json:"scenario"`
	Target   Target             `json:"target"`
	Shard    int                `json:"shard"`  // of Shards
	Shards   int                `json:"shards"` // engines that share the scenario
	Run      uint32             `json:"run"`    // tells this run's stanzas from another's; the same for all shards
}

// resolved is a Target made ready for sockets.
type resolved struct {
	addrs   []sock.Addr
	sources []netip.Addr
	tls     *tls.Config
}

// sessionsPerSource is how many connections one source address makes to one target, where we choose the addresses: fewer
// than the ports of net.ipv4.ip_local_port_range (28 232 by default).
const sessionsPerSource = 20000

func (t *Target) resolve(ctx context.Context, sessions int, direct bool) (*resolved, error) {
	if err := t.Names.Check(); err != nil {
		return nil, err
	}
	r := new(resolved)
	for _, a := range t.Addrs {
		addr, err := lookup(ctx, a)
		if err != nil {
			return nil, err
		}
		r.addrs = append(r.addrs, addr)
	}
	if len(r.addrs) == 0 {
		return nil, errors.New("no address to connect to: give -addr host:port")
	}
	for _, s := range t.Sources {
		ip, err := netip.ParseAddr(s)
		if err != nil {
			return nil, fmt.Errorf("the source address %q is none: %w", s, err)
		}
		r.sources = append(r.sources, ip)
	}
	if len(r.sources) == 0 {
		r.sources = sourcesFor(r.addrs, sessions)
	}
	var err error
	r.tls, err = t.tlsConfig(direct)
	return r, err
}

// sourcesFor returns 127.0.0.1 and the addresses behind it when all targets are on 127.0.0.0/8, where every
// address is ours, and one has too few ports; else none: the kernel chooses.
func sourcesFor(addrs []sock.Addr, sessions int) []netip.Addr {
	need := (sessions + sessionsPerSource*len(addrs) - 1) / (sessionsPerSource * len(addrs))
	if need <= 1 || slices.ContainsFunc(addrs, func(a sock.Addr) bool { return !a.Loopback() }) {
		return nil
	}
	var out []netip.Addr
	for ip := netip.AddrFrom4([4]byte{127, 0, 0, 1}); len(out) < need; ip = ip.Next() {
		out = append(out, ip)
	}
	return out
}

func lookup(ctx context.Context, a string) (sock.Addr, error) {
	if strings.Contains(a, "/") {
		return sock.Unix(a)
	}
	host, port, err := net.SplitHostPort(a)
	if err != nil {
		return sock.Addr{}, fmt.Errorf("the address %q is neither host:port nor the path of a socket: %w", a, err)
	}
	n, err := strconv.ParseUint(port, 10, 16)
	if err != nil {
		return sock.Addr{}, fmt.Errorf("the port of %q is no number: %w", a, err)
	}
	ips, err := net.DefaultResolver.LookupNetIP(ctx, "ip", host)
	if err != nil {
		return sock.Addr{}, fmt.Errorf("address %s: %w", a, err)
	}
	for _, ip := range ips { // IPv4 first, as the servers of test beds mostly listen
		if ip.Unmap().Is4() {
			return sock.TCP(netip.AddrPortFrom(ip.Unmap(), uint16(n))), nil
		}
	}
	return sock.TCP(netip.AddrPortFrom(ips[0], uint16(n))), nil
}

func (t *Target) tlsConfig(direct bool) (*tls.Config, error) {
	cfg := &tls.Config{
		ServerName:                  t.Names.Domain,
		MinVersion:                  tls.VersionTLS12,
		MaxVersion:                  t.MaxTLS,
		DynamicRecordSizingDisabled: true,
		InsecureSkipVerify:          t.CA == "",
	}
	if direct {
		cfg.NextProtos = []string{"xmpp-client"} // XEP-0368 §2
	}
	if t.CA != "" {
		pem, err := os.ReadFile(t.CA)
		if err != nil {
			return nil, fmt.Errorf("certificate authorities: %w", err)
		}
		cfg.RootCAs = x509.NewCertPool()
		if !cfg.RootCAs.AppendCertsFromPEM(pem) {
			return nil, fmt.Errorf("certificate authorities: there is no PEM certificate in %s", t.CA)
		}
	}
	return cfg, nil
}
