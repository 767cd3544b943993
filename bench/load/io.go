package load

import (
	"errors"
	"fmt"
	"io"

	"roost/bench/measure"
	"roost/bench/sock"
	"roost/xmlstream"
)

// maxPending is how much waits for a server that does not read, in bytes; then the session fails.
const maxPending = 4 << 20

// buf returns the session's output, to be appended to and given to put.
func (e *Engine) buf(i int32) []byte {
	s := &e.sess[i]
	if s.out == nil {
		s.out = e.buffer()
	}
	if !s.queued {
		s.queued = true
		e.dirty = append(e.dirty, i)
	}
	return s.out
}

// put sets the session's output, which leaves at the end of the round.
func (e *Engine) put(i int32, b []byte) { e.sess[i].out = b }

// say sends text as it is.
func (e *Engine) say(i int32, text string) { e.put(i, append(e.buf(i), text...)) }

// flush writes what the round has left to be sent.
func (e *Engine) flush() {
	for n := 0; n < len(e.dirty); n++ { // send may fail, and a failure may begin something else
		i := e.dirty[n]
		s := &e.sess[i]
		s.queued = false
		if s.fd >= 0 && s.state != connect && s.state != handshake && !s.writable {
			e.send(i)
		}
	}
	e.dirty = e.dirty[:0]
}

// send writes what it can, and has epoll watch for room for the rest.
func (e *Engine) send(i int32) {
	s := &e.sess[i]
	if s.tls != nil && len(s.out) > 0 {
		if err := s.tls.seal(s.out); err != nil {
			e.fail(i, "TLS: "+err.Error())
			return
		}
		e.seg.BytesOut += int64(len(s.out))
		e.spare(s.out)
		s.out = nil
	}
	pending := &s.out
	if s.tls != nil {
		pending = &s.tls.sealed
	}
	if len(*pending) > 0 {
		n, err := sock.Write(int(s.fd), *pending)
		if err != nil && err != sock.ErrAgain {
			e.fail(i, errorName(err))
			return
		}
		if s.tls == nil {
			e.seg.BytesOut += int64(n)
		}
		if n < len(*pending) {
			*pending = (*pending)[:copy(*pending, (*pending)[n:])]
			if len(*pending) > maxPending {
				e.fail(i, "the server does not read")
				return
			}
		} else {
			e.spare(*pending)
			*pending = nil
		}
	}
	if want := len(*pending) > 0; want != s.writable {
		s.writable = want
		if err := e.poll.Watch(int(s.fd), i, want); err != nil {
			e.fail(i, errorName(err))
		}
	}
}

// read takes what has come.
func (e *Engine) read(i int32) {
	s := &e.sess[i]
	n, err := sock.Read(int(s.fd), e.rbuf)
	if err == sock.ErrAgain {
		return
	}
	e.now = e.clock()
	switch {
	case err != nil:
		e.ended(i, errorName(err))
	case n == 0:
		e.ended(i, "the server closed the connection")
	case s.tls != nil:
		e.unseal(i, e.rbuf[:n])
	default:
		e.take(i, e.rbuf[:n])
	}
}

// unseal takes bytes that came under TLS.
func (e *Engine) unseal(i int32, b []byte) {
	s := &e.sess[i]
	if s.state == handshake {
		s.tls.give(b)
		return
	}
	if e.plain == nil {
		e.plain = make([]byte, readSize)
	}
	t, serial := s.tls, s.serial
	t.feed = b
	for s.serial == serial && s.fd >= 0 {
		n, err := t.conn.Read(e.plain)
		if n > 0 {
			e.take(i, e.plain[:n])
		}
		if err == nil {
			continue
		}
		if s.serial != serial || s.fd < 0 || err == errAgain {
			break
		}
		if err == io.EOF {
			e.ended(i, "the server closed the connection")
		} else {
			e.fail(i, "TLS: "+err.Error())
		}
		break
	}
	t.feed = nil
}

// take gives application bytes to the tokenizer, and keeps what is not whole.
func (e *Engine) take(i int32, b []byte) {
	s := &e.sess[i]
	e.seg.BytesIn += int64(len(b))
	if len(s.in) > 0 {
		s.in = append(s.in, b...)
		b = s.in
	}
	used, serial := 0, s.serial
	for {
		ev, el, n, err := s.tok.Next(b[used:])
		used += n
		if err == xmlstream.ErrShort {
			break
		}
		if err != nil {
			e.fail(i, "bad XML: "+err.Error())
			return
		}
		if !e.element(i, ev, el) || s.serial != serial {
			return // the connection is another's, or nobody's, or TLS begins; buffers are given back
		}
		if s.fresh() { // a stream begins anew: what is behind belongs to it
			s.tok.Reset(nil)
		}
	}
	e.keep(s, b[used:])
}

// fresh reports, once, that a new header is awaited after SASL or TLS.
func (s *session) fresh() bool {
	if s.state != header || !s.restart {
		return false
	}
	s.restart = false
	return true
}

// keep holds on to input that is not whole.
func (e *Engine) keep(s *session, rest []byte) {
	switch {
	case len(rest) == 0:
		e.spare(s.in)
		s.in = nil
	case len(s.in) > 0:
		s.in = s.in[:copy(s.in, rest)]
	default:
		s.in = append(e.buffer(), rest...)
	}
}

// errorName makes an error short enough to be counted by: the last part, without addresses and numbers.
func errorName(err error) string {
	for {
		inner := errors.Unwrap(err)
		if inner == nil {
			return err.Error()
		}
		err = inner
	}
}

// ended serves the end of a connection that the server has closed.
func (e *Engine) ended(i int32, why string) {
	if e.sess[i].state == leaving {
		e.drop(i, measure.Cut, false)
		e.left(i)
		return
	}
	e.fail(i, why)
}

// fail ends a session that did not want to end: what was under way to it counts as lost.
func (e *Engine) fail(i int32, why string) {
	s := &e.sess[i]
	if s.fd < 0 {
		return
	}
	st := s.state
	e.drop(i, measure.Lost, false)
	switch {
	case st == leaving:
		e.left(i)
	case st == online:
		e.seg.Error(measure.Login, "session ended: "+why)
	default:
		e.seg.Error(kindOf[st], why)
		e.loginOver(i, fmt.Errorf("%s: %s", kindOf[st], why))
	}
}

// drop closes the connection and gives everything back; what was under way moves to a column.
func (e *Engine) drop(i int32, as measure.Column, reset bool) {
	s := &e.sess[i]
	switch s.state {
	case online:
		e.leaveOnline(i)
	case leaving:
		e.nLeaving--
	}
	e.giveUp(i, as)
	s.tok.Release()
	s.tok = xmlstream.Tokenizer{}
	e.spare(s.in)
	e.spare(s.out)
	s.in, s.out, s.sasl = nil, nil, nil
	if s.state == handshake { // its goroutine writes to the descriptor, which is closed when that has ended
		e.poll.Remove(int(s.fd))
		s.tls.reset = reset
		s.tls.kill()
	} else {
		sock.Close(int(s.fd), reset)
	}
	s.tls = nil
	s.fd = -1
	s.serial++
	s.state = off
	s.settled = never
	s.writable, s.secure, s.authed, s.restart = false, false, false, false
}
