package netio

import (
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/valyala/bytebufferpool"
	"golang.org/x/sys/unix"

	"roost/netio/record"
)

// defaultHandshakeTimeout stands for a time-out of zero.
const defaultHandshakeTimeout = 30 * time.Second

// A tlsConn is what a Conn keeps for TLS. crypto/tls shakes hands on a goroutine
// (handshake.go). Afterwards a connection of TLS 1.3 is taken away from it: its
// records are opened and sealed here, on the loop, with rec (records.go,
// takeover.go). Other connections stay with crypto/tls, which then runs on the
// loop, too (library.go).
type tlsConn struct {
	lib  *library                   // nil once the records are ours
	out  *bytebufferpool.ByteBuffer // sealed bytes from off on; nil when there are none. lib.mu guards both during the handshake
	off  uint32
	at   int32                      // place in loop.hot, from 1 on; 0: rec has no ciphers
	cool uint32                     // tick at which rec gives its ciphers back
	part *bytebufferpool.ByteBuffer // the beginning of a record
	rec  record.State
}

// shaking says that the handshake is not over. On the loop.
func (t *tlsConn) shaking() bool { return t != nil && t.lib != nil && t.lib.hs != nil }

// StartTLS begins a TLS handshake as the server. What OnData does not use
// belongs to the handshake and is never seen as plain text; what was sent before
// leaves in plain text and what is sent from now on waits for the handshake,
// whose end OnTLS reports, at the latest after timeout (30 s for 0). On the loop
// only, once.
//
// Connections share session tickets when they are given the same cfg. Of ticket
// keys that are set on what its GetConfigForClient returns nothing is known here:
// set WrapSession and UnwrapSession there, or the keys of cfg are used. cfg should
// set DynamicRecordSizingDisabled, so that a batch takes few records in TLS 1.2.
func (c *Conn) StartTLS(cfg *tls.Config, timeout time.Duration) { c.startTLS(cfg, timeout, false) }

// StartTLSClient is StartTLS as the client, which speaks first. cfg says whom to expect: ServerName.
// Session tickets of TLS 1.3 are not kept where the records are ours.
func (c *Conn) StartTLSClient(cfg *tls.Config, timeout time.Duration) { c.startTLS(cfg, timeout, true) }

func (c *Conn) startTLS(cfg *tls.Config, timeout time.Duration, client bool) {
	if c.flags.Load()&fEnding != 0 {
		return
	}
	if cfg == nil || c.tls.Load() != nil {
		c.Abort(errors.New("netio: StartTLS without a configuration, or for the second time"))
		return
	}
	l := c.loop
	t := c.newHandshake(cfg, client)
	c.mu.Lock()
	q := c.out
	c.out = nil
	c.tls.Store(t)
	c.mu.Unlock()
	if q != nil {
		// What was sent before goes first, as it is.
		t.out = l.getBuffer()
		for _, it := range q.items[q.head:] {
			t.out.B = append(t.out.B, it.b...)
			l.done = append(l.done, it.f)
		}
		l.e.putQueue(q)
		l.releaseDone()
	}
	l.count.handshakesOpen.Add(1)
	if timeout <= 0 {
		timeout = defaultHandshakeTimeout
	}
	l.setDeadline(c, timeout)
	c.wake(0)
}

// TLS returns the version and the cipher suite of the TLS connection, 0 and 0
// before the handshake is over. Whatever else there is to know, OnTLS was told.
// Any goroutine.
func (c *Conn) TLS() (version, suite uint16) {
	if c.flags.Load()&fSecure == 0 {
		return 0, 0
	}
	t := c.tls.Load()
	if t.lib == nil {
		return tls.VersionTLS13, t.rec.Suite()
	}
	st := t.lib.conn.ConnectionState()
	return st.Version, st.CipherSuite
}

// openRecords opens received bytes and offers what comes out. It goes on to the
// end of b even when the Handler pauses: at most one read buffer more is kept.
// b is borrowed, and overwritten.
func (l *loop) openRecords(c *Conn, t *tlsConn, b []byte) {
	var err error
	if t.lib != nil {
		err = l.openLibrary(c, t.lib, b)
	} else {
		err = l.openOwn(c, t, b)
	}
	l.afterRecords(c, t, err)
}

// afterRecords serves what reading records has led to, beside data.
func (l *loop) afterRecords(c *Conn, t *tlsConn, err error) {
	if c.flags.Load()&fEnding != 0 {
		return
	}
	switch {
	case err == nil:
	case err == io.EOF: // close_notify; a transport itself knows no end
		c.st |= stEOF
		l.watch(c)
		l.tellEOF(c)
	default:
		if e, ok := errors.AsType[*record.Error](err); ok {
			t.queue(l, func(dst []byte) []byte { return t.rec.AppendAlert(dst, e.Alert) })
		}
		l.fail(c, fmt.Errorf("TLS: %w", err))
	}
	// Reading may write: alerts, answers to key updates (RFC 8446 §4.6.3). A
	// peer that asks crypto/tls for those and does not read them is not served
	// for ever.
	switch waiting := t.sealed(); {
	case waiting > maxSealed:
		l.count.overflows.Add(1)
		c.Abort(ErrOverflow)
	case waiting > 0 || t.rec.Owes():
		c.wake(0)
	}
}

// queue has add append sealed bytes to what waits for the socket.
func (t *tlsConn) queue(l *loop, add func(dst []byte) []byte) {
	if t.out == nil {
		t.out, t.off = l.getBuffer(), 0
	}
	t.out.B = add(t.out.B)
}

// notify queues close_notify. After an alert there is none.
func (l *loop) notify(c *Conn, t *tlsConn) {
	if t.lib != nil {
		t.lib.conn.CloseWrite() // an error means that an alert went before
		return
	}
	l.warm(c, t)
	t.queue(l, t.rec.AppendClose)
}

// sealed returns how many bytes wait for the socket.
func (t *tlsConn) sealed() int {
	t.lib.lock()
	defer t.lib.unlock()
	if t.out == nil {
		return 0
	}
	return len(t.out.B) - int(t.off)
}

// write writes what waits for the socket: n of want bytes.
func (t *tlsConn) write(c *Conn) (n, want int, err error) {
	t.lib.lock()
	defer t.lib.unlock()
	if t.out == nil {
		return 0, 0, nil
	}
	b := t.out.B[t.off:]
	if len(b) > 0 {
		if n, err = unix.Write(int(c.fd), b); err != nil {
			return 0, len(b), err
		}
	}
	t.off += uint32(n)
	if n == len(b) {
		c.loop.putBuffer(t.out)
		t.out, t.off = nil, 0
	}
	return n, len(b), nil
}

// dropTLS gives everything back at the end of a Conn. A handshake that still
// runs sees the end by itself.
func (l *loop) dropTLS(t *tlsConn) {
	if t.lib != nil {
		l.dropLibrary(t)
	} else {
		l.dropOwn(t)
	}
	if t.out != nil {
		l.putBuffer(t.out)
		t.out = nil
	}
}
