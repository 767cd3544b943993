package rosterdb_test

import (
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"

	"roost/rosterdb"
	"roost/rosterdb/storetest"
	"roost/xmlstream/jid"
)

// counter is a Derive that keeps a list of its calls.
type counter struct {
	mu    sync.Mutex
	calls []string
}

func (c *counter) derive(hash, password string, salt []byte, iterations int) ([]byte, []byte, error) {
	c.mu.Lock()
	c.calls = append(c.calls, fmt.Sprintf("%s %d %d", hash, len(salt), iterations))
	c.mu.Unlock()
	if strings.HasPrefix(password, "\x00") {
		return nil, nil, errors.New("prohibited character")
	}
	return storetest.Derive(hash, password, salt, iterations)
}

func (c *counter) take() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	s := strings.Join(c.calls, ", ")
	c.calls = nil
	return s
}

// The work for an unknown account, a wrong password and an imported account
// with a wrong password is the same (RFC 6120 §13.11).
func TestSameWorkForUnknown(t *testing.T) {
	var c counter
	o := options("")
	o.Derive, o.Iterations = c.derive, 33
	db := openStore(t, o)
	ann, bob, cat := addr(t, "ann@x"), addr(t, "bob@x"), addr(t, "cat@x")
	must(t, db.CreateAccount(ann, "pw", rosterdb.AccountOptions{}))
	if got := c.take(); got != "SHA-1 16 33, SHA-256 16 33, SHA-512 16 33" {
		t.Errorf("making an account derives %s", got)
	}
	_, err := db.ImportAccounts(func(yield func(jid.JID, string) bool) { yield(bob, "pw") }, rosterdb.AccountOptions{})
	must(t, err)
	if got := c.take(); got != "" {
		t.Errorf("an import derives %s", got)
	}
	for _, who := range []jid.JID{ann, bob, cat} {
		for _, password := range []string{"wrong", "", "\x00"} {
			if err := db.VerifyPassword(who, password); err == nil {
				t.Errorf("%s logs in with %q", who, password)
			}
			if got := c.take(); got != "SHA-256 16 33" {
				t.Errorf("%s with a wrong password derives %q", who, got)
			}
		}
	}
	must(t, db.VerifyPassword(bob, "pw"))
	if got := c.take(); got != "SHA-1 16 33, SHA-256 16 33, SHA-512 16 33" {
		t.Errorf("the first login derives %s", got)
	}
	must(t, db.VerifyPassword(bob, "pw"))
	if got := c.take(); got != "SHA-256 16 33" {
		t.Errorf("the second login derives %s", got)
	}
	says(t, db.VerifyPassword(ann, strings.Repeat("x", 5000)), rosterdb.ErrPassword)
	if got := c.take(); got != "" {
		t.Errorf("an endless password derives %s", got)
	}
}

func TestPrepareAndHA1(t *testing.T) {
	o := options("")
	o.Prepare = func(p string) (string, error) {
		if p == "bad" {
			return "", errors.New("prohibited character")
		}
		return strings.ReplaceAll(p, "\u00a0", " "), nil // RFC 4013 §2.1
	}
	o.HA1 = func(user, realm, password string) (h [16]byte) {
		copy(h[:], user+realm+password)
		return h
	}
	db := openStore(t, o)
	ann := addr(t, "ann@x")
	load := func(password string) error {
		_, err := db.ImportAccounts(func(yield func(jid.JID, string) bool) { yield(ann, password) }, rosterdb.AccountOptions{DigestRealms: []string{"r"}})
		return err
	}
	says(t, load("bad"), nil, "ann@x", "prohibited")
	must(t, load("a\u00a0b"))
	must(t, db.VerifyPassword(ann, "a b"))
	if h, err := db.DigestHA1(ann, "r"); err != nil || string(h[:8]) != "annra\u00a0b" {
		t.Errorf("HA1 %q, %v", h, err)
	}
}

// A login works with an imported password when the store takes no changes.
func TestLoginOnFullDisk(t *testing.T) {
	var fault error
	o := options("")
	o.BeforeCommit = func() error { return fault }
	db := openStore(t, o)
	ann := addr(t, "ann@x")
	_, err := db.ImportAccounts(func(yield func(jid.JID, string) bool) { yield(ann, "pw") }, rosterdb.AccountOptions{})
	must(t, err)
	fault = errors.New("no")
	must(t, db.VerifyPassword(ann, "pw"))
	k, err := db.ScramKeys(ann, "SHA-256")
	must(t, err)
	stored, _, err := storetest.Derive("SHA-256", "pw", k.Salt, k.Iterations)
	if err != nil || string(stored) != string(k.StoredKey) {
		t.Errorf("keys %+v, %v", k, err)
	}
}
