package netio

import (
	"math"

	"golang.org/x/sys/unix"
)

// closeStep takes Close one step further: everything written, close_notify,
// shutdown, the peer's end of input, and the end. drained says that nothing waits
// for the socket.
func (l *loop) closeStep(c *Conn, drained bool) {
	t := c.tls.Load()
	if c.st&stClosing == 0 {
		c.st |= stClosing
		c.st &^= stHold
		l.drop(c)
		l.dropPart(t)
		if t.shaking() {
			l.cancelHandshake(t.lib, ErrAborted)
		}
		l.setDeadline(c, l.e.cfg.LingerTimeout)
		l.watch(c)
	}
	if !drained || c.flags.Load()&fClosed != 0 {
		return
	}
	if t != nil && c.flags.Load()&fSecure != 0 && c.st&stNotified == 0 {
		c.st |= stNotified
		l.notify(c, t)
		if !l.flush(c) {
			return
		}
	}
	if c.st&stShut == 0 {
		if err := unix.Shutdown(int(c.fd), unix.SHUT_WR); err != nil {
			l.finish(c, err, false)
			return
		}
		c.st |= stShut
	}
	if c.st&stEOF != 0 {
		l.finish(c, nil, false)
	}
}

// cut ends a Conn that has had its time to close.
func (l *loop) cut(c *Conn) {
	if c.st&stShut != 0 { // the kernel has everything; what is missing is only the peer's end
		l.finish(c, nil, false)
		return
	}
	c.Abort(ErrShutdown)
}

// fail ends a Conn for the reason err after what waits for the socket (a TLS
// alert, for one) is written.
func (l *loop) fail(c *Conn, err error) { c.end(fClosing, err) }

// finish is the end of a Conn: everything goes back, OnClose is called, the
// descriptor is closed. Only the owning loop comes here, once. hard resets the
// connection. The reason given first, by whoever ended the Conn, wins over err.
func (l *loop) finish(c *Conn, err error, hard bool) {
	c.mu.Lock()
	if c.flags.Or(fClosed)&fClosed != 0 {
		c.mu.Unlock()
		return
	}
	if c.err == nil {
		c.err = err
	}
	err = c.err
	q := c.out
	c.out = nil
	if q != nil {
		l.uncrowd(q, math.MaxInt)
	}
	c.mu.Unlock()

	if q != nil {
		for _, it := range q.items[q.head:] {
			if f, ok := it.f.(Unsent); ok {
				l.callUnsent(c, f)
			}
			l.done = append(l.done, it.f)
		}
		l.e.putQueue(q)
		l.releaseDone()
	}
	l.drop(c)
	if t := c.tls.Load(); t != nil {
		l.dropTLS(t)
	}
	if c.flags.Load()&fSecure != 0 {
		l.count.secured.Add(-1)
	}
	l.wheel.unlink(c)
	l.e.conns.set(c.fd, nil)
	dialing := c.st&stDialing != 0
	if dialing {
		l.letGo(c, hard) // who is told that it failed may try again, in the same place
	}
	if c.h != nil {
		l.callClose(c, err)
		c.h = nil // a *Conn that somebody still holds keeps no session alive
	}
	if c.ls.gate != nil {
		l.callEnded(c)
	}
	l.e.peers.forget(c)
	if !dialing {
		l.letGo(c, hard)
	}
}

// letGo closes c's descriptor and gives its place back.
func (l *loop) letGo(c *Conn, hard bool) {
	c.mu.Lock()
	fd := int(c.fd)
	c.fd = -1
	c.mu.Unlock()
	switch {
	case c.st&stNoSocket != 0: // it is not ours
	case hard:
		closeHard(fd)
	default:
		unix.Close(fd)
	}
	l.open.Add(-1)
	l.e.connGone()
}
