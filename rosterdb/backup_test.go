package rosterdb_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"roost/rosterdb"
	"roost/rosterdb/storetest"
	"roost/xmlstream/jid"
)

// backupOf makes a backup of db and gives its path.
func backupOf(t testing.TB, db *rosterdb.DB) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "roost.bak")
	_, err := db.BackupFile(t.Context(), path, nil)
	must(t, err)
	return path
}

// restored makes a store from a backup, beside nothing.
func restored(t testing.TB, path string) *rosterdb.DB {
	t.Helper()
	o := options(filepath.Join(t.TempDir(), "store"))
	_, err := rosterdb.Restore(t.Context(), path, rosterdb.RestoreOptions{Store: o})
	must(t, err)
	return openStore(t, o)
}

func TestRestoredPassesTheSuite(t *testing.T) {
	db := openStore(t, options(t.TempDir()))
	for i := range 20 {
		owner := addr(t, fmt.Sprintf("user%d@elsewhere.example", i))
		_, err := db.PutRoster(owner, rosterOf(t, i))
		must(t, err)
	}
	path := backupOf(t, db)
	storetest.Run(t, func(t *testing.T) rosterdb.Store {
		o := options(filepath.Join(t.TempDir(), "store"))
		_, err := rosterdb.Restore(t.Context(), path, rosterdb.RestoreOptions{Store: o})
		must(t, err)
		o.NoSync = true
		return openStore(t, o)
	})
}

// busyWorkers change things while a backup is made.
const busyWorkers = 32

// busy is what one worker has seen acknowledged.
type busy struct {
	me    jid.JID
	acked atomic.Int64
}

// step makes change n: an entry and a message that tell n, then an event of a pair of users whom all change.
func (b *busy) step(db *rosterdb.DB, pair []jid.JID, rnd *rand.Rand, contact jid.JID) error {
	n := b.acked.Load() + 1
	if _, err := db.SetItem(b.me, contact, fmt.Sprint(n), nil, rosterdb.Limits{}); err != nil {
		return err
	}
	if err := db.AddOffline(b.me, fmt.Append(nil, n), rosterdb.OfflineLimits{MaxMessages: 1 << 20, MaxBytes: 1 << 30}); err != nil {
		return err
	}
	b.acked.Store(n)
	if n%10 == 0 {
		if _, err := db.DropOffline(b.me, uint64(n-5)); err != nil {
			return err
		}
	}
	from := rnd.IntN(len(pair))
	x := rosterdb.Exchange{From: pair[from], To: pair[(from+1+rnd.IntN(len(pair)-1))%len(pair)], FromLocal: true, ToLocal: true,
		Event: []rosterdb.Event{rosterdb.Subscribe, rosterdb.Subscribed, rosterdb.Unsubscribe, rosterdb.Unsubscribed}[rnd.IntN(4)]}
	_, err := db.Subscription(x)
	return err
}

// A backup of a busy store holds all that was acknowledged before it began, and is of one moment.
func TestBackupBusy(t *testing.T) {
	db := openStore(t, options(t.TempDir()))
	var users []jid.JID
	for i := range 10 {
		users = append(users, addr(t, fmt.Sprintf("user%d@x", i)))
	}
	for i := range 100 { // so that a backup takes a while
		_, err := db.PutRoster(addr(t, fmt.Sprintf("many%d@x", i)), rosterOf(t, 500))
		must(t, err)
	}
	contact := addr(t, "counter@x")
	workers := make([]busy, busyWorkers)
	var wg sync.WaitGroup
	var stop atomic.Bool
	warm := make(chan struct{}, busyWorkers)
	for i := range workers {
		w := &workers[i]
		w.me = addr(t, fmt.Sprintf("worker%d@x", i))
		wg.Go(func() {
			rnd := rand.New(rand.NewPCG(7, uint64(i)))
			for !stop.Load() {
				if err := w.step(db, users, rnd, contact); err != nil {
					t.Error(err)
					warm <- struct{}{}
					return
				}
				if w.acked.Load() == 20 {
					warm <- struct{}{}
				}
			}
		})
	}
	for range workers {
		<-warm
	}
	for range 3 {
		var before [busyWorkers]int64
		for i := range workers {
			before[i] = workers[i].acked.Load()
		}
		path := backupOf(t, db)
		checkBusy(t, restored(t, path), workers, before, users, contact)
	}
	stop.Store(true)
	wg.Wait()
	must(t, db.Check())
}

func checkBusy(t *testing.T, db *rosterdb.DB, workers []busy, before [busyWorkers]int64, users []jid.JID, contact jid.JID) {
	t.Helper()
	for i := range workers {
		me := workers[i].me
		it, ok, err := db.Item(me, contact)
		must(t, err)
		var n, last int64
		if _, err := fmt.Sscan(it.Name, &n); !ok || err != nil || n < before[i] {
			t.Errorf("%s: %d was acknowledged before the backup, which has %q", me, before[i], it.Name)
		}
		seen := 0
		must(t, db.Offline(me, func(_ uint64, m []byte) error {
			seen++
			_, err := fmt.Sscan(string(m), &last)
			return err
		}))
		// The message is stored after the entry.
		if last < before[i] || last > n || last < n-1 {
			t.Errorf("%s: the last message is %d, the entry %d", me, last, n)
		}
		if c, err := db.CountOffline(me); err != nil || c != seen {
			t.Errorf("%s: %d messages are counted and %d are there: %v", me, c, seen, err)
		}
	}
	pairs := 0
	for i, a := range users {
		for _, b := range users[:i] {
			mine, ok, err := db.Item(a, b)
			must(t, err)
			theirs, _, err := db.Item(b, a)
			must(t, err)
			if mine.Sub.HasTo() != theirs.Sub.HasFrom() || mine.Sub.HasFrom() != theirs.Sub.HasTo() || mine.Ask != theirs.PendingIn || mine.PendingIn != theirs.Ask {
				t.Errorf("%s and %s do not agree: %v, %v", a, b, mine.State(), theirs.State())
			}
			if ok {
				pairs++
			}
		}
	}
	if pairs == 0 {
		t.Error("there are no pairs")
	}
}

// Everything comes back: accounts that can log in, sealed ones too, documents, requests.
func TestRestoreAll(t *testing.T) {
	db := openStore(t, options(t.TempDir()))
	ann, bob, cat := addr(t, "ann@x"), addr(t, "bob@x"), addr(t, "cat@x")
	must(t, db.CreateAccount(ann, "secret", rosterdb.AccountOptions{DigestRealms: []string{"x"}}))
	_, err := db.ImportAccounts(func(yield func(jid.JID, string) bool) { yield(bob, "sealed") }, rosterdb.AccountOptions{})
	must(t, err)
	must(t, db.SetBlob(ann, "vcard-temp", make([]byte, 1000<<10), 1<<20))
	_, err = db.Subscription(rosterdb.Exchange{From: cat, To: ann, Event: rosterdb.Subscribe, FromLocal: true, ToLocal: true, Stanza: []byte("<presence/>")})
	must(t, err)
	want, err := db.Roster(ann)
	must(t, err)
	path := backupOf(t, db)
	st, err := os.Stat(path)
	must(t, err)
	if st.Mode().Perm() != 0o600 {
		t.Errorf("mode %v", st.Mode())
	}
	again := restored(t, path)
	must(t, again.VerifyPassword(ann, "secret"))
	must(t, again.VerifyPassword(bob, "sealed"))
	_, err = again.DigestHA1(ann, "x")
	must(t, err)
	blob, err := again.Blob(ann, "vcard-temp")
	must(t, err)
	if len(blob) != 1000<<10 {
		t.Errorf("document of %d bytes", len(blob))
	}
	got, err := again.Roster(ann)
	must(t, err)
	if a, b := string(rosterdb.RosterJSON(want)), string(rosterdb.RosterJSON(got)); a != b || !strings.Contains(a, "stanza") {
		t.Errorf("roster %s, want %s", b, a)
	}
	must(t, again.Check())
}

// RFC 6121 §2.6.3: a version that a client got after the backup is not one of the restored store, now or
// after as many changes, nor one from before; nor one of another restore of the same backup.
func TestRestoreVersions(t *testing.T) {
	db := openStore(t, options(t.TempDir()))
	ann, bob := addr(t, "ann@x"), addr(t, "bob@x")
	gone := addr(t, "gone@x")
	var known, knownGone []uint64 // what clients remember
	change := func(db *rosterdb.DB, owner jid.JID, n int) uint64 {
		t.Helper()
		c, err := db.SetItem(owner, bob, fmt.Sprint(n), nil, rosterdb.Limits{})
		must(t, err)
		return c.Ver
	}
	for n := range 20 {
		known = append(known, change(db, ann, n))
		knownGone = append(knownGone, change(db, gone, n))
	}
	_, err := db.DeleteRoster(gone)
	must(t, err)
	path := backupOf(t, db)
	for n := range 50 {
		known = append(known, change(db, ann, 100+n))
		knownGone = append(knownGone, change(db, gone, 100+n)) // made anew
	}
	strange := func(db *rosterdb.DB, owner jid.JID, known []uint64) {
		t.Helper()
		r, err := db.Roster(owner)
		must(t, err)
		for _, ver := range known {
			if edits, ok := r.Since(ver); ok {
				t.Fatalf("%s: version %d is taken for one of this store, whose roster has %d: %v", owner, ver, r.Ver, edits)
			}
		}
	}
	for range 2 {
		again := restored(t, path)
		strange(again, ann, known)
		first, err := again.Roster(ann)
		must(t, err)
		for n := range 100 {
			change(again, ann, 1000+n)
			change(again, gone, 1000+n)
			strange(again, ann, known)
			strange(again, gone, knownGone)
		}
		// Versioning itself goes on.
		r, err := again.Roster(ann)
		must(t, err)
		edits, ok := r.Since(first.Ver)
		if !ok || len(edits) != 1 || edits[0].Item.Name != "1099" {
			t.Errorf("since the restore: %v, %v", edits, ok)
		}
		known = append(known, first.Ver, r.Ver) // of another restore
	}
}

// A backup that is cut or has a flipped bit is refused with its name and a position, and nothing is left.
func TestRestoreDamaged(t *testing.T) {
	db := openStore(t, options(t.TempDir()))
	for i := range 40 {
		_, err := db.PutRoster(addr(t, fmt.Sprintf("user%d@x", i)), rosterOf(t, 300))
		must(t, err)
	}
	whole, err := os.ReadFile(backupOf(t, db))
	must(t, err)
	dir := t.TempDir()
	path := filepath.Join(dir, "roost.bak")
	try := func(name string, b []byte) {
		t.Helper()
		must(t, os.WriteFile(path, b, 0o600))
		_, err := rosterdb.Restore(t.Context(), path, rosterdb.RestoreOptions{Store: options(filepath.Join(dir, "store"))})
		if !errors.Is(err, rosterdb.ErrBackup) {
			t.Fatalf("%s: %v", name, err)
		}
		says(t, err, rosterdb.ErrBackup, path+": position ", "take another backup")
		alone(t, dir, "roost.bak")
	}
	for i := range 12 {
		at := i * len(whole) / 12
		try(fmt.Sprintf("cut at %d", at), whole[:at])
		flipped := []byte(string(whole))
		flipped[at+len(whole)/24] ^= 1 << (i % 8)
		try(fmt.Sprintf("flipped at %d", at), flipped)
	}
	try("cut by one", whole[:len(whole)-1])
	try("longer", append([]byte(string(whole)), 0))
	try("no backup", []byte("Data_Dir = data\n"))
	try("empty", nil)
}

// alone checks that a directory holds one file.
func alone(t *testing.T, dir string, want ...string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	must(t, err)
	var names []string
	for _, e := range entries {
		names = append(names, e.Name())
	}
	if strings.Join(names, " ") != strings.Join(want, " ") {
		t.Fatalf("the directory holds %v, want %v", names, want)
	}
}

// A restore makes a new store and touches none that is there.
func TestRestoreRefuses(t *testing.T) {
	dir := t.TempDir()
	o := options(filepath.Join(dir, "store"))
	db := openStore(t, o)
	must(t, db.CreateAccount(addr(t, "ann@x"), "secret", rosterdb.AccountOptions{}))
	path := backupOf(t, db)
	_, err := rosterdb.Restore(t.Context(), path, rosterdb.RestoreOptions{Store: o})
	says(t, err, rosterdb.ErrLocked, "another roost runs on it", "stop it")
	must(t, db.Close())
	_, err = rosterdb.Restore(t.Context(), path, rosterdb.RestoreOptions{Store: o})
	says(t, err, nil, "there is a store in "+o.Dir, "mv "+o.Dir)
	alone(t, dir, "store")

	must(t, os.Rename(o.Dir, o.Dir+".old"))
	must(t, os.Mkdir(o.Dir, 0o700))                                            // empty is as good as missing
	must(t, os.MkdirAll(filepath.Join(o.Dir+".restoring", "MANIFEST"), 0o700)) // a restore that was killed
	ctx, cancel := context.WithCancelCause(t.Context())
	stopped := errors.New("stopped")
	cancel(stopped)
	_, err = rosterdb.Restore(ctx, path, rosterdb.RestoreOptions{Store: o})
	says(t, err, stopped)
	var told rosterdb.BackupStats
	st, err := rosterdb.Restore(t.Context(), path, rosterdb.RestoreOptions{Store: o, Progress: func(now rosterdb.BackupStats, size int64) { told = now }})
	must(t, err)
	info, err := os.Stat(path)
	must(t, err)
	if st.Records != 1 || st.Bytes != info.Size() || told.Records != 1 {
		t.Errorf("%+v, told %+v; the file has %d bytes", st, told, info.Size())
	}
	alone(t, dir, "store", "store.old")
	must(t, openStore(t, o).VerifyPassword(addr(t, "ann@x"), "secret"))
	_, err = rosterdb.Restore(t.Context(), path+".none", rosterdb.RestoreOptions{Store: options(filepath.Join(dir, "other"))})
	says(t, err, os.ErrNotExist, path+".none")
}

// Under the name of a backup there is a whole one, an older one, or nothing.
func TestBackupFile(t *testing.T) {
	db := openStore(t, options(t.TempDir()))
	_, err := db.PutRoster(addr(t, "ann@x"), rosterOf(t, 1000))
	must(t, err)
	dir := t.TempDir()
	path := filepath.Join(dir, "roost.bak")

	ctx, cancel := context.WithCancelCause(t.Context())
	stopped := errors.New("stopped")
	cancel(stopped)
	_, err = db.BackupFile(ctx, path, nil)
	says(t, err, stopped, path+" was not made")
	alone(t, dir)
	must(t, os.WriteFile(path+".part", []byte("left by a kill"), 0o644))
	_, err = db.BackupFile(t.Context(), path, nil)
	must(t, err)
	first, err := os.ReadFile(path)
	must(t, err)
	alone(t, dir, "roost.bak")
	_, err = db.BackupFile(ctx, path, nil) // the older one stays
	says(t, err, stopped)
	now, err := os.ReadFile(path)
	must(t, err)
	if string(now) != string(first) {
		t.Error("the older backup is not what it was")
	}
	_, err = db.BackupFile(t.Context(), path, nil)
	must(t, err)
	alone(t, dir, "roost.bak")

	// Two at once: one of them is told.
	began, goOn := make(chan struct{}), make(chan struct{})
	done := make(chan error)
	go func() {
		var once sync.Once
		_, err := db.BackupFile(t.Context(), path, func(rosterdb.BackupStats) { once.Do(func() { close(began); <-goOn }) })
		done <- err
	}()
	<-began
	_, err = db.BackupFile(t.Context(), path, nil)
	says(t, err, nil, "roost.bak.part is being written by another backup")
	close(goOn)
	must(t, <-done)
	alone(t, dir, "roost.bak")

	for _, name := range []string{"roost.conf", "folder"} {
		other := filepath.Join(dir, name)
		if name == "folder" {
			must(t, os.Mkdir(other, 0o700))
		} else {
			must(t, os.WriteFile(other, []byte("xmpp {}"), 0o600))
		}
		_, err = db.BackupFile(t.Context(), other, nil)
		says(t, err, nil, other+" is there and is no backup")
	}
	_, err = db.BackupFile(t.Context(), filepath.Join(dir, "none", "f"), nil)
	says(t, err, os.ErrNotExist)
	_, err = openStore(t, options("")).Backup(t.Context(), io.Discard, nil)
	says(t, err, nil, "in memory")
	must(t, db.Close())
	_, err = db.BackupFile(t.Context(), path, nil)
	says(t, err, rosterdb.ErrClosed)
}

// TestBackupReadOnly: a store that takes no changes can be backed up.
func TestBackupReadOnly(t *testing.T) {
	o := options(t.TempDir())
	db := openStore(t, o)
	must(t, db.CreateAccount(addr(t, "ann@x"), "secret", rosterdb.AccountOptions{}))
	must(t, db.Close())
	o.ReadOnly = true
	must(t, restored(t, backupOf(t, openStore(t, o))).VerifyPassword(addr(t, "ann@x"), "secret"))
}
