package s2s

import (
	"crypto/tls"
	"errors"
	"fmt"
	"runtime/debug"
	"sync/atomic"
	"time"

	"roost/netio"
	"roost/router/stream"
	"roost/xmlstream"
	"roost/xmlstream/stanza"
)

// Namespaces of streams between servers.
const (
	nsDialback        = "jabber:server:dialback"
	nsDialbackFeature = "urn:xmpp:features:dialback" // XEP-0220 §2.5
	nsBidi            = "urn:xmpp:bidi"              // XEP-0288
	nsBidiFeature     = "urn:xmpp:features:bidi"
)

// link is what streams of both directions share. Its fields belong to the loop, but for used.
type link struct {
	srv     *Server
	conn    *netio.Conn
	tok     xmlstream.Tokenizer
	limits  *xmlstream.Limits
	end     ender
	left    []*stanza.Frame // stanzas that the connection had not written when it ended
	used    atomic.Int64    // when a stanza last went by: seconds of the server's clock
	waiting bool            // for work beside the loop
	over    bool            // nothing is handled any more
	parting atomic.Bool     // our end tag is sent, the peer's is waited for; set on the loop
	wrote   bool            // our header, on this stream: an error needs one in front
	secure  bool
}

// ender is the stream that a link is part of.
type ender interface {
	// handle does what an event asks for; an error ends the stream.
	handle(xmlstream.Event, xmlstream.Element) error
	// header is ours, for a stream that ends before there was one.
	header() stream.Answer
	// fail logs err and ends the stream with it.
	fail(err error)
}

// OnData implements netio.Handler.
func (l *link) OnData(_ *netio.Conn, b []byte) (used int) {
	conn := l.conn
	for !l.over && !l.waiting && l.conn == conn && l.limits != nil {
		ev, el, n, err := l.tok.Next(b[used:])
		used += n
		if err == xmlstream.ErrShort {
			return used
		}
		if err == nil {
			err = l.guarded(ev, el)
		}
		if err != nil {
			l.end.fail(err)
		}
	}
	if l.over {
		return len(b) // RFC 6120 §4.9.1.1: after the last word nothing is handled
	}
	return used
}

// guarded turns a panic into the end of this stream alone (RFC 6120 §4.9.3.8).
func (l *link) guarded(ev xmlstream.Event, el xmlstream.Element) (err error) {
	defer l.srv.caught(&err)
	return l.end.handle(ev, el)
}

func (s *Server) caught(err *error) {
	if p := recover(); p != nil {
		s.log.Error("panic in a stream between servers", "panic", p, "stack", string(debug.Stack()))
		*err = &stanza.StreamError{Condition: stanza.StreamInternalServerError, Err: fmt.Errorf("panic: %v", p)}
	}
}

// restart begins a new stream on the connection (RFC 6120 §4.3.3).
func (l *link) restart(limits *xmlstream.Limits) {
	l.wrote, l.limits = false, limits
	l.tok.Reset(limits)
}

// shake withholds the input from the tokenizer: what comes now belongs to the handshake.
func (l *link) shake() {
	l.tok.Release()
	l.limits = nil
}

// partTime is how long a peer may take to end its side after we have ended ours.
const partTime = 10 * time.Second

// part ends our side of a stream with which nothing is wrong: what the peer had sent before it learned of that
// is still handled (RFC 6120 §4.4).
func (l *link) part() {
	l.writeString(stream.End)
	l.parting.Store(true)
	l.conn.SetTimer(partTime)
}

// write queues what is not a stanza. After our end tag there is nothing more to say.
func (l *link) write(fill func(dst []byte) []byte) {
	if l.parting.Load() {
		return
	}
	f := stanza.NewFrame()
	f.Set(fill(f.Buf()))
	l.conn.Send(f)
}

func (l *link) writeString(v string) {
	if !l.parting.Load() {
		l.conn.Send(stanza.FrameString(v))
	}
}

// writeHeader writes our header.
func (l *link) writeHeader() {
	l.wrote = true
	l.write(l.end.header().Append)
}

// last says the last word (RFC 6120 §4.4, §4.9.1): header when there was none, error, end tag.
func (l *link) last(e *stanza.StreamError) {
	if l.over {
		return
	}
	l.over = true
	if l.parting.Load() { // it is said
		l.conn.Close()
		return
	}
	if l.limits == nil && !l.secure {
		l.conn.Abort(errors.New("ended during the TLS handshake"))
		return
	}
	f := stanza.NewFrame()
	dst := f.Buf()
	if !l.wrote {
		dst = l.end.header().Append(dst)
	}
	f.Set(stream.AppendLast(dst, e))
	l.conn.SendLast(f)
}

// async runs work beside the loop and then, on the loop, then, unless the connection has ended.
// Nothing is read meanwhile. Views of the element at hand end here.
func (l *link) async(work, then func()) {
	l.waiting = true
	l.tok.Release()
	conn := l.conn
	conn.Pause()
	l.srv.c.Work.Go(func() {
		err := l.srv.guard(work)
		conn.Post(func() {
			l.waiting = false
			switch {
			case err != nil:
				l.end.fail(err)
			case then != nil && !l.over:
				then()
			}
			if !l.waiting {
				conn.Resume()
			}
		})
	})
}

// guard runs work and turns a panic into an error.
func (s *Server) guard(work func()) (err error) {
	defer s.caught(&err)
	work()
	return nil
}

// touch notes that a stanza went by.
func (l *link) touch() { l.used.Store(l.srv.seconds()) }

// idle is how long none did.
func (l *link) idle() time.Duration {
	return time.Duration(l.srv.seconds()-l.used.Load()) * time.Second
}

// pass queues a stanza, which it takes over. It is false, and f still the caller's, when the stream
// is ending. Any goroutine.
func (l *link) pass(conn *netio.Conn, f *stanza.Frame) bool {
	if l.parting.Load() || !conn.Send(&parcel{f.Retain(), l}) {
		return false
	}
	l.touch()
	if t := l.srv.watcher(); t != nil {
		t.Delivered(conn.RemoteAddr(), f.Bytes())
	}
	f.Release()
	return true
}

// A parcel is a stanza on its way through a connection.
type parcel struct {
	*stanza.Frame
	link *link
}

// Unsent implements netio.Unsent.
func (p *parcel) Unsent() { p.link.left = append(p.link.left, p.Frame.Retain()) }

// giveBack returns to their senders what the connection has not written. OnClose calls it.
func (l *link) giveBack(remote string) {
	left := l.left
	if l.left = nil; left == nil {
		return
	}
	l.srv.log.Info("stanzas come back from a stream that broke", "domain", remote, "returned", len(left))
	l.srv.c.Work.Go(func() {
		for _, f := range left {
			l.srv.Router.Undelivered(f, stanza.RemoteServerTimeout.With("the stream to "+remote+" broke"))
		}
	})
}

// take hands a stanza of a pair that is proven to the router. Its addresses were checked.
func (l *link) take(st *stanza.Stanza) {
	l.touch()
	if t := l.srv.watcher(); t != nil {
		t.Received(l.conn.RemoteAddr(), st)
	}
	if l.srv.Router.Inbound(st, false) {
		return
	}
	own := st.Clone()
	l.async(func() { l.srv.Router.Inbound(own, true) }, nil)
}

// pairOf reads the addresses of a stanza from another server: both are required (RFC 6120 §8.1.1.2,
// §8.1.2.2).
func pairOf(st *stanza.Stanza) (Pair, error) {
	if st.Bad != nil && st.Bad.Condition == stanza.JIDMalformed || st.From.IsZero() || st.To.IsZero() { // §4.9.3.7
		return Pair{}, stanza.StreamImproperAddressing.With("a stanza between servers needs a from and a to address")
	}
	return Pair{st.To.Domain(), st.From.Domain()}, nil
}

// unsupported is RFC 6120 §4.9.3.24.
func unsupported(el xmlstream.Element) error {
	return stanza.StreamUnsupportedStanzaType.With("unexpected element <" + stream.Clip(el.Local()) + "/>")
}

// reason words the end of a connection.
func reason(err error) string {
	if err == nil {
		return "closed"
	}
	return err.Error()
}

// tlsState is what is kept of a handshake until the certificate is judged.
type tlsState = tls.ConnectionState
