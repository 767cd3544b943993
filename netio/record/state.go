package record

import (
	"fmt"
	"slices"
)

// Lengths of a record's parts (RFC 8446 §5.1, §5.2).
const (
	HeaderLen    = 5
	TrailerLen   = 1 + tagLen // the inner content type, and the tag
	MaxPlaintext = 1 << 14
	maxPayload   = MaxPlaintext + 256
)

// Content types (RFC 8446 §5.1).
const (
	kindAlert     = 21
	kindHandshake = 22
	kindData      = 23
)

// Bounds on what a peer may make us do.
const (
	// rekeyAfter is how many records one key protects before it is replaced:
	// below the 2^24.5 of AES-GCM (RFC 8446 §5.5).
	rekeyAfter = 1 << 24
	// maxUseless is how many records without data may follow each other:
	// empty ones, user_canceled, session tickets.
	maxUseless = 32
	// maxUpdates is how many KeyUpdates may come at once; a peer earns one more
	// with every updateBytes of data. Each costs about as much as 4 KiB do.
	maxUpdates  = 64
	updateBytes = 4 << 10
	// maxMessage is the longest handshake message that is skipped, a session
	// ticket's: what crypto/tls would read.
	maxMessage = 1 << 16
)

// maxHash is the length of the longest secret.
const maxHash = 48

// A half is what one direction must remember while it is idle.
type half struct {
	secret [maxHash]byte
	seq    uint64 // of the next record
}

// A State is one end of a TLS 1.3 connection after its handshake.
type State struct {
	in, out half
	hot     *keys // nil while idle

	suite   uint8 // index of suites
	flags   uint8 // f* bits
	useless uint8 // records without data, one after the other
	updates uint8 // KeyUpdates, less what was earned since
	earned  uint16

	have uint8   // bytes in msg
	msg  [5]byte // the beginning of a handshake message that is not whole: KeyUpdate is no longer
	skip uint32  // bytes of a session ticket to come
}

// Bits of State.flags.
const (
	fClient = 1 << iota
	fOwed   // the peer has asked for a KeyUpdate
	fAsk    // the peer ought to replace its keys
	fDead   // a fatal alert was sent: nothing may follow it
)

// keys are the ciphers of both directions.
type keys struct{ in, out direction }

// New returns the State of a client's or a server's end: suite is one of
// TLS 1.3's, the secrets are client_application_traffic_secret_0 and
// server_application_traffic_secret_0 (RFC 8446 §7.1), which are copied. The
// error is for a suite that this package, or this program's settings, do not
// know.
func New(id uint16, client bool, clientSecret, serverSecret []byte) (State, error) {
	i := slices.IndexFunc(suites, func(su suite) bool { return su.id == id })
	if i < 0 {
		return State{}, fmt.Errorf("cipher suite %#04x is none of TLS 1.3's", id)
	}
	s := State{suite: uint8(i), hot: &keys{}}
	in, out := clientSecret, serverSecret
	if client {
		s.flags = fClient
		in, out = out, in
	}
	if n := suites[i].hash; len(in) != n || len(out) != n {
		return State{}, fmt.Errorf("secrets of %d and %d bytes, want %d", len(clientSecret), len(serverSecret), n)
	}
	copy(s.in.secret[:], in)
	copy(s.out.secret[:], out)
	for _, d := range []struct {
		dir  *direction
		half *half
	}{{&s.hot.in, &s.in}, {&s.hot.out, &s.out}} {
		if err := d.dir.begin(s.row(), d.half.of(s.row())); err != nil {
			return State{}, err
		}
	}
	return s, nil
}

func (s *State) row() *suite { return &suites[s.suite] }

func (h *half) of(su *suite) []byte { return h.secret[:su.hash] }

// Suite returns the cipher suite's number.
func (s *State) Suite() uint16 { return s.row().id }

// Hot says that s holds ciphers, about a kilobyte.
func (s *State) Hot() bool { return s.hot != nil }

// Cool gives the ciphers back. The next record makes new ones.
func (s *State) Cool() { s.hot = nil }

// Clear overwrites the secrets. Nothing can be opened or sealed afterwards.
func (s *State) Clear() {
	s.in, s.out, s.hot = half{}, half{}, nil
	s.flags |= fDead
}

// opener and sealer return the ciphers, and make them when they are gone.
func (s *State) opener() *direction {
	if s.hot == nil {
		s.hot = &keys{}
	}
	return s.warm(&s.hot.in, &s.in)
}

func (s *State) sealer() *direction {
	if s.hot == nil {
		s.hot = &keys{}
	}
	return s.warm(&s.hot.out, &s.out)
}

func (s *State) warm(d *direction, h *half) *direction {
	if d.aead == nil {
		if err := d.begin(s.row(), h.of(s.row())); err != nil {
			panic(err) // New has made the same cipher
		}
	}
	return d
}

// next moves a direction on to its next secret (RFC 8446 §7.2).
func (s *State) next(h *half, d *direction) {
	secret, err := s.row().expandLabel(h.of(s.row()), "traffic upd", s.row().hash)
	if err != nil {
		panic(err) // as long as its input was
	}
	copy(h.secret[:], secret)
	clear(secret)
	h.seq = 0
	d.aead = nil
}

// Sent counts a record, whole, as sent by this end before it had a State, if it
// was sealed with the secret that s has for sending, and says whether it was.
// The records of a handshake are not, the session tickets that crypto/tls sends
// behind it are. Call it in the order of the records.
func (s *State) Sent(rec []byte) bool {
	n, err := Size(rec)
	if err != nil || n != len(rec) || n < HeaderLen+tagLen {
		return false
	}
	d := s.sealer()
	if _, err := d.aead.Open(nil, d.nonceOf(s.out.seq), rec[HeaderLen:], rec[:HeaderLen]); err != nil {
		return false
	}
	s.out.seq++
	return true
}
