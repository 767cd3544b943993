package netio_test

import (
	"bytes"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"roost/netio"
	"roost/netio/netiotest"
)

// echo sends back what it gets.
func echo(fs *netiotest.Frames) func(*netio.Conn) netio.Handler {
	return func(*netio.Conn) netio.Handler {
		return &netiotest.Funcs{Data: func(c *netio.Conn, b []byte) int {
			c.Send(fs.New(b))
			return len(b)
		}}
	}
}

// lines echoes whole lines only and leaves the rest.
func lines(fs *netiotest.Frames) func(*netio.Conn) netio.Handler {
	return func(*netio.Conn) netio.Handler {
		return &netiotest.Funcs{Data: func(c *netio.Conn, b []byte) int {
			used := bytes.LastIndexByte(b, '\n') + 1
			if used > 0 {
				c.Send(fs.New(b[:used]))
			}
			return used
		}}
	}
}

func noFrames(t *testing.T, fs *netiotest.Frames) {
	t.Helper()
	if n := fs.Live(); n != 0 {
		t.Errorf("%d frames were not released", n)
	}
}

// readBuffers are the cuts under which the conversations run.
var readBuffers = []int{1, 7, 0}

func forEachCut(t *testing.T, run func(t *testing.T, cfg netio.Config)) {
	for _, n := range readBuffers {
		t.Run(fmt.Sprintf("buffer=%d", n), func(t *testing.T) {
			run(t, netio.Config{ReadBuffer: n, Loops: 2})
		})
	}
}

func TestEcho(t *testing.T) {
	forEachCut(t, func(t *testing.T, cfg netio.Config) {
		fs := &netiotest.Frames{T: t}
		e := netiotest.Engine(t, cfg)
		p := netiotest.Dial(t, netiotest.Serve(t, e, echo(fs)))
		for i := range 20 {
			msg := fmt.Sprintf("message %d", i)
			p.Say(msg)
			p.Hear(msg)
		}
		p.CloseWrite()
		p.HearEnd()
		netiotest.Shutdown(t, e)
		noFrames(t, fs)
		if s := e.Stats(); s.BytesIn != s.BytesOut || s.Accepted != 1 || s.Conns != 0 {
			t.Errorf("stats: %+v", s)
		}
	})
}

// A large pipelined input arrives whole, in order, whatever the cuts; the
// client writes while it reads.
func TestPipelining(t *testing.T) {
	forEachCut(t, func(t *testing.T, cfg netio.Config) {
		fs := &netiotest.Frames{T: t}
		e := netiotest.Engine(t, cfg)
		p := netiotest.Dial(t, netiotest.Serve(t, e, lines(fs)))
		size := 1 << 20
		if cfg.ReadBuffer > 0 {
			size = 10000 * cfg.ReadBuffer
		}
		var in strings.Builder
		rng := rand.New(rand.NewPCG(1, 2))
		for i := 0; in.Len() < size; i++ {
			fmt.Fprintf(&in, "%d %s\n", i, strings.Repeat("x", rng.IntN(300)))
		}
		go func() {
			io.WriteString(p.Conn, in.String())
			p.Conn.(*net.TCPConn).CloseWrite()
		}()
		out, err := io.ReadAll(p.Conn)
		if err != nil || string(out) != in.String() {
			t.Errorf("echoed %d of %d bytes: %v", len(out), in.Len(), err)
		}
		netiotest.Shutdown(t, e)
		noFrames(t, fs)
	})
}

// What OnData leaves stands at the front of the next call, once.
func TestKeptInput(t *testing.T) {
	forEachCut(t, func(t *testing.T, cfg netio.Config) {
		e := netiotest.Engine(t, cfg)
		got := make(chan string, 1)
		var all, seen []byte
		addr := netiotest.Serve(t, e, func(*netio.Conn) netio.Handler {
			rng := rand.New(rand.NewPCG(3, 4))
			return &netiotest.Funcs{
				Data: func(_ *netio.Conn, b []byte) int {
					if !bytes.HasPrefix(b, seen) || len(b) == len(seen) {
						t.Errorf("offered %q after leaving %q", b, seen)
					}
					used := rng.IntN(len(b) + 1)
					all = append(all, b[:used]...)
					seen = bytes.Clone(b[used:])
					return used
				},
				EOF: func(c *netio.Conn) {
					got <- string(all) + string(seen)
					c.Close()
				},
			}
		})
		p := netiotest.Dial(t, addr)
		var want strings.Builder
		for i := range 200 {
			part := fmt.Sprintf("<part %d/>", i)
			want.WriteString(part)
			p.Say(part)
		}
		p.CloseWrite()
		p.HearEnd()
		if s := netiotest.Await(t, got); s != want.String() {
			t.Errorf("got %q", s)
		}
	})
}

// A long partial input at one byte a read costs linear time: this takes minutes
// if each call copies what is kept.
func TestLongPartial(t *testing.T) {
	e := netiotest.Engine(t, netio.Config{ReadBuffer: 1})
	const size = 256 << 10
	got := make(chan int, 2)
	addr := netiotest.Serve(t, e, func(*netio.Conn) netio.Handler {
		return &netiotest.Funcs{Data: func(c *netio.Conn, b []byte) int {
			if b[len(b)-1] != '\n' {
				return 0
			}
			got <- len(b)
			c.Post(func() { got <- netio.Buffers(e) })
			return len(b)
		}}
	})
	p := netiotest.Dial(t, addr)
	p.Say(strings.Repeat("x", size-1) + "\n")
	if n := netiotest.Await(t, got); n != size {
		t.Errorf("%d bytes", n)
	}
	if n := netiotest.Await(t, got); n != 0 {
		t.Errorf("%d buffers in use", n)
	}
}

// Pause after every line; Resume comes from another goroutine. Lines come in
// order, each once, and none while paused.
func TestPauseResume(t *testing.T) {
	forEachCut(t, func(t *testing.T, cfg netio.Config) {
		e := netiotest.Engine(t, cfg)
		fs := &netiotest.Frames{T: t}
		paused := false // on the loop
		addr := netiotest.Serve(t, e, func(*netio.Conn) netio.Handler {
			return &netiotest.Funcs{
				Data: func(c *netio.Conn, b []byte) int {
					if paused {
						t.Error("OnData while paused")
					}
					n := bytes.IndexByte(b, '\n') + 1
					if n == 0 {
						return 0
					}
					c.Send(fs.New(b[:n]))
					paused = true
					c.Pause()
					go c.Post(func() { paused = false; go c.Resume() })
					return n
				},
				EOF: func(c *netio.Conn) {
					if paused {
						t.Error("OnEOF while paused")
					}
					c.Close()
				},
			}
		})
		p := netiotest.Dial(t, addr)
		var want strings.Builder
		for i := range 100 {
			fmt.Fprintf(&want, "line %d\n", i)
		}
		p.Say(want.String())
		p.CloseWrite()
		p.Hear(want.String())
		p.HearEnd()
		netiotest.Shutdown(t, e)
		noFrames(t, fs)
	})
}

// A paused Conn stops reading: the peer's writes get stuck at what the two
// sockets hold, and memory is bounded.
func TestPauseIsBackPressure(t *testing.T) {
	e := netiotest.Engine(t, netio.Config{})
	conns := make(chan *netio.Conn, 1)
	var n int
	done := make(chan int, 1)
	ls := netiotest.Listen(t, e, netio.ListenOptions{RecvBuffer: 4096}, func(c *netio.Conn) netio.Handler {
		c.Pause()
		conns <- c
		return &netiotest.Funcs{
			Data: func(_ *netio.Conn, b []byte) int { n += len(b); return len(b) },
			EOF:  func(c *netio.Conn) { done <- n; c.Close() },
		}
	})
	p := netiotest.Dial(t, ls.Addr())
	p.Conn.(*net.TCPConn).SetWriteBuffer(4096)
	c := netiotest.Await(t, conns)
	p.SetWriteDeadline(time.Now().Add(200 * time.Millisecond))
	sent := 0
	for chunk := make([]byte, 4096); ; {
		m, err := p.Write(chunk)
		sent += m
		if err != nil {
			break
		}
	}
	if in := e.Stats().BytesIn; in > 65536 {
		t.Errorf("read %d bytes while paused", in)
	}
	c.Resume()
	p.CloseWrite()
	if got := netiotest.Await(t, done); got != sent {
		t.Errorf("got %d of %d bytes", got, sent)
	}
	p.HearEnd()
}

// Addresses are those of the sockets.
func TestAddrs(t *testing.T) {
	e := netiotest.Engine(t, netio.Config{})
	conns := make(chan *netio.Conn, 1)
	for _, o := range []netio.ListenOptions{{}, {Address: filepath.Join(t.TempDir(), "s")}} {
		ls := netiotest.Listen(t, e, o, func(c *netio.Conn) netio.Handler {
			conns <- c
			return &netiotest.Funcs{}
		})
		p := netiotest.Dial(t, ls.Addr())
		c := netiotest.Await(t, conns)
		remote, local := p.LocalAddr().String(), p.RemoteAddr().String()
		if o.Address != "" {
			remote, local = "127.0.0.1:0", "127.0.0.1:0"
		}
		if c.RemoteAddr().String() != remote || c.LocalAddr().String() != local {
			t.Errorf("remote %v, local %v; the client has %v and %v", c.RemoteAddr(), c.LocalAddr(), local, remote)
		}
		if v, suite := c.TLS(); v != 0 || suite != 0 || c.IdleSeconds() != 0 {
			t.Error("TLS or idle")
		}
	}
}
