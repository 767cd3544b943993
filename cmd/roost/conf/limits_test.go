package conf

import (
	"net/netip"
	"strings"
	"testing"
	"time"
)

// TestRates: the numbers of rates, and that those who share a setting share its place.
func TestRates(t *testing.T) {
	c := parse(t, `xmpp {} domain "#xmpp#a.example" { XMPP_Role = server } Memory_Limit = 100000000
		xmpp_listener { AuthPlainParameters = [ uri = "accounts://" ] accept_rate = 10 login_rate = 100/60 max_connections_per_ip = 7
			stanza_rate = 5 stanza_burst = 50
			Peer "10.0.0.0/8" { accept_rate = 10 byte_rate = 1000/2 byte_burst = 9000 auth_failure_delay = 0 auth_failure_max_delay = 3 }
			Listen "*:1" {} Listen "*:2" { accept_rate = 2/10 Peer "10.1.0.0/16" { max_connections_per_ip = 0 } } }`)
	if c.MemoryLimit != 100000000 {
		t.Errorf("Memory_Limit %d", c.MemoryLimit)
	}
	one, two := c.Listeners[0].Listens[0], c.Listeners[0].Listens[1]
	near, far := netip.MustParseAddr("10.1.2.3"), netip.MustParseAddr("192.0.2.1")
	for name, tt := range map[string]struct {
		got  Rate
		n    int
		per  time.Duration
		more int
	}{
		"listener":         {one.Base.AcceptRate, 10, time.Second, 0},
		"Peer of listener": {one.For(near).AcceptRate, 10, time.Second, 0},
		"Listen":           {two.For(far).AcceptRate, 2, 10 * time.Second, 0},
		"Listen over Peer": {two.For(near).AcceptRate, 2, 10 * time.Second, 0},
		"logins":           {two.For(far).LoginRate, 100, time.Minute, 0},
		"stanzas":          {two.For(near).StanzaRate, 5, time.Second, 50},
		"bytes":            {two.For(near).ByteRate, 1000, 2 * time.Second, 9000},
		"no bytes":         {two.For(far).ByteRate, 0, 0, 0},
	} {
		if tt.got.N != tt.n || tt.got.Per != tt.per || tt.got.Burst != tt.more {
			t.Errorf("%s: %+v", name, tt.got)
		}
	}
	if one.Base.LoginRate != two.Base.LoginRate || one.Base.AcceptRate.Pos == one.For(near).AcceptRate.Pos {
		t.Error("what is shared and what is not")
	}
	if one.Base.ConnsPerAddress != 7 || two.For(near).ConnsPerAddress != 0 || one.For(near).FailureDelay != 0 ||
		one.For(near).MaxFailureDelay != 3*time.Second || one.Base.FailureDelay != time.Second || one.Base.MaxFailureDelay != 15*time.Second {
		t.Errorf("%+v", one.Base)
	}
	if d, err := Default(); err != nil || d.MemoryLimit != -1 {
		t.Errorf("without Memory_Limit: %v", err)
	}
	if _, err := Parse("x", []byte("Memory_Limit = 1000\n")); err == nil || !strings.Contains(err.Error(), "67108864") {
		t.Errorf("a limit that is too small: %v", err)
	}
}

// TestProxyFrom: whose PROXY header is believed.
func TestProxyFrom(t *testing.T) {
	for text, want := range map[string]map[string]ProxyUse{
		`Listen "*:1" {}`: {"127.0.0.1": ProxyNone, "192.0.2.1": ProxyNone, "": ProxyNone},
		`Listen "*:1" { proxy_protocol = true }`: {"127.0.0.1": ProxyTrusted, "::1": ProxyTrusted, "::ffff:127.0.0.9": ProxyTrusted,
			"": ProxyTrusted, "192.0.2.1": ProxyRefused},
		`proxy_protocol = true Peer "192.0.2.0/24" { idle_time = 5 } Listen "*:1" {}`: {"127.0.0.1": ProxyTrusted, "192.0.2.1": ProxyRefused},
		`Peer "192.0.2.1" { proxy_protocol = true } Listen "*:1" {}`:                  {"192.0.2.1": ProxyTrusted, "192.0.2.2": ProxyNone, "127.0.0.1": ProxyNone},
		`proxy_protocol = true Listen "*:1" { Peer "192.0.2.0/24" { proxy_protocol = true } Peer "192.0.2.7" { proxy_protocol = false } Peer "127.0.0.1" { proxy_protocol = false } }`: {
			"192.0.2.1": ProxyTrusted, "192.0.2.7": ProxyNone, "127.0.0.1": ProxyNone, "127.0.0.2": ProxyTrusted, "192.0.3.1": ProxyRefused},
	} {
		c := parse(t, `xmpp {} domain "#xmpp#a.example" { XMPP_Role = server } xmpp_listener { AuthPlainParameters = [ uri = "accounts://" ] `+text+` }`)
		for from, use := range want {
			var addr netip.Addr
			if from != "" {
				addr = netip.MustParseAddr(from)
			}
			if got := c.Listeners[0].Listens[0].ProxyFrom(addr); got != use {
				t.Errorf("%s\nfrom %q: %d, want %d", text, from, got, use)
			}
		}
	}
}
