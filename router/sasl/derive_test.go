package sasl

import (
	"encoding/base64"
	"errors"
	"testing"

	"github.com/xdg-go/scram"
)

// TestDeriveScram: the same keys as the library makes.
func TestDeriveScram(t *testing.T) {
	for h := range Hash(len(hashes)) {
		c, err := scramHash[h].NewClient("u", "pencil", "")
		if err != nil {
			t.Fatal(err)
		}
		want, err := c.GetStoredCredentialsWithError(scram.KeyFactors{Salt: "salty", Iters: 5000})
		if err != nil {
			t.Fatal(err)
		}
		got, err := DeriveScram(h, "pencil", []byte("salty"), 5000)
		if err != nil || string(got.StoredKey) != string(want.StoredKey) || string(got.ServerKey) != string(want.ServerKey) ||
			string(got.Salt) != "salty" || got.Iterations != 5000 || got.check(h) != nil {
			t.Errorf("%s: %v, %v; want %v", h, got, err, want)
		}
	}
}

// RFC 5802 §5: the StoredKey that belongs to the example, computed apart.
func TestDeriveScramVector(t *testing.T) {
	salt, _ := base64.StdEncoding.DecodeString("QSXCR+Q6sek8bf92")
	k, err := DeriveScram(SHA1, "pencil", salt, 4096)
	if err != nil || base64.StdEncoding.EncodeToString(k.StoredKey) != "6dlGYMOdZcOPutkcNY8U2g7vK9Y=" ||
		base64.StdEncoding.EncodeToString(k.ServerKey) != "D+CSWLOshSulAsxiupA+qs2/fTE=" {
		t.Errorf("%s %s %v", base64.StdEncoding.EncodeToString(k.StoredKey), base64.StdEncoding.EncodeToString(k.ServerKey), err)
	}
}

func TestDeriveScramRefuses(t *testing.T) {
	for _, c := range []struct {
		what, password string
		hash           Hash
		salt           string
		iterations     int
		want           error
	}{
		{"empty password", "", SHA1, "s", 1, errPass},
		{"control", "a\x00", SHA1, "s", 1, errPass},
		{"not UTF-8", "\xff", SHA1, "s", 1, errPass},
		{"no salt", "x", SHA1, "", 1, nil},
		{"no iterations", "x", SHA1, "s", 0, nil},
		{"negative", "x", SHA1, "s", -1, nil},
		{"too many", "x", SHA1, "s", MaxIterations + 1, nil},
		{"unknown hash", "x", 3, "s", 1, nil},
	} {
		k, err := DeriveScram(c.hash, c.password, []byte(c.salt), c.iterations)
		if err == nil || c.want != nil && !errors.Is(err, c.want) || k.StoredKey != nil {
			t.Errorf("%s: %v %v", c.what, k, err)
		}
	}
	if Hash(3).String() != "Hash(3)" || Hash(3).Size() != 0 {
		t.Error("an unknown hash has a name or a size")
	}
}

func TestHA1(t *testing.T) {
	if sum, err := HA1("\u00fc", "r", "p"); err != nil || string(sum[:]) != string(rawMD5("\xfc:r:p")) {
		t.Errorf("ISO 8859-1: %x %v", sum, err)
	}
	if sum, err := HA1("\u03c0", "r", "\u00fc"); err != nil || string(sum[:]) != string(rawMD5("\u03c0:r:\xfc")) {
		t.Errorf("each part on its own: %x %v", sum, err)
	}
	if _, err := HA1("u", "r", "\x01"); !errors.Is(err, errPass) {
		t.Errorf("%v", err)
	}
}

func TestPrepUser(t *testing.T) {
	for in, want := range map[string]string{"Juliet": "juliet", "\uff21": "a", "u\u0308": "\u00fc", "\u03a3": "\u03c3", "a=b,c": "a=b,c"} {
		if got, err := prepUser(in); err != nil || got != want {
			t.Errorf("%q: %q %v, want %q", in, got, err, want)
		}
	}
	for _, in := range []string{"", " ", "a b", "a@b", "a/b", `a"b`, "a&b", "a'b", "a:b", "a<b", "a>b", "\uff20", "\u265a", "\u2163", "\xff", "a\x00"} {
		if got, err := prepUser(in); err == nil {
			t.Errorf("%q is accepted as %q", in, got)
		}
	}
}

func TestFailure(t *testing.T) {
	f := &Failure{Condition: NotAuthorized, Text: "text", Err: ErrPassword}
	if f.Error() != "sasl: not-authorized: text: wrong password" || !errors.Is(f, ErrPassword) {
		t.Error(f)
	}
	if f = (&Failure{Condition: Aborted}); f.Error() != "sasl: aborted" || f.Unwrap() != nil {
		t.Error(f)
	}
}
