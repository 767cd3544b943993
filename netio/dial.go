package netio

import (
	"crypto/tls"
	"errors"
	"fmt"
	"net/netip"
	"time"

	"golang.org/x/sys/unix"
)

// defaultDialTimeout stands for a time-out of zero.
const defaultDialTimeout = 30 * time.Second

// DialOptions describes one connection that is to be made.
type DialOptions struct {
	// Local is the address to connect from; the zero value leaves it to the kernel.
	Local netip.Addr
	// Timeout bounds the connecting alone, not a handshake after it; default 30 s.
	Timeout time.Duration
	// SendLimit is how many bytes may wait in the Conn's queue; default 1 MiB.
	SendLimit int
}

// Reasons why a dial fails, besides the system's own errors.
var (
	ErrDialTimeout = errors.New("netio: the peer did not answer in time")
	ErrTooMany     = errors.New("netio: there are as many connections as allowed")
)

// A DialError says which address was not reached, and why.
type DialError struct {
	Addr netip.AddrPort
	Err  error
}

func (e *DialError) Error() string { return "dial " + e.Addr.String() + ": " + e.Err.Error() }

func (e *DialError) Unwrap() error { return e.Err }

// Dial begins to connect to a TCP address and returns at once. An error says that nothing was begun.
// Otherwise done is called exactly once, on the loop of the new Conn: with it, and then its result is
// the Conn's Handler (nil closes the connection), or with a nil Conn and a *DialError, and then the
// result means nothing. The Conn may be used in done already. Any goroutine.
func (e *Engine) Dial(to netip.AddrPort, o DialOptions, done func(*Conn, error) Handler) error {
	if o.Timeout <= 0 {
		o.Timeout = defaultDialTimeout
	}
	if o.SendLimit <= 0 {
		o.SendLimit = defaultSendLimit
	}
	if !to.IsValid() || to.Port() == 0 {
		return &DialError{to, unix.EINVAL}
	}
	if e.draining.Load() {
		return &DialError{to, ErrShutdown}
	}
	if e.open.Add(1) > e.maxConns.Load() {
		e.connGone()
		return &DialError{to, ErrTooMany}
	}
	l := e.loops[0]
	for _, other := range e.loops[1:] {
		if other.open.Load() < l.open.Load() {
			l = other
		}
	}
	l.open.Add(1)
	d := &dialing{to: to, done: done, ls: e.dialer(o.SendLimit)}
	if !l.post(task{fn: func() { l.dial(d, o) }}) {
		l.open.Add(-1)
		e.connGone()
		return &DialError{to, ErrShutdown}
	}
	return nil
}

// dialer is the Listener that stands behind dialed connections with one limit: there are few limits.
func (e *Engine) dialer(limit int) *Listener {
	e.mu.Lock()
	defer e.mu.Unlock()
	if ls := e.dialers[limit]; ls != nil {
		return ls
	}
	if e.dialers == nil {
		e.dialers = map[int]*Listener{}
	}
	ls := &Listener{name: "dial", fd: -1}
	ls.follow(e, ListenOptions{SendLimit: limit}.withDefaults())
	e.dialers[limit] = ls
	return ls
}

// dialing is the Handler of a Conn that is not connected yet. Of its methods only OnClose is called.
type dialing struct {
	to   netip.AddrPort
	done func(*Conn, error) Handler
	ls   *Listener
}

func (d *dialing) OnData(_ *Conn, b []byte) int             { return len(b) }
func (d *dialing) OnEOF(*Conn)                              {}
func (d *dialing) OnTLS(*Conn, *tls.ConnectionState, error) {}
func (d *dialing) OnTimer(*Conn)                            {}
func (d *dialing) OnOverflow(*Conn)                         {}

// OnClose is the end of a connecting that has failed.
func (d *dialing) OnClose(_ *Conn, err error) { d.done(nil, &DialError{d.to, err}) }

// dial opens the socket and begins to connect, on the loop where the Conn stays.
func (l *loop) dial(d *dialing, o DialOptions) {
	fd, err := connect(d.to, o.Local)
	if err == nil && l.e.draining.Load() {
		unix.Close(fd)
		err = ErrShutdown
	}
	if err != nil {
		l.open.Add(-1)
		l.e.connGone()
		l.callUndialed(d, err)
		return
	}
	l.gen = l.gen%(1<<30) + 1
	c := &Conn{loop: l, ls: d.ls, fd: int32(fd), gen: l.gen, h: d, st: stDialing | stBlocked | stHold}
	c.lastRead.Store(l.tick)
	l.e.conns.set(c.fd, c)
	l.setDeadline(c, o.Timeout)
	l.watch(c)
}

// connect makes a socket that is connecting, or is connected already.
func connect(to netip.AddrPort, local netip.Addr) (fd int, err error) {
	family, sa, err := endpoint{ip: to}.sockaddr()
	if err != nil {
		return -1, err
	}
	s, err := unix.Socket(family, unix.SOCK_STREAM|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return -1, fmt.Errorf("socket: %w", err)
	}
	// What has gathered is written at once anyway.
	err = unix.SetsockoptInt(s, unix.IPPROTO_TCP, unix.TCP_NODELAY, 1)
	if err == nil && local.IsValid() {
		err = bindTo(s, family, local)
	}
	if err == nil {
		err = unix.Connect(s, sa)
	}
	if err != nil && err != unix.EINPROGRESS && err != unix.EINTR { // these: epoll tells when it is over
		unix.Close(s)
		return -1, err
	}
	return s, nil
}

// bindTo fixes the address to connect from.
func bindTo(fd, family int, local netip.Addr) error {
	own, from, err := endpoint{ip: netip.AddrPortFrom(local, 0)}.sockaddr()
	if err == nil && own != family {
		err = unix.EAFNOSUPPORT
	}
	if err == nil {
		err = unix.Bind(fd, from)
	}
	if err != nil {
		return fmt.Errorf("from %s: %w", local, err)
	}
	return nil
}

// dialed serves the event that ends a connecting, one way or the other.
func (l *loop) dialed(c *Conn, events uint32) {
	d := c.h.(*dialing)
	if err := sockError(int(c.fd)); err != nil {
		l.finish(c, err, false)
		return
	}
	if events&(unix.EPOLLOUT|unix.EPOLLHUP|unix.EPOLLERR) != unix.EPOLLOUT {
		l.finish(c, unix.ECONNRESET, false)
		return
	}
	c.st &^= stDialing | stBlocked | stHold
	l.setDeadline(c, 0)
	c.lastRead.Store(l.tick)
	c.h = nil // from here on done is not called again
	if c.h = l.callDialed(c, d); c.h == nil {
		l.finish(c, nil, false)
		return
	}
	l.count.dialed.Add(1)
	l.watch(c)
	c.wake(0) // what was sent in done
}
