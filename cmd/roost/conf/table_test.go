package conf

import (
	"strings"
	"testing"

	"roost/cmd/internal/ecconf"
)

// Table 10.1: name, default, scopes.
func TestTable101(t *testing.T) {
	s, err := Schema()
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(`
accept_queue_backlog    0     listen xmpp_listener
authdigestmd5parameters -     listen pathway pathway_group peer xmpp_listener
authplainparameters     -     listen pathway pathway_group xmpp_listener
concurrency             0     listen threadpool xmpp_listener
disable_nagle_algorithm false global listen xmpp_listener
enable                  true  listen xmpp_listener
events_per_iter         0     listen xmpp_listener
file_mode               0660  xmpp_listener
idle_time               0     listen pathway pathway_group peer xmpp_listener
listen_backlog          500   listen xmpp_listener
pool_name               -     listen xmpp_listener
tcp_recv_buffer_size    4096  listen xmpp_listener
tcp_send_buffer_size    4096  listen xmpp_listener
tls_certificate         -     binding binding_group domain listen pathway pathway_group peer xmpp_listener
tls_ciphers             -     binding binding_group domain global listen pathway pathway_group peer xmpp_listener
tls_client_ca           -     global listen pathway pathway_group peer xmpp_listener
tls_key                 -     binding binding_group domain global listen pathway pathway_group peer xmpp_listener
tls_verify_mode         none  listen pathway pathway_group peer xmpp_listener
`) {
		f := strings.Fields(line)
		if len(f) == 0 {
			continue
		}
		for _, scope := range f[2:] {
			o := s.Option(scope, f[0])
			if o == nil {
				t.Errorf("%s is not valid in %s", f[0], scope)
				continue
			}
			if def := strings.TrimPrefix(f[1], "-"); o.Default != def {
				t.Errorf("%s: default %q, want %q", f[0], o.Default, def)
			}
		}
		if !strings.Contains(line, " peer") && s.Option("peer", f[0]) != nil {
			t.Errorf("%s is valid in peer", f[0])
		}
	}
	if s.Scope("xmpp_listener", "LISTEN") == nil || s.Scope("xmpp_listener", "peer") == nil || s.Scope("listen", "peer") == nil {
		t.Error("Listen or Peer is missing")
	}
}

func TestEveryRowIsDocumented(t *testing.T) {
	s, err := Schema()
	if err != nil {
		t.Fatal(err)
	}
	check := func(name, doc string) {
		if doc == "" || !strings.HasSuffix(doc, ".") {
			t.Errorf("%s: doc %q is not a sentence", name, doc)
		}
	}
	for _, sc := range s.Scopes() {
		if !sc.NotYet {
			check(sc.Name, sc.Doc)
		}
	}
	for _, o := range s.Options() {
		check(o.Name, o.Doc)
		for _, k := range o.Keys {
			check(o.Name+"."+k.Name, k.Doc)
		}
		if o.Kind == ecconf.KindInt && o.Max == 0 {
			t.Errorf("%s has no upper limit", o.Name)
		}
	}
}

func TestWriteMarkdown(t *testing.T) {
	var b strings.Builder
	if err := WriteMarkdown(&b); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"| `idle_time` | xmpp_listener, Listen, Peer | `0` | Seconds without a byte",
		"| `xmpp_listener` | global | optional | Accepts streams of clients and of other servers.",
		"| `tls_allow_renegotiation` | xmpp_listener, Listen, Peer | `false` | TLS renegotiation, which is never allowed here. Not yet supported (only the default is accepted). |",
	} {
		if !strings.Contains(b.String(), want) {
			t.Errorf("%s\nis not in\n%s", want, b.String())
		}
	}
}

func TestParseAddress(t *testing.T) {
	for in, want := range map[string]string{
		"*:5222": "*:5222", ":5222": "*:5222", "0.0.0.0:5222": "*:5222", "127.0.0.1:5222": "127.0.0.1:5222", "[*]:5222": "[::]:5222", "[::]:40000": "[::]:40000",
		"[FD00:0:0::1]:1": "[fd00::1]:1", "[::ffff:1.2.3.4]:5": "1.2.3.4:5", "/a/../b": "/b", "a/b": "a/b", "./x": "./x", "*:0": "*:0",
	} {
		a, err := ParseAddress(in)
		if err != nil || a.Text != want {
			t.Errorf("%s: %v, %v", in, a, err)
		}
		if again, err := ParseAddress(a.Text); err != nil || again != a {
			t.Errorf("%s does not read the same: %v", a.Text, err)
		}
	}
	for in, want := range map[string]bool{"127.1.2.3:1": true, "[::1]:1": true, "/x": true, "*:1": false, "[::]:1": false, "10.0.0.1:1": false} {
		if a, err := ParseAddress(in); err != nil || a.IsLoopback() != want {
			t.Errorf("%s: loopback %v, %v", in, a.IsLoopback(), err)
		}
	}
}

func TestParseFormat(t *testing.T) {
	p, err := ParseFormat("%t+D+%st(%H)")
	if err != nil || len(p) != 6 || p[0].Macro != MacroTime || p[1].Text != "+D+" || p[2].Macro != MacroKind || p[3].Text != "(" || p[4].Macro != MacroHost || p[5].Text != ")" {
		t.Errorf("%v %v", p, err)
	}
	for _, bad := range []string{"%", "%%", "%T", "%tx", "%st{x}", "a%"} {
		if _, err := ParseFormat(bad); err == nil {
			t.Errorf("%s is accepted", bad)
		}
	}
}
