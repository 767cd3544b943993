package sasl

import (
	"context"
	"errors"
)

// MaxResponse bounds one decoded message of the peer, in octets. Longer ones
// are a malformed-request.
const MaxResponse = 8192

// A Binding is channel-binding data of the stream's TLS connection (RFC 5056).
type Binding struct {
	Type string // "tls-exporter", "tls-server-end-point"
	Data []byte
}

// Env is what mechanisms may know about a stream. It is not changed after
// Start, and may be shared by the exchanges of one stream.
type Env struct {
	Domain       string    // the served domain that the stream is to, prepared (U-labels, lower case)
	Realm        string    // of DIGEST-MD5; "": Domain
	Service      string    // of the DIGEST-MD5 digest-uri; "": "xmpp"
	Secure       bool      // TLS is on
	AllowPlain   bool      // PLAIN also without TLS
	Bindings     []Binding // of the TLS connection; none: no -PLUS
	CertJIDs     []string  // addresses in the client's certificate, as written there
	CertVerified bool      // the client's certificate was verified
	Store        Store     // for PLAIN and SCRAM; nil: none of them
	Digest       Store     // for DIGEST-MD5; nil: not offered
}

// Hash selects a SCRAM variant.
type Hash uint8

const (
	SHA1 Hash = iota
	SHA256
	SHA512
)

// Capability is a set of things that a Store can do.
type Capability uint8

const (
	CanVerify Capability = 1 << iota
	CanScramSHA1
	CanScramSHA256
	CanScramSHA512
	CanDigest
)

// Keys are what a server keeps of a password for SCRAM (RFC 5802 §3).
type Keys struct {
	Salt       []byte
	StoredKey  []byte
	ServerKey  []byte
	Iterations int

	// pay is set on keys out of a cache: it does the derivation that they
	// saved. An exchange that fails calls it, so that a failure takes as long
	// for a cached user as for any other name.
	pay func()
}

// A Store knows the credentials of accounts. user is a prepared local part
// (RFC 7622 §3.3), domain a served domain as in Env. All methods may block and
// may be called by many goroutines.
//
// An unknown user is ErrNoUser, a wrong password ErrPassword; both must take
// the same work. Any other error, except ErrDisabled and ErrExpired, becomes
// temporary-auth-failure.
//
// Scram and Digest may return credentials together with ErrNoUser, ErrDisabled
// or ErrExpired: the proof is then checked against them first, and the error
// told afterwards (ErrNoUser never as such). Without credentials an ErrNoUser
// is covered by made-up ones with 16 octets of salt and 4096 iterations; a
// store with other habits, or whose salts outlive the process, returns those
// of its own Decoys. A user without keys for h is ErrNoUser too.
type Store interface {
	// Verify checks a password (not yet prepared). ErrDisabled and ErrExpired
	// only after it was right.
	Verify(ctx context.Context, user, domain, password string) error
	// Scram returns the keys for h.
	Scram(ctx context.Context, user, domain string, h Hash) (Keys, error)
	// Digest returns MD5(user ":" realm ":" password), RFC 2831 §2.1.2.1.
	Digest(ctx context.Context, user, domain, realm string) (ha1 [16]byte, err error)
	// Can says which of the others work.
	Can() Capability
}

// A Salter is a Store whose keys cost work to make. The exchange asks it for
// the salt first, which must not depend on whether the user is there, and asks
// for Scram only when the peer has sent its proof.
type Salter interface {
	Salt(user, domain string, h Hash) (salt []byte, iterations int)
}

var (
	ErrNoUser   = errors.New("no such user")
	ErrPassword = errors.New("wrong password")
	ErrDisabled = errors.New("account disabled")
	ErrExpired  = errors.New("credentials expired")
)

// An Exchange is one run of a mechanism. It is used by one goroutine at a time.
type Exchange interface {
	// Next takes the peer's next message, decoded, and returns what to send.
	// The first call has the initial response: nil when the peer sent none,
	// empty but not nil when it sent "=" (RFC 6120 §6.4.2). Later calls have
	// the contents of <response/>. response is not kept.
	//
	// done false: challenge goes out as <challenge/>, an empty one too.
	// done true: the peer is authenticated; challenge, when not nil, is the
	// additional data of <success/>.
	// err, always a *Failure: the exchange is over and failed.
	Next(ctx context.Context, response []byte) (challenge []byte, done bool, err error)
	// User is the prepared local part; until done only what the peer claims,
	// "" when it has not said so yet.
	User() string
}
