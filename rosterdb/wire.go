package rosterdb

import (
	"encoding/binary"
	"unsafe"
)

// decoder reads numbers and strings one after the other. After the first error
// everything is zero, so that a caller asks once at the end.
type decoder struct {
	b   []byte
	err error
}

func (d *decoder) number() uint64 {
	v, n := binary.Uvarint(d.b)
	if n <= 0 {
		d.fail()
		return 0
	}
	d.b = d.b[n:]
	return v
}

func (d *decoder) byte() byte {
	if len(d.b) == 0 {
		d.fail()
		return 0
	}
	c := d.b[0]
	d.b = d.b[1:]
	return c
}

// take is the next n bytes, a view.
func (d *decoder) take(n int) []byte {
	if n < 0 || n > len(d.b) {
		d.fail()
		return nil
	}
	v := d.b[:n:n]
	d.b = d.b[n:]
	return v
}

// bytes is a string, a view.
func (d *decoder) bytes() []byte {
	n := d.number()
	if n > uint64(len(d.b)) {
		d.fail()
		return nil
	}
	return d.take(int(n))
}

// owned is a string, copied; nil when it is empty.
func (d *decoder) owned() []byte { return append([]byte(nil), d.bytes()...) }

func (d *decoder) fail() {
	d.b = nil
	if d.err == nil {
		d.err = errShort
	}
}

func appendString[T ~string | ~[]byte](b []byte, s T) []byte {
	b = binary.AppendUvarint(b, uint64(len(s)))
	return append(b, s...)
}

// viewOf is the bytes of s, for reading only.
func viewOf(s string) []byte { return unsafe.Slice(unsafe.StringData(s), len(s)) }
