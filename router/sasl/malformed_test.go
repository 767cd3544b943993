package sasl

import (
	"strings"
	"testing"
)

// Malformed inputs. An input stands for the first message, except with two
// messages: then the first has to be taken.
var malformedInputs = []struct {
	mechanism, what string
	first, second   string
	want            string
}{
	{"PLAIN", "empty", "", "", MalformedRequest},
	{"PLAIN", "no NUL", "juliet", "", MalformedRequest},
	{"PLAIN", "one NUL", "juliet\x00r0m30", "", MalformedRequest},
	{"PLAIN", "three NULs", "\x00juliet\x00r0m30\x00", "", MalformedRequest},
	{"PLAIN", "no user", "\x00\x00r0m30", "", MalformedRequest},
	{"PLAIN", "no password", "\x00juliet\x00", "", MalformedRequest},
	{"PLAIN", "only NULs", "\x00\x00", "", MalformedRequest},
	{"PLAIN", "not UTF-8", "\x00juliet\x00\xff", "", MalformedRequest},
	{"PLAIN", "too long", "\x00juliet\x00" + strings.Repeat("x", MaxResponse), "", MalformedRequest},
	{"PLAIN", "user too long", "\x00" + strings.Repeat("x", 1024) + "\x00x", "", NotAuthorized},
	{"PLAIN", "authzid of control characters", "\x01\x00juliet\x00x", "", InvalidAuthzid},

	{"SCRAM-SHA-1", "empty", "", "", MalformedRequest},
	{"SCRAM-SHA-1", "no header", "n=juliet,r=abc", "", MalformedRequest},
	{"SCRAM-SHA-1", "header alone", "n,,", "", MalformedRequest},
	{"SCRAM-SHA-1", "unknown flag", "x,,n=juliet,r=abc", "", MalformedRequest},
	{"SCRAM-SHA-1", "flag in capitals", "N,,n=juliet,r=abc", "", MalformedRequest},
	{"SCRAM-SHA-1", "flag p without type", "p,,n=juliet,r=abc", "", MalformedRequest},
	{"SCRAM-SHA-1", "flag p with empty type", "p=,,n=juliet,r=abc", "", MalformedRequest},
	{"SCRAM-SHA-1", "flag p", "p=tls-exporter,,n=juliet,r=abc", "", MalformedRequest},
	{"SCRAM-SHA-1", "flag y though offered", "y,,n=juliet,r=abc", "", NotAuthorized},
	{"SCRAM-SHA-1", "authzid without a=", "n,juliet,n=juliet,r=abc", "", MalformedRequest},
	{"SCRAM-SHA-1", "empty authzid", "n,a=,n=juliet,r=abc", "", MalformedRequest},
	{"SCRAM-SHA-1", "bad escape in the authzid", "n,a=x=,n=juliet,r=abc", "", MalformedRequest},
	{"SCRAM-SHA-1", "no user", "n,,r=abc", "", MalformedRequest},
	{"SCRAM-SHA-1", "empty user", "n,,n=,r=abc", "", MalformedRequest},
	{"SCRAM-SHA-1", "bad escape in the user", "n,,n=jul=2iet,r=abc", "", MalformedRequest},
	{"SCRAM-SHA-1", "small escape in the user", "n,,n=jul=2ciet,r=abc", "", MalformedRequest},
	{"SCRAM-SHA-1", "no nonce", "n,,n=juliet", "", MalformedRequest},
	{"SCRAM-SHA-1", "empty nonce", "n,,n=juliet,r=", "", MalformedRequest},
	{"SCRAM-SHA-1", "space in the nonce", "n,,n=juliet,r=a b", "", MalformedRequest},
	{"SCRAM-SHA-1", "nonce not ASCII", "n,,n=juliet,r=\u00fc", "", MalformedRequest},
	{"SCRAM-SHA-1", "mandatory extension", "n,,m=x,n=juliet,r=abc", "", MalformedRequest},
	{"SCRAM-SHA-1", "mandatory extension behind", "n,,n=juliet,r=abc,m=x", "", MalformedRequest},
	{"SCRAM-SHA-1", "extension of no attribute", "n,,n=juliet,r=abc,", "", MalformedRequest},
	{"SCRAM-SHA-1", "NUL", "n,,n=jul\x00iet,r=abc", "", MalformedRequest},
	{"SCRAM-SHA-1", "not UTF-8", "n,,n=\xff,r=abc", "", MalformedRequest},
	{"SCRAM-SHA-1", "too long", "n,,n=juliet,r=" + strings.Repeat("x", MaxResponse), "", MalformedRequest},
	{"SCRAM-SHA-1-PLUS", "flag n", "n,,n=juliet,r=abc", "", MalformedRequest},
	{"SCRAM-SHA-1-PLUS", "flag y", "y,,n=juliet,r=abc", "", MalformedRequest},
	{"SCRAM-SHA-1-PLUS", "type not offered", "p=tls-unique,,n=juliet,r=abc", "", NotAuthorized},
	{"SCRAM-SHA-1-PLUS", "unknown type", "p=x,,n=juliet,r=abc", "", NotAuthorized},
	{"SCRAM-SHA-1-PLUS", "type of other characters", "p=a b,,n=juliet,r=abc", "", MalformedRequest},

	{"SCRAM-SHA-1", "no final", "n,,n=juliet,r=abc", "", MalformedRequest},
	{"SCRAM-SHA-1", "final of one field", "n,,n=juliet,r=abc", "c=biws", MalformedRequest},
	{"SCRAM-SHA-1", "no proof", "n,,n=juliet,r=abc", "c=biws,r=NONCE", MalformedRequest},
	{"SCRAM-SHA-1", "proof not last", "n,,n=juliet,r=abc", "c=biws,r=NONCE,p=AAAA,x=y", MalformedRequest},
	{"SCRAM-SHA-1", "empty proof", "n,,n=juliet,r=abc", "c=biws,r=NONCE,p=", MalformedRequest},
	{"SCRAM-SHA-1", "proof of no base64", "n,,n=juliet,r=abc", "c=biws,r=NONCE,p=AAA", MalformedRequest},
	{"SCRAM-SHA-1", "line end in the base64", "n,,n=juliet,r=abc", "c=biws,r=NONCE,p=AA\nAA", MalformedRequest},
	{"SCRAM-SHA-1", "binding of no base64", "n,,n=juliet,r=abc", "c=*,r=NONCE,p=AAAA", MalformedRequest},
	{"SCRAM-SHA-1", "fields in another order", "n,,n=juliet,r=abc", "r=NONCE,c=biws,p=AAAA", MalformedRequest},
	{"SCRAM-SHA-1", "mandatory extension in the final", "n,,n=juliet,r=abc", "c=biws,r=NONCE,m=x,p=AAAA", MalformedRequest},
	{"SCRAM-SHA-1", "final not UTF-8", "n,,n=juliet,r=abc", "c=biws,r=NONCE,x=\xff,p=AAAA", MalformedRequest},
	{"SCRAM-SHA-1", "final too long", "n,,n=juliet,r=abc", "c=biws,r=NONCE,x=" + strings.Repeat("x", MaxResponse) + ",p=AAAA", MalformedRequest},
	{"SCRAM-SHA-1", "other nonce", "n,,n=juliet,r=abc", "c=biws,r=abc,p=AAAAAAAAAAAAAAAAAAAAAAAAAAA=", NotAuthorized},
	{"SCRAM-SHA-1", "other header", "n,,n=juliet,r=abc", "c=eSws,r=NONCE,p=AAAAAAAAAAAAAAAAAAAAAAAAAAA=", NotAuthorized},
	{"SCRAM-SHA-1", "proof of another length", "n,,n=juliet,r=abc", "c=biws,r=NONCE,p=AAAA", NotAuthorized},
	{"SCRAM-SHA-1", "wrong proof", "n,,n=juliet,r=abc", "c=biws,r=NONCE,p=AAAAAAAAAAAAAAAAAAAAAAAAAAA=", NotAuthorized},
	{"SCRAM-SHA-1", "extensions and a wrong proof", "n,,n=juliet,r=abc,x=y", "c=biws,r=NONCE,x=y,p=AAAAAAAAAAAAAAAAAAAAAAAAAAA=", NotAuthorized},

	{"DIGEST-MD5", "long initial response", strings.Repeat("x", 4097), "", MalformedRequest},
	{"DIGEST-MD5", "empty", "=", "", MalformedRequest},
	{"DIGEST-MD5", "only commas", "=", ",,,", MalformedRequest},
	{"DIGEST-MD5", "no value", "=", "username", MalformedRequest},
	{"DIGEST-MD5", "empty value", "=", "username=", MalformedRequest},
	{"DIGEST-MD5", "no name", "=", `="juliet"`, MalformedRequest},
	{"DIGEST-MD5", "open quote", "=", `username="juliet`, MalformedRequest},
	{"DIGEST-MD5", "open escape", "=", `username="juliet\`, MalformedRequest},
	{"DIGEST-MD5", "NUL in quotes", "=", "username=\"a\x00\"", MalformedRequest},
	{"DIGEST-MD5", "escaped NUL", "=", "username=\"a\\\x00\"", MalformedRequest},
	{"DIGEST-MD5", "text after the quote", "=", `username="a"b`, MalformedRequest},
	{"DIGEST-MD5", "quote inside a token", "=", `username=a"b"`, MalformedRequest},
	{"DIGEST-MD5", "two values", "=", `qop=auth auth`, MalformedRequest},
	{"DIGEST-MD5", "twice", "=", `username="a",Username="b"`, MalformedRequest},
	{"DIGEST-MD5", "nothing that is needed", "=", `charset=utf-8`, MalformedRequest},
	{"DIGEST-MD5", "too long", "=", `username="` + strings.Repeat("x", 4096) + `"`, MalformedRequest},

	{"EXTERNAL", "too long", strings.Repeat("x", MaxResponse+1), "", MalformedRequest},
}

func TestMalformed(t *testing.T) {
	stores := map[string]Store{"memory": oneUser(), "file": openFileText(t, user+":"+password)}
	for _, c := range malformedInputs {
		for name, s := range stores {
			t.Run(c.mechanism+"/"+c.what+"/"+name, func(t *testing.T) {
				x := start(t, secureEnv(s), c.mechanism)
				challenge, done, err := x.Next(t.Context(), []byte(c.first))
				if err == nil && !done {
					nonce, _, _ := strings.Cut(strings.TrimPrefix(string(challenge), "r="), ",")
					_, done, err = x.Next(t.Context(), []byte(strings.ReplaceAll(c.second, "NONCE", nonce)))
				} else if c.second != "" {
					t.Fatalf("first message: %v %v", done, err)
				}
				if got := condition(t, err); got != c.want || done {
					t.Fatalf("%q (%v), want %q", got, err, c.want)
				}
				if f := err.(*Failure); strings.Contains(f.Text, "\ufffd") || len(f.Text) > 200 {
					t.Errorf("text %q", f.Text)
				}
				if _, done, err := x.Next(t.Context(), []byte(c.first)); done || err == nil {
					t.Error("goes on after the failure")
				}
			})
		}
	}
}

// TestNoInitialResponse: every mechanism asks with an empty challenge, or with
// its own when the server comes first (RFC 6120 §6.4.2, RFC 4422 §3).
func TestNoInitialResponse(t *testing.T) {
	for i := range rows {
		x := start(t, secureEnv(oneUser()), rows[i].name)
		if x.User() != "" {
			t.Errorf("%s knows %q", rows[i].name, x.User())
		}
		challenge, done, err := x.Next(t.Context(), nil)
		if challenge == nil || done || err != nil || (len(challenge) > 0) != (rows[i].name == "DIGEST-MD5") {
			t.Errorf("%s: %q %v %v", rows[i].name, challenge, done, err)
		}
		if _, done, err := x.Next(t.Context(), nil); rows[i].name != "EXTERNAL" && (done || condition(t, err) != MalformedRequest) {
			t.Errorf("%s, nothing twice: %v %v", rows[i].name, done, err)
		}
	}
}

// TestDigestLists: RFC 2831 §7.1 allows empty elements and white space.
func TestDigestLists(t *testing.T) {
	for in, want := range map[string]directives{
		"": {}, " , ,": {},
		`a=b,C = "d" ,, e="\"\\" ` + "\t\r\n": {"a": "b", "c": "d", "e": `"\`},
		`a="",b="x,y"`:                        {"a": "", "b": "x,y"},
		`digest-uri=xmpp/example.com`:         {"digest-uri": "xmpp/example.com"},
	} {
		got, err := parseDigestResponse([]byte(in))
		if err != nil || len(got) != len(want) {
			t.Errorf("%q: %q %v", in, got, err)
		}
		for name, value := range want {
			if got[name] != value {
				t.Errorf("%q: %s is %q, want %q", in, name, got[name], value)
			}
		}
	}
}
