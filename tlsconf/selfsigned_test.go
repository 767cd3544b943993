package tlsconf

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
)

func TestSelfSigned(t *testing.T) {
	dir := t.TempDir()
	domains := []string{"localhost", "bücher.example", "127.0.0.1"}
	cert, key, created, err := SelfSigned(dir, domains)
	if err != nil || !created {
		t.Fatal(created, err)
	}
	fi, err := os.Stat(key)
	if err != nil || fi.Mode() != 0o600 {
		t.Errorf("key file: %v, %v", fi.Mode(), err)
	}
	c, err := Load(Options{Certificate: cert, Key: key})
	if err != nil || len(c.Notes()) > 0 {
		t.Fatal(err, c.Notes())
	}
	leaf := c.Leaf("localhost")
	for _, d := range domains {
		if !MatchDomain(leaf, d) {
			t.Errorf("it does not name %s", d)
		}
	}
	if !slices.Equal(XMPPAddrs(leaf), domains) || !slices.Contains(SRVNames(leaf), "_xmpp-server.xn--bcher-kva.example") {
		t.Errorf("%q %q", XMPPAddrs(leaf), SRVNames(leaf))
	}
	if y := time.Until(leaf.NotAfter).Hours() / 24 / 365; y < 9.9 || y > 10.1 {
		t.Errorf("valid for %f years", y)
	}
	// A client that trusts it is content.
	roots := x509.NewCertPool()
	roots.AddCert(leaf)
	c.now = func() time.Time { return today }
	now := time.Now()
	for _, name := range []string{"localhost", "xn--bcher-kva.example", "127.0.0.1"} {
		cc := &tls.Config{ServerName: name, InsecureSkipVerify: true, VerifyConnection: func(cs tls.ConnectionState) error {
			_, err := cs.PeerCertificates[0].Verify(x509.VerifyOptions{Roots: roots, DNSName: name, CurrentTime: now})
			return err
		}}
		if _, _, serr, cerr := shake(t, c.Server(), cc); serr != nil || cerr != nil {
			t.Errorf("%s: %v, %v", name, serr, cerr)
		}
	}

	print, err := Fingerprint(cert)
	if err != nil || !regexp.MustCompile(`^([0-9A-F]{2}:){31}[0-9A-F]{2}$`).MatchString(print) {
		t.Errorf("%s, %v", print, err)
	}
	again := func(want bool, d ...string) string {
		t.Helper()
		_, _, created, err := SelfSigned(dir, d)
		if err != nil || created != want {
			t.Fatalf("created %v, %v", created, err)
		}
		p, err := Fingerprint(cert)
		if err != nil {
			t.Fatal(err)
		}
		return p
	}
	if again(false, domains...) != print || again(false, "localhost") != print {
		t.Error("it changed though nothing was missing")
	}
	if again(true, "localhost", "new.example") == print {
		t.Error("it stayed though a domain was missing")
	}
	// Files that do not belong together, or are damaged, are replaced.
	other := issue(t, nil, want{})
	overwrite(t, key, other.keyPEM(t))
	again(true, "localhost")
	overwrite(t, cert, []byte("junk"))
	again(true, "localhost")
	if err := os.Remove(key); err != nil {
		t.Fatal(err)
	}
	again(true, "localhost")
	// One that is about to end is replaced.
	ends := issue(t, nil, want{dns: []string{"localhost"}, from: time.Now().AddDate(-1, 0, 0), to: time.Now().Add(selfRenew / 2)})
	overwrite(t, cert, ends.certPEM())
	overwrite(t, key, ends.keyPEM(t))
	again(true, "localhost")
	if left, _ := filepath.Glob(filepath.Join(dir, ".*")); len(left) > 0 {
		t.Errorf("files left behind: %q", left)
	}
}

func TestSelfSignedErrors(t *testing.T) {
	dir := t.TempDir()
	for _, c := range []struct {
		dir     string
		domains []string
		want    string
	}{
		{dir, nil, "no domain to make it for"},
		{dir, []string{strings.Repeat("a.", 200) + "example"}, "is not a domain name"},
		{dir, []string{"b\xffd"}, "is not a domain name"},
		{dir + "/nowhere", []string{"localhost"}, "no such file or directory"},
	} {
		_, _, created, err := SelfSigned(c.dir, c.domains)
		if created || err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%q: %v", c.domains, err)
		}
	}
	long := strings.Repeat("a", 60) + "." + strings.Repeat("b", 60) + ".example"
	if _, _, created, err := SelfSigned(dir, []string{long}); !created || err != nil {
		t.Errorf("a long domain: %v", err)
	}
	// A full disk or a forbidden directory: nothing half written is left.
	if err := replaceFile(filepath.Join(dir, "taken"), []byte("x"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(filepath.Join(dir, "folder"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := replaceFile(filepath.Join(dir, "folder"), []byte("x"), 0o600); err == nil {
		t.Error("a directory was replaced by a file")
	}
	if left, _ := filepath.Glob(filepath.Join(dir, ".*")); len(left) > 0 {
		t.Errorf("files left behind: %q", left)
	}
}

func TestFingerprintErrors(t *testing.T) {
	for _, path := range []string{"/nowhere.pem", put(t, "x.pem", []byte("x")), put(t, "k.pem", issue(t, nil, want{}).keyPEM(t))} {
		if _, err := Fingerprint(path); err == nil {
			t.Errorf("%s accepted", path)
		} else if e, ok := errors.AsType[*Error](err); !ok || e.Value != path {
			t.Errorf("%v", err)
		}
	}
	i := issue(t, nil, want{dns: []string{"x"}})
	a, err := Fingerprint(put(t, "c.pem", i.pair(t)))
	b, err2 := Fingerprint(put(t, "c.pem", i.keyPEM(t), i.certPEM()))
	if err != nil || err2 != nil || a != b {
		t.Error(a, b, err, err2)
	}
}
