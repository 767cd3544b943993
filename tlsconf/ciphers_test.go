package tlsconf

import (
	"crypto/tls"
	"errors"
	"slices"
	"strings"
	"testing"
)

func names(ids []uint16) string {
	var out []string
	for _, id := range ids {
		i := slices.IndexFunc(suites, func(s suite) bool { return s.id == id })
		if i >= 0 {
			out = append(out, suites[i].name)
		} else {
			out = append(out, tls.CipherSuiteName(id))
		}
	}
	return strings.Join(out, " ")
}

const (
	gcmECDHE = "ECDHE-ECDSA-AES128-GCM-SHA256 ECDHE-RSA-AES128-GCM-SHA256 ECDHE-ECDSA-AES256-GCM-SHA384 ECDHE-RSA-AES256-GCM-SHA384"
	chacha   = "ECDHE-ECDSA-CHACHA20-POLY1305 ECDHE-RSA-CHACHA20-POLY1305"
	cbcECDHE = "ECDHE-ECDSA-AES128-SHA ECDHE-RSA-AES128-SHA ECDHE-ECDSA-AES256-SHA ECDHE-RSA-AES256-SHA"
	cbc256   = "ECDHE-ECDSA-AES128-SHA256 ECDHE-RSA-AES128-SHA256"
	rsaKX    = "AES128-GCM-SHA256 AES256-GCM-SHA384 AES128-SHA256 AES128-SHA AES256-SHA"
	byItself = gcmECDHE + " " + chacha + " " + cbcECDHE
	whole    = byItself + " " + cbc256 + " " + rsaKX
)

func TestParseCiphers(t *testing.T) {
	for _, c := range []struct{ in, want string }{
		{"", byItself},
		{"  :, ", byItself},
		{"DEFAULT", byItself},
		{"ALL", whole},
		{"HIGH", whole},
		{"ALL:COMPLEMENTOFALL", whole},
		{"COMPLEMENTOFDEFAULT", cbc256 + " " + rsaKX},
		{"HIGH:!aNULL:!MD5", whole},
		{"DEFAULT:!EXPORT:!LOW:!aNULL:!eNULL:!SSLv2", byItself},
		{"ALL:!ADH:!EXPORT56:RC4+RSA:+HIGH:+MEDIUM:+LOW:+SSLv2:+EXP", whole},
		{"ECDHE", byItself + " " + cbc256},
		{"EECDH+AESGCM", gcmECDHE},
		{"kECDHE+aRSA+AESGCM", "ECDHE-RSA-AES128-GCM-SHA256 ECDHE-RSA-AES256-GCM-SHA384"},
		{"RSA", rsaKX},
		{"kRSA+SHA", "AES128-SHA AES256-SHA"},
		{"aRSA+CHACHA20", "ECDHE-RSA-CHACHA20-POLY1305"},
		{"ECDSA+AES256", "ECDHE-ECDSA-AES256-GCM-SHA384 ECDHE-ECDSA-AES256-SHA"},
		{"AES128+SHA256", cbc256 + " AES128-SHA256"},
		{"SHA1+aECDSA", "ECDHE-ECDSA-AES128-SHA ECDHE-ECDSA-AES256-SHA"},
		{"TLSv1.2+ECDHE", gcmECDHE + " " + chacha + " " + cbc256},
		{"SSLv3", "AES128-SHA AES256-SHA"},
		{"ALL:!TLSv1.2", cbcECDHE + " AES128-SHA AES256-SHA"},
		{"ECDHE-RSA-AES128-GCM-SHA256", "ECDHE-RSA-AES128-GCM-SHA256"},
		{"TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256", "ECDHE-RSA-AES128-GCM-SHA256"},
		{"AES128-SHA,AES256-SHA AES128-SHA", "AES128-SHA AES256-SHA"},
		{"ECDHE+AESGCM:ECDHE+CHACHA20:!aECDSA", "ECDHE-RSA-AES128-GCM-SHA256 ECDHE-RSA-AES256-GCM-SHA384 ECDHE-RSA-CHACHA20-POLY1305"},
		{"CHACHA20:@STRENGTH", chacha},
		// openssl-ciphers(1): '!' is for good, '-' until named again, '+' only moves.
		{"!CHACHA20:CHACHA20:ECDHE+AESGCM", gcmECDHE},
		{"CHACHA20:-CHACHA20:ECDHE+AESGCM:CHACHA20", gcmECDHE + " " + chacha},
		{"AESGCM+ECDHE:+AES128", gcmECDHE},
		{"+CHACHA20:AESGCM+ECDHE", gcmECDHE},
		{"DEFAULT@SECLEVEL=2", byItself},
		{"ALL:@SECLEVEL=3", byItself + " " + cbc256},
		{"@SECLEVEL=4:ALL", "ECDHE-ECDSA-AES256-GCM-SHA384 ECDHE-RSA-AES256-GCM-SHA384 " + chacha},
		{"ALL:@SECLEVEL=0", whole},
		// Mozilla's intermediate list
		{"ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256:ECDHE-ECDSA-AES256-GCM-SHA384:ECDHE-RSA-AES256-GCM-SHA384:" +
			"ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-RSA-CHACHA20-POLY1305:DHE-RSA-AES128-GCM-SHA256:DHE-RSA-AES256-GCM-SHA384:" +
			"DHE-RSA-CHACHA20-POLY1305", gcmECDHE + " " + chacha},
		// TLS 1.3
		{"TLS_AES_128_GCM_SHA256", "TLS_AES_128_GCM_SHA256"},
		{"TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256:ECDHE+CHACHA20", chacha + " TLS_AES_256_GCM_SHA384 TLS_CHACHA20_POLY1305_SHA256"},
	} {
		got, err := ParseCiphers(c.in)
		if err != nil || names(got) != c.want {
			t.Errorf("%q:\n got %s, %v\nwant %s", c.in, names(got), err, c.want)
		}
	}
}

func TestParseCiphersErrors(t *testing.T) {
	for _, c := range []struct{ in, want string }{
		{"ECDHE-RSA-AES128-GCM-SHA265", `tls_ciphers "ECDHE-RSA-AES128-GCM-SHA265": no such cipher or keyword; did you mean "ECDHE-RSA-AES128-GCM-SHA256"?`},
		{"HIGH:!aNUL", `tls_ciphers "!aNUL": no cipher or keyword "aNUL"; did you mean "aNULL"?`},
		{"ECDHE+AESCGM", `tls_ciphers "ECDHE+AESCGM": no cipher or keyword "AESCGM"; did you mean "AESGCM"?`},
		{"high", `tls_ciphers "high": no such cipher or keyword; did you mean "HIGH"?`},
		{"BLOWFISH", `tls_ciphers "BLOWFISH": no such cipher or keyword; openssl-ciphers(1) lists the names`},
		{"HIGH:!", `tls_ciphers "!": an empty name; write a cipher or a keyword after the operator`},
		{"ECDHE++AES", `tls_ciphers "ECDHE++AES": an empty name; write a cipher or a keyword after the operator`},
		{"HIGH:@SECLEVEL=9", `tls_ciphers "@SECLEVEL=9": no such command; @STRENGTH and @SECLEVEL=0 to @SECLEVEL=5 exist`},
		{"HIGH:@", `tls_ciphers "@": no such command; @STRENGTH and @SECLEVEL=0 to @SECLEVEL=5 exist`},
		{"RC4-SHA", `tls_ciphers "RC4-SHA": no cipher suite is left; name at least one that is offered here, such as DEFAULT or ECDHE+AESGCM`},
		{"MEDIUM:3DES", `tls_ciphers "MEDIUM:3DES": no cipher suite is left; name at least one that is offered here, such as DEFAULT or ECDHE+AESGCM`},
		{"HIGH:!ALL", `tls_ciphers "HIGH:!ALL": no cipher suite is left; name at least one that is offered here, such as DEFAULT or ECDHE+AESGCM`},
		{"!aNULL", `tls_ciphers "!aNULL": no cipher suite is left; name at least one that is offered here, such as DEFAULT or ECDHE+AESGCM`},
	} {
		got, err := ParseCiphers(c.in)
		if err == nil {
			t.Errorf("%q: accepted as %s", c.in, names(got))
			continue
		}
		if _, ok := errors.AsType[*Error](err); !ok {
			t.Errorf("%q: %T, want *Error", c.in, err)
		}
		if err.Error() != c.want {
			t.Errorf("%q:\n got %v\nwant %s", c.in, err, c.want)
		}
	}
	if _, err := ParseCiphers(strings.Repeat("ALL:", maxCipherString)); err == nil {
		t.Error("a cipher string over the limit was accepted")
	}
}

func TestCipherNotes(t *testing.T) {
	for _, c := range []struct{ in, want string }{
		{"DEFAULT:!RC4", ""},
		{"DEFAULT:RC4:DHE-RSA-AES128-SHA", "tls_ciphers: RC4, DHE-RSA-AES128-SHA choose nothing here"},
		{"DEFAULT:@STRENGTH", "tls_ciphers: the order of suites is not configurable; '+' and @STRENGTH have no effect"},
		{"TLS_AES_128_GCM_SHA256:ALL", "tls_ciphers: the suites of TLS 1.3 are fixed; all three are offered"},
		{"TLS_AES_128_GCM_SHA256", "tls_ciphers: only suites of TLS 1.3 are named, so TLS 1.2 is off"},
	} {
		cs, err := parseCiphers(c.in)
		if err != nil || strings.Join(cs.notes, "|") != c.want {
			t.Errorf("%q: %v %v, want %q", c.in, cs, err, c.want)
		}
	}
}

// TestSuiteTable compares the tables with crypto/tls: every suite but RC4 and 3DES is there, and every name is known once.
func TestSuiteTable(t *testing.T) {
	known := map[uint16]bool{}
	for _, s := range suites {
		known[s.id] = true
	}
	for _, s := range append(tls.CipherSuites(), tls.InsecureCipherSuites()...) {
		broken := strings.Contains(s.Name, "RC4") || strings.Contains(s.Name, "3DES")
		if slices.Contains(s.SupportedVersions, uint16(tls.VersionTLS12)) && known[s.ID] == broken {
			t.Errorf("%s: in the table %v", s.Name, known[s.ID])
		}
	}
	seen := map[string]bool{}
	for _, n := range slices.Concat(strings.Fields(lackingKeywords), strings.Fields(lackingSuites)) {
		if seen[n] || keywords[n] != 0 {
			t.Errorf("%s: twice", n)
		}
		seen[n] = true
	}
	for _, s := range suites {
		if seen[s.name] {
			t.Errorf("%s: both offered and lacking", s.name)
		}
	}
}

// FuzzParseCiphers: no string panics, and an accepted one chooses something.
func FuzzParseCiphers(f *testing.F) {
	for _, s := range []string{"", "DEFAULT", "ALL:!aNULL", "ECDHE+AESGCM:@STRENGTH", "DEFAULT@SECLEVEL=2", "+", "!-", "@@", "TLS_AES_128_GCM_SHA256"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if ids, err := ParseCiphers(s); err == nil && len(ids) == 0 {
			t.Errorf("%q chose nothing", s)
		}
	})
}
