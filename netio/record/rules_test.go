package record

import (
	"bytes"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
	"strings"
	"testing"
	"unsafe"
)

// ends returns both ends of a connection, for each suite.
func ends(t testing.TB, id uint16) (client, server *State) {
	t.Helper()
	su := suites[0]
	for _, row := range suites {
		if row.id == id {
			su = row
		}
	}
	cs, ss := bytes.Repeat([]byte{1}, su.hash), bytes.Repeat([]byte{2}, su.hash)
	return newState(t, id, true, cs, ss), newState(t, id, false, cs, ss)
}

const aes128 = tls.TLS_AES_128_GCM_SHA256

// What a peer may not do, and what it may, one record after the other: the alert
// of the error, or none.
func TestRules(t *testing.T) {
	const (
		update  = "\x18\x00\x00\x01\x00"
		request = "\x18\x00\x00\x01\x01"
	)
	type part struct {
		kind    byte
		content string
	}
	many := func(n int, p part) []part { return slices.Repeat([]part{p}, n) }
	ok := Alert(255)
	for _, c := range []struct {
		name   string
		client bool // the end that is told
		parts  []part
		want   Alert
	}{
		{"data", false, []part{{kindData, "x"}}, ok},
		{"empty data", false, []part{{kindData, ""}}, ok},
		{"as much data as there may be", false, []part{{kindData, strings.Repeat("x", MaxPlaintext)}}, ok},
		{"padding", false, []part{{0, "x\x17\x00\x00"}, {0, "\x17\x00"}}, ok},
		{"padding to the limit", false, []part{{0, "\x17" + strings.Repeat("\x00", MaxPlaintext-1)}}, ok},
		{"padding beyond the limit", false, []part{{0, "\x17" + strings.Repeat("\x00", MaxPlaintext)}}, RecordOverflow},
		{"no type", false, []part{{0, ""}}, UnexpectedMessage},
		{"no type, but padding", false, []part{{0, "\x00\x00"}}, UnexpectedMessage},
		{"too much data", false, []part{{kindData, strings.Repeat("x", MaxPlaintext+1)}}, RecordOverflow},
		{"as many empty records as may be", false, many(maxUseless, part{kindData, ""}), ok},
		{"a flood of empty records", false, many(maxUseless+1, part{kindData, ""}), UnexpectedMessage},
		{"a flood of user_canceled", false, many(maxUseless+1, part{kindAlert, "\x01\x5a"}), UnexpectedMessage},
		{"change_cipher_spec", false, []part{{20, "\x01"}}, UnexpectedMessage},
		{"heartbeat", false, []part{{24, "\x01\x00\x00"}}, UnexpectedMessage},
		{"KeyUpdate in two parts", false, []part{{kindHandshake, update[:2]}, {kindHandshake, update[2:]}}, ok},
		{"KeyUpdate byte by byte", false, []part{{kindHandshake, update[:1]}, {kindHandshake, update[1:2]},
			{kindHandshake, update[2:3]}, {kindHandshake, update[3:4]}, {kindHandshake, update[4:]}}, ok},
		{"data inside a KeyUpdate", false, []part{{kindHandshake, update[:2]}, {kindData, "x"}}, UnexpectedMessage},
		{"an alert inside a KeyUpdate", false, []part{{kindHandshake, update[:4]}, {kindAlert, "\x01\x00"}}, UnexpectedMessage},
		{"two KeyUpdates in a record", false, []part{{kindHandshake, request + request}}, UnexpectedMessage},
		{"KeyUpdate and a part", false, []part{{kindHandshake, update + "\x18"}}, UnexpectedMessage},
		{"KeyUpdate of 2 bytes", false, []part{{kindHandshake, "\x18\x00\x00\x02\x00\x00"}}, DecodeError},
		{"KeyUpdate that asks for 2", false, []part{{kindHandshake, "\x18\x00\x00\x01\x02"}}, IllegalParameter},
		{"no handshake message", false, []part{{kindHandshake, ""}}, UnexpectedMessage},
		{"ClientHello", false, []part{{kindHandshake, "\x01\x00\x00\x20"}}, UnexpectedMessage},
		{"HelloRequest", true, []part{{kindHandshake, "\x00\x00\x00\x00"}}, UnexpectedMessage},
		{"CertificateRequest", true, []part{{kindHandshake, "\x0d\x00\x00\x20"}}, UnexpectedMessage},
		{"Finished", false, []part{{kindHandshake, "\x14\x00\x00\x20"}}, UnexpectedMessage},
		{"a ticket from a client", false, []part{{kindHandshake, "\x04\x00\x00\x02ab"}}, UnexpectedMessage},
		{"a ticket", true, []part{{kindHandshake, "\x04\x00\x00\x02ab"}, {kindData, "x"}}, ok},
		{"two tickets, cut", true, []part{{kindHandshake, "\x04\x00\x00\x02ab\x04\x00"}, {kindHandshake, "\x00\x02a"}, {kindHandshake, "b"}, {kindData, "x"}}, ok},
		{"a ticket and KeyUpdate", true, []part{{kindHandshake, "\x04\x00\x00\x02ab" + update}}, ok},
		{"data inside a ticket", true, []part{{kindHandshake, "\x04\x00\x00\x02a"}, {kindData, "x"}}, UnexpectedMessage},
		{"too long a ticket", true, []part{{kindHandshake, "\x04\x01\x00\x01a"}}, IllegalParameter},
		{"a flood of tickets", true, many(maxUseless+1, part{kindHandshake, "\x04\x00\x00\x00"}), UnexpectedMessage},
		{"an alert of 1 byte", false, []part{{kindAlert, "\x02"}}, UnexpectedMessage},
		{"two alerts", false, []part{{kindAlert, "\x01\x00\x01\x00"}}, UnexpectedMessage},
		{"an empty alert", false, []part{{kindAlert, ""}}, UnexpectedMessage},
	} {
		t.Run(c.name, func(t *testing.T) {
			peer, us := ends(t, aes128)
			if c.client {
				peer, us = us, peer
			}
			var err error
			for i, p := range c.parts {
				if err != nil {
					t.Fatalf("part %d: %v", i, err)
				}
				var rec []byte
				if p.kind == 0 { // the content has its type and padding
					rec = peer.append(nil, 0, []byte(p.content)...)
				} else {
					rec = peer.append(nil, p.kind, []byte(p.content)...)
				}
				_, err = us.Open(rec)
			}
			e, wrong := errors.AsType[*Error](err)
			switch {
			case c.want == ok && err != nil:
				t.Error(err)
			case c.want != ok && (!wrong || e.Alert != c.want):
				t.Errorf("%v, want the alert %v", err, c.want)
			}
		})
	}
}

// Alerts of the peer end the connection in order or not; after one that is fatal
// nothing is sent.
func TestAlerts(t *testing.T) {
	for _, c := range []struct {
		level, alert byte
		want         error
	}{
		{1, 0, io.EOF}, {2, 0, io.EOF}, {1, 90, nil},
		{2, 40, &PeerError{40}}, {1, 40, &PeerError{40}}, {2, 20, &PeerError{20}},
	} {
		client, server := ends(t, aes128)
		_, err := server.Open(client.append(nil, kindAlert, c.level, c.alert))
		if fmt.Sprint(err) != fmt.Sprint(c.want) {
			t.Errorf("alert %d: %v, want %v", c.alert, err, c.want)
		}
		if _, fatal := c.want.(*PeerError); fatal != server.Dead() || fatal != (len(server.AppendClose(nil)) == 0) {
			t.Errorf("alert %d: dead %v", c.alert, server.Dead())
		}
	}
	client, server := ends(t, aes128)
	_, err := client.Open(server.AppendAlert(nil, BadRecordMAC))
	if e, ok := errors.AsType[*PeerError](err); !ok || e.Alert != BadRecordMAC || !strings.Contains(err.Error(), "bad record MAC") {
		t.Error(err)
	}
	if b := server.AppendClose(server.AppendAlert(server.AppendUpdate(nil), RecordOverflow)); len(b) > 0 {
		t.Errorf("%x after an alert", b)
	}
}

// Headers that cannot be, and bits that were turned.
func TestHeaders(t *testing.T) {
	for _, c := range []struct {
		b    string
		want Alert
	}{
		{"\x16\x03\x03\x00\x20", UnexpectedMessage}, {"\x15\x03\x03\x00\x02", UnexpectedMessage}, {"\x14\x03\x03\x00\x01", UnexpectedMessage},
		{"<mess", UnexpectedMessage}, {"\x17\x03\x01\x00\x20", ProtocolVersion}, {"\x17\x03\x03\x41\x01", RecordOverflow},
	} {
		if n, err := Size([]byte(c.b)); n != 0 || err == nil || err.(*Error).Alert != c.want {
			t.Errorf("%q: %d, %v", c.b, n, err)
		}
	}
	if n, err := Size([]byte("\x17\x03\x03\x41\x00")); n != HeaderLen+maxPayload || err != nil {
		t.Error(n, err)
	}
	if n, err := Size([]byte("\x16\x03\x03\x00")); n != 0 || err != nil {
		t.Error(n, err)
	}
	for i := HeaderLen; i < HeaderLen+5+TrailerLen; i++ {
		client, server := ends(t, aes128)
		rec := client.Seal(room([]byte("hello")))
		rec[i] ^= 1
		if _, err := server.Open(rec); err == nil || err.(*Error).Alert != BadRecordMAC {
			t.Errorf("byte %d: %v", i, err)
		}
	}
	_, server := ends(t, aes128)
	for n := range TrailerLen {
		if _, err := server.Open(append([]byte{23, 3, 3, 0, byte(n)}, make([]byte, n)...)); err == nil || err.(*Error).Alert != BadRecordMAC {
			t.Errorf("%d bytes: %v", n, err)
		}
	}
}

// Records again, in another order, or left out.
func TestOrder(t *testing.T) {
	client, server := ends(t, aes128)
	a, b := client.Seal(room([]byte("a"))), client.Seal(room([]byte("b")))
	if _, err := server.Open(bytes.Clone(b)); err == nil {
		t.Error("the second record first")
	}
	again := bytes.Clone(a)
	if got, err := server.Open(a); string(got) != "a" || err != nil {
		t.Error(got, err)
	}
	if _, err := server.Open(again); err == nil {
		t.Error("a record twice")
	}
}

// A key is replaced when it has done its work: ours by us, the peer's when it
// does as it is asked; in every suite, with the ciphers gone in between.
func TestRekey(t *testing.T) {
	for _, su := range suites {
		t.Run(tls.CipherSuiteName(su.id), func(t *testing.T) {
			a, b := ends(t, su.id)
			a.out.seq, b.in.seq = rekeyAfter-2, rekeyAfter-2
			for i := range 6 {
				msg := []byte{byte(i)}
				var from bytes.Buffer
				from.Write(a.write(msg))
				if got, err := b.open(&from); err != nil || !bytes.Equal(got, msg) {
					t.Fatalf("message %d: %x, %v", i, got, err)
				}
				if i == 1 && (!a.Owes() || !b.Owes()) {
					t.Error("nobody wants new keys")
				}
				if i%2 == 0 {
					a.Cool()
					b.Cool()
				}
			}
			if a.out.seq != 4 || b.in.seq != 4 {
				t.Errorf("%d records sent, %d received with the new key, want 4", a.out.seq, b.in.seq)
			}
			if b.Owes() {
				t.Error("the peer has replaced its key, and is asked to")
			}
		})
	}
}

// A peer that has not replaced its key is asked to, once.
func TestAsks(t *testing.T) {
	a, b := ends(t, aes128)
	a.out.seq, b.in.seq = rekeyAfter-1, rekeyAfter-1
	if _, err := b.Open(a.Seal(room([]byte("x")))); err != nil {
		t.Fatal(err)
	}
	var wire bytes.Buffer
	wire.Write(b.AppendUpdate(nil))
	if wire.Len() == 0 || b.Owes() {
		t.Error("not asked")
	}
	if _, err := a.open(&wire); err != nil || !a.Owes() || a.in.seq != 0 {
		t.Error(err, a.Owes())
	}
}

// However many KeyUpdates are asked for, one answers; too many without data end
// the connection, and data earns more.
func TestUpdateFlood(t *testing.T) {
	a, b := ends(t, aes128)
	send := func() error {
		a.flags |= fAsk
		_, err := b.Open(a.AppendUpdate(nil))
		return err
	}
	for i := range maxUpdates {
		if err := send(); err != nil {
			t.Fatalf("KeyUpdate %d: %v", i, err)
		}
	}
	if one := b.AppendUpdate(nil); len(one) != HeaderLen+5+TrailerLen || b.Owes() {
		t.Errorf("answered with %d bytes", len(one))
	}
	for range 3 * updateBytes / 1024 {
		if _, err := b.Open(a.Seal(room(make([]byte, 1024)))); err != nil {
			t.Fatal(err)
		}
	}
	for i := range 4 {
		if err := send(); (err != nil) != (i == 3) {
			t.Errorf("KeyUpdate %d after data for three: %v", i, err)
		}
	}
}

// Sequence numbers do not wrap.
func TestSequenceLimit(t *testing.T) {
	a, b := ends(t, aes128)
	a.out.seq, b.in.seq = math.MaxUint64, math.MaxUint64
	if _, err := b.Open(a.Seal(room([]byte("x")))); err == nil || err.(*Error).Alert != InternalError {
		t.Error(err)
	}
}

// New wants a suite of TLS 1.3 and secrets that fit it.
func TestNew(t *testing.T) {
	for _, c := range []struct {
		id uint16
		n  int
	}{{tls.TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256, 32}, {0, 32}, {aes128, 0}, {aes128, 48}, {tls.TLS_AES_256_GCM_SHA384, 32}} {
		if _, err := New(c.id, false, make([]byte, c.n), make([]byte, c.n)); err == nil {
			t.Errorf("suite %x with secrets of %d bytes", c.id, c.n)
		}
	}
}

// After Clear no secret is left.
func TestClear(t *testing.T) {
	a, _ := ends(t, aes128)
	a.Clear()
	if a.in != (half{}) || a.out != (half{}) || a.Hot() || !a.Dead() || a.Suite() != aes128 {
		t.Errorf("%+v", a)
	}
}

// A State must stay small: there is one for each idle connection.
func TestSize(t *testing.T) {
	if n := unsafe.Sizeof(State{}); n > 136 {
		t.Errorf("a State has %d bytes, want at most 136", n)
	}
}
