package sasl

import (
	"context"
	"encoding/base64"
	"fmt"
	"testing"
)

// fixedKeys is a store of the keys of one password with one salt.
type fixedKeys struct {
	memory
	salt string
}

func (f *fixedKeys) Scram(_ context.Context, u, _ string, h Hash) (Keys, error) {
	salt, err := base64.StdEncoding.DecodeString(f.salt)
	if err != nil || u != "user" {
		return Keys{}, fmt.Errorf("%w %q, %v", ErrNoUser, u, err)
	}
	return DeriveScram(h, "pencil", salt, 4096)
}

// RFC 5802 §5 and RFC 7677 §3.
var scramVectors = []struct{ mechanism, first, salt, part, second, final, last string }{
	{
		mechanism: "SCRAM-SHA-1", salt: "QSXCR+Q6sek8bf92", part: "3rfcNHYJY1ZVvWVs7j",
		first:  "n,,n=user,r=fyko+d2lbbFgONRv9qkxdawL",
		second: "r=fyko+d2lbbFgONRv9qkxdawL3rfcNHYJY1ZVvWVs7j,s=QSXCR+Q6sek8bf92,i=4096",
		final:  "c=biws,r=fyko+d2lbbFgONRv9qkxdawL3rfcNHYJY1ZVvWVs7j,p=v0X8v3Bz2T0CJGbJQyF0X+HI4Ts=",
		last:   "v=rmF9pqV8S7suAoZWja4dJRkFsKQ=",
	},
	{
		mechanism: "SCRAM-SHA-256", salt: "W22ZaJ0SNY7soEsUEjb6gQ==", part: "%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0",
		first:  "n,,n=user,r=rOprNGfwEbeRWgbNEkqO",
		second: "r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096",
		final:  "c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=",
		last:   "v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=",
	},
}

func TestScramVectors(t *testing.T) {
	for _, v := range scramVectors {
		for _, early := range []bool{true, false} {
			e := &Env{Domain: domain, Store: &fixedKeys{salt: v.salt}}
			x := start(t, e, v.mechanism).(*scramExchange)
			x.nonce = func() string { return v.part }
			if !early {
				if c, done, err := x.Next(t.Context(), nil); c == nil || len(c) != 0 || done || err != nil {
					t.Fatalf("%s without initial response: %q %v %v", v.mechanism, c, done, err)
				}
			}
			c, done, err := x.Next(t.Context(), []byte(v.first))
			if string(c) != v.second || done || err != nil {
				t.Fatalf("%s first: %q %v %v, want %q", v.mechanism, c, done, err, v.second)
			}
			c, done, err = x.Next(t.Context(), []byte(v.final))
			if string(c) != v.last || !done || err != nil || x.User() != "user" {
				t.Fatalf("%s final: %q %v %v, want %q", v.mechanism, c, done, err, v.last)
			}
			if _, done, err = x.Next(t.Context(), []byte(v.final)); done || condition(t, err) != MalformedRequest {
				t.Errorf("%s after the end: %v %v", v.mechanism, done, err)
			}
		}
	}
}

// RFC 2831 §4, first example (imap).
func TestDigestVector(t *testing.T) {
	e := &Env{Domain: "elwood.innosoft.com", Service: "imap", Digest: &memory{users: map[string]string{"chris": "secret"}}}
	x := start(t, e, "DIGEST-MD5").(*digestMD5)
	x.make = func() string { return "OA6MG9tEQGm2hh" }
	c, done, err := x.Next(t.Context(), nil)
	if want := `realm="elwood.innosoft.com",nonce="OA6MG9tEQGm2hh",qop="auth",charset=utf-8,algorithm=md5-sess`; string(c) != want || done || err != nil {
		t.Fatalf("challenge %q %v %v", c, done, err)
	}
	c, done, err = x.Next(t.Context(), []byte(`charset=utf-8,username="chris",realm="elwood.innosoft.com",nonce="OA6MG9tEQGm2hh",`+
		`nc=00000001,cnonce="OA6MHXh6VqTrRk",digest-uri="imap/elwood.innosoft.com",response=d388dad90d4bbd760a152321f2143af7,qop=auth`))
	if string(c) != "rspauth=ea40f60335c427b5527b84dbabcdfffd" || done || err != nil {
		t.Fatalf("response-auth %q %v %v", c, done, err)
	}
	c, done, err = x.Next(t.Context(), []byte{})
	if c != nil || !done || err != nil || x.User() != "chris" {
		t.Fatalf("end %q %v %v", c, done, err)
	}
	if _, done, err = x.Next(t.Context(), nil); done || condition(t, err) != MalformedRequest {
		t.Errorf("after the end: %v %v", done, err)
	}
}

// RFC 2831 §4, second example (acap): the same account under another service.
func TestDigestVectorAcap(t *testing.T) {
	e := &Env{Domain: "elwood.innosoft.com", Service: "acap", Digest: &memory{users: map[string]string{"chris": "secret"}}}
	x := start(t, e, "DIGEST-MD5").(*digestMD5)
	x.make = func() string { return "OA9BSXrbuRhWay" }
	if _, _, err := x.Next(t.Context(), []byte{}); err != nil {
		t.Fatal(err)
	}
	c, _, err := x.Next(t.Context(), []byte(`username="chris",realm="elwood.innosoft.com",nonce="OA9BSXrbuRhWay",cnonce="OA9BSuZWMSpW8m",`+
		`nc=00000001,qop=auth,digest-uri="acap/elwood.innosoft.com",response=6084c6db3fede7352c551284490fd0fc,charset=utf-8`))
	if string(c) != "rspauth=2f0b3d7c3c2e486600ef710726aa2eae" || err != nil {
		t.Fatalf("response-auth %q %v", c, err)
	}
}
