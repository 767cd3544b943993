package rosterdb_test

import (
	"log/slog"
	"testing"

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
	storetest.Run(t, func(t *testing.T) rosterdb.Store { return openStore(t, options(t.TempDir())) })
}
