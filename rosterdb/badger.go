package rosterdb

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"regexp"
	"strings"

	"github.com/dgraph-io/badger/v4"
	"github.com/dgraph-io/badger/v4/options"
)

// Sizes of Badger. All values stay in its tree (they are below the value
// threshold), so that a commit flushes one file and there is no value log to
// clean; blocks are not compressed, so that they are read out of the page cache
// and Badger keeps no cache of its own.
const (
	memTableSize = 7 << 20
	tableSize    = 4 << 20   // at every level; a compaction builds up to 13 at once, in buffers of twice the size
	blockSize    = 32 << 10  // the index, which has an entry per block, is read with every value
	valueLimit   = 1 << 20   // every value is shorter
	maxFile      = 256 << 20 // longest file that compaction makes, with room
)

func (db *DB) badgerOptions(readOnly bool) badger.Options {
	o := badger.DefaultOptions(db.o.Dir).
		WithInMemory(db.o.InMemory).
		WithReadOnly(readOnly).
		WithSyncWrites(!db.o.NoSync).
		WithLogger(badgerLog{db.log.With("dir", db.name)}).
		WithMetricsEnabled(false).
		WithDetectConflicts(false). // one writer
		WithMemTableSize(memTableSize).
		WithNumMemtables(2).
		WithNumCompactors(2).
		WithBaseTableSize(tableSize).
		WithBlockSize(blockSize).
		WithNumLevelZeroTables(4).
		WithNumLevelZeroTablesStall(8).
		WithNumGoroutines(2).
		WithValueThreshold(valueLimit).
		WithValueLogFileSize(2 << 20).
		WithCompression(options.None).
		WithBlockCacheSize(0).
		WithIndexCacheSize(0)
	o.TableSizeMultiplier = 1
	return o
}

// openBadger opens the files; a crash inside Badger on a damaged file is an error.
func (db *DB) openBadger(readOnly bool) (err error) {
	defer func() {
		if r := recover(); r != nil {
			err = db.openError(fmt.Errorf("%v", r))
		}
	}()
	if err := db.prepareFiles(readOnly); err != nil {
		return db.openError(err)
	}
	b, err := badger.OpenManaged(db.badgerOptions(readOnly))
	if err != nil {
		return db.openError(err)
	}
	db.b = b
	db.last.Store(max(db.last.Load(), b.MaxVersion()))
	return nil
}

// What Badger says in words of its own, which openError knows too.
var (
	errInUse   = errors.New("the directory is locked")
	errUnclean = errors.New("the logs end in the middle")
)

// prepareFiles looks after the files before Badger does, under its lock.
func (db *DB) prepareFiles(readOnly bool) error {
	if db.o.InMemory {
		return nil
	}
	unlock, err := lockDir(db.o.Dir, readOnly)
	if err != nil {
		return err
	}
	defer unlock()
	if err := removeUnborn(db.o.Dir, readOnly); err != nil {
		return err
	}
	return checkTables(db.o.Dir, db.badgerOptions(readOnly), false)
}

// removeUnborn removes log files without a byte. A process that was killed
// between making a log and giving it its size leaves one, and Badger refuses
// to open a directory with it. For a reader it is errUnclean.
func removeUnborn(dir string, readOnly bool) error {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	for _, e := range entries {
		if ext := filepath.Ext(e.Name()); ext != ".mem" && ext != ".vlog" {
			continue
		}
		if st, err := e.Info(); err != nil || st.Size() > 0 {
			continue // one that cannot be looked at is Badger's to report
		}
		if readOnly {
			return errUnclean
		}
		if err := os.Remove(filepath.Join(dir, e.Name())); err != nil {
			return err
		}
	}
	return nil
}

// storeFile finds the file of the store in an error text of Badger.
var storeFile = regexp.MustCompile(`[^\s":,]*(?:\d+\.(?:sst|mem|vlog)|MANIFEST|KEYREGISTRY|DISCARD)`)

// openError says what can be done. Badger's errors carry no types, so their
// texts are looked at; they belong to the version that go.mod names.
func (db *DB) openError(err error) error {
	text := err.Error()
	switch {
	case errors.Is(err, errInUse), strings.Contains(text, "Cannot acquire directory lock"):
		who := "another roost runs on it"
		if pid, err := os.ReadFile(filepath.Join(db.o.Dir, "LOCK")); err == nil && len(pid) > 0 {
			who += " (process " + strings.TrimSpace(string(pid)) + ")"
		}
		return fmt.Errorf("store %s: %w: %s; stop it, or use its console", db.name, ErrLocked, who)
	case errors.Is(err, errUnclean), strings.Contains(text, "Log truncate required"):
		return fmt.Errorf("store %s was not closed cleanly and cannot be read only; start the server on it once: %w", db.name, errUnclean)
	}
	if e := asDisk(err); errors.Is(e, ErrNoSpace) || errors.Is(e, os.ErrPermission) {
		return fmt.Errorf("store %s: %w", db.name, e)
	}
	file := storeFile.FindString(text)
	if strings.Contains(text, "key registry") || strings.Contains(text, "sanity text") {
		file = badger.KeyRegistryFileName
	}
	if file == "" {
		file = "a file in " + db.name
	} else if !strings.Contains(file, "/") {
		file = filepath.Join(db.name, file)
	}
	return fmt.Errorf("store %s: %w: %s cannot be read; restore the directory from a backup, or move it away to start empty: %w",
		db.name, ErrCorrupt, file, err)
}

// badgerLog passes Badger's log on: what it calls info is for debugging here.
type badgerLog struct{ log *slog.Logger }

func (l badgerLog) Errorf(f string, a ...any)   { l.put(slog.LevelWarn, f, a) }
func (l badgerLog) Warningf(f string, a ...any) { l.put(slog.LevelWarn, f, a) }
func (l badgerLog) Infof(f string, a ...any)    { l.put(slog.LevelDebug, f, a) }
func (l badgerLog) Debugf(f string, a ...any)   { l.put(slog.LevelDebug, f, a) }

func (l badgerLog) put(level slog.Level, format string, args []any) {
	if !l.log.Enabled(context.Background(), level) {
		return
	}
	l.log.Log(context.Background(), level, "badger: "+strings.TrimSpace(fmt.Sprintf(format, args...)))
}
