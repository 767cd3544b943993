package netio

import (
	"bytes"
	"container/list"
	"crypto/tls"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"runtime/debug"

	"github.com/valyala/bytebufferpool"

	"roost/netio/record"
)

// maxAhead is how many received bytes may wait for a handshake. A peer that runs
// further ahead is not read from.
const maxAhead = 32 << 10

// A handshake is what a Conn needs besides while its handshake runs. library.mu
// guards it, except where it says otherwise.
type handshake struct {
	in      *bytebufferpool.ByteBuffer // received, from off on
	off     int
	eof     bool
	err     error         // ends the handshake from outside
	ready   chan struct{} // one token: in, eof or err has changed
	client  bool          // ours is the first message: nothing is waited for
	started bool          // a goroutine works or is queued for it. Loop only
	left    int           // bytes of the record that crypto/tls is reading. The goroutine only
	keys    *keyLog       // nil: the records stay with crypto/tls. The goroutine only
	lib     *library

	// handshakes.mu guards these.
	from       *origin       // nil before the start and after the end
	queued     *list.Element // in from.queue; nil when it is not there
	age, share *list.Element // in handshakes.begun and from.begun; nil before the begin, when dropped, and after the end
	waits      bool          // for its peer

	done   bool // what follows is set, and the goroutine gone
	result error
	state  tls.ConnectionState
	taken  bool // rec is where the connection stands now
	rec    record.State
}

// newHandshake prepares crypto/tls for one connection.
func (c *Conn) newHandshake(cfg *tls.Config, client bool) *tlsConn {
	t := &tlsConn{lib: &library{c: c, hs: &handshake{ready: make(chan struct{}, 1), client: client}}}
	t.lib.t, t.lib.hs.lib = t, t.lib
	if !c.loop.e.cfg.LibraryRecords {
		t.lib.hs.keys = &keyLog{}
		cfg = t.lib.hs.keys.watch(cfg)
	}
	if client {
		t.lib.conn = tls.Client(t.lib, cfg)
	} else {
		t.lib.conn = tls.Server(t.lib, cfg)
	}
	return t
}

func (hs *handshake) pending() []byte {
	if hs.in == nil {
		return nil
	}
	return hs.in.B[hs.off:]
}

// take moves what OnData has left over to the handshake, to which it belongs:
// what came in plain text behind <starttls/> must not be believed (RFC 6120
// §5.4.3.3).
func (hs *handshake) take(c *Conn) {
	if c.in != nil {
		hs.in, hs.off = c.in, int(c.inOff)
		c.in, c.inOff = nil, 0
	}
}

// skipSpace drops white space in front of the first record. None begins with it, so it is not meant
// for TLS: some clients end <starttls/> with a line end, which RFC 6120 §5.3.3 does not allow.
func (hs *handshake) skipSpace(l *loop) {
	b := hs.pending()
	rest := bytes.TrimLeft(b, " \t\r\n")
	hs.off += len(b) - len(rest)
	if len(b) > 0 && len(rest) == 0 {
		hs.drop(l)
	}
}

// front returns what crypto/tls may read next: bytes of one record only, so that
// it never has bytes of the next one in hand when the handshake is over.
func (hs *handshake) front() []byte {
	b := hs.pending()
	if hs.left == 0 && len(b) > 0 {
		if hs.left = recordLen(b); hs.left == 0 {
			if !hs.eof {
				return nil
			}
			hs.left = len(b) // no record, as crypto/tls shall see
		}
	}
	return b[:min(len(b), hs.left)]
}

// recordLen returns the length of the record that b begins with, header included
// (RFC 8446 §5.1); 0 when b is shorter than a header.
func recordLen(b []byte) int {
	if len(b) < record.HeaderLen {
		return 0
	}
	return record.HeaderLen + int(binary.BigEndian.Uint16(b[record.HeaderLen-2:]))
}

func (hs *handshake) poke() {
	select {
	case hs.ready <- struct{}{}:
	default:
	}
}

func (hs *handshake) cancel(err error) {
	if hs.err == nil {
		hs.err = err
	}
	hs.poke()
}

func (hs *handshake) drop(l *loop) {
	if hs.in != nil {
		l.putBuffer(hs.in)
		hs.in, hs.off = nil, 0
	}
}

// handshake runs on a goroutine of its own until the loop can take over.
func (t *library) handshake(h *handshakes) {
	h.cpu <- struct{}{}
	err := t.tryHandshake()
	<-h.cpu
	hs := t.hs
	t.mu.Lock()
	hs.done, hs.result = true, err
	t.mu.Unlock()
	t.c.wake(0)
}

// tryHandshake recovers from panics: tls.Config may hold callbacks.
func (t *library) tryHandshake() (err error) {
	defer func() {
		if v := recover(); v != nil {
			l := t.c.loop
			l.count.panics.Add(1)
			l.e.cfg.Log.Error("netio: panic in a TLS handshake", "value", v, "stack", string(debug.Stack()))
			err = &PanicError{"TLS handshake", v}
		}
	}()
	if err := t.conn.Handshake(); err != nil {
		return err
	}
	hs := t.hs
	hs.state = t.conn.ConnectionState()
	hs.rec, hs.taken = hs.keys.take(&hs.state, hs.client)
	return nil
}

// readHandshake is Read for the goroutine: it waits, without its token.
func (t *library) readHandshake(p []byte) (int, error) {
	hs := t.hs
	for {
		t.mu.Lock()
		if b := hs.front(); len(b) > 0 && hs.err == nil {
			n := copy(p, b)
			pending := len(hs.pending())
			hs.off += n
			hs.left -= n
			if n == pending {
				hs.drop(t.c.loop)
			}
			t.mu.Unlock()
			if pending >= maxAhead {
				t.c.wake(0) // the loop may read again
			}
			return n, nil
		}
		err := hs.err
		if err == nil && hs.eof {
			err = io.EOF
		}
		t.mu.Unlock()
		if err != nil {
			return 0, err
		}
		t.c.loop.e.handshakes.await(hs)
	}
}

// readHandshake reads for the handshake.
func (l *loop) readHandshake(c *Conn, t *library) {
	b := l.receive(c)
	if b == nil {
		return
	}
	t.mu.Lock()
	hs := t.hs
	hs.take(c)
	if hs.in == nil {
		hs.in = l.getBuffer()
	}
	hs.in.B = append(hs.in.B, b...)
	t.mu.Unlock()
	scribble(b)
	c.wake(0)
}

// endHandshakeInput tells the handshake that nothing more will come.
func (l *loop) endHandshakeInput(t *library) {
	t.mu.Lock()
	t.hs.eof = true
	t.mu.Unlock()
	t.c.wake(0)
}

// cancelHandshake ends the handshake with err. It is over when the goroutine has
// seen that, or at once when there is none.
func (l *loop) cancelHandshake(t *library, err error) {
	hs := t.hs
	idle := !hs.started || l.e.handshakes.forget(hs)
	t.mu.Lock()
	hs.cancel(err)
	if idle && !hs.done {
		hs.started, hs.done, hs.result = true, true, err
	}
	t.mu.Unlock()
	t.c.wake(0)
}

// serviceHandshake moves a handshake on after its input, or its state, has
// changed.
func (l *loop) serviceHandshake(c *Conn, t *library) {
	hs := t.hs
	t.mu.Lock()
	hs.take(c)
	if !hs.started {
		hs.skipSpace(l)
	}
	b := hs.pending()
	ahead := len(b) >= maxAhead
	start := !hs.started && (hs.client || hs.eof || firstRecord(b))
	done := hs.done
	t.mu.Unlock()
	if done {
		l.handshakeOver(c, t.t)
		return
	}
	if start {
		hs.started = true
		l.e.handshakes.start(hs)
	}
	if len(b) > 0 || hs.eof {
		hs.poke()
	}
	if ahead {
		c.st |= stHold
	} else {
		c.st &^= stHold
	}
	l.watch(c)
}

// firstRecord says that crypto/tls will not have to wait for the rest of b's
// first record, or that it is none (RFC 8446 §5.1).
func firstRecord(b []byte) bool {
	const handshakeType, maxLen = 22, record.HeaderLen + 1<<14 + 2048
	if len(b) == 0 {
		return false
	}
	if b[0] != handshakeType {
		return true
	}
	n := recordLen(b)
	return n > maxLen || n > 0 && len(b) >= n
}

// handshakeOver takes the connection over from the goroutine, and from crypto/tls
// if it can.
func (l *loop) handshakeOver(c *Conn, t *tlsConn) {
	lib := t.lib
	hs := lib.hs
	lib.mu.Lock()
	in, off := hs.in, hs.off
	hs.in = nil
	lib.mu.Unlock()
	lib.hs = nil
	if hs.taken {
		t.lib, t.rec = nil, hs.rec
		hs.rec.Clear()
		l.warm(c, t)
	}
	l.count.handshakesOpen.Add(-1)
	if in != nil {
		defer l.putBuffer(in)
	}
	if hs.result != nil {
		l.count.handshakesFailed.Add(1)
	} else {
		l.count.handshakes.Add(1)
	}
	if c.flags.Load()&fEnding != 0 {
		return
	}
	l.setDeadline(c, 0)
	if hs.result != nil {
		l.callTLS(c, nil, hs.result)
		if errors.Is(hs.result, ErrHandshakeDropped) {
			l.count.handshakesDropped.Add(1)
			c.Abort(ErrHandshakeDropped) // what is short must not be kept for a silent peer's last bytes
			return
		}
		l.fail(c, fmt.Errorf("TLS handshake: %w", hs.result))
		return
	}
	c.flags.Or(fSecure)
	l.count.secured.Add(1)
	state := hs.state
	l.callTLS(c, &state, nil)
	var b []byte
	if in != nil {
		b = in.B[off:]
	}
	l.openRecords(c, t, b)
	if hs.eof {
		l.endOfInput(c)
	}
	if c.flags.Load()&(fPaused|fEnding) == 0 {
		c.st &^= stHold
		l.watch(c)
	}
}
