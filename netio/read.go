package netio

import (
	"golang.org/x/sys/unix"
)

// ready serves one epoll event of a Conn.
func (l *loop) ready(c *Conn, events uint32) {
	if c.st&stDialing != 0 {
		l.dialed(c, events)
		return
	}
	if events&unix.EPOLLOUT != 0 && c.st&stBlocked != 0 {
		c.st &^= stBlocked
		c.wake(0) // the end of the batch writes, and tells epoll
	}
	if events&^unix.EPOLLOUT == 0 {
		return
	}
	fl := c.flags.Load()
	switch t := c.tls.Load(); {
	case fl&(fAbort|fClosed) != 0:
		return
	case c.st&(stHold|stEOF) != 0:
		l.hangup(c, events)
	case fl&fClosing != 0:
		l.discard(c)
	case t.shaking():
		l.readHandshake(c, t.lib)
	case fl&fPaused != 0:
		// Reading is withheld only now: most pauses end before anything
		// arrives, and cost no system call at all.
		c.st |= stHold
		l.watch(c)
		l.hangup(c, events)
	default:
		l.readData(c, t)
	}
}

// receive reads once into the loop's buffer. It returns nil when there is
// nothing for the caller: no bytes, or the end of input, or of the Conn.
func (l *loop) receive(c *Conn) []byte {
	n, err := unix.Read(int(c.fd), l.read)
	l.count.reads.Add(1)
	switch {
	case err != nil && again(err):
		return nil
	case err != nil:
		l.broken(c, err)
		return nil
	case n == 0:
		l.endOfInput(c)
		return nil
	}
	c.lastRead.Store(l.tick)
	l.count.bytesIn.Add(uint64(n))
	return l.read[:n]
}

func (l *loop) readData(c *Conn, t *tlsConn) {
	b := l.receive(c)
	if b == nil {
		return
	}
	if t != nil {
		l.openRecords(c, t, b)
	} else {
		l.offer(c, b)
	}
	scribble(b)
}

// offer gives new plain bytes to the Handler, behind those that it has left, and
// keeps what it leaves now. b is borrowed.
func (l *loop) offer(c *Conn, b []byte) {
	fl := c.flags.Load()
	if fl&fEnding != 0 {
		return
	}
	if fl&fPaused != 0 || c.in != nil {
		l.keep(c, b)
		if fl&fPaused == 0 {
			l.offerKept(c)
		}
		return
	}
	if used := l.callData(c, b); used < len(b) && c.flags.Load()&fEnding == 0 {
		l.keep(c, b[used:])
	}
}

// offerKept gives the kept bytes to the Handler.
func (l *loop) offerKept(c *Conn) {
	used := l.callData(c, c.kept())
	if c.flags.Load()&fEnding != 0 {
		l.drop(c)
		return
	}
	l.use(c, used)
}

// resume serves Resume: first the kept bytes, then the end of input if it was
// seen meanwhile, then the socket.
func (l *loop) resume(c *Conn) {
	if c.flags.Load()&(fPaused|fEnding) != 0 {
		return
	}
	if c.tls.Load().shaking() {
		return
	}
	if c.in != nil {
		l.offerKept(c)
	}
	l.tellEOF(c)
	if c.flags.Load()&(fPaused|fEnding) == 0 {
		c.st &^= stHold
		l.watch(c)
	}
}

// endOfInput notes that the peer will send nothing more.
func (l *loop) endOfInput(c *Conn) {
	c.st |= stEOF
	l.watch(c) // level-triggered: the end would be reported for ever
	if t := c.tls.Load(); t.shaking() {
		l.endHandshakeInput(t.lib)
		return
	}
	if c.flags.Load()&fClosing != 0 {
		c.wake(0)
		return
	}
	l.tellEOF(c)
}

// tellEOF calls OnEOF when it is time. After Resume the kept bytes come first.
func (l *loop) tellEOF(c *Conn) {
	if c.st&stEOF == 0 || c.st&stEOFTold != 0 || c.flags.Load()&(fPaused|fResume|fEnding) != 0 {
		return
	}
	c.st |= stEOFTold
	l.callEOF(c)
}

// discard reads and throws away what comes after Close: a socket that is closed
// with unread input would reset the connection and take our last bytes with it.
func (l *loop) discard(c *Conn) {
	if b := l.receive(c); b != nil {
		scribble(b)
	}
}

// hangup serves an error or a hang-up while nothing is being read. epoll goes on
// to report both, wanted or not.
func (l *loop) hangup(c *Conn, events uint32) {
	if events&(unix.EPOLLERR|unix.EPOLLHUP) == 0 {
		return
	}
	if err := sockError(int(c.fd)); err != nil {
		l.broken(c, err)
		return
	}
	if events&unix.EPOLLHUP == 0 {
		return
	}
	if c.st&stEOF != 0 {
		// Both directions are gone (a Unix peer has closed).
		if c.flags.Load()&fEnding == 0 || c.st&stShut == 0 {
			l.broken(c, unix.EPIPE)
		} else {
			l.finish(c, nil, false)
		}
		return
	}
	// There may be input that is withheld: leave epoll until it is wanted.
	c.st |= stHup
	l.watch(c)
}

// broken ends a Conn whose socket has failed. After we have written everything
// and shut our side down, a peer that resets has merely not waited for us.
func (l *loop) broken(c *Conn, err error) {
	if c.st&stShut != 0 {
		err = nil
	}
	l.finish(c, err, false)
}
