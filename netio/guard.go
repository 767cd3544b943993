package netio

import (
	"crypto/tls"
	"fmt"
	"runtime/debug"
)

// A PanicError is the reason for OnClose after a panic in a Handler.
type PanicError struct {
	Where string // the method
	Value any    // what was passed to panic
}

func (e *PanicError) Error() string { return fmt.Sprintf("netio: panic in %s: %v", e.Where, e.Value) }

// recovered is deferred around every call of foreign code on a loop: a panic
// there ends this one Conn.
func (l *loop) recovered(c *Conn, where string) {
	v := recover()
	if v == nil {
		return
	}
	l.count.panics.Add(1)
	l.e.cfg.Log.Error("netio: panic in a handler", "where", where, "value", v, "stack", string(debug.Stack()))
	c.Abort(&PanicError{where, v})
}

func (l *loop) callData(c *Conn, b []byte) (used int) {
	defer l.recovered(c, "OnData")
	used = c.h.OnData(c, b)
	if used < 0 || used > len(b) {
		panic(fmt.Sprintf("OnData used %d of %d bytes", used, len(b)))
	}
	return used
}

func (l *loop) callEOF(c *Conn) {
	defer l.recovered(c, "OnEOF")
	c.h.OnEOF(c)
}

func (l *loop) callTLS(c *Conn, st *tls.ConnectionState, err error) {
	defer l.recovered(c, "OnTLS")
	c.h.OnTLS(c, st, err)
}

func (l *loop) callTimer(c *Conn) {
	defer l.recovered(c, "OnTimer")
	c.h.OnTimer(c)
}

func (l *loop) callOverflow(c *Conn) {
	defer l.recovered(c, "OnOverflow")
	c.h.OnOverflow(c)
}

func (l *loop) callClose(c *Conn, err error) {
	defer l.recovered(c, "OnClose")
	c.h.OnClose(c, err)
}

func (l *loop) callEnded(c *Conn) {
	defer l.recovered(c, "Ended")
	c.ls.gate.Ended(c)
}

func (l *loop) callPosted(c *Conn, fn func()) {
	defer l.recovered(c, "Post")
	fn()
}

func (l *loop) callAccept(c *Conn, accept func(*Conn) Handler) (h Handler) {
	defer l.recovered(c, "accept")
	return accept(c)
}

func (l *loop) callDialed(c *Conn, d *dialing) (h Handler) {
	defer l.recovered(c, "dialed")
	return d.done(c, nil)
}

// callUndialed tells of a connecting that failed before there was a Conn.
func (l *loop) callUndialed(d *dialing, err error) {
	defer func() {
		if v := recover(); v != nil {
			l.count.panics.Add(1)
			l.e.cfg.Log.Error("netio: panic in a handler", "where", "dialed", "value", v, "stack", string(debug.Stack()))
		}
	}()
	d.done(nil, &DialError{d.to, err})
}

func (l *loop) callUnsent(c *Conn, f Unsent) {
	defer l.recovered(c, "Unsent")
	f.Unsent()
}

// releaseDone releases the frames that the last write has finished, and wakes
// who has waited for that. No lock is held. A Release that panics loses its own
// frame only.
func (l *loop) releaseDone() {
	if l.woken != nil {
		l.wakeSenders()
	}
	for i, f := range l.done {
		l.done[i] = nil
		l.release(f)
	}
	l.done = l.done[:0]
	if cap(l.done) > maxIov {
		l.done = nil
	}
}

func (l *loop) release(f Frame) {
	defer func() {
		if v := recover(); v != nil {
			l.count.panics.Add(1)
			l.e.cfg.Log.Error("netio: panic in Frame.Release", "value", v, "stack", string(debug.Stack()))
		}
	}()
	f.Release()
}
