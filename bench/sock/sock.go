// Package sock is the load tester's own socket layer: non-blocking sockets and an epoll of their
// own, without the runtime's network poller, so that a connection costs a descriptor and
// nothing else. It stands on the standard library's syscall package alone.
package sock

import (
	"fmt"
	"net/netip"
	"os"
	"runtime"
	"strings"
	"syscall"
	"time"
	"unsafe"
)

// ErrAgain says that a call would have to wait.
const ErrAgain = syscall.EAGAIN

// An Addr is where a server listens: an address and port, or the path of a Unix socket.
type Addr struct {
	sa     syscall.Sockaddr
	family int
	text   string
}

// String gives the address as it was written.
func (a Addr) String() string { return a.text }

// Loopback reports whether a is on this host, and an address of 127.0.0.0/8.
func (a Addr) Loopback() bool {
	v4, ok := a.sa.(*syscall.SockaddrInet4)
	return ok && v4.Addr[0] == 127
}

// TCP gives the address of ip and port.
func TCP(ip netip.AddrPort) Addr {
	sa, family := sockaddr(ip.Addr(), int(ip.Port()))
	return Addr{sa: sa, family: family, text: ip.String()}
}

// Unix gives the address of the Unix socket at path, which holds at most 107 bytes.
func Unix(path string) (Addr, error) {
	if path == "" || len(path) > 107 || strings.ContainsRune(path, 0) {
		return Addr{}, fmt.Errorf("the path of a Unix socket has 1 to 107 bytes, %q has %d", path, len(path))
	}
	return Addr{sa: &syscall.SockaddrUnix{Name: path}, family: syscall.AF_UNIX, text: path}, nil
}

func sockaddr(ip netip.Addr, port int) (syscall.Sockaddr, int) {
	if ip = ip.Unmap(); ip.Is4() {
		return &syscall.SockaddrInet4{Port: port, Addr: ip.As4()}, syscall.AF_INET
	}
	return &syscall.SockaddrInet6{Port: port, Addr: ip.As16()}, syscall.AF_INET6
}

// ipBindAddressNoPort is IP_BIND_ADDRESS_NO_PORT of <linux/in.h>: the port is chosen by connect(2), so
// that each source address has a range of ports of its own for each target.
const ipBindAddressNoPort = 24

// Dial starts a connection to a; from, when it is valid and of a's family, is its source address. The
// connection is there, or has failed, when the descriptor becomes writable: Connected tells.
func Dial(a Addr, from netip.Addr) (fd int, err error) {
	fd, err = syscall.Socket(a.family, syscall.SOCK_STREAM|syscall.SOCK_NONBLOCK|syscall.SOCK_CLOEXEC, 0)
	if err != nil {
		return -1, os.NewSyscallError("socket", err)
	}
	if err = dial(fd, a, from); err != nil {
		syscall.Close(fd)
		return -1, err
	}
	return fd, nil
}

func dial(fd int, a Addr, from netip.Addr) error {
	if a.family != syscall.AF_UNIX {
		// Stanzas are sent as they come, and gathered by us where they come together.
		if err := syscall.SetsockoptInt(fd, syscall.IPPROTO_TCP, syscall.TCP_NODELAY, 1); err != nil {
			return os.NewSyscallError("setsockopt TCP_NODELAY", err)
		}
	}
	if from.IsValid() {
		if sa, family := sockaddr(from, 0); family == a.family {
			// An older kernel does not know the option, and binds a port at once: so be it.
			_ = syscall.SetsockoptInt(fd, syscall.IPPROTO_IP, ipBindAddressNoPort, 1)
			if err := syscall.Bind(fd, sa); err != nil {
				return fmt.Errorf("bind to the source address %s: %w", from, err)
			}
		}
	}
	for {
		switch err := syscall.Connect(fd, a.sa); err {
		case nil, syscall.EINPROGRESS:
			return nil
		case syscall.EINTR:
		default:
			return os.NewSyscallError("connect", err)
		}
	}
}

// Connected tells how a connection that was started has ended: nil when it is there.
func Connected(fd int) error {
	n, err := syscall.GetsockoptInt(fd, syscall.SOL_SOCKET, syscall.SO_ERROR)
	if err == nil && n != 0 {
		err = syscall.Errno(n)
	}
	return os.NewSyscallError("connect", err)
}

// Read reads what is there; 0 bytes without an error is the end of input, ErrAgain that there is nothing yet.
func Read(fd int, p []byte) (int, error) {
	for {
		n, err := syscall.Read(fd, p)
		if err != syscall.EINTR {
			return max(n, 0), err
		}
	}
}

// Write writes what the socket takes; ErrAgain says that it takes nothing now.
func Write(fd int, p []byte) (int, error) {
	for {
		n, err := syscall.Write(fd, p)
		if err != syscall.EINTR {
			return max(n, 0), err
		}
	}
}

// Close closes fd. With reset the peer gets a reset instead of an end, and nothing is left in TIME-WAIT:
// it is how a connection looks whose host has gone.
func Close(fd int, reset bool) {
	if reset {
		_ = syscall.SetsockoptLinger(fd, syscall.SOL_SOCKET, syscall.SO_LINGER, &syscall.Linger{Onoff: 1})
	}
	_ = syscall.Close(fd)
}

// RaiseFiles raises the limit on open files to what the system allows, and returns it.
func RaiseFiles() (int, error) {
	var l syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &l); err != nil {
		return 0, os.NewSyscallError("getrlimit", err)
	}
	if l.Cur < l.Max {
		l.Cur = l.Max
		if err := syscall.Setrlimit(syscall.RLIMIT_NOFILE, &l); err != nil {
			return 0, os.NewSyscallError("setrlimit", err)
		}
	}
	return int(min(l.Cur, 1<<30)), nil
}

// An Event says that the descriptor that was added with this Key can be read or written, or has failed
// (then both are set).
type Event struct {
	Key         int32
	Read, Write bool
}

// A Poller is an epoll instance. Only Wake may be called by others than its owner.
type Poller struct {
	fd, wake int
	raw      []syscall.EpollEvent
	ms       bool // the kernel has no epoll_pwait2
}

// wakeKey is the key of the Poller's own eventfd.
const wakeKey = -1

// NewPoller makes a Poller that returns at most n events at a time.
func NewPoller(n int) (*Poller, error) {
	fd, err := syscall.EpollCreate1(syscall.EPOLL_CLOEXEC)
	if err != nil {
		return nil, os.NewSyscallError("epoll_create1", err)
	}
	p := &Poller{fd: fd, wake: -1, raw: make([]syscall.EpollEvent, n)}
	r, _, errno := syscall.Syscall(syscall.SYS_EVENTFD2, 0, syscall.O_NONBLOCK|syscall.O_CLOEXEC, 0)
	if errno != 0 {
		p.Close()
		return nil, os.NewSyscallError("eventfd2", errno)
	}
	p.wake = int(r)
	if err := p.Add(p.wake, wakeKey, false); err != nil {
		p.Close()
		return nil, err
	}
	return p, nil
}

// Close closes the epoll; the descriptors in it are their owners'.
func (p *Poller) Close() {
	_ = syscall.Close(p.fd)
	if p.wake >= 0 {
		_ = syscall.Close(p.wake)
	}
}

// Add watches fd for input, and with write for room to write.
func (p *Poller) Add(fd int, key int32, write bool) error {
	return p.ctl(syscall.EPOLL_CTL_ADD, fd, key, write)
}

// Watch changes whether fd is watched for room to write.
func (p *Poller) Watch(fd int, key int32, write bool) error {
	return p.ctl(syscall.EPOLL_CTL_MOD, fd, key, write)
}

// Remove stops watching fd; closing it does so, too.
func (p *Poller) Remove(fd int) { _ = syscall.EpollCtl(p.fd, syscall.EPOLL_CTL_DEL, fd, nil) }

func (p *Poller) ctl(op, fd int, key int32, write bool) error {
	ev := syscall.EpollEvent{Events: syscall.EPOLLIN, Fd: key}
	if write {
		ev.Events |= syscall.EPOLLOUT
	}
	return os.NewSyscallError("epoll_ctl", syscall.EpollCtl(p.fd, op, fd, &ev))
}

// Wake makes a Wait return; anybody may call it.
func (p *Poller) Wake() {
	one := [8]byte{0: 1}
	_, _ = syscall.Write(p.wake, one[:]) // a full counter is awake already
}

// sysEpollPwait2 is the number of epoll_pwait2(2), the same on all architectures (Linux 5.11).
const sysEpollPwait2 = 441

// Wait waits for at most d (0: looks only; negative: for ever) and appends what is ready to evs. The time is kept to
// the microsecond where the kernel has epoll_pwait2, else to the millisecond, never rounded to nothing.
func (p *Poller) Wait(d time.Duration, evs []Event) ([]Event, error) {
	n, err := p.wait(d)
	if err == syscall.EINTR {
		return evs, nil
	}
	if err != nil {
		return evs, os.NewSyscallError("epoll_wait", err)
	}
	for i := range n {
		e := &p.raw[i]
		if e.Fd == wakeKey {
			var b [8]byte
			_, _ = syscall.Read(p.wake, b[:])
			continue
		}
		bad := e.Events&(syscall.EPOLLERR|syscall.EPOLLHUP) != 0
		evs = append(evs, Event{e.Fd, bad || e.Events&syscall.EPOLLIN != 0, bad || e.Events&syscall.EPOLLOUT != 0})
	}
	return evs, nil
}

func (p *Poller) wait(d time.Duration) (int, error) {
	if d == 0 {
		return syscall.EpollWait(p.fd, p.raw, 0)
	}
	if !p.ms {
		var at *syscall.Timespec
		if d > 0 {
			ts := syscall.NsecToTimespec(int64(d))
			at = &ts
		}
		r, _, errno := syscall.Syscall6(sysEpollPwait2, uintptr(p.fd), uintptr(unsafe.Pointer(&p.raw[0])),
			uintptr(len(p.raw)), uintptr(unsafe.Pointer(at)), 0, 0)
		runtime.KeepAlive(at)
		switch errno {
		case 0:
			return int(r), nil
		case syscall.ENOSYS, syscall.EPERM: // an old kernel, or a container's filter that does not know the call
			p.ms = true
		default:
			return 0, errno
		}
	}
	ms := -1
	if d > 0 {
		ms = int(min((d+time.Millisecond-1)/time.Millisecond, 1<<30))
	}
	return syscall.EpollWait(p.fd, p.raw, ms)
}
