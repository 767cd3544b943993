package rosterdb

import (
	"bytes"
	"errors"
	"fmt"
	"path/filepath"
	"testing"
	"time"
)

// readFrames reads a backup to its end and gives back what a writer makes of it.
func readFrames(b []byte) ([]byte, error) {
	in := frameReader{r: bytes.NewReader(b)}
	if err := in.magic(); err != nil {
		return nil, err
	}
	var out bytes.Buffer
	w := frameWriter{w: &out}
	if err := w.magic(); err != nil {
		return nil, err
	}
	for {
		kind, payload, err := in.next()
		if err != nil {
			return nil, err
		}
		if err := w.frame(kind, payload); err != nil {
			return nil, err
		}
		if kind == frameEnd {
			return out.Bytes(), in.end()
		}
	}
}

// smallBackup is one of few records.
func smallBackup(t testing.TB) []byte {
	t.Helper()
	db := openTest(t, Options{Dir: t.TempDir(), Now: func() time.Time { return time.Unix(1e9, 0) }})
	if _, err := db.SetItem(mustJID(t, "ann@x"), mustJID(t, "bob@x"), "Bob", []string{"Work"}, Limits{}); err != nil {
		t.Fatal(err)
	}
	if err := db.AddOffline(mustJID(t, "ann@x"), []byte("<message/>"), OfflineLimits{}); err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	if _, err := db.Backup(t.Context(), &b, nil); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// Every cut and every flipped bit is found, and so are frames that change places or come twice.
func TestFrames(t *testing.T) {
	whole := smallBackup(t)
	if again, err := readFrames(whole); err != nil || !bytes.Equal(again, whole) {
		t.Fatalf("%v", err)
	}
	refused := func(what string, b []byte) {
		t.Helper()
		if _, err := readFrames(b); !errors.Is(err, ErrBackup) {
			t.Errorf("%s: %v", what, err)
		}
	}
	for at := range whole {
		refused(fmt.Sprintf("cut at %d", at), whole[:at])
		for bit := range 8 {
			b := bytes.Clone(whole)
			b[at] ^= 1 << bit
			refused(fmt.Sprintf("bit %d of %d", bit, at), b)
		}
	}
	in := frameReader{r: bytes.NewReader(whole), pos: 0}
	if err := in.magic(); err != nil {
		t.Fatal(err)
	}
	head := in.pos
	if _, _, err := in.next(); err != nil {
		t.Fatal(err)
	}
	first := whole[head:in.pos]
	refused("twice", bytes.Join([][]byte{whole[:head], first, whole[head:]}, nil))
	refused("without its head", append(bytes.Clone(whole[:head]), whole[in.pos:]...))
}

// What is not a backup is refused, whatever it is.
func FuzzRestore(f *testing.F) {
	whole := smallBackup(f)
	f.Add(whole)
	f.Add(whole[:len(whole)-3])
	f.Add([]byte(backupMagic + "r\xff\xff\xff\xff"))
	f.Fuzz(func(t *testing.T, b []byte) {
		if again, err := readFrames(b); err == nil && !bytes.Equal(again, b) {
			t.Fatal("read, and written otherwise")
		}
		// As if the checksums were right.
		db := openTest(t, Options{NoSync: true})
		r := &restore{ctx: t.Context(), epoch: 1 << 52, db: db}
		if r.part(0, b) == nil && r.store() != nil {
			t.Fatal("a part that is right cannot be stored")
		}
		_ = r.end(0, b)
	})
}

// A backup ends before it takes the space that changes need, and leaves nothing; it does not mind a store
// that takes none already.
func TestBackupLeavesSpace(t *testing.T) {
	var d disk
	d.free.Store(1 << 30)
	db := openTest(t, d.options(t.TempDir()))
	for i := range 8 {
		if err := db.SetBlob(mustJID(t, fmt.Sprintf("u%d@x", i)), "n", make([]byte, 400<<10), 1<<20); err != nil {
			t.Fatal(err)
		}
	}
	dir := t.TempDir()
	path := filepath.Join(dir, "roost.bak")
	for _, c := range []struct {
		before, during int64
		refused        bool
	}{{1 << 30, 110 << 20, false}, {1 << 30, 90 << 20, true}, {90 << 20, 60 << 20, false}, {90 << 20, 40 << 20, true}, {40 << 20, 1 << 20, false}} {
		d.free.Store(c.before)
		_, err := db.BackupFile(t.Context(), path, func(BackupStats) { d.free.Store(c.during) })
		if !c.refused && err != nil {
			t.Errorf("%d, then %d MiB free: %v", c.before>>20, c.during>>20, err)
		}
		if c.refused {
			has(t, err, ErrNoSpace, path+" was not made", "MiB are free", "another disk")
		}
	}
}
