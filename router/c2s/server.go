package c2s

import (
	"crypto/tls"
	"log/slog"
	"net/netip"
	"sync/atomic"
	"time"

	"roost/netio"
	"roost/router"
	"roost/router/sasl"
	"roost/router/stream"
	"roost/tlsconf"
	"roost/xmlstream"
	"roost/xmlstream/jid"
	"roost/xmlstream/stanza"
)

// Config is what the streams of one listener, or of one Peer scope of it, share. It is not changed
// once it is in use.
type Config struct {
	TLS        *tlsconf.Config // nil: no TLS
	Direct     bool            // TLS from the first byte (XEP-0368)
	DirectTLS  *tls.Config     // with which; nil: as TLS has it
	RequireTLS bool            // no authentication without TLS (RFC 6120 §5.3.1)
	AllowPlain bool            // SASL PLAIN also without TLS
	Realm      string          // of DIGEST-MD5; empty: the stream's domain
	Store      sasl.Store      // for PLAIN and SCRAM
	Digest     sasl.Store      // for DIGEST-MD5; nil: not offered
	LogLogins  bool            // log those that succeed, too

	PreAuth         xmlstream.Limits // until the resource is bound
	Bound           xmlstream.Limits
	AuthTimeout     time.Duration   // from the connection to the bound resource; 0: no limit
	IdleTime        time.Duration   // without a byte from the client; 0: never
	MaxAuthFailures int             // the stream ends with this many failed attempts
	Logins          *stream.Limiter // of attempts to log in; nil: none
	FailureDelay    time.Duration   // the first delay after wrong passwords (failures.go); 0: none
	MaxFailureDelay time.Duration
	Stanzas, Bytes  stream.Rate // that a session may send
	Conflict        router.ConflictPolicy
}

// Registrar makes accounts for clients that have none (XEP-0077).
type Registrar interface {
	// StreamFeature announces registration with domain; empty where strangers may not register.
	StreamFeature(domain string) string
	// IsRequest reports whether st is for Handle.
	IsRequest(st *stanza.Stanza) bool
	// Handle answers a request from a stream that is not authenticated; st is borrowed. It may block.
	Handle(domain string, remote netip.Addr, st *stanza.Stanza) (reply []byte, created bool)
}

// Tap watches stanzas (xmpp_logger). Its methods must not block and must not keep what they get.
type Tap interface {
	Received(peer netip.AddrPort, st *stanza.Stanza)
	Delivered(peer netip.AddrPort, b []byte)
}

// Server is what all client streams share.
type Server struct {
	Router    *router.Router
	Accounts  router.Accounts
	Registrar Registrar     // nil: nobody may register
	Features  string        // further stream features after authentication
	Caps      func() string // our entity capabilities (XEP-0115); may be nil
	Meter     *stream.Meter // nil: nobody counts
	// Login is told how each attempt to log in ended: the mechanism and the failure's condition, "" for
	// success. It may be nil; it must not block.
	Login func(mechanism, condition string)
	Log   *slog.Logger
	Work  *stream.Pool // for what waits: stores
	// Far gives the pool for what a user sends while its roster has to be fetched from afar, nil for Work:
	// nobody else waits behind that. The field may be nil; it must not block.
	Far  func(user jid.JID) *stream.Pool
	Auth *stream.Pool // for what computes: credentials
	// Full tells whether there is no memory for more sessions. It may be nil; it must not block.
	Full func() bool

	failures failures
	count    counters
	eyes     atomic.Pointer[eyes]
	stanzas  views
	holds    atomic.Uint32 // numbers of holds (hold.go)
}

// Rows are the requests about the stream itself that a bound client may still send.
func Rows() []router.Row {
	return []router.Row{
		// RFC 3921 §3 (obsolete): old clients ask for a session; RFC 6121 made it a no-op.
		{Space: stanza.NSSession, Local: "session", Set: true, To: router.ToOwn | router.ToServer,
			Feature: "-", Handle: func(q *router.IQ) { q.Result(nil) }},
		// RFC 6120 §7.1: one resource per stream.
		{Space: stanza.NSBind, Local: "bind", Set: true, To: router.ToOwn | router.ToServer, Feature: "-",
			Handle: func(q *router.IQ) { q.Error(stanza.NotAllowed.With("a resource is bound already")) }},
	}
}

// Accept makes the Stream of a new connection. It runs on the connection's loop.
func (srv *Server) Accept(c *netio.Conn, cfg *Config) *Stream {
	peer := c.RemoteAddr()
	s := &Stream{srv: srv, cfg: cfg, conn: c, nego: newNegotiation(cfg, peer, cfg.until())}
	if srv.Tapped() {
		s.more.Store(&more{peer: peer})
	}
	s.tok.Reset(&cfg.PreAuth)
	s.setTimer(0)
	if cfg.Direct {
		s.state = stTLS
		direct := cfg.DirectTLS
		if direct == nil {
			direct = cfg.TLS.Server(tlsconf.ALPNClient)
		}
		c.StartTLS(direct, cfg.patience())
	}
	return s
}

// maxPatience bounds one step of a login where AuthTimeout sets no limit.
const maxPatience = 5 * time.Minute

// until is when a client that connects now must have a resource; zero: whenever it likes.
func (cfg *Config) until() time.Time {
	if cfg.AuthTimeout == 0 {
		return time.Time{}
	}
	return time.Now().Add(cfg.AuthTimeout)
}

func (cfg *Config) patience() time.Duration {
	if cfg.AuthTimeout == 0 {
		return maxPatience
	}
	return cfg.AuthTimeout
}
