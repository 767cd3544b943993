package netio_test

import (
	"bytes"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"sync"
	"testing"
	"time"

	"roost/netio"
	"roost/netio/netiotest"
)

// victim is a server that echoes lines, and takes some as commands.
type victim struct {
	t      *testing.T
	e      *netio.Engine
	fs     *netiotest.Frames
	server *tls.Config
	client *tls.Config
	limit  time.Duration // for a handshake
	addr   net.Addr
}

func newVictim(t *testing.T, cfg netio.Config, limit time.Duration) *victim {
	t.Helper()
	v := &victim{t: t, e: netiotest.Engine(t, cfg), fs: &netiotest.Frames{T: t}, limit: limit}
	v.server, v.client = netiotest.Certificates(t)
	v.addr = netiotest.Listen(t, v.e, netio.ListenOptions{NoDelay: true, Backlog: 4096, SendLimit: 1 << 20}, v.accept).Addr()
	return v
}

func (v *victim) accept(*netio.Conn) netio.Handler {
	return &netiotest.Funcs{Data: func(c *netio.Conn, b []byte) int {
		n := bytes.IndexByte(b, '\n') + 1
		switch string(b[:n]) {
		case "":
		case "starttls\n":
			c.Send(v.fs.New([]byte("proceed\n")))
			c.StartTLS(v.server, v.limit)
		case "flood\n": // until the queue is over its limit
			for c.Send(v.fs.New(make([]byte, 64<<10))) {
			}
		case "much\n": // less than the limit, more than the socket takes
			for range 8 {
				c.Send(v.fs.New(make([]byte, 100<<10)))
			}
		case "last\n":
			c.SendLast(v.fs.New([]byte("last\n")))
		case "pause\n":
			c.Send(v.fs.New([]byte("paused\n")))
			c.Pause()
		default:
			c.Send(v.fs.New(b[:n]))
		}
		return n
	}}
}

// quiet waits until every connection has ended and reports what they left.
func (v *victim) quiet() {
	v.t.Helper()
	for end := time.Now().Add(netiotest.Patience); v.e.Stats().Conns > 0 && time.Now().Before(end); {
		runtime.Gosched()
	}
	if s := v.e.Stats(); s.Conns != 0 || s.HandshakesOpen != 0 || s.Panics != 0 {
		v.t.Errorf("left behind: %+v", s)
	}
	if n := netio.Buffers(v.e); n != 0 {
		v.t.Errorf("%d buffers in use", n)
	}
	noFrames(v.t, v.fs)
}

// abuses are what hostile, broken or unlucky peers do, each on a connection of its own.
var abuses = map[string]func(v *victim, p *netiotest.Peer){
	"a byte at a time": func(_ *victim, p *netiotest.Peer) {
		line := "byte by byte, with every one in a segment of its own\n"
		for i := range len(line) {
			p.Say(line[i : i+1])
		}
		p.Hear(line)
		p.Close()
	},
	"a byte at a time, no end": func(_ *victim, p *netiotest.Peer) {
		for range 100 {
			p.Say("x")
		}
		p.Reset()
	},
	"never reads":       func(_ *victim, p *netiotest.Peer) { p.Say("flood\n"); io.ReadAll(io.LimitReader(p, 1)); p.Close() },
	"never reads, lets": func(_ *victim, p *netiotest.Peer) { p.Say("flood\n"); io.Copy(io.Discard, p); p.Close() },
	"closes while we write": func(_ *victim, p *netiotest.Peer) {
		p.Say("much\n")
		p.Hear("\x00")
		p.Close()
	},
	"closes its side while we write": func(_ *victim, p *netiotest.Peer) {
		p.Say("much\n")
		p.CloseWrite()
		p.Hear("\x00")
		p.Close()
	},
	"reset: fresh":         func(_ *victim, p *netiotest.Peer) { p.Reset() },
	"reset: half a line":   func(_ *victim, p *netiotest.Peer) { p.Say("ok\nhalf"); p.Hear("ok\n"); p.Reset() },
	"reset: paused":        func(_ *victim, p *netiotest.Peer) { p.Say("pause\nmore\n"); p.Hear("paused\n"); p.Reset() },
	"reset: we write":      func(_ *victim, p *netiotest.Peer) { p.Say("much\n"); p.Hear("\x00"); p.Reset() },
	"reset: after the end": func(_ *victim, p *netiotest.Peer) { p.Say("last\n"); p.Hear("last\n"); p.Reset() },
	"reset: before TLS":    func(_ *victim, p *netiotest.Peer) { p.Say("starttls\n"); p.Hear("proceed\n"); p.Reset() },
	"reset: half a record": func(v *victim, p *netiotest.Peer) {
		p.Say("starttls\n")
		p.Hear("proceed\n")
		p.Say(string(hello(v.t, v.client)[:50]))
		p.Reset()
	},
	"reset: in the handshake": func(v *victim, p *netiotest.Peer) {
		p.Say("starttls\n")
		p.Hear("proceed\n")
		p.Say(string(hello(v.t, v.client)))
		p.Hear("\x16")
		p.Reset()
	},
	"reset: secure": func(v *victim, p *netiotest.Peer) {
		p.Say("starttls\n")
		p.Hear("proceed\n")
		p.StartTLS(v.client)
		p.Say("in secret\nhalf")
		p.Hear("in secret\n")
		p.Reset()
	},
	"reset: secure, we write": func(v *victim, p *netiotest.Peer) {
		p.Say("starttls\n")
		p.Hear("proceed\n")
		p.StartTLS(v.client)
		p.Say("much\n")
		p.Hear("\x00")
		p.Reset()
	},
}

// TestAbuse: whatever a peer does, nothing of its connection is left: no descriptor, no goroutine, no
// buffer, no frame, no heap. A peer that behaves is served meanwhile.
func TestAbuse(t *testing.T) {
	const at = 8 // once
	v := newVictim(t, netio.Config{Loops: 2}, netiotest.Patience)
	good := netiotest.Dial(t, v.addr)
	for name, abuse := range abuses {
		t.Run(name, func(t *testing.T) {
			round := func() {
				var all sync.WaitGroup
				for range at {
					all.Go(func() { abuse(v, netiotest.Dial(t, v.addr)) })
				}
				good.Say("still here\n")
				good.Hear("still here\n")
				all.Wait()
				for end := time.Now().Add(netiotest.Patience); v.e.Stats().Conns > 1 && time.Now().Before(end); {
					runtime.Gosched()
				}
			}
			round()
			check := netiotest.Floor(t)
			for range 3 {
				round()
			}
			check()
		})
	}
	good.Close()
	v.quiet()
}

// count is how many connections a test makes: ROOST_CONNS, or what is enough to see a leak.
func count(t *testing.T, enough int) int {
	t.Helper()
	n, err := strconv.Atoi(os.Getenv("ROOST_CONNS"))
	if err != nil {
		return enough
	}
	return n
}

// TestHalfHandshakes: peers that begin a handshake and say nothing more, and peers that do not even
// begin, cost places and memory until their time is over, and nothing after. Whoever comes
// meanwhile gets in, if he has to wait for a place.
func TestHalfHandshakes(t *testing.T) {
	wave := 500
	n := min(count(t, 2*wave), 10000)
	v := newVictim(t, netio.Config{Loops: 2, Handshakes: 100}, 300*time.Millisecond)
	first := hello(t, v.client)
	good := func() {
		err := errors.New("never tried")
		for end := time.Now().Add(netiotest.Patience); err != nil && time.Now().Before(end); {
			err = v.secureHello()
		}
		if err != nil {
			t.Error(err)
		}
	}
	good()
	v.quiet()
	check := netiotest.Floor(t)
	for range n / wave {
		var all sync.WaitGroup
		for i := range 10 {
			all.Go(func() {
				var peers []net.Conn // netiotest's would stay until the end of the test
				for j := range wave / 10 {
					p, err := net.Dial("tcp", v.addr.String())
					if err != nil {
						t.Error(err)
						return
					}
					p.SetDeadline(time.Now().Add(netiotest.Patience))
					io.WriteString(p, "starttls\n")
					io.ReadFull(p, make([]byte, len("proceed\n")))
					p.Write(first[:[]int{0, len(first), rand.IntN(len(first))}[j%3]])
					peers = append(peers, p)
				}
				if i == 0 {
					good()
				}
				for _, p := range peers {
					io.Copy(io.Discard, p) // the server cuts it
					p.Close()
				}
			})
		}
		all.Wait()
	}
	v.quiet()
	check()
	if s := v.e.Stats(); s.HandshakesFailed < uint64(n) {
		t.Errorf("%d handshakes failed, want %d: %+v", s.HandshakesFailed, n, s)
	}
}

// secureHello is a whole life of a peer that uses TLS.
func (v *victim) secureHello() error {
	conn, err := net.Dial("tcp", v.addr.String())
	if err != nil {
		return err
	}
	defer conn.Close()
	conn.SetDeadline(time.Now().Add(netiotest.Patience))
	secure, err := v.secure(conn)
	if err != nil {
		return err
	}
	return say(secure, "hello\n")
}

// secure begins TLS on a connection.
func (v *victim) secure(conn net.Conn) (net.Conn, error) {
	io.WriteString(conn, "starttls\n")
	if _, err := io.ReadFull(conn, make([]byte, len("proceed\n"))); err != nil {
		return nil, err
	}
	secure := tls.Client(conn, v.client)
	return secure, secure.Handshake()
}

// say sends a line and reads its echo.
func say(conn net.Conn, line string) error {
	got := make([]byte, len(line))
	if _, err := io.WriteString(conn, line); err != nil {
		return err
	}
	if _, err := io.ReadFull(conn, got); err != nil || string(got) != line {
		return fmt.Errorf("got %q, %w", got, err)
	}
	return nil
}

// TestLeak: a great many connections come and go, in order and not, over TCP, Unix sockets and TLS.
// Descriptors, goroutines and the heap are then where they were after the first few.
func TestLeak(t *testing.T) {
	n := count(t, 4000)
	v := newVictim(t, netio.Config{Loops: 2}, netiotest.Patience)
	path := filepath.Join(t.TempDir(), "s")
	unix := netiotest.Listen(t, v.e, netio.ListenOptions{Address: path, Backlog: 4096}, v.accept).Addr()
	run := func(n int) {
		const at = 8 // once
		var all sync.WaitGroup
		for w := range at {
			all.Go(func() {
				rng := rand.New(rand.NewPCG(uint64(w), 1))
				for i := range n / at {
					if err := v.visit(unix, w, i, rng); err != nil {
						t.Errorf("connection %d of %d: %v", i, w, err)
						return
					}
				}
			})
		}
		all.Wait()
		v.quiet()
	}
	run(min(n/4, 20000))
	check := netiotest.Floor(t)
	run(n)
	check()
}

// visit is one short life of a connection.
func (v *victim) visit(unix net.Addr, w, i int, rng *rand.Rand) error {
	addr, d := v.addr, net.Dialer{Timeout: netiotest.Patience}
	if i%2 == 0 {
		addr = unix
	} else { // ports of one address would run out while they wait for their last segments
		d.LocalAddr = &net.TCPAddr{IP: net.IPv4(127, byte(w), byte(i>>8), byte(i|1))}
	}
	conn, err := d.Dial(addr.Network(), addr.String())
	if err != nil {
		return err
	}
	defer conn.Close()
	conn.SetDeadline(time.Now().Add(netiotest.Patience))
	if i%64 == 1 {
		if conn, err = v.secure(conn); err != nil {
			return err
		}
	}
	switch rng.IntN(5) {
	case 0: // nothing
	case 1:
		err = say(conn, "hello\n")
	case 2:
		err = say(conn, "hello\n")
		fmt.Fprint(conn, "half a line")
	case 3:
		fmt.Fprint(conn, "much\n")
	case 4:
		err = say(conn, "last\n")
	}
	if tcp, ok := conn.(*net.TCPConn); ok && rng.IntN(2) == 0 {
		tcp.SetLinger(0)
	}
	return err
}
