package netio

import (
	"crypto/tls"
	"net"
	"sync"
	"time"
)

// A library is crypto/tls at work for a Conn, over a transport, this type
// itself, that never waits for the socket. During the handshake a goroutine reads
// what the loop has put into hs; where crypto/tls goes on with the records, all
// of that happens on the loop.
type library struct {
	c    *Conn
	t    *tlsConn
	conn *tls.Conn
	hs   *handshake // nil when it is over; set on the loop
	feed []byte     // received, not yet read by conn; borrowed. Loop only

	mu   sync.Mutex // guards dead, t.out and t.off, and hs's fields; the loop shares them with the goroutine
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

// lock and unlock guard what is shared with the goroutine, while there is one.
func (lib *library) lock() {
	if lib != nil {
		lib.mu.Lock()
	}
}

func (lib *library) unlock() {
	if lib != nil {
		lib.mu.Unlock()
	}
}

// openLibrary feeds received bytes to crypto/tls and offers what comes out. nil:
// it wants more.
func (l *loop) openLibrary(c *Conn, lib *library, b []byte) error {
	if l.plain == nil {
		l.plain = make([]byte, l.e.cfg.ReadBuffer)
	}
	lib.feed = b
	n, err := 0, error(nil)
	for err == nil && c.flags.Load()&fEnding == 0 {
		var m int
		m, err = lib.conn.Read(l.plain[n:])
		n += m
		if n == len(l.plain) || err != nil && n > 0 {
			l.offer(c, l.plain[:n])
			scribble(l.plain[:n])
			n = 0
		}
	}
	lib.feed = nil
	if err == errAgain {
		return nil
	}
	return err
}

// sealLibrary moves the front of the queue into crypto/tls's records. false: the
// Conn is over.
func (l *loop) sealLibrary(c *Conn, lib *library) bool {
	buf := l.sealBuffer()
	c.mu.Lock()
	if c.out == nil {
		c.mu.Unlock()
		return true
	}
	buf = c.out.fill(buf[:0:maxSeal])
	l.advance(c, len(buf))
	c.mu.Unlock()
	l.releaseDone()
	if len(buf) == 0 {
		return true
	}
	_, err := lib.conn.Write(buf)
	scribble(buf)
	if err != nil {
		l.finish(c, err, false)
		return false
	}
	return true
}

// dropLibrary is dropTLS's half for crypto/tls.
func (l *loop) dropLibrary(t *tlsConn) {
	lib := t.lib
	lib.mu.Lock()
	lib.dead = true
	if lib.hs != nil {
		lib.hs.drop(l)
		lib.hs.cancel(net.ErrClosed)
	}
	lib.mu.Unlock()
	if lib.hs != nil {
		l.e.handshakes.forget(lib.hs)
		l.count.handshakesOpen.Add(-1)
		l.count.handshakesFailed.Add(1)
	}
}

// Read implements net.Conn for crypto/tls.
func (lib *library) Read(p []byte) (int, error) {
	if lib.hs != nil {
		return lib.readHandshake(p)
	}
	if len(lib.feed) == 0 {
		return 0, errAgain
	}
	n := copy(p, lib.feed)
	lib.feed = lib.feed[n:]
	return n, nil
}

// Write implements net.Conn for crypto/tls. It takes everything: crypto/tls
// never forgives a failed write.
func (lib *library) Write(p []byte) (int, error) {
	lib.mu.Lock()
	if lib.dead {
		lib.mu.Unlock()
		return 0, net.ErrClosed
	}
	lib.t.queue(lib.c.loop, func(dst []byte) []byte { return append(dst, p...) })
	lib.mu.Unlock()
	if lib.hs != nil {
		lib.hs.keys.wrote(p)
		lib.c.wake(0)
	}
	return len(p), nil
}

// Close and the deadlines implement net.Conn; the Conn has its own.
func (*library) Close() error                     { return nil }
func (*library) SetDeadline(time.Time) error      { return nil }
func (*library) SetReadDeadline(time.Time) error  { return nil }
func (*library) SetWriteDeadline(time.Time) error { return nil }

// LocalAddr and RemoteAddr implement net.Conn, for the callbacks of tls.Config.
func (lib *library) LocalAddr() net.Addr  { return net.TCPAddrFromAddrPort(lib.c.LocalAddr()) }
func (lib *library) RemoteAddr() net.Addr { return net.TCPAddrFromAddrPort(lib.c.RemoteAddr()) }
