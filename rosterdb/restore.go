package rosterdb

import (
	"bufio"
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
)

// RestoreOptions says what Restore makes.
type RestoreOptions struct {
	Store Options // Dir is where the store comes to be: it is missing, or empty
	// Progress is told what was read so far of a file of size bytes, about every 512 KiB; nil: nobody is.
	Progress func(st BackupStats, size int64)
}

const (
	keySize      = 32                // bytes of account.key
	restoreBatch = maxBatchBytes / 2 // bytes of records in one change
)

// Restore makes a store from a backup. It works beside Dir, in Dir + ".restoring",
// and renames that when it is whole and on the disk: after an error, whatever it
// is, nothing is left. A damaged backup gives a *BackupError.
//
// The rosters get versions that were never given out: what clients remember,
// also from the time after the backup, is of no roster any more, and they get
// the whole one (RFC 6121 §2.6.3). DESIGN.md says how.
func Restore(ctx context.Context, path string, o RestoreOptions) (st BackupStats, err error) {
	dir := o.Store.Dir
	if dir == "" || o.Store.InMemory || o.Store.ReadOnly {
		return st, errors.New("restore: a directory to write is needed")
	}
	f, err := os.Open(path)
	if err != nil {
		return st, fmt.Errorf("restore: %w", err)
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return st, fmt.Errorf("restore: %w", err)
	}
	if err := checkEmpty(dir); err != nil {
		return st, err
	}
	r := &restore{ctx: ctx, o: o, size: info.Size(), epoch: newEpoch(), in: frameReader{r: bufio.NewReaderSize(f, 64<<10)}}
	err = r.whole(dir)
	if e, ok := errors.AsType[*BackupError](err); ok {
		e.File = path
	}
	return r.stats, err
}

// checkEmpty refuses a directory that holds anything.
func checkEmpty(dir string) error {
	entries, err := os.ReadDir(dir)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case err != nil:
		return fmt.Errorf("restore: %w", err)
	case len(entries) == 0:
		return nil
	}
	unlock, err := lockDir(dir, false)
	if err != nil {
		return (&DB{o: Options{Dir: dir}, name: dir}).openError(err)
	}
	unlock()
	return fmt.Errorf("restore: there is a store in %s already; if this backup is to take its place, move it away first (mv %s %s.old) and run this again",
		dir, dir, dir)
}

// newEpoch is where the versions of a restored store begin: a random place of
// 2^62, so that the versions of another store, or of another restore of the same
// backup, are elsewhere. It is above all that a clock gives (2^51 in the year 2041).
func newEpoch() uint64 { return 1<<52 + rand.Uint64N(1<<62-1<<52) }

// restore is one that runs.
type restore struct {
	ctx   context.Context
	o     RestoreOptions
	in    frameReader
	size  int64
	epoch uint64

	db    *DB
	batch []keyValue
	held  int // bytes in batch
	last  []byte
	bytes int64
	key   []byte // account.key, nil without one
	stats BackupStats
}

type keyValue struct{ key, value []byte }

// whole makes the directory dir, or nothing.
func (r *restore) whole(dir string) (err error) {
	dir = filepath.Clean(dir)
	tmp := dir + ".restoring"
	if unlock, err := lockDir(tmp, false); err == nil {
		unlock() // nobody works on it: a restore that was killed has left it
		err = os.RemoveAll(tmp)
		if err != nil {
			return fmt.Errorf("restore: %w", err)
		}
	} else if !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("restore: %s is there: another restore runs, or this must be run as the user who runs the server: %w", tmp, err)
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, os.RemoveAll(tmp))
		}
	}()
	if err := r.fill(tmp); err != nil {
		return err
	}
	if err := syncTree(tmp); err != nil {
		return fmt.Errorf("restore: %w", asDisk(err))
	}
	if err := os.Remove(dir); err != nil && !errors.Is(err, fs.ErrNotExist) { // it is empty, or somebody was faster
		return fmt.Errorf("restore: %w", err)
	}
	if err := os.Rename(tmp, dir); err != nil {
		return fmt.Errorf("restore: %w", asDisk(err))
	}
	return syncPath(filepath.Dir(dir))
}

// fill makes a store in tmp.
func (r *restore) fill(tmp string) (err error) {
	if err := r.begin(); err != nil { // before anything is made
		return err
	}
	o := r.o.Store
	o.Dir, o.NoSync = tmp, true
	if r.db, err = Open(o); err != nil {
		return err
	}
	err = r.records()
	if err == nil {
		err = r.db.update(func(t *tx) error {
			t.set(versionsKey(), binary.BigEndian.AppendUint64(nil, r.epoch))
			return nil
		})
	}
	if err == nil && r.key != nil {
		err = makeKeyFile(filepath.Join(tmp, keyFileName), r.key)
	}
	return errors.Join(err, r.db.Close())
}

// begin reads what stands before the records.
func (r *restore) begin() error {
	if err := r.in.magic(); err != nil {
		return err
	}
	kind, b, err := r.in.next()
	if err != nil {
		return err
	}
	d := decoder{b: b}
	format := string(d.bytes())
	d.number()
	if kind != frameHead || d.err != nil {
		return r.in.bad(int64(len(backupMagic)), "there is no head")
	}
	if format != storeFormat {
		return fmt.Errorf("restore: the backup is of a store of format %q and this program knows %q; use the program that made it", format, storeFormat)
	}
	return nil
}

// records reads the rest of the file and stores it.
func (r *restore) records() error {
	for {
		pos := r.in.pos
		kind, b, err := r.in.next()
		if err != nil {
			return err
		}
		switch kind {
		case frameKey:
			if len(b) != keySize || r.key != nil {
				return r.in.bad(pos, "a key of %d bytes", len(b))
			}
			r.key = bytes.Clone(b)
		case frameRecords:
			if err := r.part(pos, b); err != nil {
				return err
			}
		case frameEnd:
			return r.end(pos, b)
		default:
			return r.in.bad(pos, "a part of the unknown kind %q", kind)
		}
		r.stats.Bytes = r.in.pos
		if r.o.Progress != nil {
			r.o.Progress(r.stats, r.size)
		}
		if r.ctx.Err() != nil {
			return context.Cause(r.ctx)
		}
	}
}

// part stores the records of one frame.
func (r *restore) part(pos int64, b []byte) error {
	r.bytes += int64(len(b))
	for d := (decoder{b: bytes.Clone(b)}); len(d.b) > 0; {
		kv := keyValue{d.bytes(), d.bytes()}
		if d.err != nil || len(kv.key) == 0 || bytes.Compare(kv.key, r.last) <= 0 || kv.key[0] == kindStore {
			return r.in.bad(pos, "record %d of the part that begins here is none", r.stats.Records+1)
		}
		if kv.key[0] == kindRoster {
			var err error
			if kv.value, err = moveVersions(kv.value, r.epoch); err != nil {
				return r.in.bad(pos, "the roster under the key %q: %v", kv.key, err)
			}
		}
		r.last = kv.key
		r.stats.Records++
		size := len(kv.key) + len(kv.value) + opOverhead
		if r.held+size > restoreBatch {
			if err := r.store(); err != nil {
				return err
			}
		}
		r.batch = append(r.batch, kv)
		r.held += size
	}
	return nil
}

// store writes the records that have gathered.
func (r *restore) store() error {
	err := r.db.update(func(t *tx) error {
		for _, kv := range r.batch {
			t.set(kv.key, kv.value)
		}
		return nil
	})
	r.batch, r.held = r.batch[:0], 0
	return err
}

func (r *restore) end(pos int64, b []byte) error {
	d := decoder{b: b}
	if n, size := d.number(), d.number(); d.err != nil || n != uint64(r.stats.Records) || size != uint64(r.bytes) {
		return r.in.bad(pos, "it should hold %d records of %d bytes and holds %d of %d", n, size, r.stats.Records, r.bytes)
	}
	if err := r.in.end(); err != nil {
		return err
	}
	r.stats.Bytes = r.in.pos
	return r.store()
}

// moveVersions moves the versions of a roster record to epoch, and forgets its
// past: no version from before is one of this roster.
func moveVersions(b []byte, epoch uint64) ([]byte, error) {
	r, err := parseRecord(b)
	if err != nil {
		return nil, err
	}
	if len(b) == 0 || r.ver-r.base > 1<<52 {
		return nil, errShort
	}
	r.ver, r.base = epoch+(r.ver-r.base), epoch
	r.forget()
	ends := make([]int, r.n)
	for i := range ends {
		ends[i] = r.offset(i + 1)
	}
	out := r.appendHead(make([]byte, 0, r.sizeWith(r.n, len(r.area))), ends, len(r.area))
	return r.appendEnd(append(out, r.area...)), nil
}

// syncTree flushes the files of a directory, and the directory.
func syncTree(dir string) error {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	for _, e := range entries {
		if err := syncPath(filepath.Join(dir, e.Name())); err != nil {
			return err
		}
	}
	return syncPath(dir)
}
