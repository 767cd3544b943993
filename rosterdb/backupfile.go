package rosterdb

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
)

// The file of a backup is a line and frames; numbers of a frame's own are big
// endian, those in its bytes uvarints, a string is its length and its bytes:
//
//	"roost backup 1\n"
//	frame: kind (1), length (4), that many bytes, checksum (4)
//
//	h  string format of the store, number seconds since 1970
//	k  the 32 bytes of account.key; only where there is one
//	r  records in order of their keys: string key, string value; any number of frames
//	e  number of records, number of their bytes; nothing follows
//
// The checksum is the CRC-32C of the checksum before it (4 bytes; 0 before the
// first one), kind, length and bytes. So a frame that is missing, that comes
// twice or stands elsewhere is found like a flipped bit, and one that was cut off
// by the missing e.
const backupMagic = "roost backup 1\n"

const (
	frameHead    = 'h'
	frameKey     = 'k'
	frameRecords = 'r'
	frameEnd     = 'e'
)

const (
	frameSize = 256 << 10 // a frame of records is written when it has this many bytes
	maxFrame  = 2 << 20   // one of a single record of the longest kind is shorter
)

// ErrBackup is what every BackupError wraps.
var ErrBackup = errors.New("the backup is damaged")

// BackupError says where a backup is damaged, or why it cannot be used. It wraps ErrBackup.
type BackupError struct {
	File string // "" while it is not known
	Pos  int64  // bytes from the start of the file
	Why  string
}

func (e *BackupError) Error() string {
	return fmt.Sprintf("%s: position %d: %s: %v; take another backup", e.File, e.Pos, e.Why, ErrBackup)
}

func (e *BackupError) Unwrap() error { return ErrBackup }

// frameWriter writes the frames of a backup.
type frameWriter struct {
	w   io.Writer
	sum uint32
	n   int64 // bytes written
}

func (f *frameWriter) frame(kind byte, payload []byte) error {
	head := binary.BigEndian.AppendUint32([]byte{kind}, uint32(len(payload)))
	f.sum = frameSum(f.sum, head, payload)
	for _, b := range [][]byte{head, payload, binary.BigEndian.AppendUint32(nil, f.sum)} {
		n, err := f.w.Write(b)
		f.n += int64(n)
		if err != nil {
			return err
		}
	}
	return nil
}

func (f *frameWriter) magic() error {
	n, err := io.WriteString(f.w, backupMagic)
	f.n += int64(n)
	return err
}

func frameSum(before uint32, head, payload []byte) uint32 {
	s := crc32.Checksum(binary.BigEndian.AppendUint32(nil, before), castagnoli)
	return crc32.Update(crc32.Update(s, castagnoli, head), castagnoli, payload)
}

// frameReader reads the frames of a backup.
type frameReader struct {
	r   io.Reader
	sum uint32
	pos int64 // of the next frame
	buf []byte
}

func (f *frameReader) bad(pos int64, format string, args ...any) error {
	return &BackupError{Pos: pos, Why: fmt.Sprintf(format, args...)}
}

// magic reads the first line.
func (f *frameReader) magic() error {
	b := make([]byte, len(backupMagic))
	n, err := f.fill(b, 0)
	if err != nil {
		return err
	}
	if n < len(b) || string(b) != backupMagic {
		return f.bad(0, "it does not begin with %q", backupMagic)
	}
	f.pos = int64(n)
	return nil
}

// next reads one frame; payload is valid until the next one.
func (f *frameReader) next() (kind byte, payload []byte, err error) {
	var head [5]byte
	if err := f.whole(head[:], f.pos); err != nil {
		return 0, nil, err
	}
	n := int(binary.BigEndian.Uint32(head[1:]))
	if n > maxFrame {
		return 0, nil, f.bad(f.pos, "a part of %d bytes", n)
	}
	if cap(f.buf) < n+4 {
		f.buf = make([]byte, max(n+4, 2*frameSize))
	}
	b := f.buf[:n+4]
	if err := f.whole(b, f.pos+int64(len(head))); err != nil {
		return 0, nil, err
	}
	f.sum = frameSum(f.sum, head[:], b[:n])
	if got := binary.BigEndian.Uint32(b[n:]); got != f.sum {
		return 0, nil, f.bad(f.pos, "the part of %d bytes that begins here has the checksum %08x, want %08x", n, got, f.sum)
	}
	f.pos += int64(len(head) + len(b))
	return head[0], b[:n:n], nil
}

// end makes sure that nothing follows.
func (f *frameReader) end() error {
	if n, err := f.fill(make([]byte, 1), f.pos); err != nil || n == 0 {
		return err
	}
	return f.bad(f.pos, "something follows its end")
}

// whole fills b, which stands at pos.
func (f *frameReader) whole(b []byte, pos int64) error {
	n, err := f.fill(b, pos)
	if err == nil && n < len(b) {
		err = f.bad(pos+int64(n), "the file ends in the middle")
	}
	return err
}

// fill is io.ReadFull that takes the end of the file for no error.
func (f *frameReader) fill(b []byte, pos int64) (n int, err error) {
	n, err = io.ReadFull(f.r, b)
	if err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
		return n, fmt.Errorf("reading at position %d: %w", pos+int64(n), err)
	}
	return n, nil
}
