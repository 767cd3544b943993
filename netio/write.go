package netio

import (
	"golang.org/x/sys/unix"
)

const (
	maxSeal   = 64 << 10 // plain bytes that are sealed and written at once
	maxSealed = 80 << 10 // sealed bytes that may wait, besides the queue's SendLimit: those and some answers
)

// flush writes what waits for the socket, with one system call, and says whether
// nothing is left. If something is, either epoll will tell when the socket takes
// more, or the Conn is on the list again.
func (l *loop) flush(c *Conn) (drained bool) {
	if c.st&stBlocked != 0 {
		return false
	}
	t := c.tls.Load()
	if t == nil {
		drained = l.flushQueue(c)
	} else {
		drained = l.flushRecords(c, t)
	}
	if c.flags.Load()&fClosed == 0 {
		l.watch(c)
	}
	return drained
}

// flushQueue writes frames as they are.
func (l *loop) flushQueue(c *Conn) bool {
	c.mu.Lock()
	if c.out == nil {
		c.mu.Unlock()
		return true
	}
	items := c.out.items[c.out.head:]
	items = items[:min(len(items), maxIov)]
	iov, want := l.iov[:0], 0
	for _, it := range items {
		if len(it.b) > 0 {
			v := unix.Iovec{Base: &it.b[0]}
			v.SetLen(len(it.b))
			iov = append(iov, v)
			want += len(it.b)
		}
	}
	c.mu.Unlock()
	// The frames stay queued, hence unreleased, during the write.
	n, err := 0, error(nil)
	if want > 0 {
		n, err = writev(int(c.fd), iov)
		clear(iov)
	}
	return l.written(c, n, want, err, true)
}

// flushRecords writes sealed bytes: first those that wait, else as much of the
// queue as one write may take.
func (l *loop) flushRecords(c *Conn, t *tlsConn) bool {
	var n, want int
	var err error
	more := c.flags.Load()&fSecure != 0 && c.st&stNotified == 0
	switch waits := t.sealed() > 0; {
	case more && !waits && t.lib == nil:
		n, want, err = l.writeRecords(c, t)
	case more && !waits && !l.sealLibrary(c, t.lib):
		return false
	default:
		n, want, err = t.write(c)
	}
	if !l.written(c, n, want, err, false) {
		return false
	}
	if !more {
		return true // what is queued waits for the end of the handshake, or is lost
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.out != nil || t.rec.Owes() {
		c.wake(0)
		return false
	}
	return true
}

// written accounts for one write of n out of want bytes and says whether nothing
// is left. queue: they were the queue's.
func (l *loop) written(c *Conn, n, want int, err error, queue bool) bool {
	if err != nil && !again(err) {
		l.broken(c, err)
		return false
	}
	left := false
	if want > 0 {
		l.count.writes.Add(1)
		l.count.bytesOut.Add(uint64(n))
	}
	if queue {
		c.mu.Lock()
		l.advance(c, n)
		left = c.out != nil
		c.mu.Unlock()
		l.releaseDone()
	}
	switch {
	case err == unix.EINTR:
		c.wake(0)
		return false
	case n < want:
		c.st |= stBlocked
		return false
	case left: // sent meanwhile, or more than one call takes: the others first
		c.wake(0)
		return false
	}
	return true
}

// advance takes n written bytes off c's queue and leaves the finished frames in
// l.done. c.mu is held.
func (l *loop) advance(c *Conn, n int) {
	if c.out == nil {
		return
	}
	l.done = c.out.advance(n, l.done)
	l.uncrowd(c.out, int(c.ls.sendLimit.Load()/4))
	if c.out.empty() {
		l.e.putQueue(c.out)
		c.out = nil
	}
}
