package netio

import (
	"errors"
	"fmt"
	"io/fs"
	"math"
	"net"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"
)

// ListenOptions describes one listening socket.
type ListenOptions struct {
	// Address: "*:5222", ":5222" or "0.0.0.0:5222" is every IPv4 address,
	// "[*]:5222" or "[::]:5222" every IPv6 address (and only those, so that
	// both can stand side by side); "127.0.0.1:5222" and "[::1]:5222" one
	// address; "/path/socket", or whatever else has a slash, a Unix socket.
	// Port 0 lets the kernel choose.
	Address string
	// Backlog of listen(2), which the kernel caps at net.core.somaxconn;
	// default 500.
	Backlog int
	// RecvBuffer and SendBuffer are SO_RCVBUF and SO_SNDBUF in bytes, set on
	// the listening socket and inherited; 0 leaves them to the kernel.
	RecvBuffer int
	SendBuffer int
	// NoDelay sets TCP_NODELAY.
	NoDelay bool
	// FileMode of a Unix socket; default 0660.
	FileMode os.FileMode
	// SendLimit is how many bytes may wait in one Conn's queue; default
	// 1 MiB. A Frame that finds the queue empty is always taken.
	SendLimit int
	// Accepts bounds the connections that one wake-up of a loop takes from this
	// socket before it serves the others; default 64.
	Accepts int
	// AcceptQueue bounds the connections that are accepted and wait for the loop
	// that is to serve them. At the bound the socket is left alone: what comes
	// waits in the backlog. 0 is no bound.
	AcceptQueue int
	// Park is how long a TLS connection must be idle until it gives its
	// ciphers back, a kilobyte and a half; default 10 s, less when many
	// connections have some. They are made again in microseconds.
	Park time.Duration
	// File is a socket that listens at Address already, as from systemd or from the process before; nil:
	// one is opened. It stays open, and the file of a Unix socket stays when the Listener is closed.
	File *os.File
	// Gate says when connections may be accepted; nil: always.
	Gate Gate
}

// A Gate decides when a listening socket is accepted from. Its methods run on a
// loop and must not block.
type Gate interface {
	// Open is asked before each accept. While it is false the socket is left
	// alone, to be asked again at the next tick: who comes waits in the kernel's
	// backlog.
	Open() bool
	// Passed counts a connection that was accepted.
	Passed()
	// Ended is called for each accepted Conn after OnClose, or after accept has
	// refused it. RemoteAddr still tells what SetRemoteAddr has set.
	Ended(c *Conn)
}

// Validate says what is wrong with o: the address, or a negative number.
func (o ListenOptions) Validate() error {
	if _, err := parseEndpoint(o.Address); err != nil {
		return fmt.Errorf("Listen %s: %w", o.Address, err)
	}
	for _, n := range []struct {
		name  string
		value int
	}{{"backlog", o.Backlog}, {"receive buffer", o.RecvBuffer}, {"send buffer", o.SendBuffer}, {"send limit", o.SendLimit}, {"number of accepts", o.Accepts}, {"accept queue", o.AcceptQueue}} {
		if n.value < 0 {
			return fmt.Errorf("Listen %s: %s %d is negative", o.Address, n.name, n.value)
		}
	}
	if o.Park < 0 {
		return fmt.Errorf("Listen %s: Park %v is negative; 0 means %v", o.Address, o.Park, defaultPark)
	}
	if o.FileMode&^fs.ModePerm != 0 {
		return fmt.Errorf("Listen %s: file mode %v has more than permission bits", o.Address, o.FileMode)
	}
	return nil
}

func (o ListenOptions) withDefaults() ListenOptions {
	if o.Backlog == 0 {
		o.Backlog = defaultBacklog
	}
	if o.FileMode == 0 {
		o.FileMode = defaultFileMode
	}
	if o.SendLimit == 0 {
		o.SendLimit = defaultSendLimit
	}
	if o.Park == 0 {
		o.Park = defaultPark
	}
	if o.Accepts == 0 {
		o.Accepts = defaultAccepts
	}
	return o
}

// A Listener is one listening socket of an Engine. It lives on one loop; the
// connections are spread over all.
type Listener struct {
	loop      *loop
	accept    func(*Conn) Handler
	addr      net.Addr
	name      string
	file      os.FileInfo // of a Unix socket
	gate      Gate        // may be nil
	sendLimit atomic.Int64
	park      atomic.Uint32 // ticks
	accepts   atomic.Int64  // per wake-up
	maxQueued atomic.Int32  // 0: no bound

	queued atomic.Int32 // accepted, and on the way to another loop
	held   atomic.Bool  // not accepting until there is room in the queue

	mu sync.Mutex // guards fd, which is -1 when closed
	fd int
}

var errNotListening = errors.New("netio: not listening any more")

// Listen opens a listening socket. accept runs on the loop of each new Conn and
// returns its Handler; nil refuses the connection. The Conn may be used in it
// already (Send, SetTimer, StartTLS). Errors are *ListenError, except for what
// Validate finds.
func (e *Engine) Listen(o ListenOptions, accept func(*Conn) Handler) (*Listener, error) {
	if err := o.Validate(); err != nil {
		return nil, err
	}
	o = o.withDefaults()
	ep, _ := parseEndpoint(o.Address)
	get := open
	if o.File != nil {
		get = inherit
	}
	ls, err := get(ep, o)
	if err != nil {
		return nil, err
	}
	ls.accept, ls.name = accept, ls.addr.String()
	ls.gate = o.Gate
	ls.follow(e, o)

	e.mu.Lock()
	defer e.mu.Unlock()
	if e.down != nil {
		ls.closeSocket()
		return nil, ErrShutdown
	}
	ls.loop = e.loops[e.turn%len(e.loops)]
	e.turn++
	e.listeners[ls] = struct{}{}
	if err := ls.loop.listen(ls); err != nil {
		delete(e.listeners, ls)
		ls.closeSocket()
		return nil, listenError(ep, "epoll_ctl", err)
	}
	return ls, nil
}

// follow takes over what o says about connections and their accepting.
func (ls *Listener) follow(e *Engine, o ListenOptions) {
	ls.sendLimit.Store(int64(o.SendLimit))
	ls.park.Store(e.idleTicks(o.Park))
	ls.accepts.Store(int64(o.Accepts))
	ls.maxQueued.Store(int32(min(o.AcceptQueue, math.MaxInt32)))
}

// Change gives a listening socket other options, of the same address. Nobody is disconnected, and those who wait in
// the backlog stay. SendLimit and Park also hold for the connections that are there; RecvBuffer, SendBuffer and NoDelay
// for those to come, and RecvBuffer and SendBuffer of 0 leave what was set before. The Gate stays. Any goroutine.
func (ls *Listener) Change(o ListenOptions) error {
	if err := o.Validate(); err != nil {
		return err
	}
	o = o.withDefaults()
	ep, _ := parseEndpoint(o.Address)
	family, _, err := ep.sockaddr()
	if err != nil {
		return listenError(ep, "address", err)
	}
	if family == unix.AF_INET6 {
		family = unix.AF_INET // IPV6_V6ONLY is set, and cannot be again
	}
	ls.mu.Lock()
	defer ls.mu.Unlock()
	if ls.fd < 0 {
		return errNotListening
	}
	if err := setOptions(ls.fd, family, o); err != nil {
		return listenError(ep, "setsockopt", err)
	}
	if family != unix.AF_UNIX && !o.NoDelay {
		if err := unix.SetsockoptInt(ls.fd, unix.IPPROTO_TCP, unix.TCP_NODELAY, 0); err != nil {
			return listenError(ep, "setsockopt", err)
		}
	}
	if ls.file != nil {
		if err := os.Chmod(ep.path, o.FileMode); err != nil {
			return listenError(ep, "chmod", err)
		}
	}
	if err := unix.Listen(ls.fd, o.Backlog); err != nil { // changes the backlog of a socket that listens
		return listenError(ep, "listen", err)
	}
	ls.follow(ls.loop.e, o)
	return nil
}

// listen has the loop accept from ls. Any goroutine.
func (l *loop) listen(ls *Listener) error {
	l.mu.Lock()
	l.listeners[int32(ls.fd)] = ls
	l.mu.Unlock()
	return l.ctl(unix.EPOLL_CTL_ADD, ls.fd, unix.EPOLLIN, padListen)
}

// open makes a socket that listens.
func open(ep endpoint, o ListenOptions) (_ *Listener, err error) {
	family, sa, err := ep.sockaddr()
	if err != nil {
		return nil, listenError(ep, "address", err)
	}
	fd, err := unix.Socket(family, unix.SOCK_STREAM|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, listenError(ep, "socket", err)
	}
	ls := &Listener{fd: fd, addr: &net.UnixAddr{Net: "unix", Name: ep.path}}
	defer func() {
		if err != nil {
			ls.closeSocket()
		}
	}()
	if err := setOptions(fd, family, o); err != nil {
		return nil, listenError(ep, "setsockopt", err)
	}
	if ep.path != "" {
		if err := clearPath(ep.path); err != nil {
			return nil, listenError(ep, "bind", err)
		}
	}
	if err := unix.Bind(fd, sa); err != nil {
		return nil, listenError(ep, "bind", err)
	}
	if ep.path != "" {
		// Nobody can connect before listen(2), so nobody slips in under the
		// mode that the umask gave.
		if ls.file, err = os.Lstat(ep.path); err != nil {
			return nil, listenError(ep, "lstat", err)
		}
		if err := os.Chmod(ep.path, o.FileMode); err != nil {
			return nil, listenError(ep, "chmod", err)
		}
	}
	if err := unix.Listen(fd, o.Backlog); err != nil {
		return nil, listenError(ep, "listen", err)
	}
	if ep.path == "" {
		// The kernel may have chosen the port.
		if ls.addr, err = boundAddr(fd, ep); err != nil {
			return nil, listenError(ep, "getsockname", err)
		}
	}
	return ls, nil
}

// setOptions sets what accepted sockets inherit. The buffers must be set before
// listen(2) to shape the TCP window (tcp(7)).
func setOptions(fd, family int, o ListenOptions) error {
	tcp := family != unix.AF_UNIX
	for _, s := range []struct {
		on                   bool
		level, option, value int
	}{
		{tcp, unix.SOL_SOCKET, unix.SO_REUSEADDR, 1},
		{family == unix.AF_INET6, unix.IPPROTO_IPV6, unix.IPV6_V6ONLY, 1},
		{tcp && o.NoDelay, unix.IPPROTO_TCP, unix.TCP_NODELAY, 1},
		{o.RecvBuffer > 0, unix.SOL_SOCKET, unix.SO_RCVBUF, o.RecvBuffer},
		{o.SendBuffer > 0, unix.SOL_SOCKET, unix.SO_SNDBUF, o.SendBuffer},
	} {
		if !s.on {
			continue
		}
		if err := unix.SetsockoptInt(fd, s.level, s.option, s.value); err != nil {
			return err
		}
	}
	return nil
}

// clearPath removes the socket file of a process that is gone. Anything else
// that is there stays, and is an error.
func clearPath(path string) error {
	info, err := os.Lstat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	if info.Mode().Type() != fs.ModeSocket {
		return fmt.Errorf("there is a file that is no socket (%v); move it away", info.Mode())
	}
	fd, err := unix.Socket(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	switch err := unix.Connect(fd, &unix.SockaddrUnix{Name: path}); err {
	case unix.ECONNREFUSED: // nobody listens
		return os.Remove(path)
	case nil, unix.EAGAIN: // EAGAIN: its backlog is full
		return unix.EADDRINUSE
	case unix.ENOENT:
		return nil
	default:
		return err
	}
}

func boundAddr(fd int, ep endpoint) (net.Addr, error) {
	sa, err := unix.Getsockname(fd)
	if err != nil {
		return nil, err
	}
	ap := addrPort(sa)
	return &net.TCPAddr{IP: ap.Addr().AsSlice(), Port: int(ap.Port()), Zone: ep.ip.Addr().Zone()}, nil
}

// Addr returns the address in use, with the port that the kernel chose.
func (ls *Listener) Addr() net.Addr { return ls.addr }

// Close stops listening; accepted connections live on. It may be called from
// any goroutine and more than once. When it returns, the address is free.
func (ls *Listener) Close() error {
	e := ls.loop.e
	e.mu.Lock()
	delete(e.listeners, ls)
	e.mu.Unlock()
	return ls.closeSocket()
}

func (ls *Listener) closeSocket() error {
	ls.mu.Lock()
	defer ls.mu.Unlock()
	if ls.fd < 0 {
		return nil
	}
	if l := ls.loop; l != nil {
		l.mu.Lock()
		delete(l.listeners, int32(ls.fd))
		l.mu.Unlock()
	}
	// The file goes first: a connect that still finds it must not be left in
	// the queue of a socket that is closing. Another server's file stays.
	if ls.file != nil {
		path := ls.addr.String()
		if now, err := os.Lstat(path); err == nil && os.SameFile(now, ls.file) {
			os.Remove(path)
		}
	}
	fd := ls.fd
	ls.fd = -1
	return unix.Close(fd)
}
