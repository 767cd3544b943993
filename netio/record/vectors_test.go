package record

import (
	"bytes"
	"encoding/hex"
	"io"
	"strings"
	"testing"

	"crypto/tls"
)

func unhex(t *testing.T, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(strings.Join(strings.Fields(s), ""))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// RFC 8448 §3, "Simple 1-RTT Handshake", from the secrets on.
const (
	clientSecret = "9e40646ce79a7f9dc05af8889bce6552875afa0b06df0087f792ebb7c17504a5"
	serverSecret = "a11af9f05531f856ad47116b45a950328204b4f44bfb6b3a4b4f1f3fcb631643"

	clientData = `17 03 03 00 43 a2 3f 70 54 b6 2c 94 d0 af fa fe 82 28 ba 55 cb ef ac ea 42 f9 14 aa 66 bc ab
		3f 2b 98 19 a8 a5 b4 6b 39 5b d5 4a 9a 20 44 1e 2b 62 97 4e 1f 5a 62 92 a2 97 70 14 bd 1e 3d ea e6 3a
		ee bb 21 69 49 15 e4`
	serverData = `17 03 03 00 43 2e 93 7e 11 ef 4a c7 40 e5 38 ad 36 00 5f c4 a4 69 32 fc 32 25 d0 5f 82 aa 1b 36
		e3 0e fa f9 7d 90 e6 df fc 60 2d cb 50 1a 59 a8 fc c4 9c 4b f2 e5 f0 a2 1c 00 47 c2 ab f3 32 54 0d d0
		32 e1 67 c2 95 5d`
	clientClose = "17 03 03 00 13 c9 87 27 60 65 56 66 b7 4d 7f f1 15 3e fd 6d b6 d0 b0 e3"
	serverClose = "17 03 03 00 13 b5 8f d6 71 66 eb f5 99 d2 47 20 cf be 7e fa 7a 88 64 a9"
)

func newState(t testing.TB, id uint16, client bool, cs, ss []byte) *State {
	t.Helper()
	s, err := New(id, client, cs, ss)
	if err != nil {
		t.Fatal(err)
	}
	return &s
}

// The keys of RFC 8448 §3.
func TestKeySchedule(t *testing.T) {
	s := newState(t, tls.TLS_AES_128_GCM_SHA256, false, unhex(t, clientSecret), unhex(t, serverSecret))
	for _, c := range []struct{ secret, label, want string }{
		{clientSecret, "key", "17422dda596ed5d9acd890e3c63f5051"},
		{clientSecret, "iv", "5b78923dee08579033e523d9"},
		{serverSecret, "key", "9f02283b6c9c07efc26bb9f2ac92e356"},
		{serverSecret, "iv", "cf782b88dd83549aadf1e984"},
	} {
		got, err := s.row().expandLabel(unhex(t, c.secret), c.label, len(c.want)/2)
		if err != nil || hex.EncodeToString(got) != c.want {
			t.Errorf("%s: %x (%v), want %s", c.label, got, err, c.want)
		}
	}
}

// The records of RFC 8448 §3: sealed the same, opened the same, at both ends.
func TestRecords(t *testing.T) {
	want := make([]byte, 50)
	for i := range want {
		want[i] = byte(i)
	}
	cs, ss := unhex(t, clientSecret), unhex(t, serverSecret)
	client := newState(t, tls.TLS_AES_128_GCM_SHA256, true, cs, ss)
	server := newState(t, tls.TLS_AES_128_GCM_SHA256, false, cs, ss)
	// The server's record 0 is a session ticket, which is not among these.
	client.in.seq, server.out.seq = 1, 1
	for _, c := range []struct {
		name        string
		from, to    *State
		data, close string
	}{
		{"client", client, server, clientData, clientClose},
		{"server", server, client, serverData, serverClose},
	} {
		t.Run(c.name, func(t *testing.T) {
			data := unhex(t, c.data)
			if rec := c.from.Seal(room(want)); !bytes.Equal(rec, data) {
				t.Errorf("sealed\n%x, want\n%x", rec, data)
			}
			if got, err := c.to.Open(data); err != nil || !bytes.Equal(got, want) {
				t.Errorf("opened %x, %v", got, err)
			}
			end := unhex(t, c.close)
			if rec := c.from.AppendClose(nil); !bytes.Equal(rec, end) {
				t.Errorf("close_notify\n%x, want\n%x", rec, end)
			}
			if got, err := c.to.Open(end); err != io.EOF || len(got) > 0 {
				t.Errorf("close_notify opened: %x, %v", got, err)
			}
		})
	}
}

// room lays data out as Seal wants it.
func room(data []byte) []byte {
	b := make([]byte, HeaderLen, HeaderLen+len(data)+TrailerLen)
	return append(b, data...)
}
