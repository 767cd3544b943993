package netio_test

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/hmac"
	"crypto/sha256"
	"crypto/tls"
	"encoding/binary"
	"encoding/hex"
	"io"
	"net"
	"strings"
	"testing"

	"roost/netio"
	"roost/netio/netiotest"
)

// recording keeps what is read.
type recording struct {
	net.Conn
	seen bytes.Buffer
}

func (c *recording) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	c.seen.Write(p[:n])
	return n, err
}

// prf is TLS 1.2's (RFC 5246 §5).
func prf(secret []byte, label string, seed []byte, n int) []byte {
	sum := func(parts ...[]byte) []byte {
		h := hmac.New(sha256.New, secret)
		for _, p := range parts {
			h.Write(p)
		}
		return h.Sum(nil)
	}
	seed = append([]byte(label), seed...)
	var out []byte
	for a := sum(seed); len(out) < n; a = sum(a) {
		out = append(out, sum(a, seed)...)
	}
	return out[:n]
}

// A client that wants to renegotiate (RFC 5246 §7.4.1.1), which crypto/tls's
// never does, is refused with an alert, and the connection ends.
func TestRenegotiationRefused(t *testing.T) {
	server, client := netiotest.Certificates(t)
	e := netiotest.Engine(t, netio.Config{})
	closed := make(chan error, 1)
	addr := netiotest.Serve(t, e, func(c *netio.Conn) netio.Handler {
		c.StartTLS(server, 0)
		return &netiotest.Funcs{
			Data: func(_ *netio.Conn, b []byte) int {
				t.Errorf("got %q", b)
				return len(b)
			},
			Close: func(_ *netio.Conn, err error) { closed <- err },
		}
	})
	var keys strings.Builder
	client.KeyLogWriter = &keys
	client.MaxVersion = tls.VersionTLS12
	client.CipherSuites = []uint16{tls.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256}
	p := netiotest.Dial(t, addr)
	raw := &recording{Conn: p.Conn}
	p.Conn = raw
	p.StartTLS(client)

	// CLIENT_RANDOM <random> <master secret>; the server's random stands
	// behind the headers of record and message and the version.
	f := strings.Fields(keys.String())
	random, err := hex.DecodeString(f[1])
	if err != nil {
		t.Fatal(err)
	}
	master, err := hex.DecodeString(f[2])
	if err != nil {
		t.Fatal(err)
	}
	block := prf(master, "key expansion", append(raw.seen.Bytes()[11:43:43], random...), 2*16+2*4)
	aesBlock, err := aes.NewCipher(block[:16])
	if err != nil {
		t.Fatal(err)
	}
	aead, err := cipher.NewGCM(aesBlock)
	if err != nil {
		t.Fatal(err)
	}
	// The client's second record; Finished was the first (RFC 5288 §3).
	again := hello(t, client)[5:]
	explicit := binary.BigEndian.AppendUint64(nil, 1)
	extra := binary.BigEndian.AppendUint16(append(bytes.Clone(explicit), recordHandshake, 3, 3), uint16(len(again)))
	sealed := aead.Seal(explicit, append(bytes.Clone(block[32:36]), explicit...), again, extra)
	record := binary.BigEndian.AppendUint16([]byte{recordHandshake, 3, 3}, uint16(len(sealed)))
	raw.seen.Reset()
	if _, err := raw.Conn.Write(append(record, sealed...)); err != nil {
		t.Fatal(err)
	}
	io.ReadAll(raw)
	if b := raw.seen.Bytes(); len(b) == 0 || b[0] != 21 {
		t.Errorf("no alert: %x", b)
	}
	raw.Conn.Close()
	if err := netiotest.Await(t, closed); err == nil || !strings.Contains(err.Error(), "unexpected handshake message") {
		t.Errorf("OnClose: %v", err)
	}
}
