package rosterdb_test

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"roost/rosterdb"
	"roost/xmlstream/jid"
)

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func addr(t testing.TB, s string) jid.JID {
	t.Helper()
	j, err := jid.Parse(s)
	must(t, err)
	return j
}

// says checks the kind of an error and that it names what it should.
func says(t *testing.T, err, kind error, words ...string) {
	t.Helper()
	if err == nil || kind != nil && !errors.Is(err, kind) {
		t.Fatalf("error is %v, want %v", err, kind)
	}
	for _, w := range words {
		if !strings.Contains(err.Error(), w) {
			t.Errorf("error %q does not say %q", err, w)
		}
	}
}

func TestOpenLocked(t *testing.T) {
	dir := t.TempDir()
	openStore(t, options(dir))
	_, err := rosterdb.Open(options(dir))
	says(t, err, rosterdb.ErrLocked, dir, "another roost", fmt.Sprint(os.Getpid()))
}

func TestOpenBadDirectory(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	must(t, os.WriteFile(file, nil, 0o600))
	_, err := rosterdb.Open(options(file))
	says(t, err, nil, file)
	_, err = rosterdb.Open(options(filepath.Join(file, "below")))
	says(t, err, nil, file)
	_, err = rosterdb.Open(rosterdb.Options{})
	says(t, err, nil, "no directory")
	o := options(filepath.Join(t.TempDir(), "missing"))
	o.ReadOnly = true
	_, err = rosterdb.Open(o)
	says(t, err, fs.ErrNotExist, o.Dir)
	if os.Geteuid() != 0 { // nothing is forbidden to root
		dir := t.TempDir()
		must(t, os.Chmod(dir, 0o500))
		_, err = rosterdb.Open(options(dir))
		says(t, err, fs.ErrPermission, dir, "cannot write")
	}
}

// filled makes a store with some records and closes it.
func filled(t *testing.T) (dir string, ann jid.JID) {
	t.Helper()
	dir, ann = t.TempDir(), addr(t, "ann@a.example")
	o := options(dir)
	o.NoSync = true
	db := openStore(t, o)
	for i := range 200 {
		must(t, db.SetBlob(ann, fmt.Sprintf("ns%03d", i), []byte(strings.Repeat("x", 300)), 1000))
	}
	must(t, db.Close())
	return dir, ann
}

func files(t *testing.T, dir, pattern string) []string {
	t.Helper()
	names, err := filepath.Glob(filepath.Join(dir, pattern))
	must(t, err)
	if len(names) == 0 {
		t.Fatalf("no %s in %s", pattern, dir)
	}
	return names
}

func TestOpenCorrupt(t *testing.T) {
	for _, c := range []struct {
		name, pattern string
		harm          func(b []byte) []byte
	}{
		{"manifest", "MANIFEST", func([]byte) []byte { return []byte("this is no manifest at all") }},
		{"key registry", "KEYREGISTRY", func(b []byte) []byte { return b[:3] }},
		{"table end", "*.sst", func(b []byte) []byte { copy(b[len(b)-20:], strings.Repeat("\xff", 20)); return b }},
		{"table cut", "*.sst", func(b []byte) []byte { return b[:len(b)/2] }},
		{"table index", "*.sst", func(b []byte) []byte { copy(b[len(b)-300:], strings.Repeat("\x55", 200)); return b }},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir, _ := filled(t)
			file := files(t, dir, c.pattern)[0]
			b, err := os.ReadFile(file)
			must(t, err)
			must(t, os.WriteFile(file, c.harm(b), 0o600))
			_, err = rosterdb.Open(options(dir))
			says(t, err, rosterdb.ErrCorrupt, dir, filepath.Base(file), "restore")
		})
	}
}

// Badger would start empty and remove the tables.
func TestOpenWithoutManifest(t *testing.T) {
	dir, _ := filled(t)
	must(t, os.Remove(filepath.Join(dir, "MANIFEST")))
	_, err := rosterdb.Open(options(dir))
	says(t, err, rosterdb.ErrCorrupt, "MANIFEST is missing", "restore")
	files(t, dir, "*.sst")
}

// A kill between making a log file and giving it its size.
func TestOpenUnbornLog(t *testing.T) {
	for _, name := range []string{"00099.mem", "000099.vlog"} {
		dir, ann := filled(t)
		must(t, os.WriteFile(filepath.Join(dir, name), nil, 0o600))
		o := options(dir)
		o.ReadOnly = true
		_, err := rosterdb.Open(o)
		says(t, err, nil, dir, "not closed cleanly")
		db := openStore(t, options(dir))
		if b, err := db.Blob(ann, "ns000"); len(b) != 300 || err != nil {
			t.Errorf("%s: %d bytes, %v", name, len(b), err)
		}
	}
}

// A damaged block costs the records in it, and they are never taken for empty.
func TestReadCorrupt(t *testing.T) {
	dir, ann := filled(t)
	file := files(t, dir, "*.sst")[0]
	b, err := os.ReadFile(file)
	must(t, err)
	at := strings.Index(string(b), "xxxx")
	b[at+2] ^= 0x40
	must(t, os.WriteFile(file, b, 0o600))
	db := openStore(t, options(dir))
	bad := 0
	for i := range 200 {
		v, err := db.Blob(ann, fmt.Sprintf("ns%03d", i))
		switch {
		case errors.Is(err, rosterdb.ErrCorrupt):
			bad++
		case err != nil || len(v) != 300:
			t.Fatalf("document %d: %d bytes, %v", i, len(v), err)
		}
	}
	if bad != 1 {
		t.Errorf("%d documents are reported as damaged, want 1", bad)
	}
	says(t, db.Check(), rosterdb.ErrCorrupt, file, "block")
	must(t, openStore(t, options("")).Check())
	whole, _ := filled(t)
	must(t, openStore(t, options(whole)).Check())
}

func TestReadOnly(t *testing.T) {
	dir, ann := filled(t)
	o := options(dir)
	o.ReadOnly = true
	db := openStore(t, o)
	second := openStore(t, o) // readers share
	for _, db := range []*rosterdb.DB{db, second} {
		if v, err := db.Blob(ann, "ns000"); err != nil || len(v) != 300 {
			t.Fatalf("%d bytes, %v", len(v), err)
		}
	}
	says(t, db.SetBlob(ann, "ns000", nil, 0), rosterdb.ErrReadOnly, dir, "reading only")
	_, err := rosterdb.Open(options(dir))
	says(t, err, rosterdb.ErrLocked, dir)
}

// A store that was not closed is recovered by writing, which a reader does not do.
func TestReadOnlyAfterCrash(t *testing.T) {
	dir, after := t.TempDir(), t.TempDir()
	db := openStore(t, options(dir))
	must(t, db.SetBlob(addr(t, "ann@x"), "n", []byte("x"), 10))
	must(t, os.CopyFS(after, os.DirFS(dir))) // as a kill leaves it
	o := options(after)
	o.ReadOnly = true
	_, err := rosterdb.Open(o)
	says(t, err, nil, after, "not closed cleanly", "start the server")
	db = openStore(t, options(after))
	if b, err := db.Blob(addr(t, "ann@x"), "n"); err != nil || string(b) != "x" {
		t.Errorf("%q, %v", b, err)
	}
}

func TestClosed(t *testing.T) {
	db := openStore(t, options(""))
	ann, bob := addr(t, "ann@a.example"), addr(t, "bob@a.example")
	must(t, db.Close())
	_, e1 := db.Roster(ann)
	_, _, e2 := db.Item(ann, bob)
	_, e3 := db.SetItem(ann, bob, "", nil, rosterdb.Limits{})
	_, e4 := db.Subscription(rosterdb.Exchange{From: ann, To: bob, Event: rosterdb.Subscribe})
	e5 := db.Accounts("", func(jid.JID) error { return nil })
	for i, err := range []error{e1, e2, e3, e4, e5, db.Close(), db.AddOffline(ann, nil, rosterdb.OfflineLimits{})} {
		if !errors.Is(err, rosterdb.ErrClosed) {
			t.Errorf("%d: %v", i, err)
		}
	}
}

// Closing does not wait for a walk that takes its time, and does wait for its end.
func TestCloseDuringWalk(t *testing.T) {
	db := openStore(t, options(""))
	for i := range 3 {
		_, err := db.SetItem(addr(t, fmt.Sprintf("u%d@a.example", i)), addr(t, "x@y"), "", nil, rosterdb.Limits{})
		must(t, err)
	}
	closed := make(chan error, 1)
	calls := 0
	err := db.Rosters("", func(jid.JID, *rosterdb.Roster) error {
		calls++
		if calls > 1 {
			return nil
		}
		go func() { closed <- db.Close() }()
		for { // until Close has begun
			if _, err := db.Roster(addr(t, "q@a.example")); err != nil {
				return nil
			}
		}
	})
	if calls > 2 || err != nil && !errors.Is(err, rosterdb.ErrClosed) {
		t.Errorf("%d calls, %v", calls, err)
	}
	must(t, <-closed)
}

func TestReopen(t *testing.T) {
	dir := t.TempDir()
	ann, bob := addr(t, "ann@a.example"), addr(t, "bob@a.example")
	db := openStore(t, options(dir))
	first, err := db.SetItem(ann, bob, "Bob", []string{"g"}, rosterdb.Limits{})
	must(t, err)
	n, err := db.ImportAccounts(func(yield func(jid.JID, string) bool) { yield(ann, "pw") }, rosterdb.AccountOptions{})
	if n != 1 || err != nil {
		t.Fatal(n, err)
	}
	must(t, db.CreateAccount(bob, "pw2", rosterdb.AccountOptions{}))
	st, err := os.Stat(filepath.Join(dir, "account.key"))
	must(t, err)
	if st.Mode().Perm() != 0o600 {
		t.Errorf("account.key has mode %v", st.Mode())
	}
	for range 3 {
		must(t, db.Close())
		db = openStore(t, options(dir))
		it, ok, err := db.Item(ann, bob)
		if !ok || err != nil || it.Name != "Bob" || it.Ver != first.Ver {
			t.Fatalf("after opening again: %+v, %v, %v", it, ok, err)
		}
		must(t, db.VerifyPassword(bob, "pw2"))
	}
	second, err := db.SetItem(ann, bob, "Rob", nil, rosterdb.Limits{})
	must(t, err)
	if second.Ver <= first.Ver {
		t.Errorf("version %d after %d", second.Ver, first.Ver)
	}
	must(t, db.VerifyPassword(ann, "pw"))
}

func TestKeyFileGone(t *testing.T) {
	dir := t.TempDir()
	ann, bob := addr(t, "ann@a.example"), addr(t, "bob@a.example")
	key := filepath.Join(dir, "account.key")
	load := func(db *rosterdb.DB, who jid.JID) {
		_, err := db.ImportAccounts(func(yield func(jid.JID, string) bool) { yield(who, "pw") }, rosterdb.AccountOptions{})
		must(t, err)
	}
	db := openStore(t, options(dir))
	load(db, ann)
	must(t, db.Close())
	must(t, os.Remove(key))
	db = openStore(t, options(dir))
	says(t, db.VerifyPassword(ann, "pw"), fs.ErrNotExist, key, "restore")
	load(db, bob) // a new key
	says(t, db.VerifyPassword(ann, "pw"), nil, "ann@a.example", key, "replaced")
	must(t, db.VerifyPassword(bob, "pw"))
	must(t, db.SetPassword(ann, "new", rosterdb.AccountOptions{}))
	must(t, db.VerifyPassword(ann, "new"))
	must(t, db.Close())
	must(t, os.WriteFile(key, []byte("junk"), 0o600))
	load2 := openStore(t, options(dir))
	_, err := load2.ImportAccounts(func(yield func(jid.JID, string) bool) { yield(ann, "pw") }, rosterdb.AccountOptions{})
	says(t, err, rosterdb.ErrCorrupt, key)
	must(t, load2.VerifyPassword(bob, "pw")) // derived meanwhile
}

func TestNoDerive(t *testing.T) {
	o := options("")
	o.Derive = nil
	db := openStore(t, o)
	ann := addr(t, "ann@a.example")
	says(t, db.CreateAccount(ann, "x", rosterdb.AccountOptions{}), nil, "Derive")
	says(t, db.VerifyPassword(ann, "x"), rosterdb.ErrNoAccount, "Derive")
}
