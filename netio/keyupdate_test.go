package netio_test

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/sha256"
	"crypto/tls"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"syscall"
	"testing"

	"roost/netio"
	"roost/netio/netiotest"
	"roost/netio/record"
)

// A direction seals or opens TLS 1.3 records with AES-128-GCM (RFC 8446 §5.2),
// for a client that does what crypto/tls's never does.
type direction struct {
	secret []byte
	aead   cipher.AEAD
	iv     []byte
	seq    uint64
}

func expand(secret []byte, label string, n int) []byte {
	info := binary.BigEndian.AppendUint16(nil, uint16(n)) // RFC 8446 §7.1
	label = "tls13 " + label
	info = append(append(append(info, byte(len(label))), label...), 0)
	out, err := hkdf.Expand(sha256.New, secret, string(info), n)
	if err != nil {
		panic(err)
	}
	return out
}

func (d *direction) rekey(secret []byte) {
	block, err := aes.NewCipher(expand(secret, "key", 16))
	if err != nil {
		panic(err)
	}
	if d.aead, err = cipher.NewGCM(block); err != nil {
		panic(err)
	}
	d.secret, d.iv, d.seq = secret, expand(secret, "iv", 12), 0
}

// update moves on to the next keys (RFC 8446 §7.2).
func (d *direction) update() { d.rekey(expand(d.secret, "traffic upd", 32)) }

func (d *direction) nonce() []byte {
	n := bytes.Clone(d.iv)
	binary.BigEndian.PutUint64(n[4:], binary.BigEndian.Uint64(n[4:])^d.seq)
	d.seq++
	return n
}

const (
	recordHandshake = 22
	recordData      = 23
)

// keyUpdate asks the peer to update its keys as well (RFC 8446 §4.6.3).
const keyUpdate = "\x18\x00\x00\x01\x01"

func (d *direction) seal(kind byte, s string) []byte {
	plain := append([]byte(s), kind)
	head := []byte{recordData, 3, 3, 0, 0}
	binary.BigEndian.PutUint16(head[3:], uint16(len(plain)+d.aead.Overhead()))
	return append(head, d.aead.Seal(nil, d.nonce(), plain, head)...)
}

// open reads one record.
func (d *direction) open(t *testing.T, r io.Reader) (kind byte, plain string) {
	t.Helper()
	head := make([]byte, 5)
	if _, err := io.ReadFull(r, head); err != nil {
		t.Fatal(err)
	}
	body := make([]byte, binary.BigEndian.Uint16(head[3:]))
	if _, err := io.ReadFull(r, body); err != nil {
		t.Fatal(err)
	}
	b, err := d.aead.Open(nil, d.nonce(), body, head)
	if err != nil {
		t.Fatal(err)
	}
	b = bytes.TrimRight(b, "\x00")
	return b[len(b)-1], string(b[:len(b)-1])
}

// bareClient shakes hands with crypto/tls and goes on with bare records.
func bareClient(t *testing.T, p *netiotest.Peer, cfg *tls.Config) (conn net.Conn, in, out *direction) {
	t.Helper()
	conn = p.Conn
	secure, client, server := bareSecrets(t, p.Conn, cfg)
	st := secure.ConnectionState()
	if st.CipherSuite != tls.TLS_AES_128_GCM_SHA256 {
		t.Skipf("this processor has no AES instructions: %s was chosen", tls.CipherSuiteName(st.CipherSuite))
	}
	in, out = &direction{}, &direction{}
	out.rekey(client)
	in.rekey(server)
	return conn, in, out
}

// bareSecrets does a client's handshake on raw and returns the traffic secrets.
func bareSecrets(t testing.TB, raw net.Conn, cfg *tls.Config) (conn *tls.Conn, client, server []byte) {
	t.Helper()
	var keys strings.Builder
	cfg = cfg.Clone()
	cfg.KeyLogWriter = &keys
	conn = tls.Client(raw, cfg)
	if err := conn.Handshake(); err != nil {
		t.Fatalf("client's handshake: %v", err)
	}
	for line := range strings.Lines(keys.String()) {
		f := strings.Fields(line)
		secret, err := hex.DecodeString(f[2])
		if err != nil {
			t.Fatal(err)
		}
		switch f[0] {
		case "CLIENT_TRAFFIC_SECRET_0":
			client = secret
		case "SERVER_TRAFFIC_SECRET_0":
			server = secret
		}
	}
	return conn, client, server
}

// Key updates in both directions, with data before, between and after.
func TestKeyUpdate(t *testing.T) {
	forEachWay(t, func(t *testing.T, cfg netio.Config) {
		library := cfg.LibraryRecords
		forEachCut(t, func(t *testing.T, cfg netio.Config) {
			cfg.LibraryRecords = library
			testKeyUpdate(t, cfg)
		})
	})
}

func testKeyUpdate(t *testing.T, cfg netio.Config) {
	server, client := netiotest.Certificates(t)
	server.SessionTicketsDisabled = true // they would be the server's first record
	e := netiotest.Engine(t, cfg)
	fs := &netiotest.Frames{T: t}
	addr := netiotest.Serve(t, e, func(c *netio.Conn) netio.Handler {
		c.StartTLS(server, 0)
		return lines(fs)(c)
	})
	conn, in, out := bareClient(t, netiotest.Dial(t, addr), client)
	for i := range 10 {
		msg := fmt.Sprintf("message %d\n", i)
		flight := out.seal(recordData, msg)
		if i%3 == 0 {
			// The message itself may be cut into records (RFC 8446 §5.1).
			flight = append(flight, out.seal(recordHandshake, keyUpdate[:2])...)
			flight = append(flight, out.seal(recordHandshake, keyUpdate[2:])...)
			out.update()
			flight = append(flight, out.seal(recordData, msg)...)
			msg += msg
		}
		if _, err := conn.Write(flight); err != nil {
			t.Fatal(err)
		}
		for got := ""; got != msg; {
			switch kind, plain := in.open(t, conn); {
			case kind == recordData:
				got += plain
			case kind == recordHandshake && plain == "\x18\x00\x00\x01\x00":
				in.update()
			default:
				t.Fatalf("record %d %q", kind, plain)
			}
		}
	}
}

// A peer that asks for key updates and never reads the answers is cut: crypto/tls's
// answers must not pile up, ours do not, and the work is bounded in either case.
func TestKeyUpdateFlood(t *testing.T) {
	forEachWay(t, testKeyUpdateFlood)
}

func testKeyUpdateFlood(t *testing.T, cfg netio.Config) {
	server, client := netiotest.Certificates(t)
	server.SessionTicketsDisabled = true
	e := netiotest.Engine(t, cfg)
	closed := make(chan error, 1)
	ls := netiotest.Listen(t, e, netio.ListenOptions{SendBuffer: 4096}, func(c *netio.Conn) netio.Handler {
		c.StartTLS(server, 0)
		return &netiotest.Funcs{Close: func(_ *netio.Conn, err error) { closed <- err }}
	})
	conn, _, out := bareClient(t, netiotest.DialDeaf(t, ls.Addr()), client)
	var err error
	for err == nil {
		flight := out.seal(recordHandshake, keyUpdate)
		out.update()
		_, err = conn.Write(append(flight, out.seal(recordData, "x")...))
	}
	if !errors.Is(err, syscall.ECONNRESET) && !errors.Is(err, syscall.EPIPE) {
		t.Error(err)
	}
	switch err := netiotest.Await(t, closed); {
	case cfg.LibraryRecords && err != netio.ErrOverflow, !cfg.LibraryRecords && !errors.As(err, new(*record.Error)):
		t.Errorf("OnClose: %v", err)
	}
}
