package conf

import (
	"math"
	"net/netip"
	"slices"
	"time"

	"roost/cmd/internal/ecconf"
)

// listeners reads the xmpp_listener stanzas.
func (r *resolver) listeners() {
	module, all := r.root.First("xmpp"), r.root.All("xmpp_listener")
	for _, b := range all {
		switch {
		case module == nil && !r.root.Damaged:
			r.errs.Addf(b.Pos, "%s without the xmpp module: write xmpp {} above it", b.Label())
		case module != nil && module.Seq > b.Seq:
			r.errs.Addf(b.Pos, "%s stands before xmpp {} (line %d): move xmpp {} above it", b.Label(), module.Pos.Line)
		}
		r.cfg.Listeners = append(r.cfg.Listeners, r.listener(b))
	}
	if len(all) == 0 && !r.root.Damaged {
		r.warns.Addf(ecconf.Pos{File: r.cfg.File}, "no xmpp_listener: no client can connect")
	}
}

func (r *resolver) listener(b *ecconf.Block) Listener {
	l := Listener{Name: b.Name, Pos: b.Pos, Enable: r.tree.View(b).Bool("enable") && r.cfg.Enabled}
	for _, c := range b.All("listen") {
		l.Listens = append(l.Listens, r.listen(b, c, l.Enable))
	}
	if len(l.Listens) == 0 && !b.Damaged {
		r.warns.Addf(b.Pos, `%s has no Listen: no client can connect; add Listen "*:5222" {}`, b.Label())
		if !hasAuth(b) {
			r.errs.Addf(b.Pos, "%s has %s", b.Label(), noAuth)
		}
	}
	return l
}

const noAuth = `neither AuthPlainParameters nor AuthDigestMD5Parameters: add AuthPlainParameters = [ uri = "accounts://" ], or another store`

func hasAuth(b *ecconf.Block) bool {
	return b.Damaged || b.Get("AuthPlainParameters") != nil || b.Get("AuthDigestMD5Parameters") != nil
}

func (r *resolver) listen(outer, b *ecconf.Block, enable bool) Listen {
	v := r.tree.View(b, outer)
	addr, err := ParseAddress(b.Name)
	l := Listen{
		Address: addr, Pos: b.Pos, Enable: v.Bool("enable") && enable, UseSSL: v.Bool("use_ssl"),
		Backlog: v.Int("listen_backlog"), RecvBuffer: v.Int("tcp_recv_buffer_size"), SendBuffer: v.Int("tcp_send_buffer_size"),
		NoDelay: v.Bool("disable_nagle_algorithm"), FileMode: v.Mode("file_mode"),
		AcceptQueue: v.Int("accept_queue_backlog"), AcceptsPerRun: v.Int("events_per_iter"), Loops: v.Int("concurrency"),
		ParkAfter: v.Seconds("park_after"),
	}
	r.pool(v, &l)
	if err == nil {
		r.ends = append(r.ends, endpoint{addr, b.Pos, b.Label(), l.Enable})
	}
	if !hasAuth(outer) && !hasAuth(b) {
		r.errs.Addf(b.Pos, "%s has %s", b.Label(), noAuth)
	}
	l.Base = r.effective(v)
	if l.UseSSL && !l.Base.TLS.Enabled() {
		r.errs.Addf(v.Pos("use_ssl"), "%s has use_ssl = true, but tls_certificate is none: set a certificate", b.Label())
	}
	l.peers = r.peers(outer, b)
	return l
}

// builtinPools exist without a stanza. The server's loops stand for all of them.
var builtinPools = []string{"SwapOut", "SwapIn", "Unlink", "Batch_Unlink", "Close", "CPU", "IO", "SpoolIn"}

// pool lets a ThreadPool fill in what the listener leaves unset. A name without
// a pool is worth a warning only.
func (r *resolver) pool(v ecconf.View, l *Listen) {
	name := v.Text("pool_name")
	i := slices.IndexFunc(r.cfg.ThreadPools, func(p ThreadPool) bool { return p.Name == name })
	if i < 0 {
		if name != "" && !slices.Contains(builtinPools, name) {
			r.warns.Addf(v.Pos("pool_name"), "pool_name = %q names no ThreadPool; the server's own loops are used", name)
		}
		return
	}
	p := r.cfg.ThreadPools[i]
	l.Pool = name
	if l.Loops > p.Concurrency && p.Concurrency > 0 {
		r.warns.Addf(v.Pos("concurrency"), "concurrency = %d is more than the %d of ThreadPool %q", l.Loops, p.Concurrency, name)
	}
	if !v.IsSet("concurrency") {
		l.Loops = p.Concurrency
	}
	if !v.IsSet("accept_queue_backlog") {
		l.AcceptQueue = p.Backlog
	}
}

// peerTable finds the Effective of an address. Which Peer stanzas match an
// address is decided by the longest prefix that contains it, so one Effective
// per prefix covers all addresses.
type peerTable struct {
	lens4, lens6 []int // prefix lengths in use, longest first
	byPrefix     map[netip.Prefix]*Effective
}

// peers resolves every prefix of the Peer stanzas of a Listen and its listener.
func (r *resolver) peers(outer, listen *ecconf.Block) peerTable {
	t := peerTable{byPrefix: map[netip.Prefix]*Effective{}}
	for _, b := range slices.Concat(listen.All("peer"), outer.All("peer")) {
		p, _, err := ecconf.ParsePrefix(b.Key)
		if err != nil || t.byPrefix[p] != nil {
			continue
		}
		chain := slices.Concat(listen.Covering("peer", p), []*ecconf.Block{listen}, outer.Covering("peer", p), []*ecconf.Block{outer})
		v := r.tree.View(chain...)
		e := r.effective(v)
		e.ProxyOwn = v.Pos("proxy_protocol") != r.tree.View(listen, outer).Pos("proxy_protocol")
		t.byPrefix[p] = e
		lens := &t.lens6
		if p.Addr().Is4() {
			lens = &t.lens4
		}
		if !slices.Contains(*lens, p.Bits()) {
			*lens = append(*lens, p.Bits())
		}
	}
	for _, lens := range [][]int{t.lens4, t.lens6} {
		slices.SortFunc(lens, func(a, b int) int { return b - a })
	}
	return t
}

var loopback = netip.AddrFrom4([4]byte{127, 0, 0, 1})

func (t *peerTable) find(addr netip.Addr, base *Effective) *Effective {
	addr = addr.Unmap().WithZone("")
	if !addr.IsValid() {
		addr = loopback
	}
	lens := t.lens6
	if addr.Is4() {
		lens = t.lens4
	}
	for _, bits := range lens {
		if p, err := addr.Prefix(bits); err == nil {
			if e := t.byPrefix[p]; e != nil {
				return e
			}
		}
	}
	return base
}

// What "no limit" is resolved to: numbers that the rest of the server can
// still reckon with.
const (
	NoByteLimit  = maxBytes
	NoDepthLimit = 65535
	NoCountLimit = math.MaxInt32
)

func orNone(n, none int) int {
	if n == 0 {
		return none
	}
	return n
}

// effective resolves what holds for one client along a chain of scopes.
func (r *resolver) effective(v ecconf.View) *Effective {
	e := &Effective{
		IdleTime: v.Seconds("idle_time"), AuthTimeout: v.Seconds("auth_timeout"),
		MaxAuthFailures: orNone(v.Int("max_auth_failures"), NoCountLimit),
		MaxStanza:       orNone(v.Int("max_stanza_size"), NoByteLimit),
		MaxStanzaPre:    orNone(v.Int("max_stanza_size_preauth"), NoByteLimit),
		MaxDepth:        orNone(v.Int("max_depth"), NoDepthLimit),
		SendQueueLimit:  orNone(v.Int("send_queue_limit"), NoByteLimit),
		Conflict:        v.Text("resource_conflict"),
		ConnsPerAddress: v.Int("max_connections_per_ip"),
		AcceptRate:      rate(v, "accept_rate", ""), LoginRate: rate(v, "login_rate", ""),
		FailureDelay: v.Seconds("auth_failure_delay"), MaxFailureDelay: v.Seconds("auth_failure_max_delay"),
		StanzaRate: rate(v, "stanza_rate", "stanza_burst"), ByteRate: rate(v, "byte_rate", "byte_burst"),
		Proxy: v.Bool("proxy_protocol"), ProxyTimeout: v.Seconds("proxy_protocol_timeout"),
		TLS: r.tls(v), TLSPos: v.Pos("tls_certificate"),
		Plain: r.auth(v, "AuthPlainParameters"), Digest: r.auth(v, "AuthDigestMD5Parameters"),
	}
	if !v.IsSet("require_tls") {
		e.RequireTLS = e.TLS.Certificate != ""
		return e
	}
	e.RequireTLS = v.Bool("require_tls")
	e.AllowPlainClear = !e.RequireTLS
	if e.RequireTLS && !e.TLS.Enabled() {
		r.errs.Addf(v.Pos("require_tls"), "require_tls = true, but tls_certificate is none: set a certificate")
	}
	return e
}

// rate reads a rate with its burst.
func rate(v ecconf.View, name, burst string) Rate {
	in := v.Rate(name)
	out := Rate{N: int(min(in.N, maxCount)), Per: time.Duration(in.Seconds) * time.Second, Pos: v.Pos(name)}
	if burst != "" {
		out.Burst = v.Int(burst)
	}
	return out
}

// ProxyUse is what is made of the PROXY header of a connection.
type ProxyUse uint8

// Values of ProxyUse.
const (
	ProxyNone    ProxyUse = iota // there is none: a client
	ProxyTrusted                 // it is waited for and believed
	ProxyRefused                 // whoever it is, it is no proxy of ours, and clients do not come here themselves
)

// ProxyFrom tells what is made of a connection from addr, which is not a client's when there is a proxy.
// An invalid addr counts as loopback.
func (l *Listen) ProxyFrom(addr netip.Addr) ProxyUse {
	e := l.For(addr)
	switch {
	case !e.Proxy:
		return ProxyNone
	case e.ProxyOwn, !addr.IsValid() || addr.Unmap().IsLoopback():
		return ProxyTrusted
	}
	return ProxyRefused
}
