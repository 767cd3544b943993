package rosterdb

import (
	"errors"
	"fmt"
	"maps"
	"runtime"
	"slices"
	"time"

	"github.com/dgraph-io/badger/v4"
)

// One goroutine makes all changes. It takes what has gathered, runs the changes
// one after the other on one snapshot plus what the earlier ones of the batch
// wrote, commits the batch as one transaction of Badger with one flush of the
// disk, and answers all of it. So there are no conflicts to retry, no lost
// updates, and the flush is shared by everybody who waited.

const (
	maxBatchOps   = 512
	maxBatchBytes = 1 << 20 // Badger takes 15 % of a memtable
	opOverhead    = 88      // bytes per key, for Badger's own
)

// op is one change on its way to the committer.
type op struct {
	fn   func(*tx) error
	err  error
	done chan struct{}
}

// update runs fn in the committer and returns when its writes are on the disk.
// fn may be run only there; an error of fn writes nothing.
func (db *DB) update(fn func(*tx) error) error {
	if db.o.ReadOnly {
		return fmt.Errorf("store %s: %w: it was opened for reading only", db.name, ErrReadOnly)
	}
	db.mu.Lock()
	if db.closed {
		db.mu.Unlock()
		return ErrClosed
	}
	db.senders.Add(1)
	db.mu.Unlock()
	o := &op{fn: fn, done: make(chan struct{})}
	db.ops <- o
	db.senders.Done()
	<-o.done
	return o.err
}

// commitLoop runs until ops is closed.
func (db *DB) commitLoop() {
	defer close(db.stopped)
	tick := time.NewTicker(spaceCheck)
	defer tick.Stop()
	batch := make([]*op, 0, maxBatchOps)
	for {
		select {
		case o, ok := <-db.ops:
			if !ok {
				return
			}
			batch = db.gather(append(batch[:0], o))
			if db.parked || db.tight {
				db.watchSpace()
			}
			db.runBatch(batch)
			clear(batch)
		case <-tick.C:
			db.watchSpace()
		}
	}
}

// gather appends the changes that wait.
func (db *DB) gather(batch []*op) []*op {
	// Those that the last batch has just answered come back with their next
	// change; without this they would wait for a flush of one.
	runtime.Gosched()
	for len(batch) < maxBatchOps {
		select {
		case o, ok := <-db.ops:
			if !ok {
				return batch
			}
			batch = append(batch, o)
		default:
			return batch
		}
	}
	return batch
}

// runBatch runs and answers all ops of a batch.
func (db *DB) runBatch(batch []*op) {
	t := db.begin()
	first := 0
	for i, o := range batch {
		o.err = t.run(o.fn)
		if t.size+t.curSize > maxBatchBytes && len(t.base) > 0 {
			// The batch is full before this one: commit it, this one starts the
			// next. It saw what was not committed if that failed, so it runs again.
			if db.finish(t, batch[first:i]) != nil {
				o.err = t.run(o.fn)
			}
			first = i
		}
		t.merge(o.err == nil)
	}
	_ = db.finish(t, batch[first:]) // told to the ops
	t.txn.Discard()
}

// finish commits what t holds and answers ops; a failed commit fails them all.
func (db *DB) finish(t *tx, ops []*op) (err error) {
	if len(t.base) > 0 {
		err = db.commit(t.base)
		db.keep.written.Add(int64(t.size))
		if err == nil {
			db.tally.add(ops)
		}
		clear(t.base)
		t.size = 0
		t.txn.Discard()
		t.txn = db.b.NewTransactionAt(db.last.Load(), false)
	}
	for _, o := range ops {
		if o.err == nil {
			o.err = err
		}
		close(o.done)
	}
	return err
}

// commit writes one batch. Errors that say that the disk would take nothing
// come before anything is written; after any later one the store takes no more
// changes, because Badger's state is unknown then.
func (db *DB) commit(writes map[string][]byte) error {
	if err := db.guard(); err != nil {
		return err
	}
	w := db.b.NewTransactionAt(db.last.Load(), true)
	defer w.Discard()
	for _, key := range slices.Sorted(maps.Keys(writes)) {
		k, v := []byte(key), writes[key]
		var err error
		if v == nil {
			err = w.Delete(k)
		} else {
			err = w.Set(k, seal(k, v))
		}
		if errors.Is(err, badger.ErrTxnTooBig) {
			return fmt.Errorf("store %s: %w: a change of %d keys", db.name, ErrTooBig, len(writes))
		}
		if err != nil {
			return fmt.Errorf("store %s: %w", db.name, err)
		}
	}
	ts := db.last.Load() + 1
	if err := w.CommitAt(ts, nil); err != nil {
		return db.fail(err)
	}
	if err := db.syncDir(); err != nil {
		return db.fail(err)
	}
	db.publish(ts)
	return nil
}

// tx is what a change sees and writes. Values read are valid until the change
// returns and must not be written to.
type tx struct {
	db            *DB
	txn           *badger.Txn
	base          map[string][]byte // writes of the batch so far; nil value: deleted
	cur           map[string][]byte // writes of the running change
	size, curSize int
}

func (db *DB) begin() *tx {
	return &tx{db: db, txn: db.b.NewTransactionAt(db.last.Load(), false),
		base: map[string][]byte{}, cur: map[string][]byte{}}
}

// run runs one change; its writes wait in cur for merge.
func (t *tx) run(fn func(*tx) error) (err error) {
	clear(t.cur)
	t.curSize = 0
	if err := t.db.refusal(); err != nil {
		return err
	}
	defer t.db.rescue(&err)()
	if err := fn(t); err != nil {
		return err
	}
	if t.curSize > maxBatchBytes {
		return fmt.Errorf("%w: a change of %d bytes, one transaction takes %d", ErrTooBig, t.curSize, maxBatchBytes)
	}
	return nil
}

// refusal is why no change is taken at all, nil when changes are taken.
func (db *DB) refusal() error {
	if err := db.failure(); err != nil || !db.parked {
		return err
	}
	if err := db.checkSpace(); err != nil {
		return fmt.Errorf("store %s: %w", db.name, err)
	}
	return fmt.Errorf("store %s: %w: it was full and is about to take changes again", db.name, ErrNoSpace)
}

// merge makes the writes of the last run part of the batch, or forgets them.
func (t *tx) merge(keep bool) {
	if keep {
		maps.Copy(t.base, t.cur)
		t.size += t.curSize
	}
	clear(t.cur)
	t.curSize = 0
}

// get returns the value of key, nil when there is none. It is never nil for a
// key that exists.
func (t *tx) get(key []byte) ([]byte, error) {
	if v, ok := t.cur[string(key)]; ok {
		return v, nil
	}
	if v, ok := t.base[string(key)]; ok {
		return v, nil
	}
	t.db.keep.touched()
	return getFrom(t.txn, key)
}

// set stores value, which belongs to the store from now on.
func (t *tx) set(key, value []byte) {
	if value == nil {
		value = []byte{}
	}
	t.cur[string(key)] = value
	t.curSize += len(key) + len(value) + opOverhead
}

func (t *tx) del(key []byte) {
	t.cur[string(key)] = nil
	t.curSize += len(key) + opOverhead
}

// keys returns the existing keys that start with prefix, sorted.
func (t *tx) keys(prefix []byte) []string {
	found := map[string]bool{}
	for key := range keysFrom(t.txn, prefix) {
		found[string(key)] = true
	}
	for _, m := range []map[string][]byte{t.base, t.cur} {
		for k, v := range m {
			if len(k) >= len(prefix) && k[:len(prefix)] == string(prefix) {
				found[k] = v != nil
			}
		}
	}
	maps.DeleteFunc(found, func(_ string, exists bool) bool { return !exists })
	return slices.Sorted(maps.Keys(found))
}
