package netio_test

import (
	"fmt"
	"net"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"roost/netio"
	"roost/netio/netiotest"
)

const benchMessage = 300

// A socketConn is a net.Conn over a bare descriptor, which a client can be
// dropped from without a trace in the heap.
type socketConn int

func (fd socketConn) Read(p []byte) (int, error) {
	n, err := unix.Read(int(fd), p)
	return max(n, 0), err
}
func (fd socketConn) Write(p []byte) (int, error)   { return unix.Write(int(fd), p) }
func (socketConn) Close() error                     { return nil }
func (socketConn) LocalAddr() net.Addr              { return nil }
func (socketConn) RemoteAddr() net.Addr             { return nil }
func (socketConn) SetDeadline(time.Time) error      { return nil }
func (socketConn) SetReadDeadline(time.Time) error  { return nil }
func (socketConn) SetWriteDeadline(time.Time) error { return nil }

// A pooledFrame is what a server would send: its bytes come from a pool.
type pooledFrame struct {
	b    []byte
	pool *sync.Pool
}

func (f *pooledFrame) Bytes() []byte { return f.b }
func (f *pooledFrame) Release()      { f.pool.Put(f) }

func newFrames() *sync.Pool {
	pool := &sync.Pool{}
	pool.New = func() any { return &pooledFrame{b: make([]byte, 0, 8*benchMessage), pool: pool} }
	return pool
}

func frameOf(pool *sync.Pool, b []byte) *pooledFrame {
	f := pool.Get().(*pooledFrame)
	f.b = append(f.b[:0], b...)
	return f
}

// A swarm is one thread with raw sockets and an epoll of its own, so that its
// work can be told apart from the server's.
type swarm struct {
	fds  []int
	ep   int
	ends []*bareEnd // TLS, where it is spoken
}

// write and read are the system calls, in plain text or not; read returns how many
// bytes of plain text there were.
func (s *swarm) write(i int, p []byte) (int, error) {
	if s.ends != nil {
		return len(p), s.ends[i].write(s.fds[i], p)
	}
	return unix.Write(s.fds[i], p)
}

func (s *swarm) read(i int, p []byte) (int, error) {
	n, err := unix.Read(s.fds[i], p)
	if s.ends != nil && n > 0 {
		return s.ends[i].open(p[:n])
	}
	return n, err
}

func newSwarm(b testing.TB, addr net.Addr, n int) *swarm {
	b.Helper()
	s := &swarm{}
	var err error
	if s.ep, err = unix.EpollCreate1(unix.EPOLL_CLOEXEC); err != nil {
		b.Fatal(err)
	}
	sa := &unix.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}, Port: addr.(*net.TCPAddr).Port}
	for i := range n {
		fd, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
		if err != nil {
			b.Fatal(err)
		}
		s.fds = append(s.fds, fd)
		if err := unix.Connect(fd, sa); err != nil {
			b.Fatal(err)
		}
		unix.SetsockoptInt(fd, unix.IPPROTO_TCP, unix.TCP_NODELAY, 1)
		if err := unix.EpollCtl(s.ep, unix.EPOLL_CTL_ADD, fd, &unix.EpollEvent{Events: unix.EPOLLIN, Fd: int32(i)}); err != nil {
			b.Fatal(err)
		}
	}
	b.Cleanup(func() {
		unix.Close(s.ep)
		for _, fd := range s.fds {
			unix.Close(fd)
		}
	})
	return s
}

// run exchanges messages of 300 bytes: each pair of sockets has `ahead` of them
// on the way from i to peer(i), and a message that has arrived is followed by the
// next.
func (s *swarm) run(b *testing.B, total, ahead int, senders func(i int) bool, peer func(i int) int) {
	out := make([]byte, ahead*benchMessage)
	in := make([]byte, 1<<16)
	got := make([]int, len(s.fds))
	sent, received := 0, 0
	say := func(i, n int) {
		n = min(n, total-sent)
		if n <= 0 {
			return
		}
		sent += n
		if _, err := s.write(i, out[:n*benchMessage]); err != nil {
			b.Fatal(err)
		}
	}
	for i := range s.fds {
		if senders(i) {
			say(i, ahead)
		}
	}
	events := make([]unix.EpollEvent, 256)
	for received < total {
		n, err := unix.EpollWait(s.ep, events, 10000)
		if err == unix.EINTR {
			continue
		}
		if err != nil || n == 0 {
			b.Fatalf("%d of %d arrived: %v", received, total, err)
		}
		for _, ev := range events[:n] {
			i := int(ev.Fd)
			m, err := s.read(i, in)
			if err != nil {
				b.Fatalf("read: %d, %v", m, err)
			}
			got[i] += m
			if whole := got[i] / benchMessage; whole >= ahead || sent == total {
				got[i] -= whole * benchMessage
				received += whole
				say(peer(i), whole)
			}
		}
	}
}

func cpu(b *testing.B, who int) time.Duration {
	var ru unix.Rusage
	if err := unix.Getrusage(who, &ru); err != nil {
		b.Fatal(err)
	}
	return time.Duration(ru.Utime.Nano() + ru.Stime.Nano())
}

// measure runs a swarm and reports the server's processor time per message.
func measure(b *testing.B, run func()) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	b.ReportAllocs()
	b.ResetTimer()
	all, own := cpu(b, unix.RUSAGE_SELF), cpu(b, unix.RUSAGE_THREAD)
	run()
	server := cpu(b, unix.RUSAGE_SELF) - all - (cpu(b, unix.RUSAGE_THREAD) - own)
	b.StopTimer()
	b.ReportMetric(float64(server.Nanoseconds())/float64(b.N), "server-ns/op")
}

func benchEngine(b *testing.B, cfg netio.Config) *netio.Engine {
	cfg.LingerTimeout, cfg.Tick = time.Second, 10*time.Millisecond
	e, err := netio.New(cfg)
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { netiotest.Shutdown(b, e) })
	return e
}

func BenchmarkEcho(b *testing.B) {
	for _, way := range benchWays {
		for _, ahead := range []int{1, 8} {
			b.Run(fmt.Sprintf("%s/conns=100/ahead=%d", way.name, ahead), func(b *testing.B) { benchEcho(b, way, ahead) })
		}
	}
}

func benchEcho(b *testing.B, way benchWay, ahead int) {
	way.certify(b)
	pool := newFrames()
	e := benchEngine(b, way.cfg)
	addr := netiotest.Serve(b, e, func(c *netio.Conn) netio.Handler {
		way.start(b, c)
		return &netiotest.Funcs{Data: func(c *netio.Conn, p []byte) int {
			for n := 0; n < len(p); n += benchMessage { // one frame per message, as a server would
				c.Send(frameOf(pool, p[n:min(n+benchMessage, len(p))]))
			}
			return len(p)
		}}
	})
	s := newSwarm(b, addr, 100)
	way.shake(b, s)
	measure(b, func() {
		s.run(b, b.N, ahead, func(int) bool { return true }, func(i int) int { return i })
	})
}

func BenchmarkRelay(b *testing.B) {
	for _, way := range benchWays {
		for _, ahead := range []int{1, 8} {
			b.Run(fmt.Sprintf("%s/conns=100/ahead=%d", way.name, ahead), func(b *testing.B) { benchRelay(b, way, ahead) })
		}
	}
}

func benchRelay(b *testing.B, way benchWay, ahead int) {
	way.certify(b)
	pool := newFrames()
	e := benchEngine(b, way.cfg)
	const n = 100
	var conns [n]atomic.Pointer[netio.Conn]
	var ready sync.WaitGroup
	ready.Add(n)
	var next atomic.Int32
	addr := netiotest.Serve(b, e, func(c *netio.Conn) netio.Handler {
		i := next.Add(1) - 1 // connections come in the order in which they are dialled, give or take
		conns[i].Store(c)
		ready.Done()
		way.start(b, c)
		return &netiotest.Funcs{Data: func(c *netio.Conn, p []byte) int {
			to := conns[i^1].Load()
			for n := 0; n < len(p); n += benchMessage {
				to.Send(frameOf(pool, p[n:min(n+benchMessage, len(p))]))
			}
			return len(p)
		}}
	})
	s := newSwarm(b, addr, n)
	ready.Wait()
	way.shake(b, s)
	// Who answers whom: ask.
	peers := make([]int, n)
	buf := make([]byte, 100)
	for i := range s.fds {
		s.write(i, []byte("?"))
		events := make([]unix.EpollEvent, 1)
		for got, err := unix.EpollWait(s.ep, events, -1); got != 1; got, err = unix.EpollWait(s.ep, events, -1) {
			if err != nil && err != unix.EINTR {
				b.Fatal(err)
			}
		}
		s.read(int(events[0].Fd), buf)
		peers[events[0].Fd] = i
	}
	measure(b, func() {
		// Each even one of a pair sends, the other receives.
		s.run(b, b.N, ahead, func(i int) bool { return i < peers[i] }, func(i int) int { return peers[i] })
	})
}
