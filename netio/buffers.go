package netio

import "github.com/valyala/bytebufferpool"

// getBuffer and putBuffer take from and give back to the engine's pool; the
// counter lets tests prove that nothing leaks. A race build overwrites a buffer
// when it comes back, so that a stale view reads garbage in every test.
func (l *loop) getBuffer() *bytebufferpool.ByteBuffer {
	l.count.buffers.Add(1)
	return l.e.buffers.Get()
}

func (l *loop) putBuffer(b *bytebufferpool.ByteBuffer) {
	scribble(b.B[:cap(b.B)])
	l.count.buffers.Add(-1)
	l.e.buffers.Put(b)
}

// kept returns the input that OnData has not used yet.
func (c *Conn) kept() []byte {
	if c.in == nil {
		return nil
	}
	return c.in.B[c.inOff:]
}

// keep appends b to the kept input. What is used up is moved out of the way
// when it makes up half of the buffer, so that each byte is copied a bounded
// number of times.
func (l *loop) keep(c *Conn, b []byte) {
	if len(b) == 0 {
		return
	}
	if c.in == nil {
		c.in, c.inOff = l.getBuffer(), 0
	}
	if off := int(c.inOff); off > 0 && off >= len(c.in.B)/2 {
		n := copy(c.in.B, c.in.B[off:])
		c.in.B, c.inOff = c.in.B[:n], 0
	}
	c.in.B = append(c.in.B, b...)
}

// use drops n bytes from the front of the kept input, and the buffer with the
// last of them.
func (l *loop) use(c *Conn, n int) {
	if c.in == nil {
		return
	}
	scribble(c.in.B[c.inOff : int(c.inOff)+n])
	c.inOff += uint32(n)
	if int(c.inOff) == len(c.in.B) {
		l.drop(c)
	}
}

// drop gives the kept input back.
func (l *loop) drop(c *Conn) {
	if c.in != nil {
		l.putBuffer(c.in)
		c.in, c.inOff = nil, 0
	}
}
