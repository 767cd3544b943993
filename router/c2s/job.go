package c2s

import (
	"errors"
	"fmt"
	"runtime/debug"
	"sync/atomic"

	"roost/router/stream"
	"roost/xmlstream/stanza"
)

// jobState says whether work beside the loop is going on for a Stream. The loop sets jobNone →
// jobRunning; when the connection ends meanwhile, jobRunning → jobOrphan. The worker ends with
// jobRunning → jobNone, or finds jobOrphan and then is the one to clean up.
type jobState struct{ v atomic.Uint32 }

const (
	jobNone uint32 = iota
	jobRunning
	jobOrphan
)

// orphaned reports that the connection has ended while work was under way: whatever matters to
// this client alone need not be done any more.
func (j *jobState) orphaned() bool { return j.v.Load() == jobOrphan }

// async runs work in pool and then, on the loop, then. Until then the Stream waits: nothing more is
// read or handled. What work writes to s is seen by then, and by release when the connection is
// gone. Views of the element at hand end here.
func (s *Stream) async(pool *stream.Pool, work, then func()) {
	s.begin(func(fn func()) bool { pool.Go(fn); return true }, work, then)
}

// compute is async for credentials, where every address has its turn. It is false, and nothing has
// happened, when too many of the client's address wait there.
func (s *Stream) compute(work, then func()) bool {
	return s.begin(func(fn func()) bool { return s.srv.Auth.GoFor(s.nego.peer.Addr(), fn) }, work, then)
}

func (s *Stream) begin(start func(func()) bool, work, then func()) bool {
	s.job.v.Store(jobRunning)
	if !start(func() {
		if err := s.srv.guard(work); err != nil {
			then = func() { s.fail(err) }
		}
		if !s.job.v.CompareAndSwap(jobRunning, jobNone) {
			s.release()
			return
		}
		s.conn.Post(func() { s.goOn(then) }) // the loop is still in here
	}) {
		s.job.v.Store(jobNone)
		return false
	}
	s.tok.Release()
	s.waiting = true
	s.conn.Pause()
	return true
}

// goOn ends the wait for work that has been done.
func (s *Stream) goOn(then func()) {
	s.waiting = false
	if then != nil {
		then()
	}
	switch {
	case s.waiting: // then has begun another work
	case s.state == stClosing: // it ended meanwhile, or just now
		s.leave()
	default:
		s.conn.Resume()
	}
}

// leave takes the session off line beside the loop, once the stream has said its last word. The
// loop calls it while nothing else goes on.
func (s *Stream) leave() {
	if s.seat.Bound() && !s.left {
		s.left = true
		s.srv.Work.Go(s.release)
	}
}

// finish is the last thing that the loop does for a Stream: the session must go, after the work
// that may be going on.
func (s *Stream) finish() {
	if !s.job.v.CompareAndSwap(jobRunning, jobOrphan) { // else the worker sees to it
		s.leave()
	}
}

// release takes the session off line. It blocks, and may be called more than once.
func (s *Stream) release() {
	if s.seat.Bound() {
		s.srv.guard(func() { s.srv.Router.Unbind(&s.seat.Session, "") })
	}
}

// errPanic marks a fault of ours that was caught.
var errPanic = errors.New("panic")

// guard runs work and turns a panic into an error.
func (srv *Server) guard(work func()) (err error) {
	defer srv.caught(&err)
	work()
	return nil
}

// caught, deferred, turns a panic into a stream error and logs it with its stack: a fault in handling
// one stanza ends one stream (RFC 6120 §4.9.3.8).
func (srv *Server) caught(err *error) {
	if p := recover(); p != nil {
		srv.Log.Error("panic while handling a stanza", "panic", p, "stack", string(debug.Stack()))
		*err = &stanza.StreamError{Condition: stanza.StreamInternalServerError, Err: fmt.Errorf("%w: %v", errPanic, p)}
	}
}
