package netio_test

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"golang.org/x/sys/unix"

	"roost/netio"
	"roost/netio/netiotest"
)

// Hundreds connect at once; all are served, and the loops share them evenly.
func TestAcceptStorm(t *testing.T) {
	t.Run("freely", func(t *testing.T) { acceptStorm(t, netio.ListenOptions{Backlog: 4096}) })
	t.Run("one at a time", func(t *testing.T) {
		acceptStorm(t, netio.ListenOptions{Backlog: 4096, Accepts: 1, AcceptQueue: 1})
	})
}

func acceptStorm(t *testing.T, o netio.ListenOptions) {
	e := netiotest.Engine(t, netio.Config{Loops: 2})
	fs := &netiotest.Frames{T: t}
	ls := netiotest.Listen(t, e, o, echo(fs))
	const clients = 400
	var wg sync.WaitGroup
	for i := range clients {
		wg.Go(func() {
			p := netiotest.Dial(t, ls.Addr())
			msg := fmt.Sprint(i)
			p.Say(msg)
			p.Hear(msg)
		})
	}
	wg.Wait()
	if s := e.Stats(); s.Accepted != clients || s.Conns != clients {
		t.Errorf("stats: %+v", s)
	}
	for i, n := range netio.PerLoop(e) {
		if n != clients/2 {
			t.Errorf("loop %d has %d connections", i, n)
		}
	}
}

// The cap turns peers away and lets them in again when there is room.
func TestMaxConns(t *testing.T) {
	var log bytes.Buffer
	e := netiotest.Engine(t, netio.Config{MaxConns: 2, Log: slog.New(slog.NewTextHandler(&log, nil))})
	fs := &netiotest.Frames{T: t}
	closed := make(chan bool, 10)
	addr := netiotest.Serve(t, e, func(c *netio.Conn) netio.Handler {
		h := echo(fs)(c).(*netiotest.Funcs)
		h.Close = func(*netio.Conn, error) { closed <- true }
		return h
	})
	first, second := netiotest.Dial(t, addr), netiotest.Dial(t, addr)
	for _, p := range []*netiotest.Peer{first, second} {
		p.Say("x")
		p.Hear("x")
	}
	for range 5 {
		netiotest.Dial(t, addr).HearEnd()
	}
	first.Close()
	netiotest.Await(t, closed)
	// OnClose comes before the count.
	for e.Stats().Conns > 1 {
		runtime.Gosched()
	}
	p := netiotest.Dial(t, addr)
	p.Say("y")
	p.Hear("y")
	if s := e.Stats(); s.Refused != 5 || s.Accepted != 3 {
		t.Errorf("stats: %+v", s)
	}
	second.Close()
	p.Close()
	netiotest.Shutdown(t, e)
	if n := strings.Count(log.String(), "as many as allowed"); n != 1 {
		t.Errorf("logged %d times: %s", n, &log)
	}
}

// While a loop is busy, no more than AcceptQueue connections wait for it; the
// rest stays in the backlog, and comes when there is room.
func TestAcceptQueue(t *testing.T) {
	e := netiotest.Engine(t, netio.Config{Loops: 2})
	block, blocked := make(chan bool), make(chan bool)
	ls := netiotest.Listen(t, e, netio.ListenOptions{AcceptQueue: 1, Accepts: 2}, func(*netio.Conn) netio.Handler {
		return &netiotest.Funcs{Data: func(c *netio.Conn, b []byte) int {
			if string(b) == "block" {
				blocked <- true
				<-block
			}
			c.Send(netiotest.Text("done"))
			return len(b)
		}}
	})
	hello := func() *netiotest.Peer {
		p := netiotest.Dial(t, ls.Addr())
		p.Say("hello")
		return p
	}
	first, second := hello(), netiotest.Dial(t, ls.Addr())
	first.Hear("done")
	second.Say("block") // the second loop, for it had fewer
	netiotest.Await(t, blocked)
	var rest []*netiotest.Peer
	for range 6 {
		rest = append(rest, hello())
	}
	rest[0].Hear("done") // the first loop's turn; the next waits for the second loop
	for e.Stats().Conns < 4 {
		runtime.Gosched()
	}
	for range 100 { // the first loop goes round
		first.Say("hello")
		first.Hear("done")
	}
	if n := e.Stats().Conns; n != 4 {
		t.Errorf("%d connections were accepted, want 4", n)
	}
	close(block)
	second.Hear("done")
	for _, p := range rest[1:] {
		p.Hear("done")
	}
}

// Accepts bounds what one wake-up takes: whoever is connected already has a turn in between.
func TestAcceptsPerTurn(t *testing.T) {
	e := netiotest.Engine(t, netio.Config{Loops: 1})
	blocked, block := make(chan bool), make(chan bool)
	seen := make(chan uint64, 1)
	ls := netiotest.Listen(t, e, netio.ListenOptions{Accepts: 3}, func(*netio.Conn) netio.Handler {
		return &netiotest.Funcs{Data: func(c *netio.Conn, b []byte) int {
			if string(b) == "block" {
				blocked <- true
				<-block
			} else {
				seen <- e.Stats().Accepted
			}
			return len(b)
		}}
	})
	blocker, other := netiotest.Dial(t, ls.Addr()), netiotest.Dial(t, ls.Addr())
	blocker.Say("block")
	netiotest.Await(t, blocked)
	for range 20 {
		netiotest.Dial(t, ls.Addr())
	}
	other.Say("x") // the batch that comes next has both: the listening socket and this one
	close(block)
	if n := netiotest.Await(t, seen); n > 2+3 {
		t.Errorf("%d connections were accepted before those that were there had a turn", n)
	}
	for e.Stats().Accepted < 22 {
		runtime.Gosched()
	}
}

// A listener that has to rest accepts again with the next tick, and may be
// closed meanwhile.
func TestRest(t *testing.T) {
	e := netiotest.Engine(t, netio.Config{})
	fs := &netiotest.Frames{T: t}
	first := netiotest.Listen(t, e, netio.ListenOptions{}, echo(fs))
	second := netiotest.Listen(t, e, netio.ListenOptions{}, echo(fs))
	netio.Rest(first)
	netio.Rest(second)
	second.Close()
	p := netiotest.Dial(t, first.Addr())
	p.Say("x")
	p.Hear("x")
}

// TestDescriptors runs TestOutOfDescriptors in a process of its own, whose limit
// it may lower.
func TestDescriptors(t *testing.T) {
	cmd := exec.Command(os.Args[0], "-test.run=^TestOutOfDescriptors$", "-test.v")
	// The race detector would sleep for a second at the end.
	cmd.Env = append(os.Environ(), "NETIO_LOWER_LIMIT=1", "GORACE=atexit_sleep_ms=0")
	out, err := cmd.CombinedOutput()
	if err != nil || !bytes.Contains(out, []byte("--- PASS")) {
		t.Errorf("%v\n%s", err, out)
	}
}

func TestOutOfDescriptors(t *testing.T) {
	if os.Getenv("NETIO_LOWER_LIMIT") == "" {
		return // TestDescriptors calls
	}
	var log countingLog
	fs := &netiotest.Frames{T: t}
	e := netiotest.Engine(t, netio.Config{MaxConns: 1 << 20, Loops: 2, Log: slog.New(&log)})
	ls := netiotest.Listen(t, e, netio.ListenOptions{Backlog: 4096}, echo(fs))

	// The clients' sockets are opened first: they share the limit.
	const clients = 60
	var fds []int
	for range clients {
		fd, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
		if err != nil {
			t.Fatal(err)
		}
		fds = append(fds, fd)
	}
	used, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	var lim unix.Rlimit
	unix.Getrlimit(unix.RLIMIT_NOFILE, &lim)
	lim.Cur = uint64(len(used)) + 20 // a third of the clients fit
	if err := unix.Setrlimit(unix.RLIMIT_NOFILE, &lim); err != nil {
		t.Fatal(err)
	}
	for round := range 3 { // it happens more than once
		served, refused := 0, 0
		var kept []int
		sa := &unix.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}, Port: ls.Addr().(*net.TCPAddr).Port}
		for _, fd := range fds {
			unix.SetsockoptTimeval(fd, unix.SOL_SOCKET, unix.SO_RCVTIMEO, &unix.Timeval{Sec: int64(netiotest.Patience.Seconds())})
			if err := unix.Connect(fd, sa); err != nil {
				t.Fatal(err)
			}
			unix.SendmsgN(fd, []byte("x"), nil, nil, unix.MSG_NOSIGNAL)
			var b [1]byte
			switch n, err := unix.Read(fd, b[:]); {
			case n == 1:
				served++
				kept = append(kept, fd)
			case n == 0 || err == unix.ECONNRESET:
				refused++
			default:
				t.Fatalf("round %d: neither served nor refused: %v", round, err)
			}
		}
		if served < 10 || refused < 10 {
			t.Errorf("round %d: %d served, %d refused", round, served, refused)
		}
		// Those that got in are still served.
		for _, fd := range kept {
			var b [1]byte
			unix.Write(fd, []byte("y"))
			if n, err := unix.Read(fd, b[:]); n != 1 {
				t.Errorf("round %d: %v", round, err)
			}
		}
		// All go, and come again.
		for i := range fds {
			unix.Close(fds[i])
		}
		for e.Stats().Conns > 0 {
			runtime.Gosched()
		}
		for i := range fds {
			if fds[i], err = unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0); err != nil {
				t.Fatal(err)
			}
		}
	}
	if s := e.Stats(); s.RefusedFiles < 30 {
		t.Errorf("stats: %+v", s)
	}
	if n := log.n.Load(); n != 1 {
		t.Errorf("logged %d times in a minute", n)
	}
	for _, fd := range fds {
		unix.Close(fd)
	}
	// Another engine does not fit any more, says so, and leaves nothing.
	before, _ := os.ReadDir("/proc/self/fd")
	for free := range uint64(5) {
		lim.Cur = uint64(len(before)) + free
		if err := unix.Setrlimit(unix.RLIMIT_NOFILE, &lim); err != nil {
			t.Fatal(err)
		}
		if _, err := netio.New(netio.Config{Loops: 2}); err == nil || !strings.Contains(err.Error(), "cannot start an event loop: ") {
			t.Errorf("New: %v", err)
		}
	}
	lim.Cur += 20
	unix.Setrlimit(unix.RLIMIT_NOFILE, &lim)
	if after, _ := os.ReadDir("/proc/self/fd"); len(after) != len(before) {
		t.Errorf("%d descriptors, %d before", len(after), len(before))
	}
}

// countingLog counts records and allocates no descriptor.
type countingLog struct{ n atomic.Int32 }

func (*countingLog) Enabled(context.Context, slog.Level) bool { return true }
func (l *countingLog) Handle(context.Context, slog.Record) error {
	l.n.Add(1)
	return nil
}
func (l *countingLog) WithAttrs([]slog.Attr) slog.Handler { return l }
func (l *countingLog) WithGroup(string) slog.Handler      { return l }

// An engine that has come and gone leaves no descriptor, buffer or file behind.
func TestNothingLeaks(t *testing.T) {
	server, client := netiotest.Certificates(t)
	before := 0
	for round := range 3 {
		e := netiotest.Engine(t, netio.Config{Loops: 2})
		fs := &netiotest.Frames{T: t}
		events := make(chan error, 100)
		tcp := netiotest.Listen(t, e, netio.ListenOptions{}, startTLS(t, fs, server, 0, events))
		path := filepath.Join(t.TempDir(), "s")
		uds := netiotest.Listen(t, e, netio.ListenOptions{Address: path}, lines(fs))
		var peers []*netiotest.Peer
		for i := range 20 {
			p := netiotest.Dial(t, tcp.Addr())
			peers = append(peers, p)
			if i%4 == 0 {
				continue
			}
			p.Say("<starttls/>")
			p.Hear("<proceed/>")
			if i%4 == 1 {
				continue
			}
			p.StartTLS(client)
			p.Hear("secret\n")
			p.Say("half a line") // is kept
			if i%4 == 2 {
				p.Say("\nhalf")
				p.Hear("half a line\n")
			}
		}
		p := netiotest.Dial(t, uds.Addr())
		p.Say("whole\nhalf")
		p.Hear("whole\n")
		peers = append(peers, p)
		if netio.Buffers(e) == 0 {
			t.Error("nothing is kept")
		}
		ctx, cancel := context.WithCancel(t.Context())
		if round > 0 {
			cancel() // at once, or with everybody's consent
		}
		var wg sync.WaitGroup
		wg.Go(func() {
			for _, p := range peers {
				p.Close()
			}
		})
		e.Shutdown(ctx)
		cancel()
		wg.Wait()
		if n := netio.Buffers(e); n != 0 {
			t.Errorf("round %d: %d buffers in use", round, n)
		}
		noFrames(t, fs)
		if round == 0 {
			before = netiotest.Descriptors(t) // netpoll's own are open now
		} else if n := netiotest.Descriptors(t); n != before {
			t.Errorf("round %d: %d descriptors, %d before", round, n, before)
		}
	}
}
