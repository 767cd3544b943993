// Package netiotest helps tests that talk to a netio.Engine over real sockets:
// engines and listeners that clean up after themselves, a client with chosen
// split points, a Handler made of functions, frames that are counted, and a
// certificate.
//
// Cutting the input at every byte is the server's business: set
// netio.Config.ReadBuffer to 1. What a client writes in parts the kernel may
// join again.
package netiotest

import (
	"bytes"
	"context"
	"crypto/tls"
	"io"
	"log/slog"
	"net"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"roost/netio"
)

// Patience is how long a test waits for what must happen.
const Patience = 20 * time.Second

// Engine starts an engine that ends with the test. Unless cfg says otherwise,
// its log goes to the test's output, it lingers for a second and its clock ticks
// every 10 ms.
func Engine(t testing.TB, cfg netio.Config) *netio.Engine {
	t.Helper()
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.NewTextHandler(t.Output(), nil))
	}
	if cfg.LingerTimeout == 0 {
		cfg.LingerTimeout = time.Second
	}
	if cfg.Tick == 0 {
		cfg.Tick = 10 * time.Millisecond
	}
	e, err := netio.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { Shutdown(t, e) })
	return e
}

// Shutdown ends an engine and reports what it had to cut.
func Shutdown(t testing.TB, e *netio.Engine) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), Patience)
	defer cancel()
	if err := e.Shutdown(ctx); err != nil {
		t.Errorf("Shutdown: %v", err)
	}
}

// Listen listens on o.Address, by default a free port of 127.0.0.1.
func Listen(t testing.TB, e *netio.Engine, o netio.ListenOptions, accept func(*netio.Conn) netio.Handler) *netio.Listener {
	t.Helper()
	if o.Address == "" {
		o.Address = "127.0.0.1:0"
	}
	ls, err := e.Listen(o, accept)
	if err != nil {
		t.Fatal(err)
	}
	return ls
}

// Serve listens on a free port with one Handler for each Conn.
func Serve(t testing.TB, e *netio.Engine, accept func(*netio.Conn) netio.Handler) net.Addr {
	t.Helper()
	return Listen(t, e, netio.ListenOptions{NoDelay: true}, accept).Addr()
}

// Funcs is a Handler made of functions; nil ones use everything up, close at the
// end of input, or do nothing.
type Funcs struct {
	Data     func(c *netio.Conn, b []byte) int
	EOF      func(c *netio.Conn)
	TLS      func(c *netio.Conn, st *tls.ConnectionState, err error)
	Timer    func(c *netio.Conn)
	Overflow func(c *netio.Conn)
	Close    func(c *netio.Conn, err error)
}

// OnData implements netio.Handler.
func (f *Funcs) OnData(c *netio.Conn, b []byte) int {
	if f.Data == nil {
		return len(b)
	}
	return f.Data(c, b)
}

// OnEOF implements netio.Handler.
func (f *Funcs) OnEOF(c *netio.Conn) {
	if f.EOF == nil {
		c.Close()
		return
	}
	f.EOF(c)
}

// OnTLS implements netio.Handler.
func (f *Funcs) OnTLS(c *netio.Conn, st *tls.ConnectionState, err error) {
	if f.TLS != nil {
		f.TLS(c, st, err)
	}
}

// OnTimer implements netio.Handler.
func (f *Funcs) OnTimer(c *netio.Conn) {
	if f.Timer != nil {
		f.Timer(c)
	}
}

// OnOverflow implements netio.Handler.
func (f *Funcs) OnOverflow(c *netio.Conn) {
	if f.Overflow != nil {
		f.Overflow(c)
	}
}

// OnClose implements netio.Handler.
func (f *Funcs) OnClose(c *netio.Conn, err error) {
	if f.Close != nil {
		f.Close(c, err)
	}
}

// Frames makes frames and counts them, so that a test can prove that each was
// released once.
type Frames struct {
	T    testing.TB
	live atomic.Int64
}

type frame struct {
	of       *Frames
	b        []byte
	released atomic.Bool
}

// New returns a frame with a copy of b.
func (fs *Frames) New(b []byte) netio.Frame {
	fs.live.Add(1)
	return &frame{of: fs, b: bytes.Clone(b)}
}

// Live returns how many frames are not released.
func (fs *Frames) Live() int { return int(fs.live.Load()) }

func (f *frame) Bytes() []byte {
	if f.released.Load() {
		f.of.T.Error("Bytes of a released frame")
	}
	return f.b
}

func (f *frame) Release() {
	if f.released.Swap(true) {
		f.of.T.Error("frame released twice")
		return
	}
	f.of.live.Add(-1)
}

// Text is a frame that is left to the garbage collector.
type Text string

// Bytes implements netio.Frame.
func (s Text) Bytes() []byte { return []byte(s) }

// Release implements netio.Frame.
func (s Text) Release() {}

// A Peer is a client of an engine under test. Its methods fail the test.
type Peer struct {
	net.Conn
	T   testing.TB
	tcp net.Conn
}

// Dial connects to addr, which may be TCP or Unix.
func Dial(t testing.TB, addr net.Addr) *Peer {
	t.Helper()
	return dial(t, net.Dialer{Timeout: Patience}, addr)
}

// DialDeaf connects with as small a receive buffer as the kernel grants: a peer
// that does not read takes a few kilobytes, and no more.
func DialDeaf(t testing.TB, addr net.Addr) *Peer {
	t.Helper()
	return dial(t, net.Dialer{Timeout: Patience, Control: func(_, _ string, raw syscall.RawConn) error {
		var err error
		if err2 := raw.Control(func(fd uintptr) {
			err = syscall.SetsockoptInt(int(fd), syscall.SOL_SOCKET, syscall.SO_RCVBUF, 1)
		}); err2 != nil {
			return err2
		}
		return err
	}}, addr)
}

func dial(t testing.TB, d net.Dialer, addr net.Addr) *Peer {
	t.Helper()
	conn, err := d.Dial(addr.Network(), addr.String())
	if err != nil {
		t.Fatal(err)
	}
	p := &Peer{Conn: conn, tcp: conn, T: t}
	conn.SetDeadline(time.Now().Add(Patience))
	t.Cleanup(func() { conn.Close() })
	return p
}

// StartTLS does a client's handshake; what is said afterwards is encrypted.
func (p *Peer) StartTLS(cfg *tls.Config) *tls.Conn {
	p.T.Helper()
	conn := tls.Client(p.Conn, cfg)
	if err := conn.Handshake(); err != nil {
		p.T.Fatalf("client's handshake: %v", err)
	}
	p.Conn = conn
	return conn
}

// Say writes each part by itself.
func (p *Peer) Say(parts ...string) {
	p.T.Helper()
	for _, part := range parts {
		if _, err := io.WriteString(p.Conn, part); err != nil {
			p.T.Fatalf("write: %v", err)
		}
	}
}

// Hear reads exactly want.
func (p *Peer) Hear(want string) {
	p.T.Helper()
	got := make([]byte, len(want))
	n, err := io.ReadFull(p.Conn, got)
	if err != nil || string(got) != want {
		p.T.Fatalf("heard %q (%v), want %q", got[:n], err, want)
	}
}

// HearEnd reads the peer's orderly end.
func (p *Peer) HearEnd() {
	p.T.Helper()
	if rest, err := io.ReadAll(p.Conn); err != nil || len(rest) > 0 {
		p.T.Fatalf("heard %.80q (%v), want the end", rest, err)
	}
}

// HearReset reads until the connection breaks, and returns what came before.
func (p *Peer) HearReset() []byte {
	p.T.Helper()
	b, err := io.ReadAll(p.Conn)
	if err == nil {
		p.T.Fatalf("the connection ended in order after %d bytes, want a reset", len(b))
	}
	return b
}

// CloseWrite ends the sending side only.
func (p *Peer) CloseWrite() {
	p.T.Helper()
	c, ok := p.Conn.(interface{ CloseWrite() error })
	if !ok {
		p.T.Fatalf("%T cannot be half closed", p.Conn)
	}
	if err := c.CloseWrite(); err != nil {
		p.T.Fatalf("half close: %v", err)
	}
}

// Reset closes a TCP connection with a reset.
func (p *Peer) Reset() {
	p.T.Helper()
	c, ok := p.tcp.(*net.TCPConn)
	if !ok {
		p.T.Fatalf("%T cannot be reset", p.tcp)
	}
	c.SetLinger(0)
	c.Close()
}

// Await returns the next value of ch, or fails the test after Patience.
func Await[T any](t testing.TB, ch <-chan T) T {
	t.Helper()
	timer := time.NewTimer(Patience)
	defer timer.Stop()
	select {
	case v := <-ch:
		return v
	case <-timer.C:
		t.Fatal("waited in vain")
		panic("unreachable")
	}
}
