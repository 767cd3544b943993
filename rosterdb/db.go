package rosterdb

import (
	"crypto/cipher"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/dgraph-io/badger/v4"
)

// Options opens a store. The zero value of every field but Dir is usable.
type Options struct {
	Dir      string // made with mode 0700 when missing
	InMemory bool   // nothing on disk, Dir is not used; for tests
	// ReadOnly needs a store that was closed cleanly; several may read at once.
	ReadOnly bool
	Log      *slog.Logger // nil: slog.Default()

	// Derive makes SCRAM keys (RFC 5802 §3); hash is "SHA-1", "SHA-256" or
	// "SHA-512". Needed for accounts. Safe for concurrent use.
	Derive func(hash, password string, salt []byte, iterations int) (stored, server []byte, err error)
	// Prepare is the preparation of passwords that Derive does (SASLprep, RFC
	// 4013); it makes a sealed password comparable. nil: they are compared as they are.
	Prepare func(password string) (string, error)
	// HA1 makes the secret of DIGEST-MD5. nil: MD5 of user:realm:password as UTF-8.
	HA1        func(user, realm, password string) [16]byte
	Iterations int // of PBKDF2, for new passwords; default 10000

	// NoSync acknowledges before the disk has it: a power cut loses what the
	// kernel had not written. For bulk loads and tests.
	NoSync bool
	// MinFree: with less free disk space than this, in bytes, changes are refused
	// with ErrNoSpace; with half of it, nothing is written at all. Default
	// 256 MiB; negative: no check.
	MinFree int64
	// Tombstones and TombstoneAge bound what a roster keeps of removed entries for
	// clients that were away; beyond, they get the whole roster. Defaults 256 and
	// 30 days; negative: none.
	Tombstones   int
	TombstoneAge time.Duration
	Now          func() time.Time // nil: time.Now

	// BeforeCommit is called before each commit. Its error is treated as if the
	// disk had reported it before anything was written. For tests.
	BeforeCommit func() error

	free func(dir string) (int64, error) // freeSpace; another one in tests
}

// Defaults of Options.
const (
	defaultMinFree    = 256 << 20
	defaultIterations = 10000
)

// DB is the Store on Badger. It is safe for concurrent use.
type DB struct {
	o    Options
	name string // Dir, for messages
	log  *slog.Logger
	b    *badger.DB

	ops     chan *op
	stopped chan struct{} // closed when the committer is gone
	last    atomic.Uint64 // timestamp of the newest finished commit
	closing atomic.Bool
	failed  atomic.Pointer[error]

	mu      sync.Mutex // guards closed, readers; never held across a commit
	idle    *sync.Cond // a snapshot lost its last reader
	closed  bool
	readers map[uint64]int // snapshots being read
	senders sync.WaitGroup // goroutines about to send to ops

	dirTime time.Time // committer only: when a file was last added to Dir
	parked  bool      // committer only: Badger is open for reading only (space.go)
	tight   bool      // committer only: a change was refused for want of space
	keys    keyFile
	keep    *keeper
	tally   tally
}

var _ Store = (*DB)(nil)

// keyFile is account.key, opened when it is first needed.
type keyFile struct {
	mu   sync.Mutex // guards aead
	aead cipher.AEAD
}

// Open opens or makes a store. Errors wrap ErrLocked, ErrCorrupt, ErrNoSpace,
// fs.ErrPermission or fs.ErrNotExist; each names the directory or file and says
// what to do.
func Open(o Options) (*DB, error) {
	if o.MinFree == 0 {
		o.MinFree = defaultMinFree
	}
	if o.Iterations == 0 {
		o.Iterations = defaultIterations
	}
	if o.Tombstones == 0 {
		o.Tombstones = defaultTombstones
	}
	if o.TombstoneAge == 0 {
		o.TombstoneAge = defaultTombstoneAge
	}
	if o.TombstoneAge < 0 {
		o.Tombstones = -1
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.free == nil {
		o.free = freeSpace
	}
	if o.Log == nil {
		o.Log = slog.Default()
	}
	db := &DB{o: o, name: o.Dir, log: o.Log, ops: make(chan *op, maxBatchOps),
		stopped: make(chan struct{}), readers: map[uint64]int{}, keep: newKeeper()}
	db.idle = sync.NewCond(&db.mu)
	if o.InMemory {
		db.name, db.o.Dir = "(memory)", ""
	} else if err := checkDir(o); err != nil {
		return nil, err
	}
	if err := db.openSpace(); err != nil {
		return nil, err
	}
	if err := db.checkFormat(); err != nil {
		return nil, errors.Join(err, db.b.Close())
	}
	if o.ReadOnly {
		close(db.stopped)
	} else {
		go db.commitLoop()
	}
	go db.keepMemory()
	if err := db.markFormat(); err != nil {
		return nil, errors.Join(err, db.Close())
	}
	return db, nil
}

// checkDir makes the directory and finds out what a person can put right.
func checkDir(o Options) error {
	if o.Dir == "" {
		return errors.New("store: no directory given")
	}
	if !o.ReadOnly {
		if err := os.MkdirAll(o.Dir, 0o700); err != nil {
			return fmt.Errorf("store: cannot make directory %s: %w", o.Dir, asDisk(err))
		}
	}
	st, err := os.Stat(o.Dir)
	if err != nil {
		return fmt.Errorf("store: %w", err)
	}
	if !st.IsDir() {
		return fmt.Errorf("store: %s is a file; the data directory must be a directory", o.Dir)
	}
	if o.ReadOnly {
		return nil
	}
	probe, err := os.CreateTemp(o.Dir, ".probe-*")
	if err != nil {
		return fmt.Errorf("store: cannot write into %s, give it to the user that runs the server: %w", o.Dir, asDisk(err))
	}
	if err := errors.Join(probe.Close(), os.Remove(probe.Name())); err != nil {
		return fmt.Errorf("store: %w", err)
	}
	return checkFileSize(o.Dir)
}

// checkFormat refuses a store that a newer program wrote.
func (db *DB) checkFormat() error {
	v, err := db.get(formatKey())
	if err != nil {
		return err
	}
	if v != nil && string(v) != storeFormat {
		return fmt.Errorf("store %s has format %q and this program knows %q; run a newer one", db.name, v, storeFormat)
	}
	return nil
}

func formatKey() []byte { return append([]byte{kindStore}, "format"...) }

func (db *DB) markFormat() error {
	if db.o.ReadOnly {
		return nil
	}
	if v, err := db.get(formatKey()); err != nil || v != nil {
		return err
	}
	return db.update(func(t *tx) error {
		t.set(formatKey(), []byte(storeFormat))
		return nil
	})
}

// Close waits for the changes and reads that are running, writes everything
// out and lets go of the directory. Later calls of anything give ErrClosed.
func (db *DB) Close() error {
	db.mu.Lock()
	if db.closed {
		db.mu.Unlock()
		return ErrClosed
	}
	db.closed = true
	db.mu.Unlock()
	db.closing.Store(true)
	db.senders.Wait()
	close(db.ops)
	<-db.stopped
	db.keep.stop()
	db.mu.Lock()
	for len(db.readers) > 0 {
		db.idle.Wait()
	}
	db.mu.Unlock()
	if err := db.b.Close(); err != nil {
		return fmt.Errorf("store %s: closing: %w", db.name, asDisk(err))
	}
	// A child that was forked just now has a copy of the lock's descriptor until its exec; who opens the store next
	// would find it in use.
	syscall.ForkLock.RLock()
	defer syscall.ForkLock.RUnlock()
	return nil
}

// failure is the error of the commit that broke the store, if any did.
func (db *DB) failure() error {
	if p := db.failed.Load(); p != nil {
		return *p
	}
	return nil
}

// fail ends all writing after a commit that may have been written in part.
func (db *DB) fail(cause error) error {
	err := fmt.Errorf("store %s: %w since a write failed; put the cause right and restart: %w",
		db.name, ErrReadOnly, asDisk(cause))
	if db.failed.CompareAndSwap(nil, &err) {
		db.log.Error("the store takes no more changes", "dir", db.name, "error", cause)
	}
	return err
}

// guard finds out before a commit whether the disk would take it. What it
// refuses is refused whole, and taken again when the cause is gone.
func (db *DB) guard() error {
	if db.o.BeforeCommit != nil {
		if err := db.o.BeforeCommit(); err != nil {
			return fmt.Errorf("store %s: %w", db.name, asDisk(err))
		}
	}
	if db.o.InMemory {
		return nil
	}
	if err := db.checkSpace(); err != nil {
		db.tight = true
		return fmt.Errorf("store %s: %w", db.name, err)
	}
	db.tight = false
	if err := checkDescriptors(); err != nil {
		return fmt.Errorf("store %s: %w", db.name, err)
	}
	return nil
}

// syncDir flushes the directory when files were added or removed since the last
// time: a new log file must not be lost with its name.
func (db *DB) syncDir() error {
	if db.o.InMemory || db.o.NoSync {
		return nil
	}
	st, err := os.Stat(db.o.Dir)
	if err != nil {
		return err
	}
	if st.ModTime().Equal(db.dirTime) {
		return nil
	}
	if err := syncPath(db.o.Dir); err != nil {
		return err
	}
	db.dirTime = st.ModTime()
	return nil
}

func syncPath(path string) error {
	f, err := os.Open(filepath.Clean(path))
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}
