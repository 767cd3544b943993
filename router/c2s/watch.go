package c2s

import (
	"net/netip"

	"roost/xmlstream/jid"
	"roost/xmlstream/stanza"
)

// Watcher is shown the stanzas of bound sessions with the stream that they belong to. Its methods must
// not block and must not keep what they get; they are called by many goroutines.
type Watcher interface {
	Received(s *Stream, st *stanza.Stanza)
	Delivered(s *Stream, b []byte)
}

// eyes are all that watch. There are none most of the time: then a stanza costs the load of a pointer.
type eyes struct {
	tap   Tap
	watch Watcher
}

// SetTap has t shown every stanza of every stream; nil ends it. Any goroutine, at any time.
func (srv *Server) SetTap(t Tap) { srv.see(func(e *eyes) { e.tap = t }) }

// Tapped reports whether there is a Tap.
func (srv *Server) Tapped() bool { e := srv.eyes.Load(); return e != nil && e.tap != nil }

// SetWatcher has w shown the stanzas of bound sessions; nil ends it. Any goroutine, at any time.
func (srv *Server) SetWatcher(w Watcher) { srv.see(func(e *eyes) { e.watch = w }) }

func (srv *Server) see(change func(*eyes)) {
	for {
		old := srv.eyes.Load()
		var e eyes
		if old != nil {
			e = *old
		}
		change(&e)
		next := &e
		if e == (eyes{}) {
			next = nil
		}
		if srv.eyes.CompareAndSwap(old, next) {
			return
		}
	}
}

// address is the peer's, for the Tap.
func (s *Stream) address() netip.AddrPort {
	if m := s.more.Load(); m != nil && m.peer.IsValid() {
		return m.peer
	}
	return s.conn.RemoteAddr() // the stream is older than the Tap, and has not sent anything since
}

// remember keeps the peer's address of a stream that is older than the Tap: asking the kernel for each
// stanza costs more than the record. It is on the loop.
func (s *Stream) remember() {
	old := s.more.Load()
	if old != nil && old.peer.IsValid() {
		return
	}
	m := new(more)
	if old != nil {
		*m = *old // others look at nothing but peer
	}
	m.peer = s.conn.RemoteAddr()
	s.more.Store(m)
}

// received shows a stanza to those who watch. It is on the loop.
func (s *Stream) received(st *stanza.Stanza) {
	e := s.srv.eyes.Load()
	if e == nil {
		return
	}
	if e.tap != nil {
		s.remember()
		e.tap.Received(s.address(), st)
	}
	if e.watch != nil && s.nego == nil {
		e.watch.Received(s, st)
	}
}

// JID is the address of a session that is bound, and the zero value before.
func (s *Stream) JID() jid.JID { return s.seat.JID }

// State is where the stream stands, for people, and who is there: a JID once authenticated. On the loop only.
func (s *Stream) State() (state string, who jid.JID) {
	if s.nego == nil {
		return s.state.String(), s.seat.JID
	}
	return s.state.String(), s.nego.user
}

// Config is what the stream goes by. On the loop only.
func (s *Stream) Config() *Config { return s.cfg }

// Adopt has the stream of a session go by another configuration from now on; one that is logging in
// goes by that with which it began. On the loop only.
func (s *Stream) Adopt(cfg *Config) {
	if s.nego != nil || s.state != stBound {
		return
	}
	s.cfg = cfg
	s.tok.SetLimits(&cfg.Bound)
	if n := s.job.held(); n != 0 {
		s.unhold(n) // what is owed to a rate may be less now
	} else {
		s.setTimer(0)
	}
}

// HostGone ends the stream of a client that is logging in to a domain that is not served any more (RFC
// 6120 §4.9.3.5). On the loop only.
func (s *Stream) HostGone() {
	if s.nego != nil && s.nego.domain != "" && !s.srv.Router.Serves(s.nego.domain) {
		s.last(stanza.StreamHostGone.New())
	}
}
