package netio

import (
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"sync"
	"time"

	"github.com/valyala/bytebufferpool"
	"golang.org/x/sys/unix"
)

// defaultHandshakeTimeout stands for a time-out of zero.
const defaultHandshakeTimeout = 30 * time.Second

// A tlsConn is the TLS half of a Conn: crypto/tls over a transport, this type
// itself, that never waits for the socket. During the handshake a goroutine
// reads what the loop has put into hs; afterwards everything happens on the
// loop: openRecords hands received bytes to tls.Conn.Read, sealQueue and
// closeStep queue what tls.Conn writes. Nobody else calls tls.Conn, so that
// another way to open and seal records has three places to go to.
type tlsConn struct {
	c    *Conn
	conn *tls.Conn
	hs   *handshake // nil when it is over; set on the loop
	feed []byte     // received, not yet read by conn; borrowed. Loop only

	mu   sync.Mutex // guards the fields below, and hs's; the loop shares them with the goroutine
	out  *bytebufferpool.ByteBuffer
	off  int // bytes of out that are written
	dead bool
}

// errAgain is what the transport says when there are no bytes. Both of its
// methods matter: crypto/tls keeps any other error for good (conn.go,
// readRecordOrCCS, "e.Temporary()").
var errAgain net.Error = againError{}

type againError struct{}

func (againError) Error() string   { return "netio: no bytes yet" }
func (againError) Timeout() bool   { return true }
func (againError) Temporary() bool { return true }

// StartTLS begins a TLS handshake as the server. What OnData does not use
// belongs to the handshake and is never seen as plain text; what was sent before
// leaves in plain text and what is sent from now on waits for the handshake,
// whose end OnTLS reports, at the latest after timeout (30 s for 0). On the loop
// only, once. cfg should set DynamicRecordSizingDisabled, so that a batch takes
// few records.
func (c *Conn) StartTLS(cfg *tls.Config, timeout time.Duration) {
	c.startTLS(cfg, timeout, tls.Server, false)
}

// StartTLSClient is StartTLS for the end that speaks first.
func (c *Conn) StartTLSClient(cfg *tls.Config, timeout time.Duration) {
	c.startTLS(cfg, timeout, tls.Client, true)
}

// startTLS begins a handshake in a role; first: we have the first word.
func (c *Conn) startTLS(cfg *tls.Config, timeout time.Duration, role func(net.Conn, *tls.Config) *tls.Conn, first bool) {
	if c.flags.Load()&fEnding != 0 {
		return
	}
	if cfg == nil || c.tls.Load() != nil {
		c.Abort(errors.New("netio: StartTLS without a configuration, or for the second time"))
		return
	}
	l := c.loop
	t := &tlsConn{c: c, hs: &handshake{ready: make(chan struct{}, 1), first: first}}
	t.conn = role(t, cfg)
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

// openRecords feeds received bytes to crypto/tls and offers what comes out. It
// goes on to the end of b even when the Handler pauses, for tls.Conn has bytes
// of its own in hand: at most one read buffer and one record more are kept.
func (l *loop) openRecords(c *Conn, t *tlsConn, b []byte) {
	if l.plain == nil {
		l.plain = make([]byte, l.e.cfg.ReadBuffer)
	}
	t.feed = b
	n, err := 0, error(nil)
	for err == nil && c.flags.Load()&fEnding == 0 {
		var m int
		m, err = t.conn.Read(l.plain[n:])
		n += m
		if n == len(l.plain) || err != nil && n > 0 {
			l.offer(c, l.plain[:n])
			scribble(l.plain[:n])
			n = 0
		}
	}
	t.feed = nil
	l.afterRecords(c, t, err)
}

// afterRecords serves what reading records has led to, beside data.
func (l *loop) afterRecords(c *Conn, t *tlsConn, err error) {
	if c.flags.Load()&fEnding != 0 {
		return
	}
	switch {
	case err == errAgain:
	case err == io.EOF: // close_notify; the transport itself knows no end
		c.st |= stEOF
		l.watch(c)
		l.tellEOF(c)
	default:
		l.fail(c, fmt.Errorf("TLS: %w", err))
	}
	// Reading may write: alerts, answers to key updates (RFC 8446 §4.6.3). A
	// peer that asks for those and does not read them is not served for ever.
	switch waiting := t.sealed(); {
	case waiting > maxSealed:
		l.count.overflows.Add(1)
		c.Abort(ErrOverflow)
	case waiting > 0:
		c.wake(0)
	}
}

// sealed returns how many bytes wait for the socket.
func (t *tlsConn) sealed() int {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.out == nil {
		return 0
	}
	return len(t.out.B) - t.off
}

// write writes what waits for the socket: n of want bytes.
func (t *tlsConn) write() (n, want int, err error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.out == nil {
		return 0, 0, nil
	}
	b := t.out.B[t.off:]
	if n, err = unix.Write(int(t.c.fd), b); err != nil {
		return 0, len(b), err
	}
	t.off += n
	if n == len(b) {
		t.c.loop.putBuffer(t.out)
		t.out, t.off = nil, 0
	}
	return n, len(b), nil
}

// dropTLS gives everything back at the end of a Conn. A handshake that still
// runs sees the end by itself.
func (l *loop) dropTLS(t *tlsConn) {
	t.mu.Lock()
	t.dead = true
	if t.out != nil {
		l.putBuffer(t.out)
		t.out = nil
	}
	if t.hs != nil {
		t.hs.drop(l)
		t.hs.cancel(net.ErrClosed)
	}
	t.mu.Unlock()
	if t.hs != nil {
		l.e.handshakes.forget(t)
		l.count.handshakesOpen.Add(-1)
		l.count.handshakesFailed.Add(1)
	}
}

// Read implements net.Conn for crypto/tls.
func (t *tlsConn) Read(p []byte) (int, error) {
	if t.hs != nil {
		return t.readHandshake(p)
	}
	if len(t.feed) == 0 {
		return 0, errAgain
	}
	n := copy(p, t.feed)
	t.feed = t.feed[n:]
	return n, nil
}

// Write implements net.Conn for crypto/tls. It takes everything: crypto/tls
// never forgives a failed write.
func (t *tlsConn) Write(p []byte) (int, error) {
	t.mu.Lock()
	if t.dead {
		t.mu.Unlock()
		return 0, net.ErrClosed
	}
	if t.out == nil {
		t.out = t.c.loop.getBuffer()
	}
	t.out.B = append(t.out.B, p...)
	t.mu.Unlock()
	if t.hs != nil {
		t.c.wake(0)
	}
	return len(p), nil
}

// Close and the deadlines implement net.Conn; the Conn has its own.
func (t *tlsConn) Close() error                     { return nil }
func (t *tlsConn) SetDeadline(time.Time) error      { return nil }
func (t *tlsConn) SetReadDeadline(time.Time) error  { return nil }
func (t *tlsConn) SetWriteDeadline(time.Time) error { return nil }

// LocalAddr and RemoteAddr implement net.Conn, for the callbacks of tls.Config.
func (t *tlsConn) LocalAddr() net.Addr  { return net.TCPAddrFromAddrPort(t.c.LocalAddr()) }
func (t *tlsConn) RemoteAddr() net.Addr { return net.TCPAddrFromAddrPort(t.c.RemoteAddr()) }
