package c2s

import (
	"time"

	"roost/xmlstream/jid"
)

// holdTime bounds how long a stream is not read from because one of those that it sends to reads
// more slowly.
const holdTime = time.Second

// maxHold is how long a session is not read from at most before it is looked at again.
const maxHold = time.Minute

// heldMark is set in jobState.v, beside a number that tells one hold from the next, while the Stream
// waits for a receiver or for its turn.
const heldMark uint32 = 1 << 31

// yield stops reading when the stanza that was just sent to to has gone to a client with much to read
// still: until that has come down, for a second at most. So a flood waits where it comes from, and a
// receiver that reads, if slowly, is not cut for it (send_queue_limit). A receiver that takes no part
// of it in that second gets no such help any more, which is why two that flood each other without
// reading cannot stop each other for longer. It is on the loop, behind the router.
func (s *Stream) yield(to jid.JID) {
	if !s.conn.Crowds() || s.state != stBound || to.IsZero() {
		return
	}
	for _, t := range s.srv.Router.Sessions(to.Bare()) {
		out, ok := t.Outlet().(*Stream)
		if !ok || !to.IsBare() && t.JID != to {
			continue
		}
		n := s.srv.nextHold()
		if !out.conn.AwaitRoom(func() { s.conn.Post(func() { s.unhold(n) }) }) {
			continue
		}
		s.hold(n, holdTime)
		return
	}
}

// wait reads no more for the time d and then calls then, unless the stream has ended. A session, which has
// no then, waits for maxHold at most and looks again at what it owes. Views of the element at hand end here. On the
// loop, while nothing else is waited for.
func (s *Stream) wait(d time.Duration, then func()) {
	if s.nego != nil {
		s.nego.then = then
	} else {
		d = min(d, maxHold)
	}
	s.hold(s.srv.nextHold(), d)
}

// hold reads no more until unhold(n), which the timer calls after d.
func (s *Stream) hold(n uint32, d time.Duration) {
	s.job.v.Store(n)
	s.tok.Release()
	s.waiting = true
	s.conn.Pause()
	s.conn.SetTimer(d)
}

func (srv *Server) nextHold() uint32 { return heldMark | srv.holds.Add(1) }

// unhold ends the hold n, unless it is over.
func (s *Stream) unhold(n uint32) {
	if !s.job.v.CompareAndSwap(n, jobNone) {
		return
	}
	s.setTimer(0) // a client that was not read from was not idle
	then := s.settle
	if s.nego != nil {
		then, s.nego.then = s.nego.then, nil
	}
	s.goOn(then)
}

// held is the number of the hold that is on; 0: none is.
func (j *jobState) held() uint32 {
	if v := j.v.Load(); v&heldMark != 0 {
		return v
	}
	return 0
}
