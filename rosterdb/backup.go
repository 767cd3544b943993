package rosterdb

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/dgraph-io/badger/v4"
)

// BackupStats is how far a backup or a restore has come.
type BackupStats struct {
	Records int
	Bytes   int64 // of the file
}

// errInMemory: what account.key seals could not be opened again.
var errInMemory = errors.New("a store in memory has no backup")

// Backup writes everything to w as it is at one moment: all changes that were
// acknowledged before the call, both sides of each, and account.key. Changes go on
// meanwhile and do not wait. progress, which may be nil, is called after each part of
// about 256 KiB. It ends with an error when ctx ends, when the store is closed,
// and before the free space of the store comes below what changes need.
func (db *DB) Backup(ctx context.Context, w io.Writer, progress func(BackupStats)) (BackupStats, error) {
	b := &backup{db: db, ctx: ctx, out: frameWriter{w: w}, progress: progress, floor: db.backupFloor()}
	if db.o.InMemory {
		return b.stats, errInMemory
	}
	err := db.view(b.run)
	if err != nil {
		err = fmt.Errorf("backup of the store %s: %w", db.name, err)
	}
	return b.stats, err
}

// backupFloor is the free space below which a backup that begins now gives up: a
// reader keeps the store from being parked (space.go). One that is parked
// already, or takes no changes, has nothing more to lose.
func (db *DB) backupFloor() int64 {
	free, limited, err := db.space()
	switch {
	case err != nil || !limited || free < db.critical():
		return 0
	case free < db.o.MinFree:
		return db.critical()
	}
	return db.o.MinFree
}

// backup is one that runs.
type backup struct {
	db       *DB
	ctx      context.Context
	out      frameWriter
	progress func(BackupStats)
	floor    int64
	part     []byte // records of the next frame
	bytes    int64  // of all records
	stats    BackupStats
}

func (b *backup) run(txn *badger.Txn) error {
	if err := b.begin(); err != nil {
		return err
	}
	it := txn.NewIterator(badger.IteratorOptions{})
	defer it.Close()
	for it.Rewind(); it.Valid(); it.Next() {
		b.db.keep.touched()
		item := it.Item()
		key := item.Key()
		if key[0] == kindStore {
			continue // of this store; restore makes them
		}
		err := item.Value(func(stored []byte) error {
			value, err := unseal(key, stored)
			if err == nil {
				b.part = appendString(appendString(b.part, key), value)
			}
			return err
		})
		if err != nil {
			return err
		}
		b.stats.Records++
		if len(b.part) >= frameSize {
			if err := b.flush(); err != nil {
				return err
			}
		}
	}
	if err := b.flush(); err != nil {
		return err
	}
	end := binary.AppendUvarint(binary.AppendUvarint(nil, uint64(b.stats.Records)), uint64(b.bytes))
	err := b.out.frame(frameEnd, end)
	b.stats.Bytes = b.out.n
	return err
}

// begin writes what stands before the records. The key is read after the
// snapshot was taken: it is older than every password in it that it seals.
func (b *backup) begin() error {
	if err := b.out.magic(); err != nil {
		return err
	}
	head := binary.AppendUvarint(appendString(nil, storeFormat), uint64(max(b.db.o.Now().Unix(), 0)))
	if err := b.out.frame(frameHead, head); err != nil {
		return err
	}
	key := make([]byte, keySize)
	switch err := b.db.loadKey(key, false); {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case err != nil:
		return err
	}
	return b.out.frame(frameKey, key)
}

// flush writes the records that have gathered, when it may go on.
func (b *backup) flush() error {
	switch {
	case b.ctx.Err() != nil:
		return context.Cause(b.ctx)
	case b.db.closing.Load():
		return ErrClosed
	}
	if free, limited, err := b.db.space(); err == nil && limited && free < b.floor {
		return fmt.Errorf("%w: it was stopped because %d MiB are free and the store needs %d MiB; write it to another disk",
			ErrNoSpace, free>>20, b.floor>>20)
	}
	if len(b.part) == 0 {
		return nil
	}
	if err := b.out.frame(frameRecords, b.part); err != nil {
		return err
	}
	b.bytes += int64(len(b.part))
	b.part = b.part[:0]
	b.stats.Bytes = b.out.n
	if b.progress != nil {
		b.progress(b.stats)
	}
	return nil
}

// BackupFile makes a backup (see Backup) in a file of mode 0600. It is written as
// path.part, flushed, and renamed: under path there is a whole backup or what was
// there before. It replaces an older backup, and refuses to replace anything else.
func (db *DB) BackupFile(ctx context.Context, path string, progress func(BackupStats)) (st BackupStats, err error) {
	if err := mayReplace(path); err != nil {
		return st, err
	}
	err = writeWhole(path, func(w io.Writer) error {
		st, err = db.Backup(ctx, w, progress)
		return err
	})
	return st, err
}

// mayReplace refuses a path where something is that is no backup.
func mayReplace(path string) error {
	f, err := os.OpenFile(path, os.O_RDONLY|nonBlock, 0)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("backup: %w", err)
	}
	defer f.Close()
	if st, err := f.Stat(); err != nil || !st.Mode().IsRegular() || (&frameReader{r: f}).magic() != nil {
		return fmt.Errorf("backup: %s is there and is no backup; move it away, or name another file", path)
	}
	return nil
}

// writeWhole makes path from what fn writes, whole or not at all.
func writeWhole(path string, fn func(io.Writer) error) error {
	part := path + ".part"
	f, unlock, err := openPart(part)
	if err != nil {
		return fmt.Errorf("backup: %w", err)
	}
	defer unlock()
	w := &steadily{f: f}
	err = fn(w)
	if err == nil {
		err = f.Sync()
	}
	err = errors.Join(err, f.Close())
	if err == nil {
		err = os.Rename(part, path)
	}
	if err != nil {
		return fmt.Errorf("%s was not made: %w", path, errors.Join(err, os.Remove(part)))
	}
	if err := syncPath(filepath.Dir(path)); err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	return nil
}

// openPart opens a file that nobody else writes; what a killed process has left is
// written over.
func openPart(part string) (f *os.File, unlock func(), err error) {
	f, err = os.OpenFile(part, os.O_CREATE|os.O_WRONLY|nonBlock, 0o600)
	if err != nil {
		return nil, nil, err
	}
	unlock, err = lockDir(part, false) // its lock is good for files, too
	if err != nil {
		return nil, nil, errors.Join(fmt.Errorf("%s is being written by another backup", part), err, f.Close())
	}
	err = samePart(f, part)
	if err != nil {
		unlock()
		return nil, nil, errors.Join(err, f.Close())
	}
	return f, unlock, nil
}

// samePart makes sure that f is still what part names, and empties it.
func samePart(f *os.File, part string) error {
	have, err := f.Stat()
	if err != nil {
		return err
	}
	if now, err := os.Lstat(part); err != nil || !os.SameFile(have, now) || !now.Mode().IsRegular() {
		return fmt.Errorf("%s is being written by another backup, or is no file", part)
	}
	return errors.Join(f.Chmod(0o600), f.Truncate(0))
}

// steadily writes a file and flushes it as it goes: one flush of gigabytes at the
// end would hold up the flushes of the store on the same disk.
type steadily struct {
	f     *os.File
	dirty int
}

const steadilyEvery = 8 << 20 // bytes

func (s *steadily) Write(b []byte) (int, error) {
	n, err := s.f.Write(b)
	if s.dirty += n; err == nil && s.dirty >= steadilyEvery {
		s.dirty = 0
		err = s.f.Sync()
	}
	return n, err
}
