package storetest

import (
	"bytes"
	"crypto/hmac"
	"crypto/md5"
	"crypto/pbkdf2"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/sha512"
	"fmt"
	"hash"
	"iter"
	"slices"
	"sync"
	"testing"

	"roost/rosterdb"
	"roost/xmlstream/jid"
)

// Derive makes SCRAM keys (RFC 5802 §3), for Options.Derive in tests.
func Derive(name, password string, salt []byte, iterations int) (stored, server []byte, err error) {
	h, ok := map[string]func() hash.Hash{"SHA-1": sha1.New, "SHA-256": sha256.New, "SHA-512": sha512.New}[name]
	if !ok {
		return nil, nil, fmt.Errorf("no hash %q", name)
	}
	salted, err := pbkdf2.Key(h, password, salt, iterations, h().Size())
	if err != nil {
		return nil, nil, err
	}
	mac := func(text string) []byte {
		m := hmac.New(h, salted)
		m.Write([]byte(text))
		return m.Sum(nil)
	}
	sum := h()
	sum.Write(mac("Client Key"))
	return sum.Sum(nil), mac("Server Key"), nil
}

var none rosterdb.AccountOptions

// checkKeys compares the keys of an account with fresh ones.
func checkKeys(t *testing.T, s rosterdb.Store, who jid.JID, password string) {
	t.Helper()
	for _, h := range []string{"SHA-1", "SHA-256", "SHA-512"} {
		k, err := s.ScramKeys(who, h)
		must(t, err)
		stored, server, err := Derive(h, password, k.Salt, k.Iterations)
		must(t, err)
		if len(k.Salt) < 16 || k.Iterations < 1 || !bytes.Equal(stored, k.StoredKey) || !bytes.Equal(server, k.ServerKey) {
			t.Fatalf("keys of %s for %s are wrong: %+v", who, h, k)
		}
		again, err := s.ScramKeys(who, h)
		must(t, err)
		if !bytes.Equal(again.Salt, k.Salt) {
			t.Fatalf("the salt of %s changes", who)
		}
	}
}

func accounts(t *testing.T, s rosterdb.Store) {
	must(t, s.CreateAccount(ann, "secret", none))
	want(t, s.CreateAccount(ann, "other", none), rosterdb.ErrExists)
	if ok, err := s.AccountExists(ann); !ok || err != nil {
		t.Fatalf("exists: %v, %v", ok, err)
	}
	if ok, err := s.AccountExists(bob); ok || err != nil {
		t.Fatalf("exists: %v, %v", ok, err)
	}
	must(t, s.VerifyPassword(ann, "secret"))
	want(t, s.VerifyPassword(ann, "other"), rosterdb.ErrPassword)
	want(t, s.VerifyPassword(ann, ""), rosterdb.ErrPassword)
	want(t, s.VerifyPassword(bob, "secret"), rosterdb.ErrNoAccount)
	checkKeys(t, s, ann, "secret")
	_, err := s.ScramKeys(bob, "SHA-1")
	want(t, err, rosterdb.ErrNoAccount)
	if _, err := s.ScramKeys(ann, "MD4"); err == nil {
		t.Fatal("keys for MD4")
	}
	must(t, s.SetPassword(ann, "other", none))
	want(t, s.VerifyPassword(ann, "secret"), rosterdb.ErrPassword)
	must(t, s.VerifyPassword(ann, "other"))
	want(t, s.SetPassword(bob, "x", none), rosterdb.ErrNoAccount)
	for _, bad := range []struct {
		who      jid.JID
		password string
	}{{bob, ""}, {j("a.example"), "x"}, {jid.JID{}, "x"}, {bob, string(make([]byte, 2000))}} {
		if err := s.CreateAccount(bad.who, bad.password, none); err == nil {
			t.Fatalf("account %q with %d bytes of password was made", bad.who, len(bad.password))
		}
	}
	must(t, s.CreateAccount(j("zoe@b.example"), "x", none))
	must(t, s.CreateAccount(j("abe@a.example"), "x", none))
	var got []string
	must(t, s.Accounts("a.example", func(who jid.JID) error { got = append(got, who.String()); return nil }))
	if !slices.Equal(got, []string{"abe@a.example", "ann@a.example"}) {
		t.Fatalf("accounts: %v", got)
	}
}

func pairs(n int) iter.Seq2[jid.JID, string] {
	return func(yield func(jid.JID, string) bool) {
		for i := range n {
			if !yield(j(fmt.Sprintf("u%05d@a.example", i)), fmt.Sprintf("p%d", i)) {
				return
			}
		}
	}
}

func importAccounts(t *testing.T, s rosterdb.Store) {
	const total = 2500
	n, err := s.ImportAccounts(pairs(total), none)
	must(t, err)
	if n != total {
		t.Fatalf("%d accounts imported", n)
	}
	count := 0
	must(t, s.Accounts("a.example", func(jid.JID) error { count++; return nil }))
	if count != total {
		t.Fatalf("%d accounts listed", count)
	}
	// First logins of every kind, also at the same time.
	u := func(i int) jid.JID { return j(fmt.Sprintf("u%05d@a.example", i)) }
	want(t, s.VerifyPassword(u(1), "p2"), rosterdb.ErrPassword)
	must(t, s.VerifyPassword(u(1), "p1"))
	must(t, s.VerifyPassword(u(1), "p1"))
	want(t, s.VerifyPassword(u(1), "p2"), rosterdb.ErrPassword)
	checkKeys(t, s, u(1), "p1")
	checkKeys(t, s, u(2), "p2")
	must(t, s.VerifyPassword(u(2), "p2"))
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			if err := s.VerifyPassword(u(3), "p3"); err != nil {
				t.Error(err)
			}
			if _, err := s.ScramKeys(u(4), "SHA-512"); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	checkKeys(t, s, u(4), "p4")
	// Importing again replaces; a bad one is named and ends it.
	n, err = s.ImportAccounts(func(yield func(jid.JID, string) bool) {
		_ = yield(u(1), "new") && yield(u(2), "") && yield(u(3), "never")
	}, none)
	if err == nil || n != 0 {
		t.Fatalf("import of an empty password: %d, %v", n, err)
	}
	n, err = s.ImportAccounts(func(yield func(jid.JID, string) bool) { yield(u(1), "new") }, none)
	if err != nil || n != 1 {
		t.Fatalf("second import: %d, %v", n, err)
	}
	must(t, s.VerifyPassword(u(1), "new"))
	if n, err := s.ImportAccounts(pairs(0), none); n != 0 || err != nil {
		t.Fatalf("import of nothing: %d, %v", n, err)
	}
}

func deleteAccount(t *testing.T, s rosterdb.Store) {
	_, err := s.DeleteAccount(ann)
	want(t, err, rosterdb.ErrNoAccount)
	must(t, s.CreateAccount(ann, "x", none))
	must(t, s.CreateAccount(j("ann@a.example.org"), "x", none))
	befriend(t, s, ann, bob)
	must(t, s.AddOffline(ann, []byte("<message/>"), rosterdb.OfflineLimits{}))
	must(t, s.SetBlob(ann, "vcard-temp", []byte("<vCard/>"), 100))
	must(t, s.SetBlob(j("ann@a.example.org"), "vcard-temp", []byte("<vCard/>"), 100))
	old, err := s.DeleteAccount(ann)
	must(t, err)
	if len(old.Items) != 1 || old.Items[0].Contact != bob || old.Items[0].Sub != rosterdb.SubBoth {
		t.Fatalf("old roster: %+v", old)
	}
	if ok, _ := s.AccountExists(ann); ok {
		t.Fatal("the account is still there")
	}
	if r, err := s.Roster(ann); err != nil || len(r.Items) != 0 {
		t.Fatalf("roster: %+v, %v", r, err)
	}
	if n, err := s.CountOffline(ann); n != 0 || err != nil {
		t.Fatalf("offline: %d, %v", n, err)
	}
	must(t, s.Offline(ann, func(uint64, []byte) error { t.Error("a message is left"); return nil }))
	if b, err := s.Blob(ann, "vcard-temp"); b != nil || err != nil {
		t.Fatalf("blob: %s, %v", b, err)
	}
	if b, err := s.Blob(j("ann@a.example.org"), "vcard-temp"); b == nil || err != nil {
		t.Fatalf("somebody else's blob: %s, %v", b, err)
	}
	// The caller cleans the contacts' side.
	o, err := s.Subscription(rosterdb.Exchange{From: ann, To: bob, Event: rosterdb.Unsubscribed, ToLocal: true})
	if err != nil || !o.To.Push || o.To.After.Sub != rosterdb.SubFrom {
		t.Fatalf("contact's side: %+v, %v", o, err)
	}
}

func digest(t *testing.T, s rosterdb.Store) {
	o := rosterdb.AccountOptions{DigestRealms: []string{"a.example", "other"}}
	must(t, s.CreateAccount(ann, "secret", o))
	got, err := s.DigestHA1(ann, "other")
	must(t, err)
	if got != md5.Sum([]byte("ann:other:secret")) {
		t.Fatalf("HA1 %x", got)
	}
	_, err = s.DigestHA1(ann, "third")
	want(t, err, rosterdb.ErrNoDigest)
	_, err = s.DigestHA1(bob, "other")
	want(t, err, rosterdb.ErrNoAccount)
	must(t, s.SetPassword(ann, "secret", none))
	_, err = s.DigestHA1(ann, "other")
	want(t, err, rosterdb.ErrNoDigest)
	_, err = s.ImportAccounts(func(yield func(jid.JID, string) bool) { yield(bob, "pw") }, o)
	must(t, err)
	must(t, s.VerifyPassword(bob, "pw")) // the realms survive the derivation
	if got, err = s.DigestHA1(bob, "a.example"); err != nil || got != md5.Sum([]byte("bob:a.example:pw")) {
		t.Fatalf("HA1 %x, %v", got, err)
	}
}
