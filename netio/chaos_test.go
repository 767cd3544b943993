package netio_test

import (
	"crypto/tls"
	"io"
	"math/rand/v2"
	"net"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"roost/netio"
	"roost/netio/netiotest"
)

// A chaotic Handler checks the rules of the interface while it does whatever
// comes to its mind.
type chaotic struct {
	t      *testing.T
	fs     *netiotest.Frames
	rng    *rand.Rand
	inside atomic.Int32 // calls on at the moment
	closed atomic.Bool
	left   int // bytes left in the last OnData
	paused bool
	opened *atomic.Int64
}

// enter is called first in each method: one call at a time, and none after
// OnClose.
func (h *chaotic) enter(what string) func() {
	if h.inside.Add(1) != 1 {
		h.t.Errorf("%s while another call is on", what)
	}
	if h.closed.Load() {
		h.t.Errorf("%s after OnClose", what)
	}
	return func() { h.inside.Add(-1) }
}

func (h *chaotic) act(c *netio.Conn) {
	switch h.rng.IntN(16) {
	case 0:
		h.paused = true
		c.Pause()
		go c.Post(func() { h.paused = false; c.Resume() })
	case 1:
		c.SetTimer(time.Duration(h.rng.IntN(5)) * time.Millisecond)
	case 2:
		c.Post(func() { h.act(c) })
	case 3:
		if h.rng.IntN(20) == 0 {
			c.Close()
		}
	case 4:
		if h.rng.IntN(20) == 0 {
			c.Abort(nil)
		}
	case 5:
		if h.rng.IntN(20) == 0 {
			c.SendLast(h.fs.New([]byte("last")))
		}
	default:
		c.Send(h.fs.New(make([]byte, h.rng.IntN(2000))))
	}
}

func (h *chaotic) OnData(c *netio.Conn, b []byte) int {
	defer h.enter("OnData")()
	if h.paused {
		h.t.Error("OnData while paused")
	}
	if len(b) < h.left {
		h.t.Errorf("offered %d bytes after leaving %d", len(b), h.left)
	}
	h.act(c)
	used := len(b) - h.rng.IntN(min(len(b), 10)+1)
	h.left = len(b) - used
	return used
}

func (h *chaotic) OnEOF(c *netio.Conn) {
	defer h.enter("OnEOF")()
	c.Close()
}

func (h *chaotic) OnTLS(c *netio.Conn, _ *tls.ConnectionState, _ error) {
	defer h.enter("OnTLS")()
	h.act(c)
}

func (h *chaotic) OnTimer(c *netio.Conn) {
	defer h.enter("OnTimer")()
	h.act(c)
}

func (h *chaotic) OnOverflow(*netio.Conn) { defer h.enter("OnOverflow")() }

func (h *chaotic) OnClose(*netio.Conn, error) {
	defer h.enter("OnClose")()
	h.closed.Store(true)
	h.opened.Add(-1)
}

// Many clients, plain and TLS, that write, read, stall, half close and reset,
// against Handlers that do anything at any time, with strangers sending from
// outside: nothing hangs, nothing leaks, no rule is broken.
func TestChaos(t *testing.T) { forEachWay(t, testChaos) }

func testChaos(t *testing.T, cfg netio.Config) {
	server, client := netiotest.Certificates(t)
	cfg.Loops = 2
	cfg.ReadBuffer = 512
	cfg.Handshakes = 3
	cfg.Tick = time.Millisecond
	cfg.LingerTimeout = 50 * time.Millisecond
	e := netiotest.Engine(t, cfg)
	fs := &netiotest.Frames{T: t}
	var opened atomic.Int64
	var seed atomic.Uint64
	conns := make(chan *netio.Conn, 1000)
	ls := netiotest.Listen(t, e, netio.ListenOptions{SendLimit: 20000, SendBuffer: 4096}, func(c *netio.Conn) netio.Handler {
		n := seed.Add(1)
		h := &chaotic{t: t, fs: fs, rng: rand.New(rand.NewPCG(n, 1)), opened: &opened}
		opened.Add(1)
		if n%2 == 0 {
			c.StartTLS(server, 20*time.Millisecond)
		}
		conns <- c
		return h
	})
	var clients, strangers sync.WaitGroup
	done := make(chan bool)
	for range 2 {
		strangers.Go(func() {
			for {
				select {
				case c := <-conns:
					for range 10 {
						c.Send(fs.New(make([]byte, 100)))
					}
				case <-done:
					return
				}
			}
		})
	}
	for w := range uint64(6) {
		clients.Go(func() {
			rng := rand.New(rand.NewPCG(w, 2))
			for range 30 {
				chaoticClient(ls.Addr(), client, rng)
			}
		})
	}
	clients.Wait()
	close(done)
	strangers.Wait()
	netiotest.Shutdown(t, e)
	noFrames(t, fs)
	if n := netio.Buffers(e); n != 0 {
		t.Errorf("%d buffers in use", n)
	}
	if n := opened.Load(); n != 0 {
		t.Errorf("%d connections without OnClose", n)
	}
	if s := e.Stats(); s.Conns != 0 || s.HandshakesOpen != 0 || s.Panics != 0 {
		t.Errorf("stats: %+v", s)
	}
}

func chaoticClient(addr net.Addr, cfg *tls.Config, rng *rand.Rand) {
	raw, err := net.Dial(addr.Network(), addr.String())
	if err != nil {
		return // a reset right after accept
	}
	defer raw.Close()
	raw.SetDeadline(time.Now().Add(time.Duration(10+rng.IntN(50)) * time.Millisecond))
	conn := raw
	if rng.IntN(3) > 0 {
		conn = tls.Client(raw, cfg)
	}
	var wg sync.WaitGroup
	if rng.IntN(4) > 0 { // else it does not read
		wg.Go(func() { io.Copy(io.Discard, conn) })
	}
	for range rng.IntN(20) {
		if _, err := conn.Write(make([]byte, rng.IntN(3000))); err != nil {
			break
		}
	}
	switch rng.IntN(3) {
	case 0:
		raw.(*net.TCPConn).SetLinger(0)
	case 1:
		conn.(interface{ CloseWrite() error }).CloseWrite()
		wg.Wait()
	}
	raw.Close()
	wg.Wait()
}
