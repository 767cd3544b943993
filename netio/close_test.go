package netio_test

import (
	"context"
	"errors"
	"io"
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

// Shutdown lets a Conn flush, and cuts the deaf when its time is over; one that
// has everything and stays is left without a reset.
func TestShutdown(t *testing.T) {
	e := netiotest.Engine(t, netio.Config{LingerTimeout: time.Hour})
	fs := &netiotest.Frames{T: t}
	closed := make(chan error, 3)
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
	lazy := netiotest.Dial(t, ls.Addr())
	lazy.Say("x")
	lazy.Hear("\x00")
	ctx, cancel := context.WithCancel(context.Background())
	result := make(chan error)
	go func() { result <- e.Shutdown(ctx) }()
	if b, err := io.ReadAll(lazy); err != nil || len(b) != len(big)-1 {
		t.Errorf("the lazy one read %d bytes: %v", len(b), err)
	}
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
	ends := []error{netiotest.Await(t, closed), netiotest.Await(t, closed)}
	if !slices.Contains(ends, nil) || !slices.Contains(ends, netio.ErrShutdown) {
		t.Errorf("OnClose: %v", ends)
	}
	if err := netiotest.Await(t, result); !errors.Is(err, context.Canceled) {
		t.Errorf("Shutdown: %v", err)
	}
	if _, err := e.Listen(netio.ListenOptions{Address: ":0"}, nil); err != netio.ErrShutdown {
		t.Errorf("Listen: %v", err)
	}
	noFrames(t, fs)
}
