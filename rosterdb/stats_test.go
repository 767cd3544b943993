package rosterdb_test

import (
	"sync"
	"testing"

	"roost/rosterdb"
	"roost/xmlstream/jid"
)

// TestStats: changes that were made are counted, those that were refused are not, and flushes are shared.
func TestStats(t *testing.T) {
	db := openStore(t, options(t.TempDir()))
	user, err := jid.Parse("alice@example.org")
	if err != nil {
		t.Fatal(err)
	}
	if err := db.CreateAccount(user, "secret", rosterdb.AccountOptions{}); err != nil {
		t.Fatal(err)
	}
	before := db.Stats()
	if db.CreateAccount(user, "secret", rosterdb.AccountOptions{}) == nil {
		t.Error("made twice")
	}
	var wg sync.WaitGroup
	var errs sync.Map
	const changes = 200
	for i := range changes {
		wg.Go(func() {
			if err := db.SetBlob(user, string(rune('a'+i%26)), []byte("x"), 1<<20); err != nil {
				errs.Store(i, err)
			}
		})
	}
	wg.Wait()
	errs.Range(func(_, err any) bool { t.Error(err); return true })
	after := db.Stats()
	if n := after.Changes - before.Changes; n != changes {
		t.Errorf("%d changes counted, %d made", n, changes)
	}
	if n := after.Commits - before.Commits; n == 0 || n > changes {
		t.Errorf("%d flushes", n)
	}
	if after.Size == 0 || after.Free == 0 {
		t.Errorf("%+v", after)
	}
}
