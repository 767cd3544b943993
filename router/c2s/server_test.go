package c2s_test

import (
	"context"
	"log/slog"
	"net"
	"runtime"
	"testing"
	"time"

	"roost/netio"
	"roost/netio/netiotest"
	"roost/router"
	"roost/router/c2s"
	"roost/router/routertest"
	"roost/router/sasl"
	"roost/router/stream"
	"roost/tlsconf"
	"roost/xmlstream"
	"roost/xmlstream/stanza"
)

// options of a house; the zero value is a plain listener of the domain "x" whose users' passwords
// are their names.
type options struct {
	net    netio.Config
	send   int // bytes that may wait for a client
	router routertest.Options
	tls    bool
	rows   []router.Row
	cfg    func(*c2s.Config)
	srv    func(*c2s.Server)
}

// house is a server of client streams on a real socket, among canned surroundings.
type house struct {
	*routertest.Server
	c2s    *c2s.Server
	engine *netio.Engine
	addr   net.Addr
}

func newHouse(t testing.TB, o options) *house {
	t.Helper()
	h := &house{Server: routertest.New(t, o.router)}
	h.Router.Handle(c2s.Rows()...)
	h.Router.Handle(rows...)
	h.Router.Handle(o.rows...)
	h.c2s = &c2s.Server{Router: h.Router, Accounts: h.Accounts, Log: slog.New(h.Log),
		Work: stream.NewPool(8), Auth: stream.NewPool(2)}
	cfg := &c2s.Config{AllowPlain: true, Store: passwords{}, PreAuth: xmlstream.Limits{MaxStanza: 10000},
		AuthTimeout: netiotest.Patience, MaxAuthFailures: 5}
	if o.tls {
		cfg.TLS = certificate(t)
	}
	if o.cfg != nil {
		o.cfg(cfg)
	}
	if o.srv != nil {
		o.srv(h.c2s)
	}
	if o.net.Log == nil {
		o.net.Log = slog.New(h.Log)
	}
	h.engine = netiotest.Engine(t, o.net)
	t.Cleanup(func() { h.stop(t) })
	h.addr = netiotest.Listen(t, h.engine, netio.ListenOptions{NoDelay: true, SendLimit: o.send},
		func(c *netio.Conn) netio.Handler { return h.c2s.Accept(c, cfg) }).Addr()
	for _, user := range []string{"alice", "bob", "carol"} {
		h.Accounts.Add(routertest.JID(t, user+"@x"))
	}
	return h
}

// stop ends the house and looks for what it left behind.
func (h *house) stop(t testing.TB) {
	t.Helper()
	netiotest.Shutdown(t, h.engine)
	h.settle(t)
	if s := h.engine.Stats(); s.Conns != 0 || s.HandshakesOpen != 0 {
		t.Errorf("left behind: %+v", s)
	}
}

// settle waits for the work beside the loops, and says which sessions are bound then.
func (h *house) settle(t testing.TB) {
	t.Helper()
	h.c2s.Auth.Wait()
	h.c2s.Work.Wait()
	h.Router.EachSession(func(s *router.Session) { t.Errorf("session %s is still bound", s.JID) })
}

// empty waits until every connection has ended by itself.
func (h *house) empty(t testing.TB) {
	t.Helper()
	eventually(t, "the connections end", func() bool { return h.engine.Stats().Conns == 0 })
	h.settle(t)
}

// eventually waits for ok, which something else makes true.
func eventually(t testing.TB, what string, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(netiotest.Patience); !ok(); runtime.Gosched() {
		if time.Now().After(end) {
			t.Fatalf("waited in vain until %s", what)
		}
	}
}

// rows answer a request on the loop, beside it, and not at all.
var rows = []router.Row{
	{Space: "t", Local: "here", Get: true, To: router.ToOwn | router.ToServer, Feature: "-", Handle: answer},
	{Space: "t", Local: "beside", Get: true, To: router.ToOwn | router.ToServer, Feature: "-", Blocks: true, Handle: answer},
	{Space: "t", Local: "panic-here", Get: true, To: router.ToOwn, Feature: "-", Handle: fault},
	{Space: "t", Local: "panic-beside", Get: true, To: router.ToOwn, Feature: "-", Blocks: true, Handle: fault},
}

func answer(q *router.IQ) { q.Result(nil) }
func fault(*router.IQ)    { panic("a fault of ours") }

// passwords is a sasl.Store in which everybody's password is the user's name.
type passwords struct{}

func (passwords) Can() sasl.Capability { return sasl.CanVerify }

func (passwords) Verify(_ context.Context, user, _, password string) error {
	if user != password {
		return sasl.ErrPassword
	}
	return nil
}

func (passwords) Scram(context.Context, string, string, sasl.Hash) (sasl.Keys, error) {
	return sasl.Keys{}, sasl.ErrNoUser
}

func (passwords) Digest(context.Context, string, string, string) ([16]byte, error) {
	return [16]byte{}, sasl.ErrNoUser
}

func certificate(t testing.TB) *tlsconf.Config {
	t.Helper()
	cert, key, _, err := tlsconf.SelfSigned(t.TempDir(), []string{"x"})
	if err != nil {
		t.Fatal(err)
	}
	cfg, err := tlsconf.Load(tlsconf.Options{Certificate: cert, Key: key})
	if err != nil {
		t.Fatal(err)
	}
	return cfg
}

// condition is how a stream error names itself.
func condition(c stanza.StreamCondition) string {
	return "<" + string(c) + " xmlns='" + stanza.NSStreams + "'"
}
