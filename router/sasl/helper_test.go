package sasl

import (
	"context"
	"crypto/md5"
	"encoding/hex"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/xdg-go/scram"
)

const (
	domain   = "example.com"
	user     = "juliet"
	password = "r0m30 & co"
)

var (
	exporter = Binding{Type: "tls-exporter", Data: []byte("exported keying material, 32 oct")}
	endPoint = Binding{Type: "tls-server-end-point", Data: []byte("hash of the certificate")}
)

// memory is a Store of one password for every name in users, or an error.
type memory struct {
	users map[string]string
	err   error // told when the password is right; alone when early
	early bool
	can   Capability // 0: all
}

func (m *memory) get(u string) (string, error) {
	if m.early {
		return "", m.err
	}
	p, ok := m.users[u]
	if !ok {
		return "", ErrNoUser
	}
	return p, nil
}

func (m *memory) Verify(_ context.Context, u, _, given string) error {
	p, err := m.get(u)
	if err != nil {
		return err
	}
	if p != given {
		return ErrPassword
	}
	return m.err
}

func (m *memory) Scram(_ context.Context, u, _ string, h Hash) (Keys, error) {
	p, err := m.get(u)
	if err != nil {
		return Keys{}, err
	}
	k, err := DeriveScram(h, p, []byte("0123456789abcdef"), Iterations)
	return k, errors.Join(err, m.err)
}

func (m *memory) Digest(_ context.Context, u, _, realm string) ([16]byte, error) {
	p, err := m.get(u)
	if err != nil {
		return [16]byte{}, err
	}
	sum, err := HA1(u, realm, p)
	return sum, errors.Join(err, m.err)
}

func (m *memory) Can() Capability {
	if m.can != 0 {
		return m.can
	}
	return CanVerify | CanScramSHA1 | CanScramSHA256 | CanScramSHA512 | CanDigest
}

func oneUser() *memory { return &memory{users: map[string]string{user: password}} }

// secureEnv has everything on.
func secureEnv(s Store) *Env {
	return &Env{
		Domain: domain, Realm: "realm", Secure: true, Bindings: []Binding{exporter, endPoint},
		CertVerified: true, CertJIDs: []string{user + "@" + domain}, Store: s, Digest: s,
	}
}

func start(t testing.TB, e *Env, name string) Exchange {
	t.Helper()
	x, err := Start(e, name)
	if err != nil {
		t.Fatalf("Start %s: %v", name, err)
	}
	return x
}

// condition is the condition of err, "" for nil.
func condition(t testing.TB, err error) string {
	t.Helper()
	if err == nil {
		return ""
	}
	f, ok := err.(*Failure)
	if !ok {
		t.Fatalf("%v is a %T, not a *Failure", err, err)
	}
	return f.Condition
}

// A client answers challenges; nil from it means that it has nothing to send
// first.
type client func(challenge []byte) ([]byte, error)

// run plays a whole exchange and returns what the server sent, and its error.
// The client's complaints are errors of the test.
func run(t testing.TB, x Exchange, c client) (sent []string, err error) {
	t.Helper()
	response, cerr := c(nil)
	for range 10 {
		if cerr != nil {
			t.Fatalf("client: %v after %q", cerr, sent)
		}
		challenge, done, err := x.Next(context.Background(), response)
		if err != nil {
			return sent, err
		}
		sent = append(sent, string(challenge))
		if done {
			if challenge != nil {
				if _, cerr := c(challenge); cerr != nil {
					t.Fatalf("client does not believe the server: %v", cerr)
				}
			}
			return sent, nil
		}
		response, cerr = c(challenge)
	}
	t.Fatal("the exchange does not end")
	return nil, nil
}

func plainClient(authzid, u, p string) client {
	return func([]byte) ([]byte, error) { return []byte(authzid + "\x00" + u + "\x00" + p), nil }
}

// scramClient uses the library; flag is "n", "y" or the binding's type.
func scramClient(t testing.TB, h Hash, u, p, authzid string, flag string, b Binding) client {
	t.Helper()
	c, err := scramHash[h].NewClient(u, p, authzid)
	if err != nil {
		t.Fatal(err)
	}
	conv := c.NewConversation()
	switch flag {
	case "y":
		conv = c.NewConversationAdvertisingChannelBinding()
	case "p":
		conv = c.NewConversationWithChannelBinding(scram.ChannelBinding{Type: scram.ChannelBindingType(b.Type), Data: b.Data})
	}
	return func(challenge []byte) ([]byte, error) {
		s, err := conv.Step(string(challenge))
		return []byte(s), err
	}
}

// digestFields are the directives of a digest-response in order.
type digestFields [][2]string

func (f digestFields) get(name string) string {
	for _, d := range f {
		if d[0] == name {
			return strings.Trim(d[1], `"`)
		}
	}
	return ""
}

func (f digestFields) String() string {
	var s []string
	for _, d := range f {
		s = append(s, d[0]+"="+d[1])
	}
	return strings.Join(s, ",")
}

func md5hex(s string) string {
	sum := md5.Sum([]byte(s))
	return hex.EncodeToString(sum[:])
}

// digestClient follows RFC 2831 on its own, with the strings as they are.
// change may spoil the fields before the response is computed.
func digestClient(u, p, realm, uri string, change func(*digestFields)) client {
	var rspauth string
	return func(challenge []byte) ([]byte, error) {
		if len(challenge) == 0 {
			return nil, nil
		}
		if got, ok := strings.CutPrefix(string(challenge), "rspauth="); ok {
			if got != rspauth {
				return nil, errors.New("rspauth is " + got + ", want " + rspauth)
			}
			return []byte{}, nil
		}
		_, nonce, _ := strings.Cut(string(challenge), `nonce="`)
		nonce, _, _ = strings.Cut(nonce, `"`)
		f := digestFields{
			{"charset", "utf-8"}, {"username", `"` + u + `"`}, {"realm", `"` + realm + `"`}, {"nonce", `"` + nonce + `"`},
			{"nc", "00000001"}, {"cnonce", `"OA6MHXh6VqTrRk"`}, {"digest-uri", `"` + uri + `"`}, {"qop", "auth"},
		}
		if change != nil {
			change(&f)
		}
		sum := md5.Sum([]byte(u + ":" + realm + ":" + p))
		a1 := string(sum[:]) + ":" + f.get("nonce") + ":" + f.get("cnonce")
		if z := f.get("authzid"); z != "" {
			a1 += ":" + z
		}
		tail := ":" + f.get("nonce") + ":" + f.get("nc") + ":" + f.get("cnonce") + ":auth:"
		response := md5hex(md5hex(a1) + tail + md5hex("AUTHENTICATE:"+f.get("digest-uri")))
		rspauth = md5hex(md5hex(a1) + tail + md5hex(":"+f.get("digest-uri")))
		if f.get("response") == "" {
			f = append(f, [2]string{"response", response})
		}
		return []byte(f.String()), nil
	}
}

func writeFile(t testing.TB, name, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func openFileText(t testing.TB, text string) *File {
	t.Helper()
	f, err := OpenFile(writeFile(t, "passwd", text))
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func rawMD5(s string) []byte {
	sum := md5.Sum([]byte(s))
	return sum[:]
}
