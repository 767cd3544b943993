package c2s

import (
	"errors"
	"fmt"
	"log/slog"
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

func (s *Stream) busy() bool { return s.job.v.Load() != jobNone }

// async runs work in pool and then, on the loop, then. Until then the connection is paused: the
// next stanza waits. What work writes to s is seen by then, and by release when the connection is
// gone.
func (s *Stream) async(pool *stream.Pool, work, then func()) {
	s.job.v.Store(jobRunning)
	s.conn.Pause()
	pool.Go(func() {
		err := guard(work)
		if err != nil {
			s.srv.Log.Error("a stanza could not be handled", "peer", s.conn.RemoteAddr(), "err", err)
			then = func() { s.fail(&stanza.StreamError{Condition: stanza.StreamInternalServerError, Err: err}) }
		}
		if !s.job.v.CompareAndSwap(jobRunning, jobNone) {
			s.cleanUp()
			return
		}
		s.conn.Post(func() {
			if then != nil {
				then()
			}
			s.conn.Resume()
		})
	})
}

// finish takes the session off line beside the loop, after the work that may be going on. It is
// the last thing that a Stream does.
func (s *Stream) finish() {
	if s.job.v.CompareAndSwap(jobRunning, jobOrphan) {
		return // the worker cleans up
	}
	if s.sess != nil {
		s.srv.Work.Go(s.cleanUp)
	}
}

func (s *Stream) cleanUp() {
	if err := guard(s.release); err != nil {
		s.srv.Log.Error("a session could not be taken off line", "err", err)
	}
}

// errPanic marks a fault of ours that was caught.
var errPanic = errors.New("panic")

// guard runs work and turns a panic into an error: a fault in handling one stanza ends one stream.
func guard(work func()) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("%w: %v", errPanic, p)
			slog.Error("panic while handling a stanza", "panic", p, "stack", string(debug.Stack()))
		}
	}()
	work()
	return nil
}
