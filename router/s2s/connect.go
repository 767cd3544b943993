package s2s

import (
	"context"
	"errors"
	"net/netip"
	"time"

	"roost/netio"
	"roost/router/stream"
	"roost/tlsconf"
	"roost/xmlstream/stanza"
)

// headStart is how long a connection has before the next place is tried, too (RFC 8305 §8).
const headStart = 250 * time.Millisecond

// begin looks for the domain. Any goroutine; nothing in it blocks.
func (o *Out) begin() {
	o.srv.names.Go(func() {
		if err := o.srv.guard(o.resolve); err != nil {
			o.finish(err, nil)
		}
	})
}

// resolve finds the places to connect to. It blocks.
func (o *Out) resolve() {
	ctx, cancel := context.WithTimeout(o.srv.ctx, o.rem.ConnectTimeout)
	defer cancel()
	var found []Candidate
	var errs []error
	for _, r := range o.rem.Routes {
		at, err := o.srv.c.Resolver.Host(ctx, r.Host, r.Port)
		found = append(found, at...)
		errs = append(errs, err)
	}
	if o.rem.Routes == nil {
		var err error
		found, err = o.srv.c.Resolver.Service(ctx, o.pair.Remote)
		errs = append(errs, err)
	}
	if len(found) > 0 {
		o.mu.Lock()
		o.found = found[:min(len(found), maxCandidates)]
		o.mu.Unlock()
		o.connect()
		return
	}
	err := errors.Join(errs...)
	e := stanza.RemoteServerTimeout
	if errors.Is(err, ErrNoServer) {
		e = stanza.RemoteServerNotFound
	}
	o.finish(err, e.With("no server of "+o.pair.Remote+" was found"))
}

// connect tries the next place. When there is none left, and nobody else is still trying, the stream
// has failed.
func (o *Out) connect() {
	o.mu.Lock()
	if o.state > outConnecting {
		o.mu.Unlock()
		return
	}
	o.state = outConnecting
	if o.next >= len(o.found) {
		lost, err := o.tries == 0, o.err
		o.mu.Unlock()
		if lost {
			o.finish(err, stanza.RemoteServerTimeout.With("no server of "+o.pair.Remote+" could be reached"))
		}
		return
	}
	c := o.found[o.next]
	o.next++
	o.tries++
	more := o.next < len(o.found)
	o.mu.Unlock()
	local := o.srv.c.Local
	if local.IsValid() && local.Is4() != c.Addr.Addr().Is4() {
		local = netip.Addr{} // it is of the other family
	}
	opts := netio.DialOptions{Local: local, Timeout: o.rem.ConnectTimeout}
	err := o.srv.c.Engine.Dial(c.Addr, opts, func(conn *netio.Conn, err error) netio.Handler { return o.connected(c, conn, err) })
	switch {
	case err != nil:
		o.connected(c, nil, err)
	case more && o.srv.c.After != nil:
		o.srv.c.After(headStart, o.connect)
	}
}

// connected is the end of one try. The first that succeeds is the connection.
func (o *Out) connected(c Candidate, conn *netio.Conn, err error) netio.Handler {
	o.mu.Lock()
	o.tries--
	switch {
	case err != nil:
		o.err = err
		o.mu.Unlock()
		o.connect()
		return nil
	case o.state != outConnecting: // somebody was faster, or nobody waits any more
		o.mu.Unlock()
		return nil
	}
	o.state, o.conn, o.at = outHeader, conn, c
	o.mu.Unlock()
	o.id, o.cert, o.authed, o.spoken, o.bidi, o.secure, o.over, o.waiting = "", nil, false, false, false, false, false, false
	o.tick()
	if !c.Direct {
		o.restart(&o.srv.rules.Load().limits)
		o.writeHeader()
	} else if o.rem.TLS == TLSNo {
		conn.Abort(errors.New("it wants TLS, and tls is no"))
	} else {
		o.handshake(tlsconf.ALPNServer)
	}
	return o
}

// tick sets the timer for what comes next: the end of the negotiation, of a wait for verdicts, or the
// idle time. On the loop.
func (o *Out) tick() {
	o.mu.Lock()
	defer o.mu.Unlock()
	switch {
	case o.state == outClosed:
	case o.state < outReady:
		o.conn.SetTimer(max(o.rem.ConnectTimeout-o.srv.c.Now().Sub(o.since), time.Second))
	case o.state == outProving || len(o.asks) > 0:
		o.conn.SetTimer(min(o.patience(), o.rem.IdleTimeout))
	default:
		o.conn.SetTimer(max(o.rem.IdleTimeout-o.idle(), 0) + time.Second)
	}
}

// OnTimer implements netio.Handler.
func (o *Out) OnTimer(*netio.Conn) {
	o.mu.Lock()
	st, now := o.state, o.srv.c.Now()
	var late []*inquiry
	kept := o.asks[:0]
	for _, q := range o.asks {
		if q.sent && !now.Before(q.until) {
			late = append(late, q)
		} else {
			kept = append(kept, q)
		}
	}
	clear(o.asks[len(kept):])
	o.asks = kept
	o.mu.Unlock()
	for _, q := range late {
		q.done(verdict{err: stanza.RemoteServerTimeout.With("its server does not answer")})
	}
	switch {
	case st == outClosed:
	case st < outReady:
		o.fail(stanza.StreamConnectionTimeout.With("the stream was not ready within " + o.rem.ConnectTimeout.String()))
	case st == outProving && o.idle() >= o.patience():
		o.fail(stanza.StreamConnectionTimeout.With("no answer to our dialback key"))
	case !o.quit(o.rem.IdleTimeout):
		o.tick()
	}
}

// quit ends a stream in order that has nothing to do, and has had nothing for that long. It says
// whether it did.
func (o *Out) quit(idle time.Duration) bool {
	o.mu.Lock()
	if o.state != outReady && o.state != outOpen || len(o.queue)+len(o.asks) > 0 || o.idle() < idle {
		o.mu.Unlock()
		return false
	}
	o.state = outClosed // from here on stanzas go another way
	conn := o.conn
	o.mu.Unlock()
	o.srv.forget(o)
	conn.Post(func() { o.last(nil) })
	return true
}

// OnEOF implements netio.Handler: a half-closed stream is over (RFC 6120 §4.4).
func (o *Out) OnEOF(*netio.Conn) { o.finish(errors.New("the other server closed its side"), nil) }

// OnOverflow implements netio.Handler: the peer does not read.
func (o *Out) OnOverflow(*netio.Conn) {
	o.fail(stanza.StreamResourceConstraint.With("too much is waiting for you to read it"))
}

// OnClose implements netio.Handler. Before the stream was ready, another place may do better.
func (o *Out) OnClose(c *netio.Conn, err error) {
	o.tok.Release()
	o.giveBack(o.pair.Remote)
	if o.stale(c) {
		return
	}
	if o.retry(c, err) {
		o.connect()
		return
	}
	if err == nil {
		err = errors.New("the connection was closed")
	}
	o.finish(err, nil)
}

// stale reports whether the stream goes on on another connection.
func (o *Out) stale(c *netio.Conn) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.conn != c
}

// retry goes back to connecting when there is another place to try.
func (o *Out) retry(c *netio.Conn, err error) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.conn != c || o.over || o.state >= outReady || o.next >= len(o.found) && o.tries == 0 {
		return false
	}
	o.srv.log.Info("server of another domain not usable", "domain", o.pair.Remote, "at", o.at.Addr, "reason", reason(err))
	o.state, o.err = outConnecting, err
	return true
}

// fail ends the stream because of what the peer did, and tells it.
func (o *Out) fail(err error) {
	e := stream.FromXML(err)
	if !o.over {
		o.last(e)
	}
	o.finish(e, nil)
}

// finish is the end: what waits goes back to its senders with e (remote-server-timeout for nil), once,
// and a nil err is an end in order. Any goroutine; only the first call counts.
func (o *Out) finish(err error, e *stanza.StanzaError) {
	o.mu.Lock()
	was := o.state
	if was == outClosed {
		o.mu.Unlock()
		return
	}
	o.state = outClosed
	queue, asks, conn := o.queue, o.asks, o.conn
	o.queue, o.asks, o.bytes, o.found = nil, nil, 0, nil
	o.mu.Unlock()
	s := o.srv
	s.forget(o)
	if e == nil { // RFC 6120 §10.4
		e = stanza.RemoteServerTimeout.With("the stream to " + o.pair.Remote + " could not be made")
	}
	if err != nil {
		s.log.Info("stream to another server ended", "domain", o.pair.Remote, "local", o.pair.Local, "state", was.String(),
			"reason", err.Error(), "returned", len(queue))
	}
	lost := err != nil && was < outReady
	switch {
	case lost:
		s.putOff(Pair{Remote: o.pair.Remote}, o.rem.Retry, e)
	case err != nil && was == outProving:
		s.putOff(o.pair, o.rem.Retry, e)
	}
	if conn != nil {
		conn.Post(func() { o.last(nil) })
	}
	for _, q := range asks {
		q.done(verdict{err: e})
	}
	if len(queue) > 0 || lost || err != nil && was == outOpen {
		s.c.Work.Go(func() { s.aftermath(o, queue, e, lost, was) })
	}
}

// aftermath gives back what was not delivered, and tells of a domain that is gone.
func (s *Server) aftermath(o *Out, queue []*stanza.Frame, e *stanza.StanzaError, lost bool, was outState) {
	for _, f := range queue {
		s.Router.Undelivered(f, e)
	}
	switch {
	case lost:
		s.Router.DomainLost(o.pair.Remote)
	case was == outOpen:
		s.doubt(o.pair)
	}
}

// End ends the stream from outside. Any goroutine.
func (o *Out) End(e *stanza.StreamError) {
	o.mu.Lock()
	conn := o.conn
	o.mu.Unlock()
	if conn != nil {
		conn.Post(func() { o.last(e) })
	}
	o.finish(nil, nil)
}
