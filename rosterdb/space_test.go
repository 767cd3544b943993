package rosterdb

import (
	"log/slog"
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"
)

// disk is a disk whose free space a test sets.
type disk struct{ free atomic.Int64 }

func (d *disk) options(dir string) Options {
	return Options{Dir: dir, MinFree: 100 << 20, Log: slog.New(slog.DiscardHandler),
		free: func(string) (int64, error) { return d.free.Load(), nil }}
}

func TestParkWhenDiskIsFull(t *testing.T) {
	var d disk
	d.free.Store(1 << 30)
	dir := t.TempDir()
	db := openTest(t, d.options(dir))
	ann := mustJID(t, "ann@x")
	set := func(text string) error { return db.SetBlob(ann, "n", []byte(text), 100) }
	reads := func(want string) {
		t.Helper()
		if b, err := db.Blob(ann, "n"); string(b) != want || err != nil {
			t.Fatalf("reads %q, %v; want %q", b, err, want)
		}
	}
	if err := set("one"); err != nil {
		t.Fatal(err)
	}
	d.free.Store(60 << 20) // under MinFree
	has(t, set("two"), ErrNoSpace, "60 MiB", "100 MiB", "no restart")
	has(t, set("two"), ErrNoSpace)
	if db.b.Opts().ReadOnly {
		t.Error("parked too early")
	}
	d.free.Store(10 << 20) // under half of it
	has(t, set("two"), ErrNoSpace, "10 MiB")
	if !db.b.Opts().ReadOnly {
		t.Error("not parked")
	}
	reads("one")
	d.free.Store(90 << 20)
	has(t, set("two"), ErrNoSpace, "90 MiB")
	d.free.Store(100 << 20)
	if err := set("two"); err != nil {
		t.Fatal(err)
	}
	reads("two")

	// Closed and opened while the disk is full.
	d.free.Store(0)
	has(t, set("three"), ErrNoSpace)
	has(t, set("three"), ErrNoSpace)
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	db = openTest(t, d.options(dir))
	reads("two")
	has(t, set("three"), ErrNoSpace, "0 MiB")
	d.free.Store(1 << 30)
	if err := set("three"); err != nil {
		t.Fatal(err)
	}
	reads("three")
}

// Somebody who reads is not disturbed; the store is parked after him.
func TestParkWaitsForReaders(t *testing.T) {
	var d disk
	d.free.Store(1 << 30)
	db := openTest(t, d.options(t.TempDir()))
	ann := mustJID(t, "ann@x")
	if err := db.AddOffline(ann, []byte("m"), OfflineLimits{}); err != nil {
		t.Fatal(err)
	}
	err := db.Offline(ann, func(uint64, []byte) error {
		d.free.Store(0)
		has(t, db.AddOffline(ann, []byte("m"), OfflineLimits{}), ErrNoSpace)
		has(t, db.AddOffline(ann, []byte("m"), OfflineLimits{}), ErrNoSpace)
		if db.b.Opts().ReadOnly {
			t.Error("parked under a reader")
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	has(t, db.AddOffline(ann, []byte("m"), OfflineLimits{}), ErrNoSpace)
	if !db.b.Opts().ReadOnly {
		t.Error("not parked after the reader")
	}
	if n, err := db.CountOffline(ann); n != 1 || err != nil {
		t.Errorf("%d messages, %v", n, err)
	}
}

func TestOpenOnFullDisk(t *testing.T) {
	var d disk
	_, err := Open(d.options(t.TempDir()))
	has(t, err, ErrNoSpace, "0 MiB", "50 MiB", "it is new")

	d.free.Store(1 << 30)
	dir, unclean := t.TempDir(), t.TempDir()
	db := openTest(t, d.options(dir))
	if err := db.SetBlob(mustJID(t, "ann@x"), "n", []byte("x"), 100); err != nil {
		t.Fatal(err)
	}
	if err := os.CopyFS(unclean, os.DirFS(dir)); err != nil { // as a kill leaves it
		t.Fatal(err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	d.free.Store(0)
	_, err = Open(d.options(unclean))
	has(t, err, ErrNoSpace, "not closed cleanly")
	if err := os.WriteFile(filepath.Join(dir, "MANIFEST"), []byte("junk"), 0o600); err != nil {
		t.Fatal(err)
	}
	_, err = Open(d.options(dir))
	has(t, err, ErrCorrupt, "MANIFEST")
}

// When the files do not open again every call says why.
func TestParkFails(t *testing.T) {
	var d disk
	d.free.Store(1 << 30)
	dir := t.TempDir()
	db := openTest(t, d.options(dir))
	ann := mustJID(t, "ann@x")
	if err := db.SetBlob(ann, "n", []byte("x"), 100); err != nil {
		t.Fatal(err)
	}
	d.free.Store(0)
	has(t, db.SetBlob(ann, "n", nil, 100), ErrNoSpace)
	if err := os.Remove(filepath.Join(dir, "MANIFEST")); err != nil {
		t.Fatal(err)
	}
	has(t, db.SetBlob(ann, "n", nil, 100), ErrReadOnly, "restart")
	for _, err := range []error{db.walk(nil, nil), db.Offline(ann, nil), func() error { _, err := db.Blob(ann, "n"); return err }()} {
		has(t, err, ErrReadOnly, "restart")
	}
	if err := db.Close(); err != nil {
		t.Error(err)
	}
}
