package conf

import (
	"io/fs"
	"net/netip"
	"time"

	"roost/cmd/internal/ecconf"
)

// Config is a whole configuration, defaults and inheritance resolved.
type Config struct {
	File     string // the outermost file; "built-in" for Default
	DataDir  string // never empty; relative to the working directory unless absolute
	Hostname string // default SASL realm: as set, else the first served domain
	UseIPv6  bool
	// StopTimeout is how long a stop waits for clients; never 0.
	StopTimeout time.Duration
	// MaxConnections bounds the XMPP connections of the server; 0 = what the file limit carries.
	MaxConnections int
	// MemoryLimit is Memory_Limit in bytes; 0 = none, -1 = not set.
	MemoryLimit int64
	// LibraryRecords leaves the records of TLS 1.3 to crypto/tls.
	LibraryRecords bool

	// Enabled is false when the xmpp module is switched off: no listener is
	// opened then.
	Enabled  bool
	Presence bool // roster and presence are on (script msys.xmpp.presence)

	Others      Federation // what holds for other servers' domains without a stanza
	ResolvConf  string     // which DNS servers to ask
	MaxOutbound int        // streams to other servers, in all

	Listeners   []Listener
	Domains     []Domain // in order of appearance; at least one has RoleServer
	Control     Control
	HTTP        HTTP
	Loggers     []Logger
	ThreadPools []ThreadPool
	Log         LogLevels
	LogFormat   string // text or json
	LogRate     int    // lines of one message per second; 0: no bound

	Warnings ecconf.Errors // what is accepted, but worth a word
	Tree     *ecconf.Tree  // what was written where, for the console

	// LocalChanges is the file for changes made on the console; "" when none is named.
	LocalChanges string
	LocalOnly    bool // nothing may be written back elsewhere

	doc   *ecconf.Document // what Tree was made of
	files []fileRef        // what Check looks at
}

// Listener is one xmpp_listener.
type Listener struct {
	Name    string // "" for the anonymous one
	Pos     ecconf.Pos
	Enable  bool
	Listens []Listen
}

// Listen is one socket of an xmpp_listener.
type Listen struct {
	Address Address
	Pos     ecconf.Pos
	Enable  bool // of this Listen; false when the listener or the module is disabled
	UseSSL  bool // TLS from the first byte

	Backlog       int         // listen(2)
	RecvBuffer    int         // bytes; 0 = the system's choice
	SendBuffer    int         // likewise
	NoDelay       bool        // TCP_NODELAY
	FileMode      fs.FileMode // of a Unix socket
	AcceptQueue   int         // bound on connections accepted but not served yet; 0 = none
	AcceptsPerRun int         // connections accepted per wake-up; 0 = the server's choice
	Loops         int         // event loops asked for; 0 = one per processor
	Pool          string      // ThreadPool in use, "" when none
	ParkAfter     time.Duration

	// Base holds for clients that no Peer matches.
	Base *Effective

	peers peerTable
}

// Effective is what holds for one client. Values are shared between clients
// and read-only. A limit that is "none" is a number too large to be reached,
// a time that is "none" is 0.
type Effective struct {
	IdleTime        time.Duration // 0 = never
	AuthTimeout     time.Duration // 0 = none
	MaxAuthFailures int
	MaxStanza       int // bytes
	MaxStanzaPre    int // bytes, before authentication
	MaxDepth        int
	SendQueueLimit  int    // bytes
	Conflict        string // "replace", "refuse" or "rename"

	ConnsPerAddress int  // 0 = no limit
	AcceptRate      Rate // shared by all to whom the setting applies
	LoginRate       Rate // likewise
	FailureDelay    time.Duration
	MaxFailureDelay time.Duration
	StanzaRate      Rate // of one session
	ByteRate        Rate // likewise

	Proxy        bool // proxy_protocol; see Listen.ProxyFrom
	ProxyOwn     bool // a Peer says so
	ProxyTimeout time.Duration

	RequireTLS bool
	// AllowPlainClear is true only where require_tls = false was written: PLAIN
	// may then be offered without TLS.
	AllowPlainClear bool
	TLS             TLS
	TLSPos          ecconf.Pos // where the certificate was set; zero when it was not

	Plain  *Auth // AuthPlainParameters, nil when unset
	Digest *Auth // AuthDigestMD5Parameters, nil when unset
}

// Rate is N in the time Per, with bursts of Burst (0 = the server's choice); N of 0 is no limit.
type Rate struct {
	N     int
	Per   time.Duration
	Burst int
	Pos   ecconf.Pos // where it was set: the same rate is shared, another one with the same numbers is not
}

// TLS names files and words of Table 10.1 as they were written, "none" already
// resolved to "". It is comparable: equal values mean one tls.Config.
type TLS struct {
	Certificate string
	Key         string // "" = in Certificate
	Ciphers     string // OpenSSL form, "" = built-in
	KeyExchange string // "hybrid" or "classic"; "" is hybrid
	ClientCA    string
	VerifyMode  string // "none", "require" or "verify" (what is presented is checked)
	// Generated says that no certificate is named and the one that the server
	// makes for itself is to be used.
	Generated bool
}

// Enabled reports whether TLS is offered at all.
func (t TLS) Enabled() bool { return t.Certificate != "" || t.Generated }

// Auth is one authentication dictionary.
type Auth struct {
	Pos    ecconf.Pos // of the dictionary
	URI    string
	Scheme string // "file", "digest" or "accounts"
	Path   string // of file and digest
	// Realm is offered by DIGEST-MD5; the Hostname when it was not set.
	Realm string
	// StoredCleartext says that the store holds clear text (DIGEST-MD5).
	StoredCleartext bool
	LogAttempts     bool
}

// Roles of a domain.
const (
	RoleServer = "server" // served here
	RoleClient = "client" // remote
)

// Domain is one domain stanza.
type Domain struct {
	Name  string // lower case; not yet prepared by RFC 7622
	Label string // decoration after a third #, for people only
	Pos   ecconf.Pos
	Role  string // RoleServer, RoleClient, or "" when not set
	// Secret is the dialback secret; "" when not set.
	Secret       string
	Routes       []Route
	Federation   string     // "listed", "open" or "closed"
	Federated    Federation // of a domain of role client
	Registration bool       // XEP-0077
	Contacts     []Contact
	TLS          TLS // zero when the domain names no certificate of its own

	// RosterURL is the web application that owns the rosters; "" = they are in the store here.
	RosterURL          string
	RosterToken        Token         // for both directions; zero: none
	RosterTimeout      time.Duration // how long to wait for it
	RosterFetch        string        // when it is asked: need, bind
	BlockSubscriptions bool          // subscription stanzas from and to the domain are dropped

	OfflineMessages int // kept for one user; 0 = none are kept
	OfflineBytes    int // in those messages together; 0 = none are kept
}

// Contact is one role of XEP-0157 with its addresses.
type Contact struct {
	Role string // as in contactRoles
	URIs []string
}

// contactRoles are the fields of XEP-0157, less their suffix -addresses.
var contactRoles = []string{"abuse", "admin", "feedback", "sales", "security", "status", "support"}

// Control is the console's endpoint.
type Control struct {
	Listens       []Endpoint
	Authorization bool // only what a Role allows may be done
	Roles         []Role
}

// HTTP is the HTTP service.
type HTTP struct{ Listens []Endpoint }

// Endpoint is one socket of the console or of HTTP. Disabled ones are not listed.
type Endpoint struct {
	Address  Address
	Pos      ecconf.Pos // zero for a built-in one
	FileMode fs.FileMode
	Token    Token // HTTP only
}

// Token is a bearer token: a literal, or a file that holds it; zero when none is needed.
type Token struct {
	Literal string
	File    string
}

// IsZero reports whether no token is set.
func (t Token) IsZero() bool { return t == Token{} }

// Logger is one xmpp_logger.
type Logger struct {
	Name      string
	Pos       ecconf.Pos
	File      string
	Mode      fs.FileMode
	Heartbeat time.Duration // 0 = no M records
	Delivery  []Piece       // format of D records, nil = none are written
	Reception []Piece       // format of R records, nil = none are written
	Beat      []Piece       // format of M records
}

// ThreadPool is one ThreadPool stanza.
type ThreadPool struct {
	Name        string
	Concurrency int // 0 = not set
	Backlog     int // 0 = no bound
}

// Load reads the file at path with its includes. The error is an
// [ecconf.Errors] with everything that is wrong.
func Load(path string) (*Config, error) {
	doc, err := load(path)
	return resolve(path, doc, err)
}

// Parse reads a configuration from memory; name stands for the file in
// messages. Includes are refused.
func Parse(name string, src []byte) (*Config, error) {
	doc, err := ecconf.Parse(name, src)
	return resolve(name, doc, err)
}

// For returns what holds for a client at addr: the most specific Peer that
// contains it wins, option by option; then come this Listen, the Peers of the
// listener, the listener and the global scope. Clients of a Unix socket, and an
// invalid addr, count as loopback.
func (l *Listen) For(addr netip.Addr) *Effective { return l.peers.find(addr, l.Base) }

// Served returns the domains that are served here.
func (c *Config) Served() []Domain {
	var out []Domain
	for _, d := range c.Domains {
		if d.Role == RoleServer {
			out = append(out, d)
		}
	}
	return out
}

// EventLoops returns how many event loops the enabled listens ask for; 0 is
// one per processor.
func (c *Config) EventLoops() int {
	n := 0
	for _, l := range c.Listeners {
		for _, s := range l.Listens {
			if s.Enable {
				n = max(n, s.Loops)
			}
		}
	}
	return n
}
