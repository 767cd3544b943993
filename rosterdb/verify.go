package rosterdb

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/dgraph-io/badger/v4"
	"github.com/dgraph-io/badger/v4/fb"
	"github.com/dgraph-io/badger/v4/table"
)

// Badger takes a table with a damaged index for not being there, which would
// lose its records in silence, and reads the ends of tables in goroutines of
// its own, where a damaged one ends the process. So the ends are checked
// before it opens them.

// Check reads every table of the store and reports the first damage. It may
// run beside everything else; it reads at the speed of the disk.
func (db *DB) Check() error {
	if db.o.InMemory {
		return nil
	}
	ts, err := db.pin()
	if err != nil {
		return err
	}
	defer db.unpin(ts)
	if err := checkTables(db.o.Dir, db.badgerOptions(true), true); err != nil {
		return db.openError(err)
	}
	return nil
}

// checkTables checks the tables that the manifest of dir names; all their
// blocks, or only the index and the last one.
func checkTables(dir string, o badger.Options, all bool) error {
	path := filepath.Join(dir, badger.ManifestFilename)
	m, err := readManifest(path, o)
	if errors.Is(err, fs.ErrNotExist) {
		// Badger would make a new one and remove every table.
		for _, pattern := range []string{"*.sst", "*.mem"} {
			if names, _ := filepath.Glob(filepath.Join(dir, pattern)); len(names) > 0 {
				return fmt.Errorf("%s is missing beside %s", path, names[0])
			}
		}
		return nil
	}
	if err != nil {
		return err
	}
	for id := range m.Tables {
		name := table.NewFilename(id, dir)
		err := checkTable(name, all)
		if err == nil {
			continue
		}
		// Compaction may have cut and removed it meanwhile; it tells the manifest first.
		if now, merr := readManifest(path, o); merr == nil {
			if _, ok := now.Tables[id]; !ok {
				continue
			}
		}
		return fmt.Errorf("%s: %w", name, err)
	}
	return nil
}

func readManifest(path string, o badger.Options) (badger.Manifest, error) {
	f, err := os.Open(path)
	if err != nil {
		return badger.Manifest{}, err
	}
	defer f.Close()
	m, _, err := badger.ReplayManifestFile(f, 0, o)
	if err != nil {
		return badger.Manifest{}, fmt.Errorf("%s: %w", path, err)
	}
	return m, nil
}

// maxIndex bounds what is read for one index; a table of 256 MiB has less.
const maxIndex = 64 << 20

var errTable = errors.New("the table is damaged")

// checkTable checks one file. It ends with the index, its length, a checksum
// message and its length; the lengths are 4 bytes, big endian. Blocks end in
// the same way with their checksum.
func checkTable(name string, all bool) (err error) {
	f, err := os.Open(name)
	if err != nil {
		return err
	}
	defer f.Close()
	st, err := f.Stat()
	if err != nil {
		return err
	}
	r := tail{f: f, end: st.Size()}
	sum := r.message()
	index := r.take(r.number())
	if r.err != nil {
		return r.err
	}
	if crc32.Checksum(index, castagnoli) != sum {
		return fmt.Errorf("%w: checksum of the index", errTable)
	}
	defer func() { // the reader of the index trusts its input
		if p := recover(); p != nil {
			err = fmt.Errorf("%w: %v", errTable, p)
		}
	}()
	ti := fb.GetRootAsTableIndex(index, 0)
	n := ti.OffsetsLength()
	if n == 0 {
		return fmt.Errorf("%w: it has no blocks", errTable)
	}
	first := n - 1
	if all {
		first = 0
	}
	for i := first; i < n; i++ {
		var bo fb.BlockOffset
		ti.Offsets(&bo, i)
		if err := checkBlock(f, int64(bo.Offset()), int64(bo.Len()), r.end); err != nil {
			return fmt.Errorf("block %d at %d: %w", i, bo.Offset(), err)
		}
	}
	return nil
}

func checkBlock(f io.ReaderAt, offset, size, end int64) error {
	if offset+size > end || size > maxIndex {
		return fmt.Errorf("%w: %d bytes, the blocks end at %d", errTable, size, end)
	}
	b := make([]byte, size)
	if _, err := f.ReadAt(b, offset); err != nil {
		return err
	}
	r := tail{f: readerAt(b), end: size}
	sum := r.message()
	data := r.take(uint64(r.end))
	if r.err != nil {
		return r.err
	}
	if crc32.Checksum(data, castagnoli) != sum {
		return fmt.Errorf("%w: checksum", errTable)
	}
	return nil
}

type readerAt []byte

func (b readerAt) ReadAt(p []byte, off int64) (int, error) {
	return copy(p, b[off:]), nil // tail stays inside
}

// tail reads a file from its end towards its start.
type tail struct {
	f   io.ReaderAt
	end int64
	err error
}

func (r *tail) take(n uint64) []byte {
	if r.err == nil && (n > uint64(r.end) || n > maxIndex) {
		r.err = fmt.Errorf("%w: %d bytes before %d", errTable, n, r.end)
	}
	if r.err != nil {
		return nil
	}
	b := make([]byte, n)
	r.end -= int64(n)
	_, r.err = r.f.ReadAt(b, r.end)
	return b
}

func (r *tail) number() uint64 {
	if b := r.take(4); r.err == nil {
		return uint64(binary.BigEndian.Uint32(b))
	}
	return 0
}

// message is a checksum: a protocol buffer with field 1, the algorithm, which
// is not there for CRC-32C, and field 2, the sum.
func (r *tail) message() uint32 {
	d := decoder{b: r.take(r.number())}
	var sum uint64
	for len(d.b) > 0 {
		switch tag := d.number(); tag {
		case 1 << 3:
			if d.number() != 0 {
				d.fail()
			}
		case 2 << 3:
			sum = d.number()
		default:
			d.fail()
		}
	}
	if r.err == nil && (d.err != nil || sum > 1<<32-1) {
		r.err = fmt.Errorf("%w: no checksum", errTable)
	}
	return uint32(sum)
}
