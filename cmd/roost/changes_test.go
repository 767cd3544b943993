package main

import (
	"maps"
	"slices"
	"strconv"
	"strings"
	"testing"

	"roost/cmd/internal/ecconf"
	"roost/cmd/roost/conf"
)

// TestEveryOption: a reload either puts an option to use or names it, and the table says which. An option
// that is new must be entered in liveOptions or pins (changes.go).
func TestEveryOption(t *testing.T) {
	schema, err := conf.Schema()
	if err != nil {
		t.Fatal(err)
	}
	live, pinned := map[string]bool{}, map[string]bool{}
	for _, names := range liveOptions {
		for _, n := range names {
			live[strings.ToLower(n)] = true
		}
	}
	for _, p := range pins {
		for _, n := range p.options {
			pinned[strings.ToLower(n)] = true
		}
	}
	rows := map[string]bool{}
	for _, o := range schema.Options() {
		name := strings.ToLower(o.Name)
		rows[name] = true
		if o.NotYet { // it cannot change
			continue
		}
		if live[name] == pinned[name] {
			t.Errorf("%s: takes effect at once: %v; at the next start: %v", o.Name, live[name], pinned[name])
		}
	}
	for _, name := range slices.Concat(slices.Collect(maps.Keys(live)), slices.Collect(maps.Keys(pinned))) {
		if !rows[name] {
			t.Errorf("%s is no option", name)
		}
	}
}

// everyScope has a stanza of each kind, and nothing set that the test below sets.
const everyScope = `xmpp {}
ThreadPool "pool" { Concurrency = 3 }
xmpp_listener {
  AuthPlainParameters = [ uri = "accounts://" ]
  Listen "127.0.0.1:1" { Peer "10.0.0.0/8" {} }
}
domain "#xmpp#localhost" { XMPP_Role = server }
domain "#xmpp#far.test" { XMPP_Role = client }
domain "#xmpp#web.test" { XMPP_Role = server HTTP_Roster_URL = "http://127.0.0.1/%s" }
scriptlet "scriptlet" { script "xmpp-presence" { source = "msys.xmpp.presence" } }
xmpp_logger "a" {}
Debug_Flags {}
Control_Listener { Listen "./control.sock" {} Authorization { Role "r" {} } }
HTTP_Listener { Listen "127.0.0.1:2" {} }
`

// placesOf are where the stanzas of a scope stand in it.
var placesOf = map[string]string{ecconf.GlobalScope: "", "xmpp": "xmpp", "threadpool": "ThreadPool pool", "xmpp_listener": "xmpp_listener",
	"listen": "xmpp_listener Listen 127.0.0.1:1", "peer": "xmpp_listener Listen 127.0.0.1:1 Peer 10.0.0.0/8", "domain": "domain #xmpp#localhost",
	"script": "scriptlet scriptlet script xmpp-presence", "scriptlet": "scriptlet scriptlet", "xmpp_logger": "xmpp_logger a", "debug_flags": "Debug_Flags",
	"control_listener": "Control_Listener", "control_listen": "Control_Listener Listen ./control.sock", "role": "Control_Listener Authorization Role r",
	"http_listener": "HTTP_Listener", "http_listen": "HTTP_Listener Listen 127.0.0.1:2"}

// otherValues are values of options for which no other one can be made up.
var otherValues = map[string]string{"source": "msys.boot", "pool_name": "pool", "AuthPlainParameters": `[ uri = "file:///p" ]`,
	"AuthDigestMD5Parameters": `[ uri = "accounts://" ]`, "Hostname": "h.test", "HTTP_Roster_URL": "http://127.0.0.1/new/%s",
	"Contact_Addresses": `[ admin = "mailto:a@x" ]`, "allow": `( "status" )`, "users": `( "x" )`, "routes": `( "x:1" )`,
	"log_delivery_format": "%t", "log_reception_format": "%t", "log_heartbeat_format": "%t", "namespace": "sieve",
	"tls_verify_mode": "verify", "XMPP_Role": "client", "Local_Changes_File": "local.conf", "tls_key": "key.pem"}

// otherValue is a value of o that is not the default.
func otherValue(o *ecconf.Option) string {
	if v, ok := otherValues[o.Name]; ok {
		return v
	}
	n, _ := strconv.ParseInt(o.Default, 10, 64)
	switch o.Kind {
	case ecconf.KindBool:
		return strconv.FormatBool(o.Default != "true")
	case ecconf.KindInt, ecconf.KindSeconds, ecconf.KindBytes:
		return strconv.FormatInt(max(n+1, o.Min), 10)
	case ecconf.KindMode:
		return "0640"
	case ecconf.KindRate:
		return "7"
	case ecconf.KindWord:
		for _, w := range o.Words {
			if w != o.Default && !slices.Contains(o.NotYetFor, w) {
				return w
			}
		}
	case ecconf.KindList:
		return "( NET )"
	case ecconf.KindPath:
		return "/x"
	}
	return "x"
}

// TestEveryChange: another value of each option, in each scope, is told as a change that is in effect or as
// one that waits, and the typed configuration that the steps of a plan look at differs.
func TestEveryChange(t *testing.T) {
	base, err := conf.Parse("test.conf", []byte(everyScope))
	if err != nil {
		t.Fatal(err)
	}
	schema, n := base.Tree.Schema(), 0
	for _, o := range schema.Options() {
		for _, scope := range o.Scopes {
			where, ok := placesOf[scope]
			if !ok || o.NotYet {
				continue // refused as a whole
			}
			if strings.HasPrefix(o.Name, "HTTP_Roster_") && scope == "domain" {
				where = "domain #xmpp#web.test"
			} else if scope == "domain" && onlyRemote(o.Name) {
				where = "domain #xmpp#far.test"
			}
			n++
			what := where + " " + o.Name
			p, _, err := base.Place(strings.Fields(where))
			if err != nil {
				t.Errorf("%s: %v", what, err)
				continue
			}
			v, err := conf.ParseValue(&o, []string{otherValue(&o)})
			if err != nil {
				t.Errorf("%s: %v", what, err)
				continue
			}
			next, err := base.Edited(ecconf.Edit{Path: p.Steps, Option: o.Name, Value: v})
			if err != nil {
				if !needsMore[o.Name] {
					t.Errorf("%s = %s: %v", what, v, err)
				}
				continue
			}
			did := compare(base, base, next)
			if (len(did.live) == 1) == isPinned(&o) || len(did.live) > 1 {
				t.Errorf("%s = %s: in effect %v, at the next start %v", what, v, did.live, did.pending)
			}
			if same := sameTyped(base, next); same && !noEffect[o.Name] {
				t.Errorf("%s = %s: the configuration does not differ", what, v)
			}
		}
	}
	if n < 150 {
		t.Errorf("only %d options were changed", n)
	}
}

// needsMore cannot be set alone.
var needsMore = map[string]bool{"tls_key": true, "source": true, "Local_Changes_Only": true}

// noEffect are options that say nothing here: what they set is set further in, or another option decides.
var noEffect = map[string]bool{"Stack_Size": true, "namespace": true}

// onlyRemote reports whether an option belongs to domains of others.
func onlyRemote(name string) bool {
	return slices.Contains([]string{"routes", "tls", "tls_verify", "tls_ca", "max_outbound_connections", "connect_timeout", "idle_timeout", "host_failure_retry", "tls_ciphers"}, name)
}

// sameTyped compares what is made of two configurations, less what they were made from.
func sameTyped(a, b *conf.Config) bool {
	x, y := a.Bare(), b.Bare()
	return conf.Same(&x, &y)
}
