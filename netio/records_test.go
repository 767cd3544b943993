package netio_test

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	"roost/netio"
	"roost/netio/netiotest"
	"roost/netio/record"
)

// ownClient is a client whose records a test makes itself.
type ownClient struct {
	*netiotest.Peer
	rec record.State
}

func newOwnClient(t *testing.T, e *netio.Engine, h netio.Handler, o netio.ListenOptions) *ownClient {
	t.Helper()
	server, client := netiotest.Certificates(t)
	ls := netiotest.Listen(t, e, o, func(c *netio.Conn) netio.Handler {
		c.StartTLS(server, 0)
		return h
	})
	p := netiotest.Dial(t, ls.Addr())
	conn, cs, ss := bareSecrets(t, &recordConn{Conn: p.Conn}, client)
	rec, err := record.New(conn.ConnectionState().CipherSuite, true, cs, ss)
	if err != nil {
		t.Fatal(err)
	}
	return &ownClient{p, rec}
}

func (c *ownClient) seal(s string) string {
	b := append(make([]byte, record.HeaderLen, record.HeaderLen+len(s)+record.TrailerLen), s...)
	return string(c.rec.Seal(b))
}

// hear reads records until they hold want, or the connection ends.
func (c *ownClient) hear(want string) error {
	got := ""
	for got != want {
		head := make([]byte, record.HeaderLen)
		if _, err := io.ReadFull(c.Conn, head); err != nil {
			return fmt.Errorf("after %q: %w", got, err)
		}
		n, err := record.Size(head)
		if err != nil {
			return err
		}
		rec := append(head, make([]byte, n-len(head))...)
		if _, err := io.ReadFull(c.Conn, rec[len(head):]); err != nil {
			return err
		}
		data, err := c.rec.Open(rec)
		got += string(data)
		if err != nil || !strings.HasPrefix(want, got) {
			return fmt.Errorf("heard %q: %w", got, err)
		}
	}
	return nil
}

// An idle connection gives its ciphers back after Park, and they are made again,
// from secrets that may have changed meanwhile.
func TestPark(t *testing.T) {
	e := netiotest.Engine(t, netio.Config{Tick: time.Millisecond})
	fs := &netiotest.Frames{T: t}
	c := newOwnClient(t, e, lines(fs)(nil), netio.ListenOptions{Park: time.Millisecond})
	for i := range 5 {
		for netio.Hot(e) > 0 {
			time.Sleep(time.Millisecond)
		}
		msg := fmt.Sprintf("message %d\n", i)
		c.Say(c.seal(msg[:3]) + c.seal(msg[3:]))
		if err := c.hear(msg); err != nil {
			t.Fatal(err)
		}
	}
	if n := netio.Buffers(e); n != 0 {
		t.Errorf("%d buffers in use", n)
	}
}

// Within Park the ciphers stay, and go with the connection.
func TestParkNotYet(t *testing.T) {
	e := netiotest.Engine(t, netio.Config{Tick: time.Millisecond})
	fs := &netiotest.Frames{T: t}
	closed := make(chan error, 1)
	h := lines(fs)(nil).(*netiotest.Funcs)
	h.Close = func(_ *netio.Conn, err error) { closed <- err }
	c := newOwnClient(t, e, h, netio.ListenOptions{Park: time.Hour})
	for range 20 {
		c.Say(c.seal("hello\n"))
		if err := c.hear("hello\n"); err != nil {
			t.Fatal(err)
		}
		if n := netio.Hot(e); n != 1 {
			t.Fatalf("%d connections have ciphers", n)
		}
		time.Sleep(time.Millisecond) // a tick
	}
	c.Close()
	netiotest.Await(t, closed)
	if n := netio.Hot(e); n != 0 {
		t.Errorf("%d connections have ciphers", n)
	}
}

// What breaks the rules gets what was sent before it, the alert, and the end; the
// Handler gets what came before it, and the reason.
func TestRecordErrors(t *testing.T) {
	for name, c := range map[string]struct {
		send func(c *ownClient) string
		want record.Alert
	}{
		"empty records":          {func(c *ownClient) string { return manyRecords(c, 40) }, record.UnexpectedMessage},
		"plain text":             {func(*ownClient) string { return "<presence/>" }, record.UnexpectedMessage},
		"an alert in plain text": {func(*ownClient) string { return "\x15\x03\x03\x00\x02\x01\x00" }, record.UnexpectedMessage},
		"change_cipher_spec":     {func(*ownClient) string { return "\x14\x03\x03\x00\x01\x01" }, record.UnexpectedMessage},
		"too long a record":      {func(*ownClient) string { return "\x17\x03\x03\x41\x01" }, record.RecordOverflow},
		"a record again": {func(c *ownClient) string {
			s := c.seal("")
			return s + s
		}, record.BadRecordMAC},
	} {
		t.Run(name, func(t *testing.T) {
			forEachCut(t, func(t *testing.T, cfg netio.Config) {
				e := netiotest.Engine(t, cfg)
				fs := &netiotest.Frames{T: t}
				closed := make(chan error, 1)
				h := lines(fs)(nil).(*netiotest.Funcs)
				h.Close = func(_ *netio.Conn, err error) { closed <- err }
				p := newOwnClient(t, e, h, netio.ListenOptions{})
				p.Say(p.seal("before\n"))
				if err := p.hear("before\n"); err != nil {
					t.Fatal(err)
				}
				p.Say(c.send(p))
				err := p.hear("the end")
				if got, ok := errors.AsType[*record.PeerError](err); !ok || got.Alert != c.want {
					t.Errorf("the client got %v, want the alert %v", err, c.want)
				}
				p.CloseWrite()
				err = netiotest.Await(t, closed)
				if e, ok := errors.AsType[*record.Error](err); !ok || e.Alert != c.want {
					t.Errorf("OnClose: %v", err)
				}
				netiotest.Shutdown(t, e)
				noFrames(t, fs)
				if n := netio.Buffers(e); n != 0 {
					t.Errorf("%d buffers in use", n)
				}
			})
		})
	}
}

func manyRecords(c *ownClient, n int) string {
	var all strings.Builder
	for range n {
		all.WriteString(c.seal(""))
	}
	return all.String()
}

// The peer's fatal alert is the reason that OnClose gets.
func TestPeerAlert(t *testing.T) {
	forEachCut(t, func(t *testing.T, cfg netio.Config) {
		e := netiotest.Engine(t, cfg)
		closed := make(chan error, 1)
		c := newOwnClient(t, e, &netiotest.Funcs{Close: func(_ *netio.Conn, err error) { closed <- err }}, netio.ListenOptions{})
		c.Say(string(c.rec.AppendAlert(nil, record.InternalError)))
		c.CloseWrite()
		if err, ok := errors.AsType[*record.PeerError](netiotest.Await(t, closed)); !ok || err.Alert != record.InternalError {
			t.Errorf("OnClose: %v", err)
		}
	})
}

// The end of input in the middle of a record is an end of input.
func TestEndInRecord(t *testing.T) {
	forEachWay(t, func(t *testing.T, cfg netio.Config) {
		e := netiotest.Engine(t, cfg)
		closed := make(chan error, 1)
		c := newOwnClient(t, e, &netiotest.Funcs{Close: func(_ *netio.Conn, err error) { closed <- err }}, netio.ListenOptions{})
		c.Say(c.seal("hello")[:10])
		c.CloseWrite()
		if err := netiotest.Await(t, closed); err != nil {
			t.Errorf("OnClose: %v", err)
		}
		netiotest.Shutdown(t, e)
		if n := netio.Buffers(e); n != 0 {
			t.Errorf("%d buffers in use", n)
		}
	})
}
