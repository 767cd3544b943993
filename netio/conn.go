package netio

import (
	"crypto/tls"
	"net/netip"
	"time"
)

// A Conn is one connection. It is never reused: a *Conn that outlives its
// socket refuses everything and harms nobody.
type Conn struct{}

// Send queues f, which it takes over, and never blocks. It returns false, and f
// is released, when the Conn is closing or its queue is over the limit. Any
// goroutine; what one goroutine sends leaves in that order.
func (c *Conn) Send(f Frame) bool { return false }

// SendLast queues f, past the limit if need be, and closes the Conn. Any
// goroutine.
func (c *Conn) SendLast(f Frame) {}

// Close writes what is queued (close_notify under TLS), ends the connection and
// calls OnClose; LingerTimeout bounds it. Nothing more is read or queued. Any
// goroutine.
func (c *Conn) Close() {}

// Abort drops what is queued and ends the connection now; OnClose gets err. Any
// goroutine.
func (c *Conn) Abort(err error) {}

// Pause stops the calls of OnData and OnEOF, and soon the reading, until Resume.
// On the loop only; pause before handing work to the goroutine that resumes.
func (c *Conn) Pause() {}

// Resume ends Pause: kept bytes are offered again, then reading goes on. Any
// goroutine.
func (c *Conn) Resume() {}

// Post runs fn on the loop, in the order of the calls, unless OnClose comes
// first: then it is dropped. Any goroutine.
func (c *Conn) Post(fn func()) {}

// SetTimer has OnTimer called once, d from now (rounded up to the tick),
// instead of whenever it was set before; 0 stops it. On the loop only.
func (c *Conn) SetTimer(d time.Duration) {}

// IdleSeconds returns the whole seconds since the last byte was read. Any
// goroutine.
func (c *Conn) IdleSeconds() int { return 0 }

// StartTLS begins a TLS handshake as the server. What OnData does not use
// belongs to the handshake and is never seen as plain text; what was sent before
// leaves in plain text and what is sent from now on waits for the handshake,
// whose end OnTLS reports, at the latest after timeout. On the loop only.
// cfg should disable dynamic record sizing, so that a batch takes few records.
func (c *Conn) StartTLS(cfg *tls.Config, timeout time.Duration) {}

// TLS returns the state of the TLS connection, nil before the handshake is over.
// Any goroutine.
func (c *Conn) TLS() *tls.ConnectionState { return nil }

// RemoteAddr asks the kernel for the peer's address: IPv4 as such, Unix sockets
// as 127.0.0.1 with port 0, the zero value when the connection is gone. Any
// goroutine.
func (c *Conn) RemoteAddr() netip.AddrPort { return netip.AddrPort{} }

// LocalAddr is RemoteAddr's other end.
func (c *Conn) LocalAddr() netip.AddrPort { return netip.AddrPort{} }
