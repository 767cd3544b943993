package sasl

import (
	"slices"
	"strings"
	"testing"
)

func TestOffer(t *testing.T) {
	all := oneUser()
	verify := &memory{can: CanVerify}
	for _, c := range []struct {
		what  string
		env   Env
		want  string
		types string
	}{
		{"nothing", Env{}, "", ""},
		{"no TLS", Env{Store: all}, "SCRAM-SHA-512 SCRAM-SHA-256 SCRAM-SHA-1", ""},
		{"no TLS, PLAIN allowed", Env{Store: all, AllowPlain: true}, "SCRAM-SHA-512 SCRAM-SHA-256 SCRAM-SHA-1 PLAIN", ""},
		{"bindings without TLS", Env{Store: all, Bindings: []Binding{exporter}}, "SCRAM-SHA-512 SCRAM-SHA-256 SCRAM-SHA-1", ""},
		{"TLS", Env{Store: all, Secure: true}, "SCRAM-SHA-512 SCRAM-SHA-256 SCRAM-SHA-1 PLAIN", ""},
		{"TLS with bindings", Env{Store: all, Secure: true, Bindings: []Binding{exporter, endPoint}},
			"SCRAM-SHA-512-PLUS SCRAM-SHA-256-PLUS SCRAM-SHA-1-PLUS SCRAM-SHA-512 SCRAM-SHA-256 SCRAM-SHA-1 PLAIN", "tls-exporter tls-server-end-point"},
		{"only digest", Env{Digest: all}, "DIGEST-MD5", ""},
		{"digest store that cannot", Env{Digest: verify}, "", ""},
		{"store that can only verify", Env{Store: verify, Secure: true, Bindings: []Binding{exporter}}, "PLAIN", ""},
		{"one hash", Env{Store: &memory{can: CanScramSHA1}, Secure: true, Bindings: []Binding{exporter}}, "SCRAM-SHA-1-PLUS SCRAM-SHA-1", "tls-exporter"},
		{"certificate", Env{Domain: domain, Secure: true, CertVerified: true, CertJIDs: []string{"juliet@example.com"}}, "EXTERNAL", ""},
		{"certificate for elsewhere", Env{Domain: domain, Secure: true, CertVerified: true, CertJIDs: []string{"juliet@example.net", "x", "@example.com"}}, "", ""},
		{"certificate not verified", Env{Domain: domain, Secure: true, CertJIDs: []string{"juliet@example.com"}}, "", ""},
		{"everything", *secureEnv(all), "EXTERNAL SCRAM-SHA-512-PLUS SCRAM-SHA-256-PLUS SCRAM-SHA-1-PLUS " +
			"SCRAM-SHA-512 SCRAM-SHA-256 SCRAM-SHA-1 DIGEST-MD5 PLAIN", "tls-exporter tls-server-end-point"},
	} {
		if got := strings.Join(Offer(&c.env), " "); got != c.want {
			t.Errorf("%s: %s, want %s", c.what, got, c.want)
		}
		if got := strings.Join(BindingTypes(&c.env), " "); got != c.types {
			t.Errorf("%s: binding types %q, want %q", c.what, got, c.types)
		}
		for i := range rows { // what is offered starts; what is not does not
			_, err := Start(&c.env, rows[i].name)
			if offered := slices.Contains(Offer(&c.env), rows[i].name); offered != (err == nil) {
				t.Errorf("%s: %s offered %v, Start: %v", c.what, rows[i].name, offered, err)
			}
		}
	}
}

func TestStartRefuses(t *testing.T) {
	all := oneUser()
	for _, c := range []struct {
		what, name string
		env        Env
		want       string
	}{
		{"unknown", "CRAM-MD5", *secureEnv(all), InvalidMechanism},
		{"empty", "", *secureEnv(all), InvalidMechanism},
		{"small letters", "plain", *secureEnv(all), InvalidMechanism},
		{"PLAIN without TLS", "PLAIN", Env{Store: all}, EncryptionRequired},
		{"-PLUS without TLS", "SCRAM-SHA-1-PLUS", Env{Store: all}, EncryptionRequired},
		{"EXTERNAL without TLS", "EXTERNAL", Env{}, EncryptionRequired},
		{"-PLUS without binding", "SCRAM-SHA-1-PLUS", Env{Store: all, Secure: true}, InvalidMechanism},
		{"EXTERNAL without certificate", "EXTERNAL", Env{Secure: true}, InvalidMechanism},
		{"no store", "PLAIN", Env{}, InvalidMechanism},
		{"store that cannot", "SCRAM-SHA-256", Env{Store: &memory{can: CanVerify}}, InvalidMechanism},
		{"DIGEST-MD5 from the other store", "DIGEST-MD5", Env{Store: all}, InvalidMechanism},
	} {
		x, err := Start(&c.env, c.name)
		if got := condition(t, err); got != c.want || x != nil {
			t.Errorf("%s: %q, want %q", c.what, got, c.want)
		}
	}
}

// TestRows: every row starts, and with a name of RFC 4422 §3.1.
func TestRows(t *testing.T) {
	seen := map[string]bool{}
	for i := range rows {
		r := &rows[i]
		if seen[r.name] || len(r.name) == 0 || len(r.name) > 20 || strings.Trim(r.name, "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_") != "" {
			t.Errorf("name %q", r.name)
		}
		seen[r.name] = true
		if r.start(&Env{}, r) == nil {
			t.Errorf("%s does not start", r.name)
		}
		if r.plus != strings.HasSuffix(r.name, "-PLUS") || strings.HasPrefix(r.name, "SCRAM-") && !strings.HasPrefix(r.name, "SCRAM-"+r.hash.String()) {
			t.Errorf("%s: plus %v, hash %s", r.name, r.plus, r.hash)
		}
	}
}
