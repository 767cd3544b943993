package rosterdb

import (
	"bytes"
	"errors"
	"fmt"
	"iter"
	"runtime"
	"runtime/debug"

	"github.com/dgraph-io/badger/v4"
)

// Reads never wait for a commit: they see the state of the last finished one.
// The timestamps of Badger are ours (its managed mode), so that a reader need
// not wait for commits that are on their way; the oldest running reader holds
// back what compaction may forget.

// view runs fn on a snapshot. Close waits for it.
func (db *DB) view(fn func(*badger.Txn) error) (err error) {
	ts, err := db.pin()
	if err != nil {
		return err
	}
	defer db.unpin(ts)
	if db.b.IsClosed() {
		return db.failure() // it was closed for want of space and did not open again
	}
	txn := db.b.NewTransactionAt(ts, false)
	defer txn.Discard()
	defer db.rescue(&err)()
	db.keep.touched()
	return fn(txn)
}

// rescue turns a crash inside Badger's reading of a damaged or shortened file
// into ErrCorrupt: the server goes on without that record. The result is to be
// deferred.
func (db *DB) rescue(err *error) func() {
	old := debug.SetPanicOnFault(true) // a mapped file that lost its end
	return func() {
		debug.SetPanicOnFault(old)
		switch r := recover().(type) {
		case nil:
		case runtime.Error:
			if *err = db.failure(); *err != nil {
				return // Badger has no log file to read any more
			}
			*err = fmt.Errorf("store %s: %w: %v; restore it from a backup", db.name, ErrCorrupt, r)
			db.log.Error("reading the store failed", "dir", db.name, "error", r, "stack", string(debug.Stack()))
		default:
			panic(r)
		}
	}
}

// pin registers a reader of the newest snapshot.
func (db *DB) pin() (uint64, error) {
	db.mu.Lock()
	defer db.mu.Unlock()
	if db.closed {
		return 0, ErrClosed
	}
	ts := db.last.Load()
	db.readers[ts]++
	return ts, nil
}

func (db *DB) unpin(ts uint64) {
	db.mu.Lock()
	defer db.mu.Unlock()
	if db.readers[ts]--; db.readers[ts] == 0 {
		delete(db.readers, ts)
		db.idle.Broadcast()
	}
}

// publish makes a finished commit visible and lets go of what nobody reads.
func (db *DB) publish(ts uint64) {
	db.mu.Lock()
	defer db.mu.Unlock()
	db.last.Store(ts)
	oldest := ts
	for r := range db.readers {
		oldest = min(oldest, r)
	}
	db.b.SetDiscardTs(oldest)
}

// read calls fn with one value, nil when there is none; it is valid until fn
// returns.
func (db *DB) read(key []byte, fn func(value []byte) error) error {
	return db.view(func(txn *badger.Txn) error { return valueFrom(txn, key, fn) })
}

// get reads one value; nil when there is none. The caller owns it.
func (db *DB) get(key []byte) (v []byte, err error) {
	err = db.read(key, func(value []byte) error {
		v = bytes.Clone(value)
		return nil
	})
	return v, err
}

// getFrom reads one value; nil when there is none. The caller owns it.
func getFrom(txn *badger.Txn, key []byte) (v []byte, err error) {
	err = valueFrom(txn, key, func(value []byte) error {
		v = bytes.Clone(value)
		return nil
	})
	return v, err
}

func valueFrom(txn *badger.Txn, key []byte, fn func(value []byte) error) error {
	item, err := txn.Get(key)
	if errors.Is(err, badger.ErrKeyNotFound) {
		return fn(nil)
	}
	if err != nil {
		return fmt.Errorf("key %q: %w", key, err)
	}
	return item.Value(func(stored []byte) error {
		v, err := unseal(key, stored)
		if err != nil {
			return err
		}
		return fn(v)
	})
}

// keysFrom yields the keys that start with prefix, in order; a key is valid
// until the next one.
func keysFrom(txn *badger.Txn, prefix []byte) iter.Seq[[]byte] {
	return func(yield func([]byte) bool) {
		it := txn.NewIterator(badger.IteratorOptions{Prefix: prefix})
		defer it.Close()
		for it.Rewind(); it.Valid(); it.Next() {
			if !yield(it.Item().Key()) {
				return
			}
		}
	}
}

// walk calls fn for every key that starts with prefix, in order, on one
// snapshot. key and value are fn's to keep. It ends early with ErrClosed when
// the store is being closed.
func (db *DB) walk(prefix []byte, fn func(key, value []byte) error) error {
	return db.view(func(txn *badger.Txn) error {
		it := txn.NewIterator(badger.IteratorOptions{Prefix: prefix})
		defer it.Close()
		for it.Rewind(); it.Valid(); it.Next() {
			if db.closing.Load() {
				return ErrClosed
			}
			db.keep.touched()
			key := it.Item().KeyCopy(nil)
			v, err := it.Item().ValueCopy(nil)
			if err == nil {
				v, err = unseal(key, v)
			}
			if err == nil {
				err = fn(key, v)
			}
			if err != nil {
				return err
			}
		}
		return nil
	})
}
