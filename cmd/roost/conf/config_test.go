package conf

import (
	"fmt"
	"log/slog"
	"net/netip"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"
)

// parse reads a configuration that must be accepted.
func parse(t *testing.T, src string) *Config {
	t.Helper()
	c, err := Parse("f", []byte(src))
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// minimal is a configuration of one listener with the given insides.
func minimal(inside string) string {
	return "xmpp {}\ndomain \"#xmpp#a.example\" { XMPP_Role = server }\nxmpp_listener {\n AuthPlainParameters = [ uri = \"accounts://\" ]\n" + inside + "\n}\n"
}

func TestDefault(t *testing.T) {
	c, err := Default()
	if err != nil {
		t.Fatal(err)
	}
	if c.DataDir != "data" || c.Hostname != "localhost" || !c.Presence || !c.Enabled || c.UseIPv6 || len(c.Loggers) != 0 || c.EventLoops() != 0 || c.Log.For("net") != slog.LevelInfo {
		t.Errorf("%+v", c)
	}
	if d := c.Served(); len(d) != 1 || d[0].Name != "localhost" || d[0].Registration || d[0].Federation != "listed" || d[0].OfflineMessages != 100 || d[0].OfflineBytes != 1<<20 {
		t.Errorf("domains %+v", d)
	}
	if got := fmt.Sprint(c.Control.Listens[0].Address, c.Control.Listens[0].FileMode, c.HTTP.Listens[0].Address, c.HTTP.Listens[1].Address); got != "data/control.sock -rw------- 127.0.0.1:5280 127.0.0.1:8098" {
		t.Error(got)
	}
	if len(c.Listeners) != 1 || len(c.Listeners[0].Listens) != 2 || c.Listeners[0].Listens[1].Address.Text != "*:5269" {
		t.Fatalf("listeners %+v", c.Listeners)
	}
	l := c.Listeners[0].Listens[0]
	e := l.For(netip.MustParseAddr("192.0.2.1"))
	if l.Address.Text != "*:5222" || !l.Enable || l.UseSSL || l.Backlog != 500 || l.RecvBuffer != 16384 || l.SendBuffer != 65536 || !l.NoDelay || l.FileMode != 0o660 || l.ParkAfter != 10*time.Second {
		t.Errorf("listen %+v", l)
	}
	want := Effective{
		AuthTimeout: 30 * time.Second, MaxAuthFailures: 5, MaxStanza: 262144, MaxStanzaPre: 10000, MaxDepth: 64, SendQueueLimit: 1 << 20,
		Conflict: "replace", RequireTLS: true, TLS: TLS{KeyExchange: "hybrid", VerifyMode: "none", Generated: true}, Plain: e.Plain,
		FailureDelay: time.Second, MaxFailureDelay: 15 * time.Second, ProxyTimeout: time.Minute,
	}
	if *e != want {
		t.Errorf("effective %+v", *e)
	}
	if e.Plain == nil || e.Plain.Scheme != "accounts" || e.Plain.Realm != "localhost" || e.Digest != nil {
		t.Errorf("auth %+v %+v", e.Plain, e.Digest)
	}
	if f := c.Others; f != (Federation{TLS: "ifavailable", TLSVerify: "no", MaxStreams: 32, ConnectTimeout: 30 * time.Second, IdleTimeout: 10 * time.Minute, Retry: 2 * time.Minute}) || c.MaxOutbound != 20000 || c.ResolvConf != "/etc/resolv.conf" {
		t.Errorf("federation %+v", f)
	}
	if len(c.Warnings) != 0 {
		t.Errorf("warnings %v", c.Warnings)
	}
	if err := c.Check(Checker{}); err != nil {
		t.Error(err)
	}
}

// The samples of the documentation, as printed there.
func TestSeedSamples(t *testing.T) {
	t.Setenv("EC_CONF_SEARCH_PATH", "")
	t.Chdir("testdata/seeds")
	c, err := Load("all.conf")
	if err != nil {
		t.Fatal(err)
	}
	e := c.Listeners[0].Listens[0].Base
	if !c.Presence || e.Plain.Path != "/opt/msys/etc/passwd" || e.Plain.Scheme != "file" || e.RequireTLS || e.AllowPlainClear || !e.TLS.Generated {
		t.Errorf("%+v %+v", c, e)
	}
	d := c.Domains[0]
	if d.Name != "remotexmpp.example.com" || d.Role != RoleClient || d.Secret != "myS3cr3T" || c.Hostname != "localhost" {
		t.Errorf("%+v", d)
	}
	want := `all.conf: no domain has XMPP_Role = "server", so localhost is served; add domain "#xmpp#localhost" { XMPP_Role = "server" }
dkim.conf:1:1: dkim_sign: it needs no module here; nothing is loaded; SHA-256 is always there
scriptlet.conf:2:3: ... stands for lines that were left out; nothing is set by it`
	if c.Warnings.Error() != want {
		t.Errorf("warnings\n%s", c.Warnings.Error())
	}
	for _, alone := range []string{"xmpp.conf", "domain.conf", "dkim.conf", "scriptlet.conf"} {
		if _, err := Load(alone); err != nil {
			t.Errorf("%s alone: %v", alone, err)
		}
	}
	if _, err := Load("listener.conf"); err == nil || err.Error() != "listener.conf:1:1: xmpp_listener without the xmpp module: write xmpp {} above it" {
		t.Errorf("listener.conf alone: %v", err)
	}
}

// Samples of the reference that mix spellings, scopes and forms.
func TestReferenceSamples(t *testing.T) {
	c := parse(t, `
xmpp {}
xmpp_listener {
  Idle_Time = 300
  AuthPlainParameters = [ uri = "file:///etc/xmppd/passwd" ]
  TLS_Certificate = "/etc/xmppd/cert.pem"
  Listen "*:5222" {}
  Listen "[::]:5222" {}
  Peer "10.0.0.0/8" { Idle_Time = 900 }
}
domain "#xmpp#chat.example.org"   { XMPP_Role = "server"  XMPP_Dialback_Secret = "one" }
domain "#xmpp#remote.example.net" { XMPP_Role = "client"  XMPP_Dialback_Secret = "two" }
Control_Listener = { Listen "/tmp/2025" { File_Mode = 0666 } }
xmpp_logger "xmpp_logger1" {
  logfile = /var/log/ecelerity/xmpplog.ec
}
ThreadPool accept-pool {
  Concurrency = 4
}
`)
	l := c.Listeners[0].Listens[1]
	if l.Address.Text != "[::]:5222" || l.For(netip.MustParseAddr("10.1.1.1")).IdleTime != 900*time.Second || l.Base.IdleTime != 300*time.Second || !l.Base.RequireTLS {
		t.Errorf("%+v", l)
	}
	if c.Hostname != "chat.example.org" || c.Control.Listens[0].FileMode != 0o666 || c.ThreadPools[0].Name != "accept-pool" {
		t.Errorf("%+v", c)
	}
}

const sample = "../../../packaging/roost.conf"

var optionLine = regexp.MustCompile(`(?m)^(\s*)#([A-Za-z_0-9]+ *=|[A-Za-z_]+ ".*\{)`)

// The annotated sample loads, says what the built-in default says, names every
// option, and also loads with all its options switched on.
func TestSample(t *testing.T) {
	text, err := os.ReadFile(sample)
	if err != nil {
		t.Fatal(err)
	}
	c := parse(t, string(text))
	d, err := Default()
	if err != nil {
		t.Fatal(err)
	}
	if len(c.Warnings) != 0 {
		t.Errorf("warnings %v", c.Warnings)
	}
	a, b := *c.Listeners[0].Listens[0].Base, *d.Listeners[0].Listens[0].Base
	pa, pb := *a.Plain, *b.Plain
	a.Plain, b.Plain, pa.Pos = nil, nil, pb.Pos
	if a != b || pa != pb || c.Presence != d.Presence || c.Hostname != d.Hostname || c.DataDir != d.DataDir ||
		fmt.Sprint(c.Control.Listens) != fmt.Sprint(d.Control.Listens) || len(c.HTTP.Listens) != 2 || len(c.Loggers) != 0 || fmt.Sprint(c.Log) != fmt.Sprint(d.Log) {
		t.Errorf("the sample changes the default:\n%+v\n%+v", c, d)
	}

	s, err := Schema()
	if err != nil {
		t.Fatal(err)
	}
	for _, o := range s.Options() {
		if o.NotYet && o.Default == "" { // cannot be set at all
			continue
		}
		if !regexp.MustCompile(`(?i)\b` + o.Name + `\b`).Match(text) {
			t.Errorf("the sample does not name %s", o.Name)
		}
	}

	on := optionLine.ReplaceAllString(string(text), "$1$2")
	on = strings.Replace(on, "\n  Listen \"127.0.0.1:5280\" {}", "\n  Listen \"[::1]:5280\" {}", 1)
	full := parse(t, on)
	if len(full.Listeners[0].Listens) != 4 || len(full.Domains) != 2 || full.Listeners[0].Listens[0].Base.Digest == nil {
		t.Errorf("not everything was switched on: %+v", full)
	}
}

func TestUncommentedSampleDefaultsAreTheTables(t *testing.T) {
	text, err := os.ReadFile(sample)
	if err != nil {
		t.Fatal(err)
	}
	s, err := Schema()
	if err != nil {
		t.Fatal(err)
	}
	shown := regexp.MustCompile(`(?m)^\s*#([A-Za-z_0-9]+) *= *"?([^"\n ]*)"?`)
	said := map[string][]string{}
	for _, m := range shown.FindAllStringSubmatch(string(text), -1) {
		said[strings.ToLower(m[1])] = append(said[strings.ToLower(m[1])], m[2])
	}
	for _, o := range s.Options() {
		values := said[strings.ToLower(o.Name)]
		if o.Default == "" || len(values) == 0 {
			continue
		}
		found := false
		for _, v := range values {
			found = found || v == o.Default
		}
		if !found {
			t.Errorf("the sample shows %s = %s, the table %s", o.Name, values, o.Default)
		}
	}
}

// RFC-like table of require_tls: unset, true, false, with each kind of certificate.
func TestRequireTLS(t *testing.T) {
	for _, tt := range []struct {
		inside            string
		require, plain    bool
		tls               bool
		certificate, mode string
	}{
		{``, false, false, true, "", "none"},
		{`require_tls = true`, true, false, true, "", "none"},
		{`require_tls = false`, false, true, true, "", "none"},
		{`tls_certificate = "/c.pem"`, true, false, true, "/c.pem", "none"},
		{`tls_certificate = "/c.pem" require_tls = off`, false, true, true, "/c.pem", "none"},
		{`tls_certificate = none`, false, false, false, "", "none"},
		{`tls_certificate = NONE tls_key = "/k" tls_ciphers = "X" tls_client_ca = "/ca" tls_verify_mode = Require require_tls = 0`, false, true, false, "", "require"},
		{`tls_verify_mode = optional`, false, false, true, "", "verify"},
	} {
		e := parse(t, minimal(tt.inside+` Listen "*:1" {}`)).Listeners[0].Listens[0].Base
		if e.RequireTLS != tt.require || e.AllowPlainClear != tt.plain || e.TLS.Enabled() != tt.tls || e.TLS.Certificate != tt.certificate || e.TLS.VerifyMode != tt.mode {
			t.Errorf("%s: %+v", tt.inside, e)
		}
		if !tt.tls && e.TLS != (TLS{VerifyMode: tt.mode}) {
			t.Errorf("%s: something of TLS is left: %+v", tt.inside, e.TLS)
		}
	}
}

// Global → listener → listener Peer → Listen → Listen Peer, option by option.
func TestEffectiveFallback(t *testing.T) {
	c := parse(t, "tls_certificate = \"/global.pem\"\ntls_key = \"/global.key\"\ndisable_nagle_algorithm = on\n"+minimal(`
  idle_time = 300
  auth_timeout = 7
  send_queue_limit = 0
  Peer "10.0.0.0/8"   { idle_time = 800 tls_certificate = none }
  Peer "10.20.0.0/16" { idle_time = 816 require_tls = false }
  Peer "fd00::/8"     { max_stanza_size = 0 max_depth = 0 max_auth_failures = 0 max_stanza_size_preauth = 0 auth_timeout = 0 }
  Listen "*:1" {
    auth_timeout = 9
    disable_nagle_algorithm = off
    Peer "10.20.30.0/24" { idle_time = 924 AuthDigestMD5Parameters = [ uri = "digest:///d" realm = "r" log_authentication = on ] }
    Peer "10.20.30.40"   { tls_certificate = "/one.pem" tls_key = none resource_conflict = refuse }
  }
  Listen "*:2" { idle_time = 2 }
  Listen "/run/x" { Peer "127.0.0.0/8" { idle_time = 127 } }`))
	ls := c.Listeners[0].Listens
	for _, tt := range []struct {
		listen int
		peer   string
		idle   int
		cert   string
		plain  bool
	}{
		{0, "192.0.2.1", 300, "/global.pem", false},
		{0, "10.1.1.1", 800, "", false},
		{0, "10.20.1.1", 816, "", true},
		{0, "::ffff:10.20.1.1", 816, "", true},
		{0, "10.20.30.1", 924, "", true},
		{0, "10.20.30.40", 924, "/one.pem", true},
		{1, "10.20.1.1", 2, "", true},
		{1, "192.0.2.1", 2, "/global.pem", false},
		{2, "", 127, "/global.pem", false}, // Unix peers are loopback
	} {
		addr, _ := netip.ParseAddr(tt.peer)
		e := ls[tt.listen].For(addr)
		if e.IdleTime != time.Duration(tt.idle)*time.Second || e.TLS.Certificate != tt.cert || e.AllowPlainClear != tt.plain {
			t.Errorf("%s from %s: idle %v, certificate %q, plain %v", ls[tt.listen].Address, tt.peer, e.IdleTime, e.TLS.Certificate, e.AllowPlainClear)
		}
		if e != ls[tt.listen].For(addr) {
			t.Error("values are not shared")
		}
	}
	one := ls[0].For(netip.MustParseAddr("10.20.30.40"))
	if one.TLS.Key != "" || one.Conflict != "refuse" || one.AuthTimeout != 9*time.Second || one.Digest == nil || one.Digest.Realm != "r" || !one.Digest.LogAttempts || one.Digest.StoredCleartext || one.TLSPos.Line == 0 {
		t.Errorf("%+v", one)
	}
	if ls[0].NoDelay || !ls[1].NoDelay {
		t.Error("disable_nagle_algorithm does not fall back")
	}
	none := ls[0].For(netip.MustParseAddr("fd00::1%eth0"))
	if none.MaxStanza != NoByteLimit || none.MaxStanzaPre != NoByteLimit || none.MaxDepth != NoDepthLimit || none.SendQueueLimit != NoByteLimit || none.MaxAuthFailures != NoCountLimit || none.AuthTimeout != 9*time.Second {
		t.Errorf("no limit: %+v", none)
	}
}

func TestForManyPeers(t *testing.T) {
	var b strings.Builder
	for i := range 2000 {
		fmt.Fprintf(&b, "Peer \"10.%d.%d.0/24\" { idle_time = %d }\n", i/256, i%256, i+1)
	}
	l := parse(t, minimal(b.String()+`Listen "*:1" {}`)).Listeners[0].Listens[0]
	for i := range 2000 {
		e := l.For(netip.AddrFrom4([4]byte{10, byte(i / 256), byte(i % 256), 9}))
		if e.IdleTime != time.Duration(i+1)*time.Second {
			t.Fatalf("peer %d: %v", i, e.IdleTime)
		}
	}
}

func TestPoolsAndLoops(t *testing.T) {
	c := parse(t, "ThreadPool big { Concurrency = 6 Backlog = 9 }\nThreadPool \"empty\" { Stack_Size = 65536 }\n"+minimal(`
  Listen "*:1" { pool_name = big }
  Listen "*:2" { pool_name = big concurrency = 8 accept_queue_backlog = 3 events_per_iter = 5 }
  Listen "*:3" { pool_name = nothing concurrency = 2 }
  Listen "*:4" { pool_name = "IO" }
  Listen "*:5" { enable = off concurrency = 99 }
  Listen "*:6" { pool_name = empty concurrency = 1 park_after = 0 }`))
	var got []string
	for _, l := range c.Listeners[0].Listens {
		got = append(got, fmt.Sprintf("%s %d %d %d %q", l.Address, l.Loops, l.AcceptQueue, l.AcceptsPerRun, l.Pool))
	}
	want := `*:1 6 9 0 "big", *:2 8 3 5 "big", *:3 2 0 0 "", *:4 0 0 0 "", *:5 99 0 0 "", *:6 1 0 0 "empty"`
	if strings.Join(got, ", ") != want {
		t.Errorf("got %s", strings.Join(got, ", "))
	}
	if c.EventLoops() != 8 || len(c.ThreadPools) != 2 {
		t.Errorf("%d loops", c.EventLoops())
	}
	wantWarn := `f:2:22: Stack_Size: stacks grow by themselves here; the value has no effect
f:9:34: concurrency = 8 is more than the 6 of ThreadPool "big"
f:10:18: pool_name = "nothing" names no ThreadPool; the server's own loops are used`
	if c.Warnings.Error() != wantWarn {
		t.Errorf("warnings\n%s", c.Warnings.Error())
	}
}

func TestDomains(t *testing.T) {
	c := parse(t, `
Hostname = "Realm.Example." connect_timeout = 9
xmpp { offline_max_messages = 5 }
domain "#XMPP#A.Example#the first" {
  XMPP_Role = SERVER
  XMPP_Dialback_Secret = "s"
  Registration = on
  XMPP_Federation = closed
  Contact_Addresses = [ support = "https://a.example/help" admin = ( "mailto:a@a.example" "xmpp:a@a.example" ) ]
  tls_certificate = "/a.pem"
  tls_ciphers = "HIGH"
}
domain "#xmpp#b.example" { XMPP_Role = server offline_max_messages = 0 offline_max_bytes = 7 }
domain "#xmpp#c.example" { XMPP_Role = client routes = ( "[fd00::1]:1" h.example "10.0.0.1:2" ) tls = required tls_verify = host idle_timeout = 7 tls_ca = "/ca.pem" }
domain "#xmpp#d.example" { }
domain "#xmpp#[::1]" { XMPP_Role = server }
domain "#xmpp#bücher.example" { XMPP_Role = server }
xmpp_logger { logfile = "/l" log_delivery = off heartbeat = 0 namespace = "sieve, custom_logger" }
Debug_Flags { DEBUG = NET WARNING = ( ALL DB ) }
xmpp { debug_level = critical }
`)
	if c.Hostname != "realm.example" || len(c.Served()) != 4 {
		t.Errorf("%s %d", c.Hostname, len(c.Served()))
	}
	a := c.Domains[0]
	if a.Name != "a.example" || a.Label != "the first" || a.Secret != "s" || !a.Registration || a.Federation != "closed" || a.OfflineMessages != 5 || a.OfflineBytes != 1<<20 || a.TLS != (TLS{Certificate: "/a.pem", Ciphers: "HIGH"}) {
		t.Errorf("%+v", a)
	}
	if fmt.Sprint(a.Contacts) != "[{admin [mailto:a@a.example xmpp:a@a.example]} {support [https://a.example/help]}]" {
		t.Errorf("%v", a.Contacts)
	}
	if b := c.Domains[1]; b.OfflineMessages != 0 || b.OfflineBytes != 7 || b.TLS != (TLS{}) {
		t.Errorf("%+v", b)
	}
	if got := fmt.Sprint(c.Domains[2].Routes); got != "[{fd00::1 1} {h.example 5269} {10.0.0.1 2}]" {
		t.Error(got)
	}
	if f := c.Domains[2].Federated; f.TLS != "required" || f.TLSVerify != "host" || f.IdleTimeout != 7*time.Second || f.ConnectTimeout != 9*time.Second || f.Certs.ClientCA != "/ca.pem" || c.Others.ConnectTimeout != 9*time.Second || c.Others.TLS != "ifavailable" {
		t.Errorf("%+v, others %+v", f, c.Others)
	}
	if c.Domains[4].Name != "[::1]" || c.Domains[5].Name != "bücher.example" {
		t.Errorf("%+v", c.Domains[4:])
	}
	for _, want := range []string{"f:11:3: tls_ciphers: clients of a.example", "f:15:1: domain \"#xmpp#d.example\" has no XMPP_Role", "f: no xmpp_listener: no client can connect"} {
		if !strings.Contains(c.Warnings.Error(), want) {
			t.Errorf("no warning %q in\n%s", want, c.Warnings.Error())
		}
	}
	if l := c.Loggers[0]; l.File != "/l" || l.Mode != 0o644 || l.Heartbeat != 0 || l.Delivery != nil || len(l.Reception) != 13 || len(l.Beat) != 2 {
		t.Errorf("%+v", l)
	}
	if c.Log.Default != slog.LevelWarn || c.Log.For("NET") != slog.LevelDebug || c.Log.For("db") != slog.LevelWarn || c.Log.For("xmpp") != slog.LevelError+4 {
		t.Errorf("%+v", c.Log)
	}
}

func TestServices(t *testing.T) {
	c := parse(t, `
Data_Dir = "/var/lib/roost/"
Control_Listener { file_mode = 0666 }
HTTP_Listener {
  Auth_Token = "outer"
  Listen "*:5280" {}
  Listen "[::]:5280" { Auth_Token = "file:///run/../token" }
  Listen "/run/http" { file_mode = 0600 }
  Listen "127.0.0.1:1" { enable = off }
}`)
	if got := fmt.Sprint(c.Control.Listens[0].Address, c.Control.Listens[0].FileMode); got != "/var/lib/roost/control.sock -rw-rw-rw-" {
		t.Error(got)
	}
	h := c.HTTP.Listens
	if len(h) != 3 || h[0].Token != (Token{Literal: "outer"}) || h[1].Token != (Token{File: "/token"}) || h[2].FileMode != 0o600 || !h[2].Address.IsUnix() {
		t.Errorf("%+v", h)
	}
	off := parse(t, "xmpp { enabled = off }\nControl_Listener { enable = off }\nHTTP_Listener { enable = off }\n"+strings.TrimPrefix(minimal(`Listen "*:1" {}`), "xmpp {}"))
	if len(off.Control.Listens) != 0 || len(off.HTTP.Listens) != 0 || off.Enabled || off.Listeners[0].Enable || off.Listeners[0].Listens[0].Enable {
		t.Errorf("%+v", off)
	}
	two := parse(t, "Data_Dir = .\nControl_Listener { Listen \"/a\" {} Listen \"./b\" { file_mode = 0660 } Listen \"/c\" { enable = 0 } }")
	if got := fmt.Sprint(two.Control.Listens[0].Address, two.Control.Listens[1].Address, two.Control.Listens[1].FileMode, len(two.Control.Listens)); got != "/a ./b -rw-rw---- 2" {
		t.Error(got)
	}
	if dot := parse(t, "Data_Dir = ."); dot.Control.Listens[0].Address.Text != "./control.sock" {
		t.Errorf("%+v", dot.Control)
	}
	if _, err := Parse("f", []byte("Data_Dir = \"/"+strings.Repeat("x", 110)+"\"")); err == nil || !strings.Contains(err.Error(), "f:1:1: the control socket") {
		t.Errorf("long Data_Dir: %v", err)
	}
}

func TestScripts(t *testing.T) {
	c := parse(t, `scriptlet { script "boot" { source = "msys.boot" } }`)
	if c.Presence || c.Warnings[0].Error() != `f:1:29: source "msys.boot": nothing needs to be booted here; the script does nothing` && c.Warnings[1].Error() == "" {
		t.Errorf("%v", c.Warnings)
	}
	if !parse(t, `alerting {} scriptlet "s" { script "p" { source = "msys/xmpp/presence" } } scriptlet "s" { }`).Presence {
		t.Error("presence is off")
	}
}

// A file that says nothing about it still has a served domain.
func TestEmptyFile(t *testing.T) {
	c := parse(t, "")
	if len(c.Served()) != 1 || c.Served()[0].Name != "localhost" || c.Presence || len(c.Listeners) != 0 || len(c.HTTP.Listens) != 2 {
		t.Errorf("%+v", c)
	}
	if c := parse(t, "Hostname = chat.example"); c.Served()[0].Name != "chat.example" {
		t.Errorf("%+v", c.Served())
	}
}

func FuzzParse(f *testing.F) {
	f.Add(minimal(`Listen "*:1" { Peer "10.0.0.0/8" { idle_time = 3 } }`))
	f.Add(builtin)
	f.Add("domain \"#xmpp#x\" { routes = ( \"]:1\" ) Contact_Addresses = [ admin = \"%\" ] }\nxmpp_logger { logfile = x log_delivery_format = \"%t{\" }")
	if text, err := os.ReadFile(sample); err == nil {
		f.Add(optionLine.ReplaceAllString(string(text), "$1$2"))
	}
	f.Fuzz(func(t *testing.T, src string) {
		c, err := Parse("f", []byte(src))
		if (c == nil) != (err != nil) {
			t.Errorf("%v and %v", c, err)
		}
	})
}
