package c2s

import (
	"context"
	"crypto/tls"
	"errors"
	"log/slog"
	"net/netip"
	"sync/atomic"
	"time"

	"roost/netio"
	"roost/router"
	"roost/router/sasl"
	"roost/router/stream"
	"roost/xmlstream"
	"roost/xmlstream/jid"
	"roost/xmlstream/stanza"
)

// state is where a Stream stands. It only moves forward, but for the failures that a client may
// try again.
type state uint8

const (
	stHeader     state = iota // waits for a stream header, nobody is authenticated
	stTLS                     // a TLS handshake is going on
	stFeatures                // features are offered, nobody is authenticated
	stChallenge               // a SASL exchange waits for the client
	stAuthHeader              // waits for the stream header after SASL
	stBind                    // authenticated, waits for the resource
	stBound                   // a session
	stClosing                 // the last word is said
	nStates
)

var stateNames = [nStates]string{"header", "tls", "features", "challenge", "header after authentication",
	"bind", "bound", "closing"}

func (st state) String() string { return stateNames[st] }

// steps has one function per state for a complete child element of the stream. A nil error goes
// on; a *stanza.StreamError ends the stream.
var steps = [nStates]func(*Stream, xmlstream.Element) error{
	stHeader:     (*Stream).unexpected,
	stTLS:        (*Stream).unexpected,
	stFeatures:   (*Stream).onFeature,
	stChallenge:  (*Stream).onResponse,
	stAuthHeader: (*Stream).unexpected,
	stBind:       (*Stream).onBind,
	stBound:      (*Stream).onStanza,
	stClosing:    (*Stream).unexpected,
}

// Stream is one client's stream. All fields belong to the loop, but for what job.go says.
type Stream struct {
	srv  *Server
	cfg  *Config
	conn *netio.Conn
	nego *negotiation         // nil once bound
	more atomic.Pointer[more] // what few streams have; nil for the others
	seat router.Seat          // filled by the work of binding; the loop looks at it once nego is nil
	tok  xmlstream.Tokenizer
	job  jobState
	sum  summary

	state      state
	headerSent bool // ours, on this stream: an error needs one in front
	waiting    bool // for work beside the loop, until goOn
	left       bool // the session was told to go off line
}

// negotiation is what a Stream needs until it is bound.
type negotiation struct {
	peer      netip.AddrPort
	until     time.Time // the end of AuthTimeout; zero: none
	domain    string
	user      jid.JID // bare; set by SASL
	exchange  sasl.Exchange
	mechanism string   // of the exchange, and later of the one that succeeded
	tls       uint8    // tlsNumber
	env       sasl.Env // what mechanisms may know of the stream; fixed once features are offered

	failures   int // attempts that were refused
	mismatches int // attempts that failed over channel binding

	then func() // what follows on a hold; nil: nothing but going on
}

// OnData implements netio.Handler. It cuts and handles elements until the bytes run out, the
// stream ends, or work beside the loop must be waited for.
func (s *Stream) OnData(c *netio.Conn, b []byte) (used int) {
	for s.state != stClosing && s.state != stTLS && !s.waiting {
		ev, el, n, err := s.tok.Next(b[used:])
		used += n
		if err == xmlstream.ErrShort {
			s.charge(n, 0)
			return used
		}
		if err == nil {
			err = s.onEvent(ev, el)
		}
		if err != nil {
			s.fail(err)
		}
		s.charge(n, 1)
	}
	if s.state == stClosing {
		return len(b) // RFC 6120 §4.9.1.1: after the last word nothing is handled
	}
	return used
}

func (s *Stream) onEvent(ev xmlstream.Event, el xmlstream.Element) (err error) {
	defer s.srv.caught(&err)
	switch ev {
	case xmlstream.Open:
		return s.onHeader(el)
	case xmlstream.Close:
		s.onEnd()
		return nil
	}
	if el.Is(stanza.NSStream, "error") { // RFC 6120 §4.9.1.1: it ends the stream, without an answer in kind
		s.srv.Log.Info("the client ended its stream with an error", "peer", s.who(), "error", stream.Clip(el.First().Local()))
		s.onEnd()
		return nil
	}
	return steps[s.state](s, el)
}

// unexpected answers an element in a state that takes none.
func (s *Stream) unexpected(el xmlstream.Element) error {
	return stanza.StreamUnsupportedStanzaType.With("an element in state " + s.state.String())
}

// unsupported is RFC 6120 §4.9.3.24: a first-level element that this server does not know.
func unsupported(el xmlstream.Element) error {
	return stanza.StreamUnsupportedStanzaType.With("unknown element <" + stream.Clip(el.Local()) + "/>")
}

// OnEOF implements netio.Handler: the client sends no more, so the stream is over (RFC 6120 §4.4).
func (s *Stream) OnEOF(*netio.Conn) { s.onEnd() }

// OnTLS implements netio.Handler.
func (s *Stream) OnTLS(_ *netio.Conn, st *tls.ConnectionState, err error) {
	if err != nil {
		s.state = stClosing
		s.srv.Log.Info("TLS handshake failed", "peer", s.nego.peer, "err", err)
		return
	}
	s.state = stHeader
	s.headerSent = false
	s.tok.Reset(&s.cfg.PreAuth) // RFC 6120 §5.4.3.3: what was said before TLS is forgotten
	s.nego = newNegotiation(s.cfg, s.nego.peer, s.nego.until)
	s.secured(st)
}

// OnTimer implements netio.Handler: the time for logging in, and the idle time.
func (s *Stream) OnTimer(c *netio.Conn) {
	if n := s.job.held(); n != 0 {
		s.unhold(n)
		return
	}
	if s.nego != nil && !s.nego.until.IsZero() && !time.Now().Before(s.nego.until) {
		s.fail(stanza.StreamConnectionTimeout.With("not logged in within " + s.cfg.AuthTimeout.String()))
		return
	}
	idle := time.Duration(c.IdleSeconds()) * time.Second
	if s.waiting { // it is our turn: what the client may have said is not read yet
		idle = 0
	}
	if s.cfg.IdleTime > 0 && idle >= s.cfg.IdleTime { // RFC 6120 §4.6.3
		s.fail(stanza.StreamConnectionTimeout.With("idle for " + s.cfg.IdleTime.String()))
		return
	}
	s.setTimer(idle)
}

// setTimer has OnTimer called when the next of its times may be over, for a client that has been
// idle for so long.
func (s *Stream) setTimer(idle time.Duration) {
	next := s.cfg.IdleTime
	if next > 0 {
		next -= idle
	}
	if s.nego != nil && !s.nego.until.IsZero() {
		if left := max(time.Until(s.nego.until), 1); next == 0 || left < next {
			next = left
		}
	}
	s.conn.SetTimer(next)
}

// OnOverflow implements netio.Handler: the client does not read what it is sent (RFC 6120
// §4.9.3.17).
func (s *Stream) OnOverflow(*netio.Conn) {
	s.fail(stanza.StreamResourceConstraint.With("too much is waiting for you to read it"))
}

// OnClose implements netio.Handler.
func (s *Stream) OnClose(_ *netio.Conn, err error) {
	s.state = stClosing
	s.tok.Release()
	if s.nego == nil {
		s.srv.Log.LogAttrs(context.Background(), slog.LevelInfo, "session ended", append([]slog.Attr{
			slog.String("jid", s.seat.JID.String()), slog.Any("peer", s.address())}, s.sum.attrs(err)...)...)
	}
	s.finish()
}

// who names the stream in the log.
func (s *Stream) who() string {
	switch {
	case s.nego == nil:
		return s.seat.JID.String()
	case !s.nego.user.IsZero():
		return s.nego.user.String()
	}
	return s.nego.peer.String()
}

// write queues what is not a stanza of somebody else's.
func (s *Stream) write(fill func(dst []byte) []byte) {
	f := stanza.NewFrame()
	f.Set(fill(f.Buf()))
	s.conn.Send(f)
}

func (s *Stream) writeString(v string) { s.conn.Send(stanza.FrameString(v)) }

// fail ends the stream with an error (RFC 6120 §4.9.1.1). It is on the loop.
func (s *Stream) fail(err error) {
	if s.state == stClosing {
		return
	}
	e := stream.FromXML(err)
	s.srv.Log.Info("stream error", "peer", s.who(), "state", s.state.String(), "err", error(e))
	s.last(e)
}

// last says the last word: header when there was none yet (§4.9.1.2), error, end tag. A session goes
// off line now: the connection may linger.
func (s *Stream) last(e *stanza.StreamError) {
	if s.state == stClosing {
		return
	}
	handshake := s.state == stTLS
	s.state = stClosing
	s.sum.ended(e)
	if handshake {
		s.conn.Abort(errors.New("ended during the TLS handshake"))
		return
	}
	f := stanza.NewFrame()
	dst := f.Buf()
	if !s.headerSent {
		dst = s.answer(jid.JID{}).Append(dst)
	}
	f.Set(stream.AppendLast(dst, e))
	if eyes := s.srv.eyes.Load(); eyes != nil && e != nil {
		if eyes.tap != nil {
			eyes.tap.Delivered(s.address(), f.Bytes())
		}
		if eyes.watch != nil && s.nego == nil {
			eyes.watch.Delivered(s, f.Bytes())
		}
	}
	s.conn.SendLast(f)
	if !s.waiting || s.job.held() != 0 {
		s.leave()
	}
}

// onEnd answers the client's end of the stream (RFC 6120 §4.4): the session goes off line first.
func (s *Stream) onEnd() {
	if s.state == stBound {
		s.async(s.srv.Work, s.release, func() {
			s.left = true
			s.last(nil)
		})
		return
	}
	s.last(nil)
}

// Deliver implements router.Outlet. Any goroutine.
func (s *Stream) Deliver(f *stanza.Frame) bool {
	k := stream.KindOf(f.Bytes())
	eyes := s.srv.eyes.Load()
	if eyes != nil {
		defer f.Retain().Release()
	}
	if !s.conn.Send(f) {
		return false // it goes elsewhere, or is kept
	}
	s.srv.Meter.Delivered(s.conn.Number(), k)
	if k != stanza.NotStanza {
		s.sum.out.Add(1)
	}
	if eyes != nil {
		if eyes.tap != nil {
			eyes.tap.Delivered(s.address(), f.Bytes())
		}
		if eyes.watch != nil {
			eyes.watch.Delivered(s, f.Bytes())
		}
	}
	return true
}

// End implements router.Outlet. Any goroutine.
func (s *Stream) End(e *stanza.StreamError) { s.conn.Post(func() { s.last(e) }) }
