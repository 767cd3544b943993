package netio

import (
	"context"
	"fmt"
	"net"
	"sync"
	"sync/atomic"

	"github.com/cloudwego/netpoll"
	"golang.org/x/sys/unix"
)

const (
	maxEvents = 256  // inner events served per call of Accept
	maxIov    = 1024 // IOV_MAX: frames per writev(2)
	maxRounds = 8    // passes over posted work before the sockets have their turn again
)

// What the upper half of an inner event's data says: a Conn's generation, which
// is positive, or one of these.
const (
	padWake   = -1
	padTimer  = -2
	padListen = -3
)

// A loop is a netpoll.Listener: netpoll watches ep and calls Accept on one of
// its goroutines whenever something inside is ready. Fields are that
// goroutine's own unless they say otherwise.
type loop struct {
	e    *Engine
	evl  netpoll.EventLoop
	ep   int // the inner epoll
	wfd  int // eventfd that wakes the loop
	tfd  int // timerfd, armed while there is something to wait for
	once sync.Once
	// started is closed by the first call of Accept.
	started chan struct{}
	closed  chan struct{} // closed by Close, netpoll's last word
	ended   bool

	events [maxEvents]unix.EpollEvent
	iov    []unix.Iovec
	done   []Frame    // frames to release once no lock is held
	woken  []func()   // who has waited for room in a queue, to be called likewise
	read   []byte     // the one read buffer
	plain  []byte     // opened TLS records; nil before the first
	seal   []byte     // TLS records, or what goes into crypto/tls's, next; nil before the first
	hot    []*tlsConn // whose ciphers are made
	due    []*Conn    // scratch of expire
	wheel  wheel
	armed  bool // the timerfd is running
	tick   uint32
	gen    int32

	resting []*Listener // not accepting until the next tick: no descriptors, or a closed Gate
	spare   int         // reserve descriptor, -1 when it could not be had

	awake atomic.Bool          // nobody needs to write to wfd
	dirty atomic.Pointer[Conn] // Conns with something to do, newest first
	open  atomic.Int32         // Conns of this loop, including those on their way
	count counters

	mu        sync.Mutex // guards the fields below; never held across a call out
	inbox     []task
	outbox    []task // the inbox's other half, the loop's own between swaps
	listeners map[int32]*Listener
	stopped   bool // wfd is closed, or about to be
}

// A task is work for a loop: a function for a Conn, a function of our own (c is
// nil), or an accepted descriptor (ls is set).
type task struct {
	c  *Conn
	fn func()
	ls *Listener
	fd int
}

// newLoop opens a loop's descriptors and has netpoll serve it.
func (e *Engine) newLoop() (_ *loop, err error) {
	l := &loop{e: e, ep: -1, wfd: -1, tfd: -1, spare: -1,
		started: make(chan struct{}), closed: make(chan struct{}), listeners: make(map[int32]*Listener)}
	defer func() {
		if err != nil {
			l.closeFiles()
		}
	}()
	if l.ep, err = unix.EpollCreate1(unix.EPOLL_CLOEXEC); err != nil {
		return nil, fmt.Errorf("epoll_create1: %w", err)
	}
	if l.wfd, err = unix.Eventfd(0, unix.EFD_NONBLOCK|unix.EFD_CLOEXEC); err != nil {
		return nil, fmt.Errorf("eventfd: %w", err)
	}
	if l.tfd, err = unix.TimerfdCreate(unix.CLOCK_MONOTONIC, unix.TFD_NONBLOCK|unix.TFD_CLOEXEC); err != nil {
		return nil, fmt.Errorf("timerfd_create: %w", err)
	}
	if l.spare, err = openSpare(); err != nil {
		return nil, fmt.Errorf("reserve descriptor: %w", err)
	}
	for fd, pad := range map[int]int32{l.wfd: padWake, l.tfd: padTimer} {
		if err = l.ctl(unix.EPOLL_CTL_ADD, fd, unix.EPOLLIN, pad); err != nil {
			return nil, fmt.Errorf("epoll_ctl: %w", err)
		}
	}
	l.iov = make([]unix.Iovec, 0, maxIov)
	l.read = make([]byte, e.cfg.ReadBuffer)
	l.tick = e.ticks()
	l.wheel.now = l.tick
	if l.evl, err = netpoll.NewEventLoop(nil); err != nil {
		return nil, fmt.Errorf("netpoll: %w", err)
	}
	return l, nil
}

// serve gives the loop to netpoll and waits until it runs.
func (l *loop) serve() error {
	failed := make(chan error, 1)
	l.awake.Store(true)
	l.signal() // the first event
	l.e.running.Add(1)
	go func() {
		defer l.e.running.Done()
		failed <- l.evl.Serve(l)
	}()
	select {
	case <-l.started:
		return nil
	case err := <-failed:
		return fmt.Errorf("netpoll: %w", err)
	}
}

// Fd implements netpoll.Listener: what netpoll watches.
func (l *loop) Fd() int { return l.ep }

// Addr implements net.Listener.
func (l *loop) Addr() net.Addr { return &net.UnixAddr{Net: "unix"} }

// Close implements net.Listener; netpoll calls it at the end of halt.
func (l *loop) Close() error {
	l.closeFiles()
	close(l.closed)
	return nil
}

// Accept implements net.Listener: it serves one batch of inner events and all
// that comes of it, and has no connection for netpoll.
func (l *loop) Accept() (net.Conn, error) {
	if l.ended {
		return nil, nil
	}
	l.once.Do(func() { close(l.started) })
	// From here to the end of settle whoever has work for this loop need not
	// write to wfd.
	l.awake.Store(true)
	l.tick = l.e.ticks()
	n, err := unix.EpollWait(l.ep, l.events[:], 0)
	if err != nil && err != unix.EINTR {
		l.e.throttle.warn(l.e.cfg.Log, "netio: epoll_wait failed", err)
	}
	for i := range max(n, 0) {
		l.event(&l.events[i])
	}
	l.settle()
	return nil, nil
}

func (l *loop) event(ev *unix.EpollEvent) {
	switch ev.Pad {
	case padWake:
		var b [8]byte
		unix.Read(l.wfd, b[:]) // resets it; EAGAIN does no harm
	case padTimer:
		var b [8]byte
		unix.Read(l.tfd, b[:])
		l.expire()
	case padListen:
		l.mu.Lock()
		ls := l.listeners[ev.Fd]
		l.mu.Unlock()
		if ls != nil {
			l.acceptFrom(ls)
		}
	default:
		// The generation sorts out an event for a Conn that this very batch
		// has closed, whose number may be in use again.
		if c := l.e.conns.get(ev.Fd); c != nil && c.loop == l && c.gen == ev.Pad {
			l.ready(c, ev.Events)
		}
	}
}

// settle does what the events, and everybody else, have left for the end of the
// batch: posted work, and one write for each Conn that has something to write.
func (l *loop) settle() {
	for range maxRounds {
		tasks := l.runInbox()
		if l.ended {
			return
		}
		if l.runDirty() || tasks {
			continue
		}
		l.setClock()
		l.awake.Store(false)
		// Work that came before that Store saw no need to wake us.
		if !l.pending() || !l.awake.CompareAndSwap(false, true) {
			return
		}
	}
	l.setClock()
	l.signal()
}

// watch makes epoll watch for what the Conn's state asks for.
func (l *loop) watch(c *Conn) {
	var want uint8
	if c.st&(stHold|stEOF) == 0 {
		want |= mIn
	}
	if c.st&stBlocked != 0 {
		want |= mOut
	}
	if want != 0 {
		c.st &^= stHup
	}
	if c.st&stHup == 0 {
		want |= mAdded
	}
	if want == c.mask || c.fd < 0 {
		return
	}
	op := unix.EPOLL_CTL_MOD
	switch {
	case c.mask&mAdded == 0:
		op = unix.EPOLL_CTL_ADD
	case want&mAdded == 0:
		op = unix.EPOLL_CTL_DEL
	}
	var events uint32
	if want&mIn != 0 {
		events |= unix.EPOLLIN
	}
	if want&mOut != 0 {
		events |= unix.EPOLLOUT
	}
	if err := l.ctl(op, int(c.fd), events, c.gen); err != nil {
		c.Abort(fmt.Errorf("netio: epoll_ctl: %w", err))
		return
	}
	c.mask = want
}

// Bits of Conn.mask. mAdded alone still reports errors and hang-ups.
const (
	mAdded = 1 << iota
	mIn
	mOut
)

func (l *loop) ctl(op, fd int, events uint32, pad int32) error {
	return unix.EpollCtl(l.ep, op, fd, &unix.EpollEvent{Events: events, Fd: int32(fd), Pad: pad})
}

// halt ends the loop. It runs on the loop, as a task, when it has no Conn any
// more: netpoll forgets the loop on its own goroutine, between two events, and
// closes it (eventLoop.Shutdown → server.Close → Listener.Close).
func (l *loop) halt() {
	l.mu.Lock()
	l.stopped = true
	l.mu.Unlock()
	l.ended = true
	l.evl.Shutdown(context.Background()) // waits for netpoll Connections, of which there are none
}

func (l *loop) closeFiles() {
	for _, fd := range []int{l.ep, l.wfd, l.tfd, l.spare} {
		if fd >= 0 {
			unix.Close(fd)
		}
	}
	l.ep, l.wfd, l.tfd, l.spare = -1, -1, -1, -1
}
