package rosterdb

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/dgraph-io/badger/v4"
)

// Badger writes through mapped files, and a mapped page that the disk has no
// block for kills the process (SIGBUS). So changes are refused while less than
// Options.MinFree is free: the rest is for the log, for the tables that the
// memory becomes and for a compaction. When somebody else uses up the reserve
// too, and half of it is left, the files are closed and opened again for
// reading only, which writes nothing; they are opened for writing again once
// MinFree is free. That is called parked.

// spaceCheck is how often the committer looks at the free space by itself.
const spaceCheck = time.Second

// space reports the free bytes, and whether anybody minds.
func (db *DB) space() (free int64, limited bool, err error) {
	if db.o.InMemory || db.o.MinFree < 0 {
		return 0, false, nil
	}
	free, err = db.o.free(db.o.Dir)
	return free, true, err
}

// checkSpace is the error of a change when less than MinFree is free.
func (db *DB) checkSpace() error {
	free, limited, err := db.space()
	if err != nil || !limited || free >= db.o.MinFree {
		return err
	}
	return fmt.Errorf("%w: %d MiB are free, changes need %d MiB; free some space, no restart is needed",
		ErrNoSpace, free>>20, db.o.MinFree>>20)
}

// critical is the free space below which nothing may be written at all.
func (db *DB) critical() int64 { return db.o.MinFree / 2 }

// openSpace opens the files in the way that the free space allows.
func (db *DB) openSpace() error {
	free, limited, err := db.space()
	if err != nil {
		return fmt.Errorf("store %s: %w", db.name, err)
	}
	if db.o.ReadOnly || !limited || free >= db.critical() {
		return db.openBadger(db.o.ReadOnly)
	}
	why := "it was not closed cleanly"
	err = errUnclean
	if _, serr := os.Stat(filepath.Join(db.o.Dir, badger.ManifestFilename)); errors.Is(serr, fs.ErrNotExist) {
		why = "it is new"
	} else {
		err = db.openBadger(true)
	}
	if errors.Is(err, errUnclean) {
		return fmt.Errorf("store %s: %w: %d MiB are free and opening it needs %d MiB, because %s; free some space",
			db.name, ErrNoSpace, free>>20, db.critical()>>20, why)
	}
	if err != nil {
		return err
	}
	db.parked = true
	db.log.Warn("the disk is full: the store is open for reading only", "dir", db.name, "free", free)
	return nil
}

// watchSpace parks the store, or ends that. The committer calls it between
// batches. While somebody reads it does nothing; it is called again.
func (db *DB) watchSpace() {
	free, limited, err := db.space()
	if err != nil || !limited || db.failure() != nil {
		return
	}
	switch {
	case !db.parked && free < db.critical():
		db.reopen(true, free)
	case db.parked && free >= db.o.MinFree:
		db.reopen(false, free)
	}
}

// reopen closes Badger and opens it in the other mode. Readers wait meanwhile.
func (db *DB) reopen(park bool, free int64) {
	db.mu.Lock()
	defer db.mu.Unlock()
	if db.closed || len(db.readers) > 0 {
		return
	}
	err := db.b.Close()
	if err == nil {
		err = db.openBadger(park)
	}
	if err != nil {
		// Nothing can be read any more either; each call says why.
		_ = db.fail(err)
		return
	}
	db.parked, db.tight = park, false
	if park {
		db.log.Warn("the disk is full: the store is open for reading only until there is space", "dir", db.name, "free", free)
	} else {
		db.log.Info("the store takes changes again", "dir", db.name, "free", free)
	}
}
