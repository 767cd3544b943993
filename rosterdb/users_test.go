package rosterdb_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"roost/rosterdb"
	"roost/rosterdb/storetest"
	"roost/xmlstream/jid"
)

// Everybody of whom anything is stored is seen once, in order, with all that there is.
func TestUsers(t *testing.T) {
	db := openStore(t, options(t.TempDir()))
	at := func(s string) jid.JID { return addr(t, s) }
	must(t, db.CreateAccount(at("b@x"), "secret", rosterdb.AccountOptions{DigestRealms: []string{"x"}}))
	_, err := db.ImportAccounts(func(yield func(jid.JID, string) bool) { yield(at("a@x"), "sealed") }, rosterdb.AccountOptions{})
	must(t, err)
	for _, who := range []string{"b@x", "c@x", "x", "b@y"} {
		_, err := db.PutRoster(at(who), rosterOf(t, 2))
		must(t, err)
	}
	for i := range 3 {
		must(t, db.AddOffline(at("b@x"), fmt.Appendf(nil, "m%d", i), rosterdb.OfflineLimits{}))
	}
	must(t, db.AddOffline(at("b!@x"), []byte("n"), rosterdb.OfflineLimits{}))
	must(t, db.SetBlob(at("d@x"), "two", []byte("2"), 10))
	must(t, db.SetBlob(at("d@x"), "one", []byte("1"), 10))
	var got []string
	seen := func(domain string) string {
		t.Helper()
		got = nil
		must(t, db.Users(domain, func(u *rosterdb.User) error {
			line := u.JID.String()
			c, err := u.Credentials()
			if err != nil {
				return err
			}
			if !c.IsZero() {
				line += fmt.Sprintf(" %s%d keys %d digests", c.Password, len(c.Keys), c.Digests)
			}
			if u.Roster != nil {
				line += fmt.Sprintf(" %d entries", len(u.Roster.Items))
			}
			for _, ns := range u.Documents {
				d, err := u.Document(ns)
				if err != nil {
					return err
				}
				line += fmt.Sprintf(" %s=%s", ns, d)
			}
			err = u.Offline(func(m []byte) error { line += " " + string(m); return nil })
			got = append(got, line)
			return err
		}))
		return strings.Join(got, "\n")
	}
	const x = `x 2 entries
a@x sealed0 keys 0 digests
b@x 3 keys 1 digests 2 entries m0 m1 m2
b!@x n
c@x 2 entries
d@x one=1 two=2`
	if s := seen("x"); s != x {
		t.Errorf("got\n%s\nwant\n%s", s, x)
	}
	if s := seen(""); s != x+"\nb@y 2 entries" {
		t.Error(s)
	}
	stop := errors.New("stop")
	if err := db.Users("", func(*rosterdb.User) error { return stop }); !errors.Is(err, stop) {
		t.Error(err)
	}
}

// Keys that come from elsewhere are good for a login, and a login by password makes those that are missing.
func TestPutCredentials(t *testing.T) {
	db := openStore(t, options(t.TempDir()))
	ann := addr(t, "ann@x")
	keys := func(hash string) rosterdb.ScramKeys {
		k := rosterdb.ScramKeys{Salt: []byte("salt"), Iterations: 7}
		var err error
		k.StoredKey, k.ServerKey, err = storetest.Derive(hash, "secret", k.Salt, k.Iterations)
		must(t, err)
		return k
	}
	one := keys("SHA-1")
	must(t, db.PutCredentials(ann, rosterdb.Credentials{Keys: map[string]rosterdb.ScramKeys{"SHA-1": one}}, rosterdb.AccountOptions{}))
	got, err := db.ScramKeys(ann, "SHA-1")
	must(t, err)
	if string(got.StoredKey) != string(one.StoredKey) || got.Iterations != 7 || string(got.Salt) != "salt" {
		t.Errorf("%+v", got)
	}
	_, err = db.ScramKeys(ann, "SHA-256")
	says(t, err, rosterdb.ErrNoKeys, "ann@x", "SHA-256")
	says(t, db.VerifyPassword(ann, "wrong"), rosterdb.ErrPassword)
	_, err = db.ScramKeys(ann, "SHA-512")
	says(t, err, rosterdb.ErrNoKeys)
	must(t, db.VerifyPassword(ann, "secret"))
	for _, hash := range rosterdb.Hashes() {
		_, err = db.ScramKeys(ann, hash)
		must(t, err)
	}
	must(t, db.VerifyPassword(ann, "secret"))

	must(t, db.PutCredentials(ann, rosterdb.Credentials{Password: "clear", Keys: map[string]rosterdb.ScramKeys{"SHA-1": one}},
		rosterdb.AccountOptions{DigestRealms: []string{"x"}}))
	must(t, db.VerifyPassword(ann, "clear"))
	_, err = db.DigestHA1(ann, "x")
	must(t, err)

	for why, c := range map[string]rosterdb.Credentials{
		"neither a password":  {},
		"limit is 1024":       {Password: strings.Repeat("x", 1025)},
		"not kept":            {Keys: map[string]rosterdb.ScramKeys{"SHA3-512": one}},
		"1000001 iterations":  {Keys: map[string]rosterdb.ScramKeys{"SHA-1": {Iterations: 1000001, Salt: one.Salt}}},
		"a salt of 0":         {Keys: map[string]rosterdb.ScramKeys{"SHA-1": {Iterations: 1}}},
		"keys of 20 and 0":    {Keys: map[string]rosterdb.ScramKeys{"SHA-1": {Iterations: 1, Salt: one.Salt, StoredKey: one.StoredKey}}},
		"keys of 20 and 20 b": {Keys: map[string]rosterdb.ScramKeys{"SHA-256": one}},
	} {
		says(t, db.PutCredentials(ann, c, rosterdb.AccountOptions{}), nil, "ann@x", why)
	}
	says(t, db.PutCredentials(addr(t, "x"), rosterdb.Credentials{Password: "p"}, rosterdb.AccountOptions{}), nil, "local@domain")
}
