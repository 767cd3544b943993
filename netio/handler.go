package netio

import "crypto/tls"

// A Frame is serialized bytes that several connections may share. Bytes must
// return the same bytes on every call until the last reference is released and
// they must not change; both methods are called from any goroutine. Release
// must not call back into a Conn.
type Frame interface {
	Bytes() []byte
	Release()
}

// Unsent is implemented by Frames that want to know of an end that came too early.
type Unsent interface {
	// Unsent is called on the loop, before OnClose and Release, when the Conn has ended and no system
	// call has taken the whole Frame. Under TLS it is not called for what was sealed already.
	Unsent()
}

// A Handler is the owner of a Conn. All calls come on the Conn's loop, one at a
// time, and must not block. A panic in any of them is recovered, logged with its
// stack, and aborts this Conn alone.
type Handler interface {
	// OnData offers everything that was received and not yet used. It returns
	// how many bytes it has used; the rest is kept and stands at the front of
	// the next call, which comes with more bytes or after Resume. b is
	// borrowed until OnData returns. After calling Pause, StartTLS, Close or
	// Abort, OnData returns at once.
	OnData(c *Conn, b []byte) (used int)
	// OnEOF reports that the peer has closed its sending side (a half close,
	// or close_notify under TLS). Answering is still possible; the Handler
	// closes the Conn when it is done.
	OnEOF(c *Conn)
	// OnTLS reports the end of the handshake that StartTLS began. With an
	// error (st is nil then) the Conn closes by itself afterwards.
	OnTLS(c *Conn, st *tls.ConnectionState, err error)
	// OnTimer reports that the timer set by SetTimer has fired.
	OnTimer(c *Conn)
	// OnOverflow reports, once, that a Send found the queue over its limit: a
	// peer that does not read. Nothing more is queued, except what OnOverflow
	// itself queues with SendLast. The Conn closes when OnOverflow returns.
	OnOverflow(c *Conn)
	// OnClose is the last call. err is nil when both sides ended in order.
	OnClose(c *Conn, err error)
}
