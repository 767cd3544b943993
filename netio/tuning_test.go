package netio_test

import (
	"bytes"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"roost/netio"
	"roost/netio/netiotest"
)

// The benchmarks of this file measure what the options of a socket cost and gain; README's chapter on
// tuning has their numbers. They are whole runs: -benchtime 1x or so.

// bufferSizes are those of tcp_recv_buffer_size and tcp_send_buffer_size; 0 leaves them to the system.
var bufferSizes = []int{4096, 16384, 65536, 0}

// kernelMemory is what the kernel has for TCP buffers, in bytes (proc(5), sockstat).
func kernelMemory(b *testing.B) int {
	b.Helper()
	text, err := os.ReadFile("/proc/net/sockstat")
	if err != nil {
		b.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(text), "TCP: ")
	var inuse, orphan, tw, alloc, mem int
	if _, err := fmt.Sscanf(rest, "inuse %d orphan %d tw %d alloc %d mem %d", &inuse, &orphan, &tw, &alloc, &mem); err != nil {
		b.Fatal(err)
	}
	return mem * os.Getpagesize()
}

// BenchmarkBuffers: the server's processor time for a MiB to a client and from one, and what the kernel
// holds for a client that does not read.
func BenchmarkBuffers(b *testing.B) {
	for _, size := range bufferSizes {
		o := netio.ListenOptions{Address: "127.0.0.1:0", RecvBuffer: size, SendBuffer: size, SendLimit: 64 << 20}
		for _, segment := range []int{0, 1448} { // the loopback's own, 64 KiB, and Ethernet's
			b.Run(fmt.Sprintf("%d/down/segment=%d", size, segment), func(b *testing.B) { benchBulk(b, o, segment, false) })
			b.Run(fmt.Sprintf("%d/up/segment=%d", size, segment), func(b *testing.B) { benchBulk(b, o, segment, true) })
		}
		b.Run(fmt.Sprintf("%d/deaf", size), func(b *testing.B) { benchDeaf(b, o) })
	}
}

// shared is a frame that all connections share and nobody gives back.
type shared []byte

func (f shared) Bytes() []byte { return f }
func (shared) Release()        {}

// benchBulk moves b.N times a MiB over one connection, in stanzas of 64 KiB, one way.
func benchBulk(b *testing.B, o netio.ListenOptions, segment int, up bool) {
	const stanza, mib = 64 << 10, 1 << 20
	e := benchEngine(b, netio.Config{Loops: 1})
	text := shared(make([]byte, stanza))
	got := 0
	ls := netiotest.Listen(b, e, o, func(*netio.Conn) netio.Handler {
		return &netiotest.Funcs{Data: func(c *netio.Conn, p []byte) int {
			got += len(p)
			if !up {
				for range mib / stanza { // one byte asks for a MiB
					c.Send(text)
				}
			} else if got >= mib {
				got -= mib
				c.Send(netiotest.Text("x"))
			}
			return len(p)
		}}
	})
	if segment > 0 {
		unix.SetsockoptInt(netio.ListenerFD(ls), unix.IPPROTO_TCP, unix.TCP_MAXSEG, segment)
	}
	s := newSwarm(b, ls.Addr(), 1)
	buf := bytes.Repeat([]byte("x"), mib)
	b.SetBytes(mib)
	measure(b, func() {
		for range b.N {
			out, in := buf[:1], buf
			if up {
				out, in = buf, buf[:1]
			}
			for n := 0; n < len(out); {
				m, err := unix.Write(s.fds[0], out[n:])
				if err != nil {
					b.Fatal(err)
				}
				n += m
			}
			for n := 0; n < len(in); {
				m, err := unix.Read(s.fds[0], in[n:])
				if err != nil || m == 0 {
					b.Fatal(m, err)
				}
				n += m
			}
		}
	})
}

// benchDeaf fills 100 sockets whose peers do not read.
func benchDeaf(b *testing.B, o netio.ListenOptions) {
	const peers, much = 100, 16 << 20
	for range b.N {
		e := benchEngine(b, netio.Config{Loops: 1})
		conns := make(chan *netio.Conn, peers)
		ls := netiotest.Listen(b, e, o, func(c *netio.Conn) netio.Handler { conns <- c; return &netiotest.Funcs{} })
		s := newSwarm(b, ls.Addr(), peers)
		before := kernelMemory(b)
		var all []*netio.Conn
		for range s.fds {
			all = append(all, <-conns)
		}
		b.ReportMetric(float64(kernelMemory(b)-before)/peers, "idle-B/conn")
		frame := shared(make([]byte, much))
		for _, c := range all {
			c.Send(frame)
		}
		for last := uint64(0); ; { // until nobody takes more
			time.Sleep(300 * time.Millisecond)
			now := e.Stats().BytesOut
			if now == last {
				break
			}
			last = now
		}
		b.ReportMetric(float64(kernelMemory(b)-before)/peers, "kernel-B/conn")
		b.ReportMetric(float64(e.Stats().BytesOut)/peers, "sent-B/conn")
		for _, fd := range s.fds {
			unix.SetsockoptLinger(fd, unix.SOL_SOCKET, unix.SO_LINGER, &unix.Linger{Onoff: 1})
		}
	}
}

// BenchmarkNagle: two answers to one request, the second a moment later, as from a store: how long until
// the client has both; and the server's processor time for each message of a stream of small ones.
func BenchmarkNagle(b *testing.B) {
	for _, nodelay := range []bool{false, true} {
		o := netio.ListenOptions{Address: "127.0.0.1:0", NoDelay: nodelay}
		b.Run(fmt.Sprintf("disable=%v/two answers", nodelay), func(b *testing.B) {
			e := benchEngine(b, netio.Config{Loops: 1})
			asked := make(chan *netio.Conn, 1)
			var all sync.WaitGroup
			all.Go(func() {
				for c := range asked {
					time.Sleep(200 * time.Microsecond)
					c.Send(netiotest.Text("second"))
				}
			})
			ls := netiotest.Listen(b, e, o, func(*netio.Conn) netio.Handler {
				return &netiotest.Funcs{Data: func(c *netio.Conn, p []byte) int {
					c.Send(netiotest.Text("first."))
					asked <- c
					return len(p)
				}}
			})
			s := newSwarm(b, ls.Addr(), 1)
			buf := make([]byte, 100)
			for b.Loop() {
				unix.Write(s.fds[0], []byte("x"))
				for n := 0; n < 12; {
					m, err := unix.Read(s.fds[0], buf)
					if err != nil || m == 0 {
						b.Fatal(m, err)
					}
					n += m
				}
			}
			close(asked)
			all.Wait()
		})
		b.Run(fmt.Sprintf("disable=%v/one at a time", nodelay), func(b *testing.B) {
			e := benchEngine(b, netio.Config{Loops: 1})
			ls := netiotest.Listen(b, e, o, echoPooled())
			s := newSwarm(b, ls.Addr(), 100)
			measure(b, func() {
				s.run(b, b.N, 1, func(int) bool { return true }, func(i int) int { return i })
			})
		})
	}
}

// echoPooled echoes whole messages.
func echoPooled() func(*netio.Conn) netio.Handler {
	pool := newFrames()
	return func(*netio.Conn) netio.Handler {
		return &netiotest.Funcs{Data: func(c *netio.Conn, p []byte) int {
			c.Send(frameOf(pool, p))
			return len(p)
		}}
	}
}

// storm starts n connections at once and returns how long it took until the server had said a byte on
// each, and when the slowest of pings on a connection that was there already came back.
func storm(b *testing.B, addr net.Addr, n int) (took, slowest time.Duration) {
	b.Helper()
	there := newSwarm(b, addr, 1)
	buf := make([]byte, 1)
	if _, err := unix.Read(there.fds[0], buf); err != nil { // its own byte
		b.Fatal(err)
	}
	stop, pinged := make(chan bool), make(chan time.Duration)
	go func() {
		var worst time.Duration
		for {
			select {
			case <-stop:
				pinged <- worst
				return
			default:
			}
			start := time.Now()
			unix.Write(there.fds[0], []byte("x"))
			unix.Read(there.fds[0], make([]byte, 1))
			worst = max(worst, time.Since(start))
		}
	}()
	var all sync.WaitGroup
	start := time.Now()
	for range n {
		all.Go(func() {
			conn, err := net.DialTimeout("tcp", addr.String(), netiotest.Patience)
			if err != nil {
				b.Error(err)
				return
			}
			defer conn.Close()
			conn.(*net.TCPConn).SetLinger(0)
			conn.SetDeadline(time.Now().Add(netiotest.Patience))
			conn.Write([]byte("x")) // as clients do: it makes the system try again
			if _, err := conn.Read(make([]byte, 1)); err != nil {
				b.Error(err)
			}
		})
	}
	all.Wait()
	took = time.Since(start)
	close(stop)
	slowest = <-pinged
	return took, slowest
}

// greeting says a byte to whoever comes and echoes.
func greeting(c *netio.Conn) netio.Handler {
	c.Send(netiotest.Text("x"))
	return &netiotest.Funcs{Data: func(c *netio.Conn, p []byte) int {
		c.Send(netiotest.Text(p))
		return len(p)
	}}
}

// BenchmarkBacklog: how long 2000 clients that come at once take to get in; one that finds the queue full
// is tried again by its system after one second, three, seven.
func BenchmarkBacklog(b *testing.B) {
	for _, backlog := range []int{200, 500, 4096} {
		b.Run(fmt.Sprint(backlog), func(b *testing.B) {
			var all []time.Duration
			for range b.N {
				e := benchEngine(b, netio.Config{Loops: 2})
				ls := netiotest.Listen(b, e, netio.ListenOptions{Address: "127.0.0.1:0", Backlog: backlog}, greeting)
				took, _ := storm(b, ls.Addr(), 2000)
				all = append(all, took)
			}
			slices.Sort(all)
			b.ReportMetric(float64(all[len(all)/2].Milliseconds()), "ms/storm")
		})
	}
}

// BenchmarkAccepts: the slowest answer on a connection that is there while 2000 come, and how long those
// take.
func BenchmarkAccepts(b *testing.B) {
	for _, n := range []int{1, 8, 64, 1000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			var took, slow []time.Duration
			for range b.N {
				e := benchEngine(b, netio.Config{Loops: 1})
				ls := netiotest.Listen(b, e, netio.ListenOptions{Address: "127.0.0.1:0", Backlog: 4096, Accepts: n}, greeting)
				t, s := storm(b, ls.Addr(), 2000)
				took, slow = append(took, t), append(slow, s)
			}
			slices.Sort(took)
			slices.Sort(slow)
			b.ReportMetric(float64(took[len(took)/2].Microseconds())/1000, "ms/storm")
			b.ReportMetric(float64(slow[len(slow)/2].Microseconds())/1000, "ms-slowest-ping")
		})
	}
}

// BenchmarkLoops: the server's processor time and the time per message with one loop and more.
func BenchmarkLoops(b *testing.B) {
	for _, loops := range []int{1, 2, 4} {
		b.Run(fmt.Sprint(loops), func(b *testing.B) {
			e := benchEngine(b, netio.Config{Loops: loops})
			ls := netiotest.Listen(b, e, netio.ListenOptions{Address: "127.0.0.1:0"}, echoPooled())
			s := newSwarm(b, ls.Addr(), 200)
			measure(b, func() {
				s.run(b, b.N, 1, func(int) bool { return true }, func(i int) int { return i })
			})
		})
	}
}

// BenchmarkUnixSocket: one message at a time over a Unix socket, and over TCP on the loopback.
func BenchmarkUnixSocket(b *testing.B) {
	for _, addr := range []string{filepath.Join(b.TempDir(), "s"), "127.0.0.1:0"} {
		b.Run(map[bool]string{true: "unix", false: "tcp"}[strings.Contains(addr, "/")], func(b *testing.B) {
			e := benchEngine(b, netio.Config{Loops: 1})
			ls := netiotest.Listen(b, e, netio.ListenOptions{Address: addr, NoDelay: true}, echoPooled())
			conn, err := net.Dial(ls.Addr().Network(), ls.Addr().String())
			if err != nil {
				b.Fatal(err)
			}
			defer conn.Close()
			file, err := conn.(interface{ File() (*os.File, error) }).File()
			if err != nil {
				b.Fatal(err)
			}
			defer file.Close()
			fd := int(file.Fd())
			unix.SetNonblock(fd, false)
			msg := make([]byte, benchMessage)
			measure(b, func() {
				for range b.N {
					unix.Write(fd, msg)
					for n := 0; n < len(msg); {
						m, err := unix.Read(fd, msg[n:])
						if err != nil || m == 0 {
							b.Fatal(m, err)
						}
						n += m
					}
				}
			})
		})
	}
}
