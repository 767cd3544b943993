package rosterdb

import (
	"runtime"
	"runtime/debug"
	"sync/atomic"
	"time"

	"github.com/dgraph-io/badger/v4"
)

// Badger reads its tables where they are mapped, and a page that was read once
// stays in the resident memory of the process for as long as its table lives:
// after enough reads of random rosters, or a compaction, that is the whole
// store. The pages are the page cache's, so that nothing is lost when they are
// unmapped: the next read of one costs a minor fault. The heap of a burst of
// changes stays, too, until the next collection, which an idle process makes
// after two minutes. The keeper gives both back.

const (
	// mappedLimit is how many bytes of files may become resident before the
	// tables are unmapped, over what stayed resident the last time.
	mappedLimit = 48 << 20
	// readsPerCheck: a read maps up to 64 KiB around each place that it looks at,
	// which the kernel does to save faults, so that this many map 8 MiB and more.
	readsPerCheck = 128
	memoryCheck   = time.Second

	// A burst is over burstBytes of changes, and over when burstQuiet went by
	// with hardly any. Badger lets go of the buffers of its compactions, eight
	// at most, one every 2 s.
	burstBytes = 32 << 20
	burstQuiet = 20 * time.Second
)

// keeper is the part of DB that looks after memory.
type keeper struct {
	reads   atomic.Uint32 // of values
	written atomic.Int64  // bytes of changes
	nudge   chan struct{} // capacity 1: many reads were made
	quit    chan struct{} // closed by Close
	gone    chan struct{} // closed when the goroutine has ended
}

func newKeeper() *keeper {
	return &keeper{nudge: make(chan struct{}, 1), quit: make(chan struct{}), gone: make(chan struct{})}
}

// touched counts a value that was read.
func (k *keeper) touched() {
	if k.reads.Add(1)%readsPerCheck == 0 {
		select {
		case k.nudge <- struct{}{}:
			runtime.Gosched() // to the keeper, before more is mapped
		default:
		}
	}
}

func (k *keeper) stop() {
	close(k.quit)
	<-k.gone
}

// keepMemory runs until Close.
func (db *DB) keepMemory() {
	defer close(db.keep.gone)
	if db.o.InMemory {
		return
	}
	tick := time.NewTicker(memoryCheck)
	defer tick.Stop()
	floor, _ := residentFiles()
	var b burst
	for {
		select {
		case <-db.keep.quit:
			return
		case <-db.keep.nudge:
		case now := <-tick.C:
			if b.over(now, db.keep.written.Load()) {
				debug.FreeOSMemory()
			}
		}
		if now, ok := residentFiles(); ok {
			if now > floor+mappedLimit {
				now = db.unmapTables(now)
				floor = now
			}
			floor = min(floor, now)
		}
	}
}

// unmapTables gives back what is resident of the tables, and returns what is
// resident of all files then; before when it cannot be done.
func (db *DB) unmapTables(before int64) int64 {
	if err := db.view(db.dropTables); err != nil {
		db.log.Debug("unmapping tables", "dir", db.name, "error", err) // closed, or broken as its user hears anyway
	}
	if after, ok := residentFiles(); ok {
		return after
	}
	return before
}

// dropTables unmaps the pages of tables that cannot go away meanwhile: with
// another mapping at the address, somebody's memory would be emptied. An
// iterator holds the tables that there are when it is made, which those are
// that are there before and after.
func (db *DB) dropTables(txn *badger.Txn) error {
	before := map[uint64]bool{}
	for _, t := range db.b.Tables() {
		before[t.ID] = true
	}
	it := txn.NewIterator(badger.IteratorOptions{})
	defer it.Close()
	held := map[uint64]bool{}
	for _, t := range db.b.Tables() {
		held[t.ID] = before[t.ID]
	}
	return dropMapped(db.o.Dir, held)
}

// burst finds the end of a burst of changes.
type burst struct {
	since   int64     // bytes written when the heap was given back
	quietAt int64     // bytes written when it became quiet
	quiet   time.Time // when that was
}

// over is told the bytes written so far, and is true once after each burst.
func (b *burst) over(now time.Time, written int64) bool {
	if written-b.quietAt > burstBytes/32 || b.quiet.IsZero() {
		b.quietAt, b.quiet = written, now
	}
	if written-b.since < burstBytes || now.Sub(b.quiet) < burstQuiet {
		return false
	}
	b.since = written
	return true
}
