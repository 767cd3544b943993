package sasl

import (
	"context"
	"errors"
	"strings"
	"testing"
)

// A trace is all that a peer sees of an exchange: what was sent, with nonces
// and the salt of the name taken out, and how it ended.
func trace(t *testing.T, x Exchange, c client) string {
	t.Helper()
	sent, err := run(t, x, c)
	for i, s := range sent {
		for _, part := range strings.Split(s, ",") {
			for _, secret := range []string{"r=", "s=", "nonce="} {
				if value, ok := strings.CutPrefix(part, secret); ok {
					s = strings.ReplaceAll(s, value, strings.Repeat("#", len(value)))
				}
			}
		}
		sent[i] = s
	}
	f, ok := errors.AsType[*Failure](err)
	if !ok {
		t.Fatalf("no failure: %v after %q", err, sent)
	}
	return strings.Join(sent, "|") + "|" + f.Condition + "|" + f.Text
}

// stores has each kind with one user.
var stores = map[string]func(t *testing.T) (store, digest Store){
	"file": func(t *testing.T) (Store, Store) {
		f := openFileText(t, user+":"+password+"\n")
		return f, f
	},
	"digest file": func(t *testing.T) (Store, Store) {
		f := openDigestText(t, digestLineFor(user, "realm", password))
		return f, f
	},
	"memory": func(t *testing.T) (Store, Store) { return oneUser(), oneUser() },
	"hashed file": func(t *testing.T) (Store, Store) {
		f, err := OpenFileHashed(writeFile(t, "passwd", user+":"+strings.Split(digestLineFor(user, "realm", password), ":")[2]))
		if err != nil {
			t.Fatal(err)
		}
		return nil, f
	},
}

// TestUnknownUser: RFC 6120 §6.5.10, nobody learns from outside who has an
// account: an unknown user and a wrong password see the same, message by
// message.
func TestUnknownUser(t *testing.T) {
	clients := func(mechanism, u, p string) client {
		h := SHA1
		switch {
		case strings.Contains(mechanism, "256"):
			h = SHA256
		case strings.Contains(mechanism, "512"):
			h = SHA512
		}
		switch {
		case mechanism == "PLAIN":
			return plainClient("", u, p)
		case mechanism == "DIGEST-MD5":
			return digestClient(u, p, "realm", "xmpp/example.com", nil)
		case strings.HasSuffix(mechanism, "-PLUS"):
			return scramClient(t, h, u, p, "", "p", exporter)
		}
		return scramClient(t, h, u, p, "", "n", Binding{})
	}
	for name, open := range stores {
		e := secureEnv(nil)
		e.Store, e.Digest = open(t)
		if e.Store == nil {
			e.Store = &memory{can: CanDigest}
		}
		for _, mechanism := range Offer(e) {
			if mechanism == "EXTERNAL" {
				continue
			}
			if _, err := run(t, start(t, e, mechanism), clients(mechanism, user, password)); err != nil {
				t.Errorf("%s, %s: the right password: %v", name, mechanism, err)
			}
			wrong := trace(t, start(t, e, mechanism), clients(mechanism, user, "x"))
			unknown := trace(t, start(t, e, mechanism), clients(mechanism, "nobody", "x"))
			if wrong != unknown {
				t.Errorf("%s, %s:\nwrong password %s\nunknown user   %s", name, mechanism, wrong, unknown)
			}
			if !strings.HasSuffix(wrong, "|"+NotAuthorized+"|"+badCredentials) {
				t.Errorf("%s, %s: %s", name, mechanism, wrong)
			}
		}
	}
}

// saltFor returns the salt and iteration count that a name gets.
func saltFor(t *testing.T, s Store, u string) string {
	t.Helper()
	x := start(t, &Env{Domain: domain, Store: s}, "SCRAM-SHA-256")
	c, _, err := x.Next(t.Context(), []byte("n,,n="+u+",r=abc"))
	if err != nil {
		t.Fatal(err)
	}
	_, salt, _ := strings.Cut(string(c), ",")
	return salt
}

// TestSalts: asked twice, a name has the same salt, there or not; two names
// have two.
func TestSalts(t *testing.T) {
	for name, s := range map[string]Store{"file": openFileText(t, user+":"+password), "memory": oneUser()} {
		for _, u := range []string{user, "nobody"} {
			if a, b := saltFor(t, s, u), saltFor(t, s, u); a != b {
				t.Errorf("%s, %s: %s and then %s", name, u, a, b)
			}
		}
		if a, b := saltFor(t, s, "nobody"), saltFor(t, s, "noone"); a == b || len(a) != len(b) || len(a) != len(saltFor(t, s, user)) {
			t.Errorf("%s: %s and %s", name, a, b)
		}
	}
}

// TestSameWork: in a File every failure costs one derivation, whether the user
// is there, is there and cached, or is not; a success costs one once.
func TestSameWork(t *testing.T) {
	f := openFileText(t, user+":"+password)
	derived := 0
	f.derive = func(h Hash, password string, salt []byte, iterations int) (Keys, error) {
		derived++
		return derive(h, password, salt, iterations)
	}
	e := &Env{Domain: domain, Store: f}
	for i, c := range []struct {
		user, password string
		want           int
	}{
		{"nobody", password, 1},
		{"nobody", password, 1},
		{user, "x", 1},
		{user, "x", 1},
		{user, password, 0},
		{user, password, 0},
		{user, "x", 1},
		{"nobody", "x", 1},
	} {
		derived = 0
		_, err := run(t, start(t, e, "SCRAM-SHA-1"), scramClient(t, SHA1, c.user, c.password, "", "n", Binding{}))
		if derived != c.want || (err == nil) != (c.user == user && c.password == password) {
			t.Errorf("try %d as %s: %d derivations, want %d (%v)", i, c.user, derived, c.want, err)
		}
	}
	derived = 0
	if saltFor(t, f, user); derived != 0 {
		t.Error("the first answer costs a derivation")
	}
}

// TestDecoyKeys: a Store may cover for its own unknown users; right proofs
// against such keys do not exist, but even one would not let in.
func TestDecoyKeys(t *testing.T) {
	d := NewDecoys([]byte("secret"))
	a, b := d.Keys("a", domain, SHA256, 5000), NewDecoys([]byte("secret")).Keys("a", domain, SHA256, 5000)
	if string(a.Salt) != string(b.Salt) || string(a.StoredKey) != string(b.StoredKey) || a.check(SHA256) != nil || a.Iterations != 5000 {
		t.Errorf("%v and %v", a, b)
	}
	if d.HA1("a", "b", "cd") == d.HA1("a", "bc", "d") {
		t.Error("parts run into each other")
	}
	s := &knownProof{}
	x := start(t, &Env{Domain: domain, Store: s}, "SCRAM-SHA-256")
	_, err := run(t, x, scramClient(t, SHA256, "nobody", password, "", "n", Binding{}))
	if condition(t, err) != NotAuthorized {
		t.Errorf("let in: %v", err)
	}
}

// knownProof says ErrNoUser and yet gives keys of a known password.
type knownProof struct{ memory }

func (*knownProof) Scram(_ context.Context, _, _ string, h Hash) (Keys, error) {
	k, err := DeriveScram(h, password, []byte("salt"), 4096)
	return k, errors.Join(err, ErrNoUser)
}
