package conf

import (
	"strings"

	"roost/cmd/internal/ecconf"
)

// defaultDomain is served when nothing says what is.
const defaultDomain = "localhost"

// domains reads the domain stanzas and settles the Hostname.
func (r *resolver) domains() {
	served := ""
	for _, b := range r.root.All("domain") {
		d := r.domain(b)
		if d.Role == RoleServer && served == "" {
			served = d.Name
		}
		r.cfg.Domains = append(r.cfg.Domains, d)
	}
	if served == "" {
		served = r.implied()
	}
	if r.cfg.Hostname == "" {
		r.cfg.Hostname = served
	}
}

// implied adds the domain that is served when no stanza has the role server.
func (r *resolver) implied() string {
	name := r.cfg.Hostname
	if name == "" {
		name = defaultDomain
	}
	for _, b := range r.root.All("domain") {
		if b.Key != name {
			continue
		}
		if role := b.Get("XMPP_Role"); role == nil || !role.Bad {
			r.errs.Addf(b.Pos, `no domain has XMPP_Role = "server": add one, or give this one that role`)
		}
		return name
	}
	v := r.tree.View(r.stanza("xmpp"))
	r.cfg.Domains = append(r.cfg.Domains, Domain{
		Name: name, Role: RoleServer, Federation: "listed",
		OfflineMessages: v.Int("offline_max_messages"), OfflineBytes: v.Int("offline_max_bytes"),
	})
	if !r.root.Damaged {
		r.warns.Addf(ecconf.Pos{File: r.cfg.File}, `no domain has XMPP_Role = "server", so %s is served; add domain "%s%s" { XMPP_Role = "server" }`, name, domainPrefix, name)
	}
	return name
}

// stanza returns the first stanza of a scope at file level, or an empty one.
func (r *resolver) stanza(scopeID string) *ecconf.Block {
	if b := r.root.First(scopeID); b != nil {
		return b
	}
	return r.tree.Absent(scopeID)
}

func (r *resolver) domain(b *ecconf.Block) Domain {
	v := r.tree.View(b, r.stanza("xmpp"))
	d := Domain{
		Pos: b.Pos, Role: v.Text("XMPP_Role"), Secret: v.Text("XMPP_Dialback_Secret"),
		Federation: v.Text("XMPP_Federation"), Registration: v.Text("Registration") == "on",
		OfflineMessages: v.Int("offline_max_messages"), OfflineBytes: v.Int("offline_max_bytes"),
	}
	d.Name, d.Label, _ = splitDomain(b.Name)
	for _, it := range v.List("routes") {
		if route, err := parseRoute(it.Text); err == nil {
			d.Routes = append(d.Routes, route)
		}
	}
	if dict := v.Dict("Contact_Addresses"); dict != nil {
		for _, role := range contactRoles {
			c := Contact{Role: role}
			for _, it := range dict.List(role) {
				c.URIs = append(c.URIs, it.Text)
			}
			if c.URIs != nil {
				d.Contacts = append(d.Contacts, c)
			}
		}
	}
	r.delegation(v, &d)
	d.TLS = r.domainTLS(b)
	if d.Role == RoleClient {
		d.Federated = r.federation(v)
	}
	r.domainRules(b, &d)
	return d
}

// delegation reads where the rosters of a domain are.
func (r *resolver) delegation(v ecconf.View, d *Domain) {
	d.RosterURL, d.RosterToken, d.RosterTimeout = v.Text("HTTP_Roster_URL"), token(v.Text("HTTP_Roster_Token")), v.Seconds("HTTP_Roster_Timeout")
	d.RosterFetch = v.Text("HTTP_Roster_Fetch")
	d.BlockSubscriptions = d.RosterURL != ""
	if v.IsSet("Block_Subscriptions") {
		d.BlockSubscriptions = v.Bool("Block_Subscriptions")
	}
	if d.RosterURL == "" {
		for _, name := range []string{"HTTP_Roster_Token", "HTTP_Roster_Timeout", "HTTP_Roster_Fetch"} {
			if v.IsSet(name) {
				r.warns.Addf(v.Pos(name), "%s has no effect without an HTTP_Roster_URL", name)
			}
		}
		return
	}
	if d.RosterToken.File != "" {
		r.cfg.files = append(r.cfg.files, fileRef{kind: refToken, pos: v.Pos("HTTP_Roster_Token"), path: d.RosterToken.File, option: "HTTP_Roster_Token"})
	}
}

// needless refuses delegated rosters that nobody would ever see.
func (r *resolver) needless() {
	if r.cfg.Presence {
		return
	}
	for _, b := range r.root.All("domain") {
		served := r.tree.View(b).Text("XMPP_Role") == RoleServer
		if s := b.Get("HTTP_Roster_URL"); s != nil && served && !s.Bad && !r.root.Damaged {
			r.errs.Addf(s.Pos, `HTTP_Roster_URL has no effect while roster and presence are switched off: add scriptlet "scriptlet" { script "xmpp-presence" { source = "msys.xmpp.presence" } }, or take the URL out`)
		}
	}
}

// FetchAtBind is the HTTP_Roster_Fetch that does not wait for the first need.
const FetchAtBind = "bind"

// domainTLS reads what the domain itself sets; what it leaves out comes from
// the listener of the connection, not from the global scope.
func (r *resolver) domainTLS(b *ecconf.Block) TLS {
	own := func(name string) string {
		if s := b.Get(name); s != nil && !s.Bad && !isNone(s.Value.Text) {
			return s.Value.Text
		}
		return ""
	}
	t := TLS{Certificate: own("tls_certificate"), Key: own("tls_key"), Ciphers: own("tls_ciphers")}
	if t.Certificate == "" && t.Key != "" && !b.Damaged {
		r.errs.Addf(b.Get("tls_key").Pos, "tls_key = %q without a tls_certificate: set both", t.Key)
	}
	if t.Certificate != "" {
		r.certificate(t, b.Get("tls_certificate").Pos)
	}
	if t.Ciphers != "" {
		r.ciphers(t.Ciphers, b.Get("tls_ciphers").Pos)
	}
	return t
}

// onlyServed and onlyRemote are the options that mean something for one role.
var (
	onlyServed = []string{"Registration", "Contact_Addresses", "offline_max_messages", "offline_max_bytes", "XMPP_Federation",
		"HTTP_Roster_URL", "HTTP_Roster_Token", "HTTP_Roster_Timeout", "HTTP_Roster_Fetch", "Block_Subscriptions"}
	onlyRemote = append([]string{"routes"}, onlyFederated...)
)

// domainRules checks options against the role.
func (r *resolver) domainRules(b *ecconf.Block, d *Domain) {
	refuse := func(names []string, why string) {
		for _, n := range names {
			if s := b.Get(n); s != nil {
				r.errs.Addf(s.Pos, "%s has no meaning here: %s", s.Option.Name, why)
			}
		}
	}
	switch d.Role {
	case RoleServer:
		refuse(onlyRemote, d.Name+" is served by this server itself")
		if s := b.Get("tls_ciphers"); s != nil {
			r.warns.Addf(s.Pos, "tls_ciphers: clients of %s are offered the ciphers of their listener; the option has no effect here", d.Name)
		}
	case RoleClient:
		refuse(onlyServed, d.Name+" is not served by this server (its XMPP_Role is client)")
	default:
		if !b.Damaged && b.Get("XMPP_Role") == nil {
			r.warns.Addf(b.Pos, `%s has no XMPP_Role: it is neither served nor reachable; write XMPP_Role = "server" or "client"`, b.Label())
		}
	}
}

func isNone(s string) bool { return strings.EqualFold(s, "none") }
