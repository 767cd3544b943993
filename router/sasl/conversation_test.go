package sasl

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
)

// TestScram talks to the library's client: every row, both binding types, each
// flag, stores that make keys early and late, odd names.
func TestScram(t *testing.T) {
	stores := map[string]Store{
		"memory": &memory{users: map[string]string{user: password, "a=b,c": "x", "\u00fcser": "\u00fc\u00df"}},
		"file":   openFileText(t, user+":"+password+"\na=b,c:x\n\u00fcser:\u00fc\u00df\n"),
	}
	for name, s := range stores {
		for h := range Hash(len(hashes)) {
			plain, plus := "SCRAM-"+h.String(), "SCRAM-"+h.String()+"-PLUS"
			for _, c := range []struct {
				what, mechanism  string
				user, pass, auth string
				flag             string
				binding          Binding
				bindings         []Binding
				want             string
			}{
				{"right", plain, user, password, "", "n", Binding{}, nil, ""},
				{"right, y", plain, user, password, "", "y", Binding{}, nil, ""},
				{"right, n though -PLUS is offered", plain, user, password, "", "n", Binding{}, []Binding{exporter}, ""},
				{"exporter", plus, user, password, "", "p", exporter, []Binding{exporter, endPoint}, ""},
				{"end point", plus, user, password, "", "p", endPoint, []Binding{exporter, endPoint}, ""},
				{"authzid", plain, user, password, "juliet@example.com", "n", Binding{}, nil, ""},
				{"authzid with binding", plus, user, password, "juliet@example.com", "p", exporter, []Binding{exporter}, ""},
				{"authzid in capitals", plain, user, password, "Juliet@Example.Com", "n", Binding{}, nil, ""},
				{"user in capitals", plain, "JULIET", password, "", "n", Binding{}, nil, ""},
				{"equals and comma in the name", plain, "a=b,c", "x", "", "n", Binding{}, nil, ""},
				{"not ASCII", plain, "\u00fcser", "\u00fc\u00df", "", "n", Binding{}, nil, ""},

				{"downgrade", plain, user, password, "", "y", Binding{}, []Binding{exporter}, NotAuthorized},
				{"wrong binding data", plus, user, password, "", "p", Binding{exporter.Type, []byte("else")}, []Binding{exporter}, NotAuthorized},
				{"type not offered", plus, user, password, "", "p", endPoint, []Binding{exporter}, NotAuthorized},
				{"p under the name without -PLUS", plain, user, password, "", "p", exporter, []Binding{exporter}, MalformedRequest},
				{"n under the -PLUS name", plus, user, password, "", "n", exporter, []Binding{exporter}, MalformedRequest},
				{"y under the -PLUS name", plus, user, password, "", "y", exporter, []Binding{exporter}, MalformedRequest},
				{"wrong password", plain, user, "x", "", "n", Binding{}, nil, NotAuthorized},
				{"wrong password with binding", plus, user, "x", "", "p", exporter, []Binding{exporter}, NotAuthorized},
				{"unknown user", plain, "romeo", password, "", "n", Binding{}, nil, NotAuthorized},
				{"no local part", plain, "a b", password, "", "n", Binding{}, nil, NotAuthorized},
				{"somebody else's authzid", plain, user, password, "romeo@example.com", "n", Binding{}, nil, InvalidAuthzid},
				{"authzid of another domain", plain, user, password, "juliet@example.net", "n", Binding{}, nil, InvalidAuthzid},
				{"authzid without domain", plain, user, password, "juliet", "n", Binding{}, nil, InvalidAuthzid},
				{"full authzid", plain, user, password, "juliet@example.com/x", "n", Binding{}, nil, InvalidAuthzid},
			} {
				t.Run(fmt.Sprintf("%s/%s/%s", name, c.mechanism, c.what), func(t *testing.T) {
					e := &Env{Domain: domain, Secure: true, Bindings: c.bindings, Store: s}
					x := start(t, e, c.mechanism)
					sent, err := run(t, x, scramClient(t, h, c.user, c.pass, c.auth, c.flag, c.binding))
					if got := condition(t, err); got != c.want {
						t.Fatalf("condition %q (%v) after %q, want %q", got, err, sent, c.want)
					}
					if want, _ := prepUser(c.user); c.want == "" && x.User() != want {
						t.Errorf("User is %q, want %q", x.User(), want)
					}
				})
			}
		}
	}
}

func TestPlain(t *testing.T) {
	for _, c := range []struct{ what, authzid, user, password, want string }{
		{"right", "", user, password, ""},
		{"own authzid", "juliet@example.com", user, password, ""},
		{"own authzid spelled differently", "JULIET@EXAMPLE.COM.", "Juliet", password, ""},
		{"wrong password", "", user, "x", NotAuthorized},
		{"password of another case", "", user, strings.ToUpper(password), NotAuthorized},
		{"unknown user", "", "romeo", password, NotAuthorized},
		{"address for a user", "", "juliet@example.com", password, NotAuthorized},
		{"space in the user", "", "jul iet", password, NotAuthorized},
		{"password that cannot be prepared", "", user, "a\tb", NotAuthorized},
		{"somebody else", "romeo@example.com", user, password, InvalidAuthzid},
		{"only a local part", "juliet", user, password, InvalidAuthzid},
		{"not an address", "@", user, password, InvalidAuthzid},
		{"other domain", "juliet@example.net", user, password, InvalidAuthzid},
	} {
		for _, s := range []Store{oneUser(), openFileText(t, user+":"+password)} {
			e := &Env{Domain: domain, Secure: true, Store: s}
			x := start(t, e, "PLAIN")
			_, err := run(t, x, plainClient(c.authzid, c.user, c.password))
			if got := condition(t, err); got != c.want {
				t.Errorf("%s: %q (%v), want %q", c.what, got, err, c.want)
			}
			if c.want == "" && x.User() != user {
				t.Errorf("%s: User is %q", c.what, x.User())
			}
		}
	}
}

// TestPlainPrepared: what one keyboard types composed and another decomposed
// is one password.
func TestPlainPrepared(t *testing.T) {
	e := &Env{Domain: domain, Secure: true, Store: openFileText(t, "u\u0308ser:pa\u0308ss\u00a0word")}
	x := start(t, e, "PLAIN")
	if _, err := run(t, x, plainClient("", "\u00dcSER", "p\u00e4ss word")); err != nil || x.User() != "\u00fcser" {
		t.Errorf("%q, %v", x.User(), err)
	}
}

func TestDigest(t *testing.T) {
	const uri = "xmpp/example.com"
	add := func(name, value string) func(*digestFields) {
		return func(f *digestFields) {
			for i := range *f {
				if (*f)[i][0] == name {
					(*f)[i][1] = value
					return
				}
			}
			*f = append(*f, [2]string{name, value})
		}
	}
	drop := func(name string) func(*digestFields) {
		return func(f *digestFields) {
			var kept digestFields
			for _, d := range *f {
				if d[0] != name {
					kept = append(kept, d)
				}
			}
			*f = kept
		}
	}
	for _, c := range []struct {
		what, user, password, realm, uri string
		change                           func(*digestFields)
		want                             string
	}{
		{"right", user, password, "realm", uri, nil, ""},
		{"own authzid", user, password, "realm", uri, add("authzid", `"juliet@example.com"`), ""},
		{"no qop", user, password, "realm", uri, drop("qop"), ""},
		{"no charset", user, password, "realm", uri, drop("charset"), ""},
		{"service and domain in capitals", user, password, "realm", "XMPP/Example.COM", nil, ""},
		{"unknown directive", user, password, "realm", uri, add("color", `"red, \"deep\""`), ""},
		{"wrong password", user, "x", "realm", uri, nil, NotAuthorized},
		{"unknown user", "romeo", password, "realm", uri, nil, NotAuthorized},
		{"no local part", "jul iet", password, "realm", uri, nil, NotAuthorized},
		{"other realm", user, password, "else", uri, nil, NotAuthorized},
		{"other service", user, password, "realm", "imap/example.com", nil, NotAuthorized},
		{"other domain", user, password, "realm", "xmpp/example.net", nil, NotAuthorized},
		{"no service", user, password, "realm", "example.com", nil, NotAuthorized},
		{"other nonce", user, password, "realm", uri, add("nonce", `"else"`), NotAuthorized},
		{"second use of the nonce", user, password, "realm", uri, add("nc", "00000002"), NotAuthorized},
		{"somebody else's authzid", user, password, "realm", uri, add("authzid", `"romeo@example.com"`), InvalidAuthzid},
		{"qop=auth-int", user, password, "realm", uri, add("qop", "auth-int"), MalformedRequest},
		{"charset latin", user, password, "realm", uri, add("charset", "iso-8859-1"), MalformedRequest},
		{"nc of no hex", user, password, "realm", uri, add("nc", "0000000x"), MalformedRequest},
		{"short nc", user, password, "realm", uri, add("nc", "1"), MalformedRequest},
		{"short response", user, password, "realm", uri, add("response", "abc"), MalformedRequest},
		{"response of no hex", user, password, "realm", uri, add("response", strings.Repeat("x", 32)), MalformedRequest},
		{"no user", user, password, "realm", uri, drop("username"), MalformedRequest},
		{"no nonce", user, password, "realm", uri, drop("nonce"), MalformedRequest},
		{"no cnonce", user, password, "realm", uri, drop("cnonce"), MalformedRequest},
		{"no nc", user, password, "realm", uri, drop("nc"), MalformedRequest},
		{"no digest-uri", user, password, "realm", uri, drop("digest-uri"), MalformedRequest},
		{"no realm", user, password, "realm", uri, drop("realm"), NotAuthorized},
		{"realm of no UTF-8", user, password, "realm", uri, add("realm", "\"\xff\""), MalformedRequest},
		{"user of no UTF-8", user, password, "realm", uri, add("username", "\"\xff\""), MalformedRequest},
	} {
		for _, s := range []Store{oneUser(), openFileText(t, user+":"+password)} {
			e := &Env{Domain: domain, Realm: "realm", Digest: s}
			x := start(t, e, "DIGEST-MD5")
			sent, err := run(t, x, digestClient(c.user, c.password, c.realm, c.uri, c.change))
			if got := condition(t, err); got != c.want {
				t.Errorf("%s: %q (%v) after %q, want %q", c.what, got, err, sent, c.want)
			}
			if c.want == "" && (x.User() != user || len(sent) != 3) {
				t.Errorf("%s: User %q, sent %q", c.what, x.User(), sent)
			}
		}
	}
}

// TestDigestLatin1: RFC 2831 §2.1.2.1, what fits into ISO 8859-1 is hashed so,
// whether it was sent in it or in UTF-8.
func TestDigestLatin1(t *testing.T) {
	e := &Env{Domain: domain, Realm: "r\u00e9alm", Digest: openFileText(t, "j\u00fcliet:p\u00e4ss\n\u03c0:pi\u03c0\n")}
	lower := digestClient("j\xfcliet", "p\xe4ss", "r\xe9alm", "xmpp/example.com", func(f *digestFields) { *f = (*f)[1:] })
	if _, err := run(t, start(t, e, "DIGEST-MD5"), lower); err != nil {
		t.Errorf("sent in ISO 8859-1: %v", err)
	}
	utf := digestClient("j\xfcliet", "p\xe4ss", "r\xe9alm", "xmpp/example.com", func(f *digestFields) {
		(*f)[1][1], (*f)[2][1] = "\"j\u00fcliet\"", "\"r\u00e9alm\""
	})
	if _, err := run(t, start(t, e, "DIGEST-MD5"), utf); err != nil {
		t.Errorf("sent in UTF-8: %v", err)
	}
	wide := digestClient("\u03c0", "pi\u03c0", "r\xe9alm", "xmpp/example.com", func(f *digestFields) { (*f)[2][1] = "\"r\u00e9alm\"" })
	if _, err := run(t, start(t, e, "DIGEST-MD5"), wide); err != nil {
		t.Errorf("beyond ISO 8859-1: %v", err)
	}
}

// TestDigestNonce: a good response is good for one exchange.
func TestDigestNonce(t *testing.T) {
	e := &Env{Domain: domain, Digest: oneUser()}
	c := digestClient(user, password, domain, "xmpp/example.com", nil)
	x := start(t, e, "DIGEST-MD5")
	challenge, _, _ := x.Next(t.Context(), nil)
	response, _ := c(challenge)
	if _, _, err := x.Next(t.Context(), response); err != nil {
		t.Fatal(err)
	}
	again := start(t, e, "DIGEST-MD5")
	again.Next(t.Context(), nil)
	if _, _, err := again.Next(t.Context(), response); condition(t, err) != NotAuthorized {
		t.Errorf("replayed: %v", err)
	}
	if _, _, err := x.Next(t.Context(), response); condition(t, err) != MalformedRequest {
		t.Errorf("sent twice: %v", err)
	}
}

// TestDigestQuoting: a realm with quotes survives both ways.
func TestDigestQuoting(t *testing.T) {
	e := &Env{Domain: domain, Realm: `a "b" \c`, Digest: oneUser()}
	c := digestClient(user, password, e.Realm, "xmpp/example.com", func(f *digestFields) { (*f)[2][1] = `"a \"b\" \\c"` })
	if sent, err := run(t, start(t, e, "DIGEST-MD5"), c); err != nil || !strings.HasPrefix(sent[0], `realm="a \"b\" \\c",`) {
		t.Errorf("%q %v", sent, err)
	}
}

func TestExternal(t *testing.T) {
	for _, c := range []struct {
		what     string
		jids     []string
		response string
		want     string
		user     string
	}{
		{"one address", []string{"juliet@example.com"}, "", "", "juliet"},
		{"one address, named", []string{"juliet@example.com"}, "juliet@example.com", "", "juliet"},
		{"one here, one elsewhere", []string{"juliet@example.net", "juliet@example.com"}, "", "", "juliet"},
		{"one twice", []string{"Juliet@Example.com", "juliet@example.com/phone"}, "", "", "juliet"},
		{"named of two", []string{"juliet@example.com", "nurse@example.com"}, "nurse@example.com", "", "nurse"},
		{"named in capitals", []string{"juliet@example.com", "nurse@example.com"}, "NURSE@EXAMPLE.COM", "", "nurse"},
		{"two, none named", []string{"juliet@example.com", "nurse@example.com"}, "", InvalidAuthzid, ""},
		{"another", []string{"juliet@example.com"}, "romeo@example.com", InvalidAuthzid, ""},
		{"the one elsewhere", []string{"juliet@example.net", "juliet@example.com"}, "juliet@example.net", InvalidAuthzid, ""},
		{"not an address", []string{"juliet@example.com"}, "juliet", InvalidAuthzid, ""},
		{"full", []string{"juliet@example.com"}, "juliet@example.com/phone", InvalidAuthzid, ""},
		{"NUL", []string{"juliet@example.com"}, "juliet@example.com\x00", MalformedRequest, ""},
		{"not UTF-8", []string{"juliet@example.com"}, "\xff", MalformedRequest, ""},
	} {
		for _, first := range []bool{true, false} {
			e := &Env{Domain: domain, Secure: true, CertVerified: true, CertJIDs: c.jids}
			x := start(t, e, "EXTERNAL")
			if !first {
				if challenge, done, err := x.Next(t.Context(), nil); challenge == nil || done || err != nil {
					t.Fatalf("without initial response: %q %v %v", challenge, done, err)
				}
			}
			_, done, err := x.Next(t.Context(), []byte(c.response))
			if got := condition(t, err); got != c.want || x.User() != c.user || done != (err == nil) {
				t.Errorf("%s: %q (%v), user %q; want %q, %q", c.what, got, err, x.User(), c.want, c.user)
			}
			if _, done, err := x.Next(t.Context(), nil); done || condition(t, err) != MalformedRequest {
				t.Errorf("%s: after the end %v %v", c.what, done, err)
			}
		}
	}
}

// TestStoreErrors: what a store says becomes a condition; what is wrong with
// the account only after the proof.
func TestStoreErrors(t *testing.T) {
	broken := errors.New("disk on fire")
	clients := map[string]func(p string) client{
		"PLAIN":         func(p string) client { return plainClient("", user, p) },
		"SCRAM-SHA-256": func(p string) client { return scramClient(t, SHA256, user, p, "", "n", Binding{}) },
		"DIGEST-MD5": func(p string) client {
			return digestClient(user, p, "realm", "xmpp/example.com", nil)
		},
	}
	for _, c := range []struct {
		err   error
		early bool
		right string
		wrong string
	}{
		{ErrDisabled, false, AccountDisabled, NotAuthorized},
		{ErrExpired, false, CredentialsExpired, NotAuthorized},
		{fmt.Errorf("account: %w", ErrDisabled), false, AccountDisabled, NotAuthorized},
		{ErrNoUser, true, NotAuthorized, NotAuthorized},
		{broken, true, TemporaryAuthFailure, TemporaryAuthFailure},
		{context.Canceled, true, TemporaryAuthFailure, TemporaryAuthFailure},
	} {
		for name, dial := range clients {
			for p, want := range map[string]string{password: c.right, "x": c.wrong} {
				s := &memory{users: map[string]string{user: password}, err: c.err, early: c.early}
				_, err := run(t, start(t, secureEnv(s), name), dial(p))
				if got := condition(t, err); got != want {
					t.Errorf("%s, store says %v: %q, want %q", name, c.err, got, want)
				}
				if want == TemporaryAuthFailure && (!errors.Is(err, c.err) || strings.Contains(err.(*Failure).Text, "fire")) {
					t.Errorf("%s: the log has %v, the peer %q", name, err, err.(*Failure).Text)
				}
			}
		}
	}
}

// badKeys has keys that cannot be right.
type badKeys struct {
	memory
	keys Keys
}

func (b *badKeys) Scram(context.Context, string, string, Hash) (Keys, error) { return b.keys, nil }

func TestBadKeys(t *testing.T) {
	good, err := DeriveScram(SHA256, password, []byte("salt"), 4096)
	if err != nil {
		t.Fatal(err)
	}
	for what, change := range map[string]func(*Keys){
		"no salt":          func(k *Keys) { k.Salt = nil },
		"no iterations":    func(k *Keys) { k.Iterations = 0 },
		"no stored key":    func(k *Keys) { k.StoredKey = nil },
		"short server key": func(k *Keys) { k.ServerKey = k.ServerKey[:20] },
	} {
		s := &badKeys{keys: good}
		change(&s.keys)
		x := start(t, &Env{Domain: domain, Store: s}, "SCRAM-SHA-256")
		if _, err := run(t, x, scramClient(t, SHA256, user, password, "", "n", Binding{})); condition(t, err) != TemporaryAuthFailure {
			t.Errorf("%s: %v", what, err)
		}
	}
}

func TestCanceled(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	x := start(t, &Env{Domain: domain, Store: openFileText(t, user+":"+password)}, "SCRAM-SHA-1")
	c := scramClient(t, SHA1, user, password, "", "n", Binding{})
	m, _ := c(nil)
	challenge, _, err := x.Next(ctx, m)
	if err != nil {
		t.Fatal(err)
	}
	m, _ = c(challenge)
	if _, _, err := x.Next(ctx, m); condition(t, err) != TemporaryAuthFailure {
		t.Errorf("%v", err)
	}
}
