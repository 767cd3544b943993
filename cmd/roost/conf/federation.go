package conf

import (
	"time"

	"roost/cmd/internal/ecconf"
)

// Federation is what holds for streams with one domain, or with those that have no stanza.
type Federation struct {
	TLS       string // "no", "ifavailable" or "required"
	TLSVerify string // "no", "ca" or "host"
	Certs     TLS    // our certificate for it and its ciphers, zero for those of the listeners; ClientCA: whom to trust

	MaxStreams     int           // that we make
	ConnectTimeout time.Duration // until one is ready
	IdleTimeout    time.Duration // of one without stanzas
	Retry          time.Duration // the longest wait after failures
}

// maxOutbound bounds max_outbound_connections.
const maxOutbound = 100000

func federationOptions() []ecconf.Option {
	both := join(onGlobal, onDomain)
	return []ecconf.Option{
		{Name: "Resolv_Conf", Kind: ecconf.KindPath, Default: "/etc/resolv.conf", Scopes: onGlobal, Doc: "File that names the DNS servers to ask about other domains, in the form of resolv.conf(5): its nameserver lines (also with a port), timeout and attempts are used."},
		{Name: "server_max_outbound_connections", Kind: ecconf.KindInt, Default: "20000", Min: 1, Max: maxCount, Scopes: onGlobal, Doc: "Streams to other servers that are open or being made at once, in the whole server. A stanza that needs another one is answered with resource-constraint."},
		{Name: "max_outbound_connections", Kind: ecconf.KindInt, Default: "32", Min: 1, Max: maxOutbound, Scopes: both, Doc: "Likewise to one domain. There is one stream for each pair of a domain here and one there."},
		{Name: "connect_timeout", Kind: ecconf.KindSeconds, Default: "30", Min: 1, Max: maxSeconds, Scopes: both, Doc: "Seconds from the first stanza for another domain until the stream to it must be ready; then what waits is answered with remote-server-timeout."},
		{Name: "idle_timeout", Kind: ecconf.KindSeconds, Default: "600", Min: 1, Max: maxSeconds, Scopes: both, Doc: "Seconds without a stanza after which a stream with another server is closed. Clients have idle_time."},
		{Name: "host_failure_retry", Kind: ecconf.KindSeconds, Default: "120", Min: 1, Max: maxSeconds, Scopes: both, Doc: "The longest time for which a domain that could not be reached is left alone. It begins with one second and doubles with each failure; meanwhile stanzas to it are answered at once."},
		{Name: "tls", Kind: ecconf.KindWord, Words: []string{"no", "ifavailable", "required"}, Default: "ifavailable", Scopes: both, Doc: "TLS with other servers, in both directions: no does without, ifavailable uses it where the other side offers it, required speaks to nobody without it."},
		{Name: "tls_verify", Kind: ecconf.KindWord, Words: []string{"no", "ca", "host"}, Default: "no", Scopes: both, Doc: "What another server's certificate must prove: no leaves the proof to dialback, unless the certificate is valid and names the domain; ca demands that an authority of tls_ca signed it; host demands that it names the domain, too."},
		{Name: "tls_ca", Kind: ecconf.KindPath, Scopes: both, Doc: "PEM file with the authorities that certificates of other servers must come from; unset: those of the operating system. `none` cancels."},
	}
}

// onlyFederated are those of them that mean nothing for a domain that is served here.
var onlyFederated = []string{"tls", "tls_verify", "tls_ca", "max_outbound_connections", "connect_timeout", "idle_timeout", "host_failure_retry"}

// federation resolves them along a chain.
func (r *resolver) federation(v ecconf.View) Federation {
	f := Federation{TLS: v.Text("tls"), TLSVerify: v.Text("tls_verify"), MaxStreams: v.Int("max_outbound_connections"),
		ConnectTimeout: v.Seconds("connect_timeout"), IdleTimeout: v.Seconds("idle_timeout"), Retry: v.Seconds("host_failure_retry")}
	if ca := v.Text("tls_ca"); ca != "" && !isNone(ca) {
		f.Certs.ClientCA = ca
		r.cfg.files = append(r.cfg.files, fileRef{kind: refCA, pos: v.Pos("tls_ca"), path: ca, option: "tls_ca"})
	}
	return f
}

// federated reads what holds for domains that are not served here.
func (r *resolver) federated() {
	v := r.tree.View()
	r.cfg.Others = r.federation(v)
	r.cfg.ResolvConf = v.Text("Resolv_Conf")
	r.cfg.MaxOutbound = v.Int("server_max_outbound_connections")
}
