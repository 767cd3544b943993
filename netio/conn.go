package netio

import (
	"errors"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"github.com/valyala/bytebufferpool"
)

// Reasons that OnClose may get, beside the system's own errors.
var (
	ErrOverflow         = errors.New("netio: the peer does not read, its send queue is full")
	ErrLingerTimeout    = errors.New("netio: the peer did not take the last bytes in time")
	ErrHandshakeTimeout = errors.New("netio: the TLS handshake took too long")
	ErrAborted          = errors.New("netio: connection aborted")
	ErrShutdown         = errors.New("netio: the engine is shut down")
)

// A Conn is one connection. It is never reused: a *Conn that outlives its
// socket refuses everything and harms nobody.
type Conn struct {
	loop *loop
	ls   *Listener
	h    Handler

	mu  sync.Mutex // guards out, err, and fd against use outside of the loop
	out *sendQueue // frames that no system call has taken; nil when empty
	err error      // the reason for OnClose, the first one given

	in  *bytebufferpool.ByteBuffer // kept input from inOff on; nil when empty. Loop only
	tls atomic.Pointer[tlsConn]    // set on the loop
	// next links the loop's list of Conns with something to do.
	next *Conn
	// prev, succ, filed, due and sysDue belong to the wheel (timer.go). Loop only.
	prev, succ  *Conn
	filed       uint32 // tick under which the wheel holds this Conn; 0: it does not
	due, sysDue uint32 // ticks of OnTimer, and of the handshake's or the lingering's end; 0: none

	flags    atomic.Uint32 // f* bits
	lastRead atomic.Uint32 // tick
	inOff    uint32        // bytes of in that are used up. Loop only
	fd       int32         // -1 when closed
	gen      int32         // tells this Conn's events from those of an earlier one with the same fd
	st       uint16        // st* bits. Loop only
	mask     uint8         // what epoll watches for: m* bits. Loop only
}

// Bits of Conn.flags. fClosing, fAbort, fOverflow and fClosed are set under
// Conn.mu, because Send decides by them.
const (
	fDirty    = 1 << iota // on the loop's list
	fClosing              // Close was called
	fAbort                // Abort was called
	fOverflow             // the queue went over its limit
	fClosed               // OnClose has been or is being called
	fPaused
	fResume // Resume was called and the loop has not seen it
	fSecure // the handshake is over
	fNamed  // SetRemoteAddr was called
)

const fEnding = fClosing | fAbort | fClosed

// Bits of Conn.st.
const (
	stHold     = 1 << iota // reading is withheld
	stBlocked              // the socket takes no more: wait for EPOLLOUT
	stEOF                  // the peer's end of input was seen
	stEOFTold              // OnEOF was called
	stOverTold             // OnOverflow was called
	stClosing              // Close is under way
	stNotified             // close_notify is written or queued
	stShut                 // our sending side is shut down
	stDialing              // not connected yet
	stNoSocket             // there is no socket (see Unplugged)
	stHup                  // hung up while reading is withheld: out of epoll
)

// wake sets bits and puts the Conn on its loop's list.
func (c *Conn) wake(bits uint32) {
	if c.flags.Or(bits|fDirty)&fDirty == 0 {
		c.loop.push(c)
	}
}

// Send queues f, which it takes over, and never blocks. It returns false, and f
// is released, when the Conn is closing or its queue is over the limit. Any
// goroutine; what one goroutine sends leaves in that order.
func (c *Conn) Send(f Frame) bool {
	b := f.Bytes()
	c.mu.Lock()
	if c.flags.Load()&(fEnding|fOverflow) != 0 {
		c.mu.Unlock()
		f.Release()
		return false
	}
	if c.out != nil && c.out.bytes+len(b) > int(c.ls.sendLimit.Load()) {
		c.flags.Or(fOverflow)
		c.mu.Unlock()
		c.wake(0)
		f.Release()
		return false
	}
	c.enqueue(f, b)
	c.crowd(c.out)
	c.mu.Unlock()
	c.wake(0)
	return true
}

// SendLast queues f, past the limit if need be, and closes the Conn. Any
// goroutine.
func (c *Conn) SendLast(f Frame) {
	b := f.Bytes()
	c.mu.Lock()
	ending := c.flags.Load()&fEnding != 0
	if !ending {
		c.enqueue(f, b)
		c.flags.Or(fClosing)
	}
	c.mu.Unlock()
	if ending {
		f.Release()
		return
	}
	c.wake(0)
}

// enqueue appends f to the queue. c.mu is held.
func (c *Conn) enqueue(f Frame, b []byte) {
	if c.out == nil {
		c.out = c.loop.e.getQueue()
	}
	c.out.push(f, b)
}

// Close writes what is queued (close_notify under TLS), ends the connection and
// calls OnClose; LingerTimeout bounds it. Nothing more is read or queued, and of
// the Handler only OnClose is called. Any goroutine.
func (c *Conn) Close() { c.end(fClosing, nil) }

// Abort drops what is queued, resets the connection now, and OnClose gets err
// (ErrAborted for nil). Any goroutine.
func (c *Conn) Abort(err error) {
	if err == nil {
		err = ErrAborted
	}
	c.end(fAbort, err)
}

// end sets a bit that ends the Conn, and the reason unless there is one.
func (c *Conn) end(bit uint32, err error) {
	c.mu.Lock()
	if c.flags.Load()&fClosed != 0 {
		c.mu.Unlock()
		return
	}
	c.flags.Or(bit)
	if c.err == nil {
		c.err = err
	}
	c.mu.Unlock()
	c.wake(0)
}

// Pause stops the calls of OnData and OnEOF, and the reading with them, until
// Resume. On the loop only; pause before handing work to the goroutine that
// resumes. A TLS handshake reads on regardless.
func (c *Conn) Pause() {
	c.flags.And(^uint32(fResume))
	c.flags.Or(fPaused)
}

// Resume ends Pause: kept bytes are offered again, then reading goes on. Any
// goroutine.
func (c *Conn) Resume() {
	for {
		old := c.flags.Load()
		if old&fPaused == 0 {
			return
		}
		// In one step: a loop that saw neither bit would tell the end of input
		// before the kept bytes are offered.
		if c.flags.CompareAndSwap(old, old&^fPaused|fResume|fDirty) {
			if old&fDirty == 0 {
				c.loop.push(c)
			}
			return
		}
	}
}

// SetHandler gives the Conn to another Handler, as when its first bytes have said what it is for. On
// the loop only, from a call of the Handler that it has.
func (c *Conn) SetHandler(h Handler) { c.h = h }

// Post runs fn on the loop, in the order of the calls, unless OnClose comes
// first: then it is dropped. Any goroutine.
func (c *Conn) Post(fn func()) {
	if c.flags.Load()&fClosed == 0 {
		c.loop.post(task{c: c, fn: fn})
	}
}

// SetTimer has OnTimer called once, d from now (rounded up to the tick),
// instead of whenever it was set before; 0 stops it. On the loop only.
func (c *Conn) SetTimer(d time.Duration) {
	if c.flags.Load()&fClosed != 0 {
		return
	}
	c.due = 0
	if d > 0 {
		c.due = c.loop.e.dueTick(d)
		c.loop.wheel.file(c, c.due)
	}
}

// IdleSeconds returns the whole seconds since the last byte was read. Any
// goroutine.
func (c *Conn) IdleSeconds() int {
	e := c.loop.e
	ticks := e.ticks() - c.lastRead.Load()
	return int(time.Duration(ticks) * e.cfg.Tick / time.Second)
}

// Number is the same for the whole life of a Conn and differs between most Conns. Any goroutine.
func (c *Conn) Number() uint { return uint(c.gen) }

// LocalAddr asks the kernel for our end of the connection, as RemoteAddr does for
// the other.
func (c *Conn) LocalAddr() netip.AddrPort {
	c.mu.Lock()
	defer c.mu.Unlock()
	return localAddr(c.fd)
}
