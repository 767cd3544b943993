package rosterdb

import (
	"io/fs"
	"path/filepath"
	"sync/atomic"
)

// Stats is a snapshot of a store's counters.
type Stats struct {
	Changes uint64 // that are on disk
	Commits uint64 // flushes that carried them
	Size    int64  // bytes of files; 0 in memory
	Free    int64  // bytes on their disk; 0 where nobody minds
}

// tally counts what the committer has done.
type tally struct{ changes, commits atomic.Uint64 }

// add counts a flush, with the changes in it that were not refused.
func (t *tally) add(ops []*op) {
	t.commits.Add(1)
	for _, o := range ops {
		if o.err == nil {
			t.changes.Add(1)
		}
	}
}

// Stats looks at the store; it lists its directory.
func (db *DB) Stats() Stats {
	s := Stats{Changes: db.tally.changes.Load(), Commits: db.tally.commits.Load()}
	if db.o.InMemory {
		return s
	}
	s.Free, _, _ = db.space()
	// A file that goes while it is looked at is not counted.
	_ = filepath.WalkDir(db.o.Dir, func(_ string, e fs.DirEntry, err error) error {
		if err == nil && e.Type().IsRegular() {
			if info, err := e.Info(); err == nil {
				s.Size += onDisk(info)
			}
		}
		return nil
	})
	return s
}
