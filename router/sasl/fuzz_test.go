package sasl

import (
	"os"
	"strings"
	"testing"
	"unicode/utf8"
)

// fuzzFirst plays what two messages do to a mechanism: it never panics, fails
// only with a *Failure, and lets nobody in who has no password.
func fuzzFirst(f *testing.F, mechanism string) {
	for _, c := range malformedInputs {
		if strings.HasPrefix(c.mechanism, strings.TrimSuffix(mechanism, "-PLUS")) {
			f.Add(c.first, c.second)
		}
	}
	f.Add("\x00juliet\x00wrong", "")
	f.Add("juliet@example.com\x00juliet\x00wrong", "")
	f.Add("p=tls-exporter,a=juliet@example.com,n=juliet,r=abc", "c=biws,r=NONCE,p=AAAA")
	f.Add("=", `username="juliet",realm="realm",nonce="NONCE",nc=00000001,cnonce="x",digest-uri="xmpp/example.com",response=00000000000000000000000000000000`)
	f.Fuzz(func(t *testing.T, first, second string) {
		x := start(t, secureEnv(&memory{}), mechanism)
		challenge, done, err := x.Next(t.Context(), []byte(first))
		if err == nil && !done {
			if !utf8.Valid(challenge) {
				t.Errorf("challenge %q", challenge)
			}
			second = strings.ReplaceAll(second, "NONCE", nonceOf(string(challenge)))
			_, done, err = x.Next(t.Context(), []byte(second))
		}
		if done {
			t.Fatalf("%q %q: let in as %q", first, second, x.User())
		}
		if err != nil {
			if f := err.(*Failure); f.Condition == "" || !utf8.ValidString(f.Text) || f.Condition == TemporaryAuthFailure {
				t.Errorf("%q %q: %#v", first, second, f)
			}
		}
	})
}

func nonceOf(challenge string) string {
	if _, rest, ok := strings.Cut(challenge, `nonce="`); ok {
		nonce, _, _ := strings.Cut(rest, `"`)
		return nonce
	}
	nonce, _, _ := strings.Cut(strings.TrimPrefix(challenge, "r="), ",")
	return nonce
}

func FuzzPlain(f *testing.F)     { fuzzFirst(f, "PLAIN") }
func FuzzScram(f *testing.F)     { fuzzFirst(f, "SCRAM-SHA-1") }
func FuzzScramPlus(f *testing.F) { fuzzFirst(f, "SCRAM-SHA-1-PLUS") }
func FuzzDigestMD5(f *testing.F) { fuzzFirst(f, "DIGEST-MD5") }

// FuzzExternal lets in only who is in the certificate.
func FuzzExternal(f *testing.F) {
	for _, s := range []string{"", "juliet@example.com", "Juliet@EXAMPLE.com.", "juliet", "@", "romeo@example.com", "\x00", "\xff", "juliet@example.com/x"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		x := start(t, secureEnv(oneUser()), "EXTERNAL")
		_, done, err := x.Next(t.Context(), []byte(s))
		if done != (err == nil) || done && x.User() != user || !done && x.User() != "" {
			t.Errorf("%q: %v %v %q", s, done, err, x.User())
		}
		if err != nil && condition(t, err) == "" {
			t.Errorf("%q: %v", s, err)
		}
	})
}

// FuzzFiles: no file panics, and what loads can be asked.
func FuzzFiles(f *testing.F) {
	f.Add("juliet:r0m30\n#x\n\nromeo@example.com:a:b\n")
	f.Add("juliet:realm:d41d8cd98f00b204e9800998ecf8427e\n")
	f.Add("a@[::1]:x\na@[::1:x\na@[]:\n@[:")
	f.Add("\ufeffa:b\r\nA:b")
	f.Fuzz(func(t *testing.T, text string) {
		path := writeFile(t, "f", text)
		if s, err := OpenFile(path); err == nil {
			s.Verify(t.Context(), user, domain, password)
			s.Digest(t.Context(), user, domain, "realm")
		} else if !strings.Contains(err.Error(), path) {
			t.Errorf("%v", err)
		}
		if s, err := OpenDigest(path); err == nil {
			s.Verify(t.Context(), user, domain, password)
		} else if !strings.Contains(err.Error(), path) {
			t.Errorf("%v", err)
		}
		os.Remove(path)
	})
}
