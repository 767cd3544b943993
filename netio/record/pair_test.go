package record

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"io"
	"math/big"
	"net"
	"strings"
	"sync"
	"testing"
	"time"
)

// errNone is what a wire that does not wait says when it is empty; crypto/tls reads
// again after it.
var errNone = &net.OpError{Op: "read", Err: again{}}

type again struct{}

func (again) Error() string   { return "nothing yet" }
func (again) Timeout() bool   { return true }
func (again) Temporary() bool { return true }

// A wire is one end of a connection in memory. Reading hands out one record at a
// time.
type wire struct {
	net.Conn // nil: no other method is called
	mu       *sync.Mutex
	more     *sync.Cond
	in, out  *bytes.Buffer
	left     int
	waits    *bool
}

func wires() (a, b *wire) {
	var mu sync.Mutex
	waits := true
	one, other := &bytes.Buffer{}, &bytes.Buffer{}
	a = &wire{mu: &mu, more: sync.NewCond(&mu), in: one, out: other, waits: &waits}
	b = &wire{mu: &mu, more: a.more, in: other, out: one, waits: &waits}
	return a, b
}

func (w *wire) Read(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for w.in.Len() < HeaderLen && *w.waits {
		w.more.Wait()
	}
	if w.in.Len() == 0 {
		return 0, errNone
	}
	if w.left == 0 && *w.waits {
		w.left = HeaderLen + int(binary.BigEndian.Uint16(w.in.Bytes()[3:]))
	}
	if *w.waits {
		p = p[:min(len(p), w.left)]
	}
	n, err := w.in.Read(p)
	w.left -= n
	return n, err
}

func (w *wire) Write(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.more.Broadcast()
	return w.out.Write(p)
}

func (*wire) SetWriteDeadline(time.Time) error { return nil }

// certificate is made once: signing is what a handshake costs.
var certificate = sync.OnceValue(func() tls.Certificate {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		panic(err)
	}
	tmpl := &x509.Certificate{SerialNumber: big.NewInt(1), DNSNames: []string{"roost.test"}, NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, tmpl, tmpl, &key.PublicKey, key)
	if err != nil {
		panic(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
})

// pair shakes hands with crypto/tls at both ends and replaces one of them, client
// or server. to carries what ours sends, from what it gets; theirs does not wait.
func pair(t testing.TB, client bool) (ours *State, theirs *tls.Conn, to, from *bytes.Buffer) {
	t.Helper()
	var keys strings.Builder
	near, far := wires()
	cc, sc := near, far
	if !client {
		cc, sc = far, near
	}
	c := tls.Client(cc, &tls.Config{InsecureSkipVerify: true, KeyLogWriter: &keys})
	s := tls.Server(sc, &tls.Config{Certificates: []tls.Certificate{certificate()}})
	done := make(chan error)
	go func() { done <- s.Handshake() }()
	if err := errors.Join(c.Handshake(), <-done); err != nil {
		t.Fatal(err)
	}
	*near.waits = false
	state, err := New(c.ConnectionState().CipherSuite, client, secretOf(t, keys.String(), "CLIENT"), secretOf(t, keys.String(), "SERVER"))
	if err != nil {
		t.Fatal(err)
	}
	if client {
		return &state, s, near.out, near.in
	}
	// The server's ticket is on its way.
	for b := near.out.Bytes(); len(b) > 0; {
		n, err := Size(b)
		if err != nil || !state.Sent(b[:n]) {
			t.Fatalf("a record of %d bytes (%v) that is not the server's", n, err)
		}
		b = b[n:]
	}
	return &state, c, near.out, near.in
}

func secretOf(t testing.TB, log, side string) []byte {
	t.Helper()
	for line := range strings.Lines(log) {
		if f := strings.Fields(line); f[0] == side+"_TRAFFIC_SECRET_0" {
			b, err := hex.DecodeString(f[2])
			if err != nil {
				t.Fatal(err)
			}
			return b
		}
	}
	t.Fatalf("no secret of the %s in %q", side, log)
	return nil
}

// drain reads what theirs has got.
func drain(t testing.TB, theirs *tls.Conn) (got []byte, err error) {
	t.Helper()
	buf := make([]byte, 4096)
	for {
		n, err := theirs.Read(buf)
		got = append(got, buf[:n]...)
		if err != nil {
			if ne, ok := errors.AsType[net.Error](err); ok && ne.Timeout() {
				err = nil
			}
			return got, err
		}
	}
}

// open opens the whole records that stand in from.
func (s *State) open(from *bytes.Buffer) (got []byte, err error) {
	for {
		n, err := Size(from.Bytes())
		if err != nil || n == 0 || n > from.Len() {
			return got, err
		}
		data, err := s.Open(from.Next(n))
		got = append(got, data...)
		if err != nil {
			return got, err
		}
	}
}

// FuzzLibrary has a State and crypto/tls talk to each other, either being the client. Each byte of
// ops is a step: who writes how much, or a change of keys, or what arrives in parts.
func FuzzLibrary(f *testing.F) {
	f.Add(true, []byte("\x00\x10\x01\x11\x02\x03\x20\x21\x07\x0b\x04\x80\x81\xf0\xf1"))
	f.Add(false, []byte("\x00\x10\x01\x11\x02\x03\x20\x21\x07\x0b\x04\x80\x81\xf0\xf1"))
	f.Add(false, []byte("\x02\x02\x06\x06\x01\x01\x00"))
	f.Fuzz(func(t *testing.T, client bool, ops []byte) {
		if len(ops) > 64 {
			return
		}
		ours, theirs, to, from := pair(t, client)
		var said, meant [2][]byte // what came out, and what went in, from ours to theirs and back
		updates := 0
		for i, op := range ops {
			data := bytes.Repeat([]byte{byte(i)}, int(op>>2)*int(op>>2)*6) // up to 23 KB: more than a record
			switch op & 3 {
			case 0:
				if len(data) > 0 {
					updates = 0
				}
				to.Write(ours.write(data))
				meant[0] = append(meant[0], data...)
			case 1:
				if _, err := theirs.Write(data); err != nil {
					t.Fatal(err)
				}
				meant[1] = append(meant[1], data...)
			case 2: // new keys, perhaps with a request for theirs
				if updates++; updates > 12 {
					continue // crypto/tls takes 16 records without data
				}
				ours.flags |= fOwed
				if op&4 != 0 {
					ours.flags |= fAsk
				}
				to.Write(ours.AppendUpdate(nil))
			case 3: // ours was idle
				ours.Cool()
			}
			if op&8 != 0 && to.Len() > 1 { // theirs gets the last record in two parts
				rest := bytes.Clone(to.Bytes()[to.Len()-to.Len()/3:])
				to.Truncate(to.Len() - len(rest))
				got, err := drain(t, theirs)
				if err != nil {
					t.Fatal(err)
				}
				said[0] = append(said[0], got...)
				to.Write(rest)
			}
			got, err := drain(t, theirs)
			if err != nil {
				t.Fatalf("step %d: theirs: %v", i, err)
			}
			said[0] = append(said[0], got...)
			if got, err = ours.open(from); err != nil {
				t.Fatalf("step %d: ours: %v", i, err)
			}
			said[1] = append(said[1], got...)
		}
		for i := range said {
			if !bytes.Equal(said[i], meant[i]) {
				t.Errorf("direction %d: %d bytes came out, want %d", i, len(said[i]), len(meant[i]))
			}
		}
		to.Write(ours.AppendClose(nil))
		if _, err := drain(t, theirs); err != io.EOF {
			t.Errorf("theirs at the end: %v", err)
		}
		theirs.CloseWrite()
		if _, err := ours.open(from); err != io.EOF {
			t.Errorf("ours at the end: %v", err)
		}
	})
}

// write seals data, an owed KeyUpdate before it.
func (s *State) write(data []byte) []byte {
	b := s.AppendUpdate(nil)
	for len(data) > 0 {
		n := min(len(data), MaxPlaintext)
		b = append(b, s.Seal(room(data[:n]))...)
		data = data[n:]
	}
	return b
}

// FuzzRecord feeds two States: the peer seals whatever content the input has, or
// sends it bare. Whatever comes, Open answers with data or a typed error.
func FuzzRecord(f *testing.F) {
	f.Add(uint8(0), false, []byte("\x17hello"))
	f.Add(uint8(1), true, []byte("\x16\x18\x00\x00\x01\x01"))
	f.Add(uint8(2), false, []byte("\x16\x18\x00\x00\x01\x01\x16\x18"))
	f.Add(uint8(0), true, []byte("\x16\x04\x00\x00\x02ab"))
	f.Add(uint8(0), true, []byte("\x15\x02\x28"))
	f.Fuzz(func(t *testing.T, id uint8, client bool, content []byte) {
		su := &suites[int(id)%len(suites)]
		cs, ss := bytes.Repeat([]byte{1}, su.hash), bytes.Repeat([]byte{2}, su.hash)
		us, peer := newState(t, su.id, client, cs, ss), newState(t, su.id, !client, cs, ss)
		for part := range bytes.SplitSeq(content, []byte{0xff}) {
			if len(part) == 0 {
				continue
			}
			rec := peer.append(nil, part[0], part[1:]...)
			_, err := us.Open(rec)
			if err != nil {
				typed(t, err)
				return
			}
			if us.in.seq == 0 { // it has followed a KeyUpdate
				peer.next(&peer.out, &peer.hot.out)
			}
		}
		n, err := Size(content)
		if err == nil && n > 0 && n <= len(content) {
			_, err = us.Open(bytes.Clone(content[:n]))
		}
		if err != nil {
			typed(t, err)
		}
	})
}

func typed(t *testing.T, err error) {
	t.Helper()
	if err != io.EOF && !errors.As(err, new(*Error)) && !errors.As(err, new(*PeerError)) {
		t.Errorf("%T: %v", err, err)
	}
}
