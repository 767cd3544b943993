package rosterdb

import (
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"syscall"
	"testing"
)

func openTest(t testing.TB, o Options) *DB {
	t.Helper()
	o.InMemory = o.Dir == ""
	o.Log = slog.New(slog.DiscardHandler)
	db, err := Open(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	return db
}

func has(t *testing.T, err, kind error, words ...string) {
	t.Helper()
	if !errors.Is(err, kind) {
		t.Fatalf("error is %v, want %v", err, kind)
	}
	for _, w := range words {
		if !strings.Contains(err.Error(), w) {
			t.Errorf("error %q does not say %q", err, w)
		}
	}
}

// A full disk refuses changes, whole, and leaves the reads; then it goes on.
func TestFullDiskHook(t *testing.T) {
	var fault error
	db := openTest(t, Options{BeforeCommit: func() error { return fault }})
	ann, bob, cat := mustJID(t, "ann@x"), mustJID(t, "bob@x"), mustJID(t, "cat@x")
	if _, err := db.SetItem(ann, bob, "Bob", nil, Limits{}); err != nil {
		t.Fatal(err)
	}
	for errno, kind := range map[error]error{syscall.ENOSPC: ErrNoSpace, syscall.EDQUOT: ErrNoSpace, syscall.EFBIG: ErrNoSpace,
		syscall.EROFS: ErrReadOnly, syscall.EIO: ErrReadOnly, syscall.EMFILE: ErrReadOnly} {
		fault = fmt.Errorf("write: %w", errno)
		_, err := db.SetItem(ann, bob, "Robert", nil, Limits{})
		has(t, err, kind, "store", errno.Error())
		_, err = db.Subscription(Exchange{From: ann, To: cat, Event: Subscribe, FromLocal: true, ToLocal: true})
		has(t, err, kind)
		has(t, db.AddOffline(ann, []byte("x"), OfflineLimits{}), kind)
		if it, ok, err := db.Item(ann, bob); !ok || err != nil || it.Name != "Bob" {
			t.Fatalf("read beside a fault: %+v, %v, %v", it, ok, err)
		}
		// What changes nothing needs no disk.
		if c, err := db.SetItem(ann, bob, "Bob", nil, Limits{}); err != nil || c.Changed {
			t.Fatalf("no change beside a fault: %+v, %v", c, err)
		}
	}
	fault = nil
	if _, ok, _ := db.Item(cat, ann); ok {
		t.Error("one side of a refused exchange was written")
	}
	if _, err := db.SetItem(ann, bob, "Robert", nil, Limits{}); err != nil {
		t.Fatal(err)
	}
}

// After a commit that failed half way nothing is written any more.
func TestBrokenStore(t *testing.T) {
	db := openTest(t, Options{})
	ann, bob := mustJID(t, "ann@x"), mustJID(t, "bob@x")
	if _, err := db.SetItem(ann, bob, "Bob", nil, Limits{}); err != nil {
		t.Fatal(err)
	}
	has(t, db.fail(syscall.ENOSPC), ErrReadOnly, "restart")
	_, err := db.SetItem(ann, bob, "Robert", nil, Limits{})
	has(t, err, ErrReadOnly, "restart")
	has(t, err, ErrNoSpace)
	if r, err := db.Roster(ann); err != nil || len(r.Items) != 1 {
		t.Fatalf("%+v, %v", r, err)
	}
}

// A batch that outgrows a transaction is cut; a change that saw what was not
// committed runs again.
func TestBatchSplit(t *testing.T) {
	fail := false
	db := openTest(t, Options{BeforeCommit: func() error {
		if fail {
			fail = false
			return syscall.ENOSPC
		}
		return nil
	}})
	big := make([]byte, 400<<10)
	var batch []*op
	runs := 0
	add := func(fn func(*tx) error) { batch = append(batch, &op{fn: fn, done: make(chan struct{})}) }
	// The committer is idle meanwhile: nothing else is sent to it.
	fail = true
	add(func(t *tx) error { t.set([]byte("xa"), big); return nil })
	add(func(t *tx) error { t.set([]byte("xb"), big); return nil })
	add(func(t *tx) error { return errors.New("no") })
	add(func(t *tx) error {
		runs++
		v, err := t.get([]byte("xa"))
		if err != nil || (v != nil) != (runs == 1) {
			return fmt.Errorf("run %d sees %d bytes, %v", runs, len(v), err)
		}
		t.set([]byte("xc"), big)
		return nil
	})
	add(func(t *tx) error { t.set([]byte("xd"), []byte("small")); return nil })
	db.runBatch(batch)
	for i, want := range []error{ErrNoSpace, ErrNoSpace, nil, nil, nil} {
		<-batch[i].done
		if i == 2 {
			if batch[2].err == nil {
				t.Error("the change with an error of its own succeeded")
			}
			continue
		}
		if !errors.Is(batch[i].err, want) {
			t.Errorf("change %d: %v, want %v", i, batch[i].err, want)
		}
	}
	for key, want := range map[string]int{"xa": 0, "xb": 0, "xc": len(big), "xd": 5} {
		if v, err := db.get([]byte(key)); err != nil || len(v) != want {
			t.Errorf("%s: %d bytes, %v", key, len(v), err)
		}
	}
	if runs != 2 {
		t.Errorf("ran %d times", runs)
	}
}

func TestChangeTooBig(t *testing.T) {
	db := openTest(t, Options{})
	err := db.update(func(t *tx) error { t.set([]byte("xa"), make([]byte, 2<<20)); return nil })
	has(t, err, ErrTooBig)
	err = db.update(func(t *tx) error {
		for i := range 20000 {
			t.set(fmt.Appendf(nil, "x%d", i), nil)
		}
		return nil
	})
	has(t, err, ErrTooBig)
	// Just what a transaction takes.
	err = db.update(func(t *tx) error {
		for i := range (maxBatchBytes - 100) / (opOverhead + 6) {
			t.set(fmt.Appendf(nil, "x%05d", i), nil)
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
}

// Many big changes at once, with real commits.
func TestBigBatches(t *testing.T) {
	db := openTest(t, Options{Dir: t.TempDir(), NoSync: true})
	var wg sync.WaitGroup
	for g := range 8 {
		wg.Go(func() {
			owner := mustJID(t, fmt.Sprintf("u%d@x", g))
			for i := range 4 {
				if err := db.AddOffline(owner, make([]byte, 200<<10), OfflineLimits{}); err != nil {
					t.Errorf("%d: %v", i, err)
				}
			}
		})
	}
	wg.Wait()
}

// A crash in reading, as a damaged file may cause it, is an error of that call.
func TestRescue(t *testing.T) {
	db := openTest(t, Options{})
	var nothing []int
	has(t, db.update(func(*tx) error { _ = nothing[len(nothing)]; return nil }), ErrCorrupt, "restore")
	has(t, db.walk([]byte{kindStore}, func([]byte, []byte) error { _ = nothing[len(nothing)]; return nil }), ErrCorrupt)
	if err := db.update(func(*tx) error { return nil }); err != nil {
		t.Error(err)
	}
}

func TestNewerFormat(t *testing.T) {
	dir := t.TempDir()
	db := openTest(t, Options{Dir: dir})
	if err := db.update(func(t *tx) error { t.set(formatKey(), []byte("9")); return nil }); err != nil {
		t.Fatal(err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	_, err := Open(Options{Dir: dir, Log: slog.New(slog.DiscardHandler)})
	if err == nil || !strings.Contains(err.Error(), dir) || !strings.Contains(err.Error(), `"9"`) {
		t.Errorf("error %v", err)
	}
}

// Damaged records are told as such, with the owner's name, by every reader.
func TestBadRecords(t *testing.T) {
	db := openTest(t, Options{})
	ann, bob := mustJID(t, "ann@x"), mustJID(t, "bob@x")
	err := db.update(func(t *tx) error {
		t.set(userKey(kindRoster, ann), []byte{9})
		t.set(userKey(kindAccount, ann), []byte{9})
		t.set(userKey(kindQueue, ann), []byte{9})
		t.set(offlineKey(ann, 1), []byte{9})
		t.set(partKey(kindBlob, ann, "ns"), []byte{9})
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	_, e1 := db.Roster(ann)
	_, _, e2 := db.Item(ann, bob)
	_, e3 := db.SetItem(ann, bob, "", nil, Limits{})
	_, e4 := db.Remove(ann, bob, false)
	_, e5 := db.Subscription(Exchange{From: bob, To: ann, Event: Subscribe, FromLocal: true, ToLocal: true})
	e6 := db.Rosters("x", nil)
	e7 := db.AddOffline(ann, nil, OfflineLimits{})
	_, e8 := db.CountOffline(ann)
	e9 := db.Offline(ann, nil)
	_, e10 := db.ScramKeys(ann, "SHA-1")
	_, e11 := db.Blob(ann, "ns")
	_, e12 := db.DropOffline(ann, 1)
	_, e13 := db.PutRoster(ann, &Roster{})
	e14 := db.Subscribed(ann, nil)
	for i, err := range []error{e1, e2, e3, e4, e5, e6, e7, e8, e9, e10, e11, e12, e13, e14} {
		if !errors.Is(err, ErrCorrupt) || !strings.Contains(err.Error(), "ann@x") {
			t.Errorf("%d: %v", i+1, err)
		}
	}
	if _, ok, err := db.Item(bob, ann); ok || err != nil {
		t.Errorf("one side of an exchange was written: %v, %v", ok, err)
	}
}
