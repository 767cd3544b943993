package stanza

import (
	"sync"
	"sync/atomic"

	"github.com/valyala/bytebufferpool"
)

// Frame is one serialized stanza, shared by every connection that it goes to. It is made with one
// reference; each queue that takes it owns one; the last Release gives the bytes back to the pool.
// Bytes must not be changed once the Frame has been handed on.
type Frame struct {
	buf   *bytebufferpool.ByteBuffer
	refs  atomic.Int32
	timer *Timer // nil: not timed
}

var frames = sync.Pool{New: func() any { return new(Frame) }}

// NewFrame borrows an empty Frame with one reference. Fill it with Set before handing it on.
func NewFrame() *Frame {
	f := frames.Get().(*Frame)
	f.buf = bytebufferpool.Get()
	f.refs.Store(1)
	return f
}

// FrameOf copies b into a new Frame.
func FrameOf(b []byte) *Frame {
	f := NewFrame()
	f.buf.B = append(f.buf.B, b...)
	return f
}

// FrameString copies s into a new Frame.
func FrameString(s string) *Frame {
	f := NewFrame()
	f.buf.B = append(f.buf.B, s...)
	return f
}

// Buf is the Frame's own buffer, to append to; give the result back with Set.
func (f *Frame) Buf() []byte { return f.buf.B }

// Set replaces the Frame's buffer by what was appended to Buf.
func (f *Frame) Set(b []byte) { f.buf.B = b }

// Bytes is the serialized stanza: borrowed, valid while the caller holds a reference.
func (f *Frame) Bytes() []byte { return f.buf.B }

// Timed lets t run until the last reference is dropped; nil for no timer.
func (f *Frame) Timed(t *Timer) { f.timer = t }

// Retain adds a reference for one more owner.
func (f *Frame) Retain() *Frame {
	f.refs.Add(1)
	return f
}

// Release drops one reference.
func (f *Frame) Release() {
	switch n := f.refs.Add(-1); {
	case n == 0:
		scribble(f.buf.B)
		bytebufferpool.Put(f.buf)
		f.buf = nil
		t := f.timer
		f.timer = nil
		frames.Put(f)
		t.stop()
	case n < 0:
		panic("stanza: Frame released more often than it was retained")
	}
}
