package netio_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
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

// Whatever a batch sends leaves in one write, and one record.
func TestGather(t *testing.T) {
	server, client := netiotest.Certificates(t)
	for _, secure := range []bool{false, true} {
		e := netiotest.Engine(t, netio.Config{Loops: 1})
		fs := &netiotest.Frames{T: t}
		const each = 50
		conns := make(chan *netio.Conn, 1)
		addr := netiotest.Serve(t, e, func(c *netio.Conn) netio.Handler {
			conns <- c
			if secure {
				c.StartTLS(server, 0)
			}
			return &netiotest.Funcs{Data: func(c *netio.Conn, b []byte) int {
				for range each {
					c.Send(fs.New(b))
				}
				c.Post(func() {
					for range each {
						c.Send(fs.New(b[:0:0]))
						c.Send(fs.New([]byte("y")))
					}
				})
				return len(b)
			}}
		})
		p := netiotest.Dial(t, addr)
		if secure {
			p.StartTLS(client)
		}
		p.Say("x")
		p.Hear(strings.Repeat("x", each))
		p.Hear(strings.Repeat("y", each))
		c := netiotest.Await(t, conns)
		writes := func() uint64 { // as the loop sees it, between batches
			n := make(chan uint64)
			c.Post(func() { n <- e.Stats().Writes })
			return netiotest.Await(t, n)
		}
		before := writes()
		for range 10 {
			p.Say("x")
			p.Hear(strings.Repeat("x", each) + strings.Repeat("y", each))
		}
		if n := writes() - before; n != 10 {
			t.Errorf("TLS %v: %d writes for 10 batches", secure, n)
		}
		noFrames(t, fs)
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

func TestHalfClose(t *testing.T) {
	for _, network := range []string{"tcp", "unix"} {
		t.Run(network, func(t *testing.T) {
			e := netiotest.Engine(t, netio.Config{})
			fs := &netiotest.Frames{T: t}
			closed := make(chan error, 1)
			o := netio.ListenOptions{}
			if network == "unix" {
				o.Address = filepath.Join(t.TempDir(), "s")
			}
			ls := netiotest.Listen(t, e, o, func(c *netio.Conn) netio.Handler {
				return &netiotest.Funcs{
					EOF: func(c *netio.Conn) {
						// Answering later is possible, too.
						go func() {
							c.Send(fs.New([]byte("answer")))
							c.Close()
						}()
					},
					Close: func(_ *netio.Conn, err error) { closed <- err },
				}
			})
			p := netiotest.Dial(t, ls.Addr())
			p.Say("question")
			p.CloseWrite()
			p.Hear("answer")
			p.HearEnd()
			if err := netiotest.Await(t, closed); err != nil {
				t.Errorf("OnClose: %v", err)
			}
			noFrames(t, fs)
		})
	}
}

// A peer that resets ends the Conn with an error, whatever it was doing.
func TestReset(t *testing.T) {
	server, _ := netiotest.Certificates(t)
	fs := &netiotest.Frames{T: t}
	states := map[string]func(c *netio.Conn){
		"idle":    func(c *netio.Conn) {},
		"paused":  func(c *netio.Conn) { c.Pause() },
		"writing": func(c *netio.Conn) { c.Send(fs.New(make([]byte, 32<<20))) },
		"writing paused": func(c *netio.Conn) {
			c.Send(fs.New(make([]byte, 32<<20)))
			c.Pause()
		},
		"closing": func(c *netio.Conn) {
			c.Send(fs.New(make([]byte, 32<<20)))
			c.Close()
		},
		"handshake": func(c *netio.Conn) { c.StartTLS(server, 0) },
	}
	for name, enter := range states {
		t.Run(name, func(t *testing.T) {
			e := netiotest.Engine(t, netio.Config{LingerTimeout: time.Hour})
			ready, closed := make(chan bool, 1), make(chan error, 1)
			addr := netiotest.Serve(t, e, func(c *netio.Conn) netio.Handler {
				return &netiotest.Funcs{
					Data: func(c *netio.Conn, b []byte) int {
						enter(c)
						c.Post(func() { ready <- true })
						return len(b)
					},
					Close: func(_ *netio.Conn, err error) { closed <- err },
				}
			})
			p := netiotest.Dial(t, addr)
			p.Say("go")
			netiotest.Await(t, ready)
			p.Reset()
			err := netiotest.Await(t, closed)
			if !errors.Is(err, syscall.ECONNRESET) && !errors.Is(err, syscall.EPIPE) {
				t.Errorf("OnClose: %v", err)
			}
		})
	}
	noFrames(t, fs)
}

// A Unix peer that is gone altogether is noticed even while reading is
// withheld, and does not make the loop spin.
func TestUnixGoneWhilePaused(t *testing.T) {
	e := netiotest.Engine(t, netio.Config{})
	conns, got := make(chan *netio.Conn, 1), make(chan string, 2)
	path := filepath.Join(t.TempDir(), "s")
	ls := netiotest.Listen(t, e, netio.ListenOptions{Address: path}, func(c *netio.Conn) netio.Handler {
		c.Pause()
		conns <- c
		return &netiotest.Funcs{
			Data:  func(_ *netio.Conn, b []byte) int { got <- string(b); return len(b) },
			Close: func(*netio.Conn, error) { got <- "closed" },
		}
	})
	p := netiotest.Dial(t, ls.Addr())
	c := netiotest.Await(t, conns)
	p.Say("last words")
	p.Close()
	for range 3 { // the loop comes round
		turn := make(chan bool)
		c.Post(func() { close(turn) })
		netiotest.Await(t, turn)
	}
	c.Resume()
	if s := netiotest.Await(t, got); s != "last words" {
		t.Errorf("got %q", s)
	}
	if s := netiotest.Await(t, got); s != "closed" {
		t.Errorf("got %q", s)
	}
}

// A Unix peer that half closes and then is gone ends the Conn, although nobody
// reads any more.
func TestUnixGoneAfterEOF(t *testing.T) {
	e := netiotest.Engine(t, netio.Config{})
	got := make(chan error, 2)
	path := filepath.Join(t.TempDir(), "s")
	ls := netiotest.Listen(t, e, netio.ListenOptions{Address: path}, func(c *netio.Conn) netio.Handler {
		return &netiotest.Funcs{
			EOF:   func(*netio.Conn) { got <- nil },
			Close: func(_ *netio.Conn, err error) { got <- err },
		}
	})
	p := netiotest.Dial(t, ls.Addr())
	p.CloseWrite()
	netiotest.Await(t, got)
	p.Close()
	if err := netiotest.Await(t, got); err != syscall.EPIPE {
		t.Errorf("OnClose: %v", err)
	}
}

// A peer that does not read is told apart from the others, once, and cut; the
// others go on.
func TestSlowReader(t *testing.T) {
	e := netiotest.Engine(t, netio.Config{Loops: 1})
	fs := &netiotest.Frames{T: t}
	type event struct {
		what string
		err  error
	}
	events := make(chan event, 10)
	conns := make(chan *netio.Conn, 2)
	ls := netiotest.Listen(t, e, netio.ListenOptions{SendLimit: 100000, SendBuffer: 8192}, func(c *netio.Conn) netio.Handler {
		conns <- c
		return &netiotest.Funcs{
			Data: func(c *netio.Conn, b []byte) int { c.Send(fs.New(b)); return len(b) },
			Overflow: func(c *netio.Conn) {
				events <- event{"overflow", nil}
				if c.Send(fs.New([]byte("too late"))) {
					t.Error("Send after the overflow")
				}
				c.SendLast(fs.New([]byte("the end")))
			},
			Close: func(_ *netio.Conn, err error) { events <- event{"close", err} },
		}
	})
	slow := netiotest.Dial(t, ls.Addr())
	c := netiotest.Await(t, conns)
	other := netiotest.Dial(t, ls.Addr())
	netiotest.Await(t, conns)
	for c.Send(fs.New(make([]byte, 1000))) {
	}
	for range 10 {
		if c.Send(fs.New([]byte("x"))) {
			t.Error("Send over the limit")
		}
	}
	if ev := netiotest.Await(t, events); ev.what != "overflow" {
		t.Fatalf("%+v", ev)
	}
	other.Say("still there")
	other.Hear("still there")
	all, err := io.ReadAll(slow)
	if err != nil || !bytes.HasSuffix(all, []byte("the end")) || len(all) < 100000 {
		t.Errorf("slow reader got %d bytes, %v", len(all), err)
	}
	slow.Close()
	if ev := netiotest.Await(t, events); ev.what != "close" || ev.err != netio.ErrOverflow {
		t.Errorf("%+v", ev)
	}
	other.Close()
	if s := e.Stats(); s.Overflows != 1 {
		t.Errorf("stats: %+v", s)
	}
	netiotest.Shutdown(t, e)
	noFrames(t, fs)
}

// A slow reader that stays deaf is cut when the linger time is over.
func TestLingerTimeout(t *testing.T) {
	e := netiotest.Engine(t, netio.Config{LingerTimeout: 20 * time.Millisecond, Tick: 5 * time.Millisecond})
	fs := &netiotest.Frames{T: t}
	closed := make(chan error, 1)
	addr := netiotest.Serve(t, e, func(c *netio.Conn) netio.Handler {
		c.Send(fs.New(make([]byte, 32<<20)))
		c.Close()
		return &netiotest.Funcs{Close: func(_ *netio.Conn, err error) { closed <- err }}
	})
	p := netiotest.Dial(t, addr)
	if err := netiotest.Await(t, closed); err != netio.ErrLingerTimeout {
		t.Errorf("OnClose: %v", err)
	}
	p.HearReset()
	noFrames(t, fs)
}

// A peer that has everything but never closes its side is closed in order.
func TestLingerDeafEnd(t *testing.T) {
	e := netiotest.Engine(t, netio.Config{LingerTimeout: 20 * time.Millisecond, Tick: 5 * time.Millisecond})
	closed := make(chan error, 1)
	addr := netiotest.Serve(t, e, func(c *netio.Conn) netio.Handler {
		c.SendLast(netiotest.Text("bye"))
		return &netiotest.Funcs{Close: func(_ *netio.Conn, err error) { closed <- err }}
	})
	p := netiotest.Dial(t, addr)
	p.Hear("bye")
	p.HearEnd()
	if err := netiotest.Await(t, closed); err != nil {
		t.Errorf("OnClose: %v", err)
	}
}

// The last bytes arrive although the peer still sends: unread input must not
// turn the end into a reset.
func TestCloseWithInput(t *testing.T) {
	e := netiotest.Engine(t, netio.Config{})
	closed := make(chan error, 1)
	addr := netiotest.Serve(t, e, func(*netio.Conn) netio.Handler {
		return &netiotest.Funcs{
			Data: func(c *netio.Conn, b []byte) int {
				c.SendLast(netiotest.Text("enough"))
				return 0
			},
			Close: func(_ *netio.Conn, err error) { closed <- err },
		}
	})
	p := netiotest.Dial(t, addr)
	p.Say("a", strings.Repeat("b", 100000))
	p.Hear("enough")
	p.Say(strings.Repeat("c", 100000))
	p.HearEnd()
	p.Close()
	if err := netiotest.Await(t, closed); err != nil {
		t.Errorf("OnClose: %v", err)
	}
}

func TestAbort(t *testing.T) {
	e := netiotest.Engine(t, netio.Config{})
	fs := &netiotest.Frames{T: t}
	why := errors.New("why")
	closed := make(chan error, 1)
	addr := netiotest.Serve(t, e, func(*netio.Conn) netio.Handler {
		return &netiotest.Funcs{
			Data: func(c *netio.Conn, b []byte) int {
				c.Send(fs.New([]byte("never sent")))
				c.Abort(why)
				c.Abort(nil)
				if c.Send(fs.New([]byte("never taken"))) {
					t.Error("Send after Abort")
				}
				return 0
			},
			Close: func(_ *netio.Conn, err error) { closed <- err },
		}
	})
	p := netiotest.Dial(t, addr)
	p.Say("x")
	if err := netiotest.Await(t, closed); err != why {
		t.Errorf("OnClose: %v", err)
	}
	if b := p.HearReset(); len(b) > 0 {
		t.Errorf("heard %q", b)
	}
	noFrames(t, fs)
}

// Frames of one goroutine leave in order, whatever the others do.
func TestSendOrder(t *testing.T) {
	e := netiotest.Engine(t, netio.Config{Loops: 2})
	fs := &netiotest.Frames{T: t}
	conns := make(chan *netio.Conn, 1)
	addr := netiotest.Serve(t, e, func(c *netio.Conn) netio.Handler {
		conns <- c
		return &netiotest.Funcs{}
	})
	p := netiotest.Dial(t, addr)
	c := netiotest.Await(t, conns)
	const senders, each = 16, 500
	var wg sync.WaitGroup
	for s := range senders {
		wg.Go(func() {
			for i := range each {
				if !c.Send(fs.New(fmt.Appendf(nil, "%02d%04d", s, i))) {
					t.Error("Send refused")
				}
			}
		})
	}
	next := make([]int, senders)
	buf := make([]byte, 6)
	for range senders * each {
		if _, err := io.ReadFull(p, buf); err != nil {
			t.Fatal(err)
		}
		var s, i int
		fmt.Sscanf(string(buf), "%02d%04d", &s, &i)
		if next[s] != i {
			t.Fatalf("sender %d: frame %d, want %d", s, i, next[s])
		}
		next[s]++
	}
	wg.Wait()
	p.Close()
	netiotest.Shutdown(t, e)
	noFrames(t, fs)
}

// Closing while others send: every frame is released once, nothing is sent
// after the end, Send says no.
func TestCloseWhileSending(t *testing.T) {
	ends := map[string]func(*netio.Conn, *netiotest.Peer){
		"Close":    func(c *netio.Conn, _ *netiotest.Peer) { c.Close() },
		"Abort":    func(c *netio.Conn, _ *netiotest.Peer) { c.Abort(nil) },
		"SendLast": func(c *netio.Conn, _ *netiotest.Peer) { c.SendLast(netiotest.Text("z")) },
		"peer":     func(_ *netio.Conn, p *netiotest.Peer) { p.Reset() },
	}
	for name, end := range ends {
		t.Run(name, func(t *testing.T) {
			e := netiotest.Engine(t, netio.Config{Loops: 2})
			fs := &netiotest.Frames{T: t}
			for range 20 {
				conns := make(chan *netio.Conn, 1)
				closes := make(chan error, 2)
				addr := netiotest.Serve(t, e, func(c *netio.Conn) netio.Handler {
					conns <- c
					return &netiotest.Funcs{Close: func(_ *netio.Conn, err error) { closes <- err }}
				})
				p := netiotest.Dial(t, addr)
				c := netiotest.Await(t, conns)
				var wg sync.WaitGroup
				for range 4 {
					wg.Go(func() {
						for c.Send(fs.New([]byte("y"))) {
						}
					})
				}
				go io.Copy(io.Discard, p)
				end(c, p)
				wg.Wait()
				p.Close()
				netiotest.Await(t, closes)
				if c.Send(fs.New([]byte("x"))) {
					t.Error("Send after OnClose")
				}
				c.SendLast(fs.New([]byte("x")))
				c.Close()
				c.Abort(nil)
				c.Resume()
				c.Post(func() { t.Error("Post after OnClose") })
			}
			netiotest.Shutdown(t, e)
			noFrames(t, fs)
		})
	}
}

// A panic in a Handler ends that Conn and no other.
func TestPanic(t *testing.T) {
	server, client := netiotest.Certificates(t)
	boom := func() { panic("boom") }
	handlers := map[string]*netiotest.Funcs{
		"OnData":  {Data: func(*netio.Conn, []byte) int { boom(); return 0 }},
		"used":    {Data: func(_ *netio.Conn, b []byte) int { return len(b) + 1 }},
		"OnEOF":   {EOF: func(*netio.Conn) { boom() }},
		"OnTimer": {Data: func(c *netio.Conn, b []byte) int { c.SetTimer(1); return len(b) }, Timer: func(*netio.Conn) { boom() }},
		"Post":    {Data: func(c *netio.Conn, b []byte) int { c.Post(boom); return len(b) }},
		"OnTLS": {Data: func(c *netio.Conn, b []byte) int { c.StartTLS(server, 0); return 1 },
			TLS: func(*netio.Conn, *tlsState, error) { boom() }},
	}
	e := netiotest.Engine(t, netio.Config{Tick: time.Millisecond, Log: discardLog})
	for name, h := range handlers {
		t.Run(name, func(t *testing.T) {
			closed := make(chan error, 1)
			h.Close = func(_ *netio.Conn, err error) { closed <- err; panic("again") }
			addr := netiotest.Serve(t, e, func(*netio.Conn) netio.Handler { return h })
			p := netiotest.Dial(t, addr)
			p.Say("x")
			if name == "OnTLS" {
				p.StartTLS(client)
			}
			if name == "OnEOF" {
				p.CloseWrite()
			}
			var pe *netio.PanicError
			if err := netiotest.Await(t, closed); !errors.As(err, &pe) {
				t.Errorf("OnClose: %v", err)
			}
			p.HearReset()
		})
	}
	t.Run("accept", func(t *testing.T) {
		addr := netiotest.Serve(t, e, func(*netio.Conn) netio.Handler { boom(); return nil })
		netiotest.Dial(t, addr).HearEnd()
	})
	netiotest.Shutdown(t, e) // a peer sees the end before it is counted
	if s := e.Stats(); s.Panics != 13 || s.Conns != 0 {
		t.Errorf("stats: %+v", s)
	}
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
		if c.TLS() != nil || c.IdleSeconds() != 0 {
			t.Error("TLS or idle")
		}
	}
}

// Sockets come and go quickly and their numbers are used again; nobody gets
// somebody else's bytes.
func TestReuse(t *testing.T) {
	e := netiotest.Engine(t, netio.Config{Loops: 2})
	fs := &netiotest.Frames{T: t}
	var mu sync.Mutex
	var old []*netio.Conn
	addr := netiotest.Serve(t, e, func(c *netio.Conn) netio.Handler {
		return &netiotest.Funcs{
			Data: func(c *netio.Conn, b []byte) int {
				c.SendLast(fs.New(b))
				return len(b)
			},
			Close: func(c *netio.Conn, _ error) {
				mu.Lock()
				old = append(old, c)
				mu.Unlock()
			},
		}
	})
	var wg sync.WaitGroup
	for w := range 4 {
		wg.Go(func() {
			for i := range 100 {
				p := netiotest.Dial(t, addr)
				msg := fmt.Sprintf("%d/%d", w, i)
				p.Say(msg)
				p.Hear(msg)
				if i%2 == 0 {
					p.HearEnd()
				}
				p.Close()
				mu.Lock()
				stale := slices.Clone(old)
				mu.Unlock()
				for _, c := range stale {
					c.Send(fs.New([]byte("stale")))
					c.Resume()
				}
			}
		})
	}
	wg.Wait()
	netiotest.Shutdown(t, e)
	noFrames(t, fs)
}

// Post keeps its order and runs on the loop.
func TestPost(t *testing.T) {
	e := netiotest.Engine(t, netio.Config{})
	conns := make(chan *netio.Conn, 1)
	addr := netiotest.Serve(t, e, func(c *netio.Conn) netio.Handler {
		conns <- c
		return &netiotest.Funcs{}
	})
	netiotest.Dial(t, addr)
	c := netiotest.Await(t, conns)
	got := make(chan int, 5000)
	for i := range 5000 {
		c.Post(func() { got <- i })
	}
	for i := range 5000 {
		if v := netiotest.Await(t, got); v != i {
			t.Fatalf("%d ran in place of %d", v, i)
		}
	}
}

// Shutdown lets a Conn flush, and cuts the deaf when its time is over.
func TestShutdown(t *testing.T) {
	e := netiotest.Engine(t, netio.Config{LingerTimeout: time.Hour})
	fs := &netiotest.Frames{T: t}
	closed := make(chan error, 2)
	big := make([]byte, 4<<20)
	ls := netiotest.Listen(t, e, netio.ListenOptions{}, func(c *netio.Conn) netio.Handler {
		return &netiotest.Funcs{
			Data: func(c *netio.Conn, b []byte) int {
				c.Send(fs.New(big))
				return len(b)
			},
			Close: func(_ *netio.Conn, err error) { closed <- err },
		}
	})
	reader, deaf := netiotest.Dial(t, ls.Addr()), netiotest.Dial(t, ls.Addr())
	reader.Say("x")
	reader.Hear("\x00")
	deaf.Say("x")
	deaf.Hear("\x00")
	ctx, cancel := context.WithCancel(context.Background())
	result := make(chan error)
	go func() { result <- e.Shutdown(ctx) }()
	if b, err := io.ReadAll(reader); err != nil || len(b) != len(big)-1 {
		t.Errorf("read %d bytes: %v", len(b), err)
	}
	reader.Close()
	if err := netiotest.Await(t, closed); err != nil {
		t.Errorf("OnClose: %v", err)
	}
	if _, err := net.Dial("tcp", ls.Addr().String()); err == nil {
		t.Error("still listening")
	}
	cancel()
	if err := netiotest.Await(t, closed); err != netio.ErrShutdown {
		t.Errorf("OnClose: %v", err)
	}
	if err := netiotest.Await(t, result); !errors.Is(err, context.Canceled) {
		t.Errorf("Shutdown: %v", err)
	}
	if _, err := e.Listen(netio.ListenOptions{Address: ":0"}, nil); err != netio.ErrShutdown {
		t.Errorf("Listen: %v", err)
	}
	noFrames(t, fs)
}
