package rosterdb_test

import (
	"log/slog"
	"testing"

	"go.uber.org/goleak"

	"roost/rosterdb"
	"roost/rosterdb/storetest"
)

func options(dir string) rosterdb.Options {
	return rosterdb.Options{Dir: dir, InMemory: dir == "", Derive: storetest.Derive, Iterations: 10,
		Log: slog.New(slog.DiscardHandler)}
}

func openStore(t testing.TB, o rosterdb.Options) *rosterdb.DB {
	t.Helper()
	db, err := rosterdb.Open(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	return db
}

func TestInMemory(t *testing.T) {
	storetest.Run(t, func(t *testing.T) rosterdb.Store { return openStore(t, options("")) })
}

func TestOnDisk(t *testing.T) {
	storetest.Run(t, func(t *testing.T) rosterdb.Store {
		o := options(t.TempDir())
		o.NoSync = true // TestCrash flushes; here thousands of changes follow one another
		return openStore(t, o)
	})
}

// Nothing runs on after Close, nor after an Open that failed.
func TestNoGoroutinesLeft(t *testing.T) {
	before := goleak.IgnoreCurrent()
	dir := t.TempDir()
	for range 2 {
		db, err := rosterdb.Open(options(dir))
		must(t, err)
		_, err = rosterdb.Open(options(dir))
		says(t, err, rosterdb.ErrLocked)
		_, err = db.SetItem(addr(t, "a@x"), addr(t, "b@x"), "", nil, rosterdb.Limits{})
		must(t, err)
		must(t, db.Close())
	}
	goleak.VerifyNone(t, before)
}
