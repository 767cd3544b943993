package ecconf

import (
	"errors"
	"net/netip"
	"strings"
	"testing"
	"time"
)

// testSchema is a table of every kind of row.
func testSchema(t testing.TB) *Schema {
	t.Helper()
	s, err := NewSchema([]Scope{
		{ID: "server", Name: "Server"},
		{ID: "listen", Name: "Listen", In: []string{"server"}, Naming: Named},
		{ID: "peer", Name: "Peer", In: []string{"server", "listen"}, Naming: Named, Key: func(s string) (string, string, error) {
			p, exact, err := ParsePrefix(s)
			if !exact && err == nil {
				return p.String(), "taken as " + p.String(), nil
			}
			return p.String(), "", err
		}},
		{ID: "http", Name: "HTTP"},
		{ID: "http_listen", Name: "Listen", In: []string{"http"}, Naming: Named},
		{ID: "log", Name: "Log", Naming: MayBeNamed, Note: "logs are old"},
		{ID: "future", Name: "Future", Naming: MayBeNamed, NotYet: true},
	}, []Option{
		{Name: "Idle_Time", Kind: KindSeconds, Default: "0", Max: 1000, Scopes: []string{GlobalScope, "server", "listen", "peer", "future"}},
		{Name: "Enable", Kind: KindBool, Default: "true", Scopes: []string{"server", "listen"}},
		{Name: "Threads", Kind: KindInt, Default: "4", Min: 2, Max: 8, ZeroOK: true, Scopes: []string{"server"}},
		{Name: "Buffer", Kind: KindBytes, Default: "10", Min: 1, Scopes: []string{"server"}},
		{Name: "Mode", Kind: KindMode, Default: "0660", Scopes: []string{"server", "http"}},
		{Name: "Speed", Kind: KindRate, Default: "0", Scopes: []string{"server"}, NotYet: true},
		{Name: "Policy", Kind: KindWord, Words: []string{"Replace", "Refuse", "Invite"}, Default: "replace", NotYetFor: []string{"invite"}, Scopes: []string{"server", "peer"}},
		{Name: "File", Kind: KindPath, Scopes: []string{"server"}, NotYetFor: []string{"*://"}, Why: "only files are"},
		{Name: "Hosts", Kind: KindList, Scopes: []string{"server"}, Check: func(v Value) error {
			if v.Text == "bad" {
				return errors.New("a bad host")
			}
			return nil
		}},
		{Name: "Auth", Kind: KindDict, Scopes: []string{"server", "listen"}, Keys: []Option{
			{Name: "uri", Kind: KindURI, Required: true, NotYetFor: []string{"http://"}}, {Name: "plain", Kind: KindBool, Default: "true", Note: "plain is weak"}, {Name: "hosts", Kind: KindList},
		}},
		{Name: "Password", Scopes: []string{"http"}, Secret: true, Check: func(v Value) error {
			if len(v.Text) < 3 {
				return errors.New("too short")
			}
			return nil
		}},
		{Name: "Stack", Kind: KindInt, Scopes: []string{"http"}, Note: "has no effect"},
		{Name: "source", Scopes: []string{"http_listen"}, Required: true},
	})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func bind(t *testing.T, src string) (*Tree, string) {
	t.Helper()
	doc, err := Parse("f", []byte(src))
	if err != nil {
		t.Fatal(err)
	}
	tree, err := testSchema(t).Bind(doc)
	if err != nil {
		return tree, err.Error()
	}
	return tree, ""
}

func TestBindErrors(t *testing.T) {
	for _, tt := range []struct{ src, want string }{
		{"server { idle_tiem = 3 }", `f:1:10: unknown option "idle_tiem" in Server (did you mean Idle_Time?)`},
		{"sever { }", `f:1:1: unknown stanza "sever" in the global scope (did you mean Server?)`},
		{"server { zzzzzz = 3 }", `f:1:10: unknown option "zzzzzz" in Server`},
		{"server { password = 3 }", `f:1:10: "password" is not valid in Server; it is valid in HTTP`},
		{"http { idle_time = 3 }", `f:1:8: "idle_time" is not valid in HTTP; it is valid in the global scope, Server, Listen of Server and Peer`},
		{"peer \"::1\" { }", `f:1:1: "peer" is not valid in the global scope; it is valid in Server and Listen of Server`},
		{"server = 3", `f:1:1: "server" is a stanza, not an option: write Server { … }`},
		{"idle_time { }", `f:1:1: "idle_time" is an option, not a stanza: write Idle_Time = 0`},
		{"server \"x\" { }", `f:1:8: Server takes no instance name, but "x" is given: write Server { … }`},
		{"server { listen { } }", `f:1:10: Listen needs an instance name: Listen "…" { … }`},
		{"server { peer \"10.0.0\" { } }", `f:1:15: Peer "10.0.0": not an address or CIDR block; write one such as 10.0.0.0/16, 192.0.2.7 or fd00::/8`},
		{"future \"x\" { whatever = 1 }", `f:1:1: Future is not yet supported`},
		{"include \"x\"", `f:1:1: include is not possible here: this text was not read from a file`},
		{"server { enable = yes }", `f:1:19: Enable = "yes": not a boolean; write true or false (also on/off, enabled/disabled, 1/0)`},
		{"idle_time = 5m", `f:1:13: Idle_Time = "5m": not a whole number of seconds; write digits only, without a unit`},
		{"idle_time = -1", `f:1:13: Idle_Time = "-1": out of range; write a number from 0 to 1000`},
		{"idle_time = 1001", `f:1:13: Idle_Time = "1001": out of range; write a number from 0 to 1000`},
		{"idle_time = 99999999999999999999", `f:1:13: Idle_Time = "99999999999999999999": the number is too large`},
		{"server { threads = 1 }", `f:1:20: Threads = "1": out of range; write a number from 2 to 8, or 0`},
		{"server { buffer = 0 }", `f:1:19: Buffer = "0": out of range; write 1 or more`},
		{"server { mode = 0888 }", `f:1:17: Mode = "0888": not a file mode; write octal digits up to 0777, such as 0660`},
		{"server { speed = 5/x }", `f:1:18: Speed = "5/x": not a rate; write a number per second such as 50, or a number and seconds such as 100/60`},
		{"server { speed = 5/60 }", `f:1:18: Speed = "5/60" is not yet supported`},
		{"server { policy = refues }", `f:1:19: Policy = "refues": not one of Replace, Refuse, Invite (did you mean Refuse?)`},
		{"server { policy = INVITE }", `f:1:19: Policy = "INVITE" is not yet supported`},
		{"server { file = pipe:///x }", `f:1:17: File = "pipe:///x" is not yet supported: only files are`},
		{"server { file = \"\" }", `f:1:17: File = "": the path is empty`},
		{"server { hosts = ( a bad ) }", `f:1:22: Hosts = "bad": a bad host`},
		{"server { hosts = [ a = b ] }", `f:1:18: Hosts takes a list, not a dictionary: write Hosts = ( … )`},
		{"server { enable = ( true ) }", `f:1:19: Enable takes one value, not a list: write Enable = true`},
		{"server { auth = \"x\" }", `f:1:17: Auth takes a dictionary, not one value: write Auth = [ uri = … ]`},
		{"server { auth = [ plain = x ] }", "f:1:17: Auth has no uri: write Auth = [ uri = \"…\" ]\nf:1:27: plain in Auth = \"x\": not a boolean; write true or false (also on/off, enabled/disabled, 1/0)"},
		{"server { auth = [ urii = x ] }", "f:1:17: Auth has no uri: write Auth = [ uri = \"…\" ]\nf:1:19: unknown key \"urii\" in Auth (did you mean uri?); its keys are uri, plain and hosts"},
		{"server { auth = [ uri = a://\n URI = b:// ] }", `f:2:2: uri stands in Auth twice; the first is on line 1`},
		{"server { auth = [ uri = nothing ] }", `f:1:25: uri in Auth = "nothing": not a URI; write scheme://…, such as file:///etc/roost/passwd`},
		{"server { auth = [ uri = HTTP://x ] }", `f:1:25: uri in Auth = "HTTP://x" is not yet supported`},
		{"http { password = ab }", `f:1:19: Password: too short`},
		{"http { listen \"x\" { } }", `f:1:8: Listen "x" does not say its source: add source = "…"`},
	} {
		if _, got := bind(t, tt.src); got != tt.want {
			t.Errorf("%s: got\n%s\nwant\n%s", tt.src, got, tt.want)
		}
	}
}

// Values of a later release are taken when they say what holds anyway.
func TestBindAcceptsDefaults(t *testing.T) {
	for _, src := range []string{
		"server { speed = 0/5 }", "server { policy = REPLACE }", "server { threads = 0 }", "SERVER { ENABLE = \"oFF\" mode = 600 }",
		"server { hosts = single }", "server { auth [ uri = a:// hosts = ( a b ) ] }",
	} {
		if _, got := bind(t, src); got != "" {
			t.Errorf("%s: %s", src, got)
		}
	}
}

func TestBindWarnings(t *testing.T) {
	tree, errs := bind(t, "log \"a\" {}\nhttp { stack = 3 }\nserver { auth = [ uri = a:// plain = off ] peer \"10.1.2.3/8\" {} }\n")
	want := "f:1:1: Log: logs are old\nf:2:8: Stack: has no effect\nf:3:30: plain in Auth: plain is weak\nf:3:49: Peer \"10.1.2.3/8\": taken as 10.0.0.0/8"
	if errs != "" || tree.Warnings.Error() != want {
		t.Errorf("got\n%s\n%s", tree.Warnings.Error(), errs)
	}
}

// Stanzas with one key are one, and the last assignment of an option counts.
func TestBindMerges(t *testing.T) {
	tree, errs := bind(t, `
server { idle_time = 1 listen "a" { idle_time = 2 } }
Server { IDLE_TIME = 3 listen "a" { enable = false } listen "b" {} peer "10.0.0.1/8" {} peer "10.0.0.2/8" { idle_time = 4 } }
`)
	if errs != "" {
		t.Fatal(errs)
	}
	s := tree.Root.First("server")
	if len(tree.Root.Blocks) != 1 || len(s.All("listen")) != 2 || len(s.All("peer")) != 1 {
		t.Fatalf("not merged: %d %d %d", len(tree.Root.Blocks), len(s.All("listen")), len(s.All("peer")))
	}
	a := s.First("listen")
	if v := tree.View(s); v.Int("idle_time") != 3 || v.Pos("idle_time").String() != "f:3:10" {
		t.Errorf("idle_time %d at %s", v.Int("idle_time"), v.Pos("idle_time"))
	}
	if v := tree.View(a, s); v.Int("idle_time") != 2 || v.Bool("enable") {
		t.Errorf("listen a: %d %v", v.Int("idle_time"), v.Bool("enable"))
	}
	if got := len(s.Settings()); got != 1 {
		t.Errorf("%d settings", got)
	}
	if a.Label() != `Listen "a"` || s.Label() != "Server" || a.Parent != s || s.Seq >= a.Seq {
		t.Error("label, parent or order")
	}
}

func TestViewFallback(t *testing.T) {
	tree, errs := bind(t, `
idle_time = 1
server {
  peer "0.0.0.0/0" { idle_time = 40 policy = refuse }
  peer "10.0.0.0/8" { idle_time = 41 }
  listen "a" {
    peer "10.1.0.0/16" { idle_time = 50 }
    peer "10.1.2.0/24" { policy = refuse }
  }
  listen "b" { idle_time = 60 }
  listen "c" { }
}
`)
	if errs != "" {
		t.Fatal(errs)
	}
	server := tree.Root.First("server")
	listen := map[string]*Block{}
	for _, b := range server.All("listen") {
		listen[b.Name] = b
	}
	for _, tt := range []struct {
		listen, peer, policy string
		idle                 int
	}{
		{"a", "10.1.2.3/32", "refuse", 50}, // Listen::Peer, the wider of two where the narrower is silent
		{"a", "10.1.9.9/32", "refuse", 50}, // policy from the listener's widest Peer
		{"a", "10.9.9.9/32", "refuse", 41}, // listener Peer, most specific
		{"a", "192.0.2.1/32", "refuse", 40},
		{"a", "2001:db8::1/128", "replace", 1}, // no Peer: global
		{"b", "10.1.2.3/32", "refuse", 60},     // Listen before listener Peer
		{"c", "10.1.2.3/32", "refuse", 41},
	} {
		p := netip.MustParsePrefix(tt.peer)
		l := listen[tt.listen]
		chain := append(l.Covering("peer", p), l)
		chain = append(append(chain, server.Covering("peer", p)...), server)
		v := tree.View(chain...)
		if got := v.Seconds("idle_time"); got != time.Duration(tt.idle)*time.Second {
			t.Errorf("%s %s: idle_time %v, want %d", tt.listen, tt.peer, got, tt.idle)
		}
		if got := v.Text("policy"); got != tt.policy {
			t.Errorf("%s %s: policy %s, want %s", tt.listen, tt.peer, got, tt.policy)
		}
	}
}

// A refused value does not count, so that later rules see the default.
func TestViewSkipsBad(t *testing.T) {
	tree, errs := bind(t, "idle_time = 7\nserver { idle_time = x }")
	if errs == "" {
		t.Fatal("no error")
	}
	s := tree.Root.First("server")
	if got := tree.View(s).Int("idle_time"); got != 7 || !s.Get("idle_time").Bad {
		t.Errorf("idle_time %d", got)
	}
}

func TestViewDefaultsAndTypes(t *testing.T) {
	tree, errs := bind(t, "server { hosts = ( a b ) auth = [ uri = x://y hosts = ( c ) ] mode = 0644 speed = 0 }")
	if errs != "" {
		t.Fatal(errs)
	}
	v := tree.View(tree.Root.First("server"))
	if v.Mode("mode") != 0o644 || v.Rate("speed") != (Rate{}) || v.Text("policy") != "replace" || len(v.List("hosts")) != 2 || v.IsSet("enable") || !v.Bool("enable") || !v.Pos("enable").IsZero() {
		t.Error("values or defaults are off")
	}
	d := v.Dict("auth")
	if d.Text("uri") != "x://y" || !d.Bool("plain") || len(d.List("hosts")) != 1 || d.Text("URI") != "x://y" {
		t.Error("dictionary is off")
	}
	none := tree.View(tree.Absent("server"))
	if none.Dict("auth") != nil || none.List("hosts") != nil || none.Int("threads") != 4 || tree.View(tree.Absent("peer")).Text("policy") != "replace" {
		t.Error("defaults of an absent stanza are off")
	}
	for name, ask := range map[string]func(){
		"unknown option": func() { v.Bool("nothing") }, "wrong type": func() { v.Bool("threads") }, "not a list": func() { v.List("threads") },
		"not a dict": func() { v.Dict("threads") }, "unknown key": func() { d.Text("nothing") },
	} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("%s: no panic", name)
				}
			}()
			ask()
		}()
	}
}

func TestNewSchemaRefuses(t *testing.T) {
	server := []Scope{{ID: "s", Name: "S"}}
	in := []string{"s"}
	for want, tt := range map[string]struct {
		scopes  []Scope
		options []Option
	}{
		"scope s: two rows":                    {[]Scope{{ID: "s", Name: "S"}, {ID: "s", Name: "T"}}, nil},
		"scope S: two rows in global":          {[]Scope{{ID: "s", Name: "S"}, {ID: "t", Name: "S"}}, nil},
		"scope s: parent x has no row":         {[]Scope{{ID: "s", Name: "S", In: []string{"x"}}}, nil},
		"option a: no scope":                   {server, []Option{{Name: "a"}}},
		"option a: scope x has no row":         {server, []Option{{Name: "a", Scopes: []string{"x"}}}},
		"option A: two rows in s":              {server, []Option{{Name: "a", Scopes: in}, {Name: "A", Scopes: in}}},
		"option S: also a stanza in global":    {server, []Option{{Name: "S", Scopes: []string{GlobalScope}}}},
		"list or dictionary has no default":    {server, []Option{{Name: "a", Kind: KindList, Default: "x", Scopes: in}}},
		"option a: default x: not a boolean; ": {server, []Option{{Name: "a", Kind: KindBool, Default: "x", Scopes: in}}},
	} {
		if _, err := NewSchema(tt.scopes, tt.options); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want %s", err, want)
		}
	}
}

func TestWriteMarkdown(t *testing.T) {
	s, err := NewSchema([]Scope{{ID: "s", Name: "S", Doc: "A | B."}, {ID: "f", Name: "F", NotYet: true}}, []Option{
		{Name: "One", Kind: KindWord, Words: []string{"x", "y"}, Default: "x", NotYetFor: []string{"y"}, Scopes: []string{"f", "s", GlobalScope}, Doc: "First."},
		{Name: "Two", Kind: KindDict, Keys: []Option{{Name: "k", Doc: "Key.", Default: "v"}}, NotYet: true, Scopes: []string{"s"}, Doc: "Second."},
	})
	if err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	if err := s.WriteMarkdown(&b); err != nil {
		t.Fatal(err)
	}
	want := `| Stanza | stands in | name | meaning |
| --- | --- | --- | --- |
| ` + "`S`" + ` | global | none | A \| B. |

| Option | scopes | default | meaning |
| --- | --- | --- | --- |
| ` + "`One`" + ` | global, S | ` + "`x`" + ` | First. One of x, y. Not yet supported: y. |
| ` + "`Two`" + ` | S | – | Second. Not yet supported. Key ` + "`k`" + `: Key. Default ` + "`v`" + `. |
`
	if b.String() != want {
		t.Errorf("got\n%s\nwant\n%s", b.String(), want)
	}
}

func TestSuggest(t *testing.T) {
	names := []string{"Idle_Time", "tls_key", "enable"}
	for in, want := range map[string]string{
		"idletime": " (did you mean Idle_Time?)", "IDLE_TMIE": " (did you mean Idle_Time?)", "tls_kye": " (did you mean tls_key?)",
		"enabled": " (did you mean enable?)", "tls_k": " (did you mean tls_key?)", "x": "", "something_else": "", "": "", strings.Repeat("e", 70): "",
	} {
		if got := suggest(in, names); got != want {
			t.Errorf("%s: %q, want %q", in, got, want)
		}
	}
}
