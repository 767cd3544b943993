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
	done   []Frame // frames to release once no lock is held
	read   []byte  // the one read buffer
	plain  []byte  // opened TLS records; nil before the first
	seal   []byte  // what goes into TLS records next; nil before the first
	due    []*Conn // scratch of expire
	wheel  wheel
	armed  bool // the timerfd is running
	tick   uint32
	gen    int32

	resting []*Listener // not accepting until the next tick: no descriptors
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

func (l *loop) pending() bool {
	if l.dirty.Load() != nil {
		return true
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.inbox) > 0
}

// push puts c on the list of Conns with something to do. The fDirty flag keeps
// it from being there twice.
func (l *loop) push(c *Conn) {
	for {
		head := l.dirty.Load()
		c.next = head
		if l.dirty.CompareAndSwap(head, c) {
			break
		}
	}
	l.rouse()
}

// post appends to the inbox; false when the loop has ended.
func (l *loop) post(t task) bool {
	l.mu.Lock()
	if l.stopped {
		l.mu.Unlock()
		return false
	}
	l.inbox = append(l.inbox, t)
	l.mu.Unlock()
	l.rouse()
	return true
}

// rouse wakes the loop if it sleeps: one write per sleep, however many come.
func (l *loop) rouse() {
	if !l.awake.Load() && l.awake.CompareAndSwap(false, true) {
		l.signal()
	}
}

// signal makes wfd readable. The lock keeps the number from being closed, and
// used for something else, in between.
func (l *loop) signal() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.stopped {
		unix.Write(l.wfd, []byte{1, 0, 0, 0, 0, 0, 0, 0}) // EAGAIN: it is readable already
	}
}

// runInbox runs what was posted so far and says whether there was any.
func (l *loop) runInbox() bool {
	l.mu.Lock()
	tasks := l.inbox
	l.inbox = l.outbox[:0]
	l.mu.Unlock()
	for i := range tasks {
		switch t := &tasks[i]; {
		case t.ls != nil:
			t.ls.dequeue()
			l.adopt(t.fd, t.ls)
		case t.c == nil:
			t.fn()
		case t.c.flags.Load()&(fClosed|fAbort) == 0:
			l.callPosted(t.c, t.fn)
		}
	}
	n := len(tasks)
	clear(tasks)
	if cap(tasks) > 1024 {
		tasks = nil // a burst does not stay
	}
	l.outbox = tasks
	return n > 0
}

// runDirty serves the Conns that have something to do, in the order in which
// they came, and says whether there were any.
func (l *loop) runDirty() bool {
	c := l.dirty.Swap(nil)
	if c == nil {
		return false
	}
	var first *Conn
	for c != nil {
		c, c.next, first = c.next, first, c
	}
	for first != nil {
		c = first
		first, c.next = c.next, nil
		l.service(c)
	}
	return true
}

// service does for one Conn what its flags say.
func (l *loop) service(c *Conn) {
	fl := c.flags.And(^uint32(fDirty | fResume))
	if fl&fClosed != 0 {
		return
	}
	if fl&fAbort != 0 {
		l.finish(c, nil, true)
		return
	}
	if fl&fOverflow != 0 && c.st&stOverTold == 0 {
		l.overflow(c)
	}
	if t := c.tls.Load(); t != nil && t.hs != nil {
		l.serviceHandshake(c, t)
	}
	if fl&fResume != 0 {
		l.resume(c)
	}
	if c.flags.Load()&(fAbort|fClosed) != 0 {
		return // Abort has put it on the list again
	}
	drained := l.flush(c)
	if c.flags.Load()&fEnding == fClosing {
		l.closeStep(c, drained)
	}
}

// overflow tells the Handler that the peer does not read, and ends the Conn.
func (l *loop) overflow(c *Conn) {
	c.st |= stOverTold
	if c.flags.Load()&fClosing != 0 {
		return
	}
	l.count.overflows.Add(1)
	l.callOverflow(c)
	c.end(fClosing, ErrOverflow)
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
