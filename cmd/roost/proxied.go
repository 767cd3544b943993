package main

import (
	"crypto/tls"
	"errors"
	"net/netip"

	"roost/cmd/roost/conf"
	"roost/netio"
	"roost/netio/proxy"
	"roost/xmlstream/stanza"
)

var (
	errProxyTime    = errors.New("no whole PROXY header came within proxy_protocol_timeout")
	errProxyRefused = errors.New("proxy_protocol = true, and no Peer says that it is a proxy")
)

// proxied waits for the header with which a proxy says whose connection it is. Then the connection is that
// client's.
type proxied struct {
	sc   *scope
	conn *netio.Conn
	from netip.AddrPort // the proxy
}

// accept makes the stream of a new connection, or waits for whose it is.
func (sc *scope) accept(c *netio.Conn) netio.Handler {
	from := c.RemoteAddr()
	switch sc.at.ProxyFrom(from.Addr()) {
	case conf.ProxyRefused:
		sc.s.admission.refused.proxy.Add(1)
		sc.s.admission.refused.atAccept.Add(1)
		sc.s.turnedAway.warn(sc.s.log, "connection refused", "peer", from, "err", errProxyRefused)
		return nil
	case conf.ProxyTrusted:
		c.SetTimer(sc.at.For(from.Addr()).ProxyTimeout)
		return &proxied{sc, c, from}
	}
	h := sc.enter(c)
	if h == nil {
		sc.s.admission.refused.atAccept.Add(1)
	}
	return h
}

// enter lets a client in whose address is known, if there is room for it.
func (sc *scope) enter(c *netio.Conn) netio.Handler {
	from := c.RemoteAddr()
	if err := sc.s.admission.enter(c, sc.at.Base, sc.at.For(from.Addr())); err != nil {
		sc.s.turnedAway.warn(sc.s.log, "connection refused", "peer", from, "err", err)
		return nil
	}
	return sc.welcome(c)
}

// OnData implements netio.Handler. What stands behind the header is the client's.
func (p *proxied) OnData(c *netio.Conn, b []byte) int {
	client, used, err := proxy.Parse(b)
	switch {
	case err == proxy.ErrShort:
		return 0
	case err != nil:
		p.refuse(err)
		return 0
	}
	c.SetTimer(0)
	if client.IsValid() {
		c.SetRemoteAddr(client)
	}
	h := p.sc.enter(c)
	if h == nil {
		c.Abort(nil)
		return 0
	}
	c.SetHandler(h)
	if p.sc.at.UseSSL || used == len(b) { // what follows is TLS, or has not come
		return used
	}
	return used + h.OnData(c, b[used:])
}

func (p *proxied) refuse(err error) {
	s := p.sc.s
	s.admission.refused.proxy.Add(1)
	s.turnedAway.warn(s.log, "connection refused", "proxy", p.from, "err", err)
	p.conn.Abort(err)
}

// OnTimer implements netio.Handler.
func (p *proxied) OnTimer(*netio.Conn) { p.refuse(errProxyTime) }

// OnEOF implements netio.Handler.
func (p *proxied) OnEOF(c *netio.Conn) { c.Close() }

// OnTLS implements netio.Handler; TLS begins behind the header.
func (p *proxied) OnTLS(*netio.Conn, *tls.ConnectionState, error) {}

// OnOverflow implements netio.Handler; nothing is sent.
func (p *proxied) OnOverflow(*netio.Conn) {}

// OnClose implements netio.Handler.
func (p *proxied) OnClose(*netio.Conn, error) {}

// End implements peer: there is nobody to tell.
func (p *proxied) End(*stanza.StreamError) { p.conn.Close() }
