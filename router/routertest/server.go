package routertest

import (
	"log/slog"
	"sync"
	"testing"

	"roost/router"
	"roost/xmlstream"
	"roost/xmlstream/jid"
	"roost/xmlstream/stanza"
)

// Options are the surroundings of a Server. The zero value serves the domain "x" with presence,
// offline messages and no way to other domains.
type Options struct {
	Domains    []string
	NoPresence bool // no Rosters
	NoOffline  bool // no Offline
	Federated  bool // with a Federation that records
	Limits     router.Limits
}

// Server is a Router and what it leans on.
type Server struct {
	T          testing.TB
	Router     *router.Router
	Accounts   *Accounts
	Rosters    *Rosters
	Offline    *Offline
	Federation *Federation
	Log        *Log

	mu   sync.Mutex
	outs []*Outlet
}

// New makes a Server. Rows may be registered on its Router until the first Bind.
func New(t testing.TB, o Options) *Server {
	t.Helper()
	if o.Domains == nil {
		o.Domains = []string{"x"}
	}
	s := &Server{T: t, Accounts: &Accounts{}, Rosters: &Rosters{}, Offline: &Offline{}, Federation: &Federation{}, Log: &Log{}}
	cfg := router.Config{Domains: o.Domains, Accounts: s.Accounts, Limits: o.Limits, Log: slog.New(s.Log)}
	if !o.NoOffline {
		cfg.Offline = s.Offline
	}
	if o.Federated {
		cfg.Federation = s.Federation
	}
	s.Router = router.New(cfg)
	if !o.NoPresence {
		s.Router.SetRosters(s.Rosters)
	}
	return s
}

// Bind makes a session of the full JID, and its account when there is none.
func (s *Server) Bind(full string) *Client {
	s.T.Helper()
	c, e := s.TryBind(full, router.Refuse, nil)
	if e != nil {
		s.T.Fatalf("bind %s: %v", full, e)
	}
	return c
}

// TryBind binds with a policy; rename is for router.Rename.
func (s *Server) TryBind(full string, p router.ConflictPolicy, rename func() jid.JID) (*Client, *stanza.StanzaError) {
	s.T.Helper()
	j := JID(s.T, full)
	s.Accounts.Add(j.Bare())
	c := &Client{srv: s, out: &Outlet{}}
	sess, e := s.Router.Bind(router.Request{JID: j, Policy: p, Rename: rename, Out: c.out, Welcome: welcome})
	if e != nil {
		return nil, e
	}
	c.Session = sess
	s.mu.Lock()
	s.outs = append(s.outs, c.out)
	s.mu.Unlock()
	c.tok.Reset(nil)
	c.feed("<stream:stream xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams' version='1.0'>")
	c.out.take() // the welcome
	return c, nil
}

func welcome(j jid.JID) *stanza.Frame {
	return stanza.FrameString("<welcome>" + j.String() + "</welcome>")
}

// Online binds full and sends initial presence with what stands in inner. What came back is dropped.
func (s *Server) Online(full, inner string) *Client {
	s.T.Helper()
	c := s.Bind(full)
	c.Send("<presence>" + inner + "</presence>")
	s.Drain()
	return c
}

// Drain forgets what every session has received.
func (s *Server) Drain() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, o := range s.outs {
		o.take()
	}
}

// JID parses or ends the test.
func JID(t testing.TB, s string) jid.JID {
	t.Helper()
	j, err := jid.Parse(s)
	if err != nil {
		t.Fatal(err)
	}
	return j
}

// Parse gives an owned stanza, as a stream of clients would cut it out of text.
func Parse(t testing.TB, text string) *stanza.Stanza {
	t.Helper()
	var tok xmlstream.Tokenizer
	defer tok.Release()
	buf := []byte("<stream xmlns='jabber:client'>" + text)
	_, _, used, err := tok.Next(buf)
	if err != nil {
		t.Fatal(err)
	}
	_, el, _, err := tok.Next(buf[used:])
	if err != nil {
		t.Fatalf("%v in %s", err, text)
	}
	st := stanza.Parse(el, stanza.NSClient)
	return st.Clone()
}
