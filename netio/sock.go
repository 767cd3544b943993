package netio

import (
	"encoding/binary"
	"net/netip"
	"unsafe"

	"golang.org/x/sys/unix"
)

// openSpare opens the reserve descriptor that acceptFrom gives up to be able to
// turn away a peer when there are no others.
func openSpare() (int, error) {
	return unix.Open("/dev/null", unix.O_RDONLY|unix.O_CLOEXEC, 0)
}

// writev is writev(2). x/sys/unix has one that allocates its vector.
func writev(fd int, iov []unix.Iovec) (int, error) {
	n, _, errno := unix.Syscall(unix.SYS_WRITEV, uintptr(fd), uintptr(unsafe.Pointer(&iov[0])), uintptr(len(iov)))
	if errno != 0 {
		return 0, errno
	}
	return int(n), nil
}

// again says that a call would have to wait, or was interrupted: ask epoll.
func again(err error) bool {
	return err == unix.EAGAIN || err == unix.EINTR
}

// sockError takes the pending error of a socket, nil when there is none.
func sockError(fd int) error {
	v, err := unix.GetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_ERROR)
	if err != nil {
		return err
	}
	if v != 0 {
		return unix.Errno(v)
	}
	return nil
}

// closeHard closes a socket and has the kernel drop what it still holds: a TCP
// peer gets a reset.
func closeHard(fd int) {
	unix.SetsockoptLinger(fd, unix.SOL_SOCKET, unix.SO_LINGER, &unix.Linger{Onoff: 1})
	unix.Close(fd)
}

func peerAddr(fd int32) netip.AddrPort {
	if fd < 0 {
		return netip.AddrPort{}
	}
	sa, err := unix.Getpeername(int(fd))
	if err == unix.ENOTCONN { // reset
		return formerPeer(int(fd))
	}
	if err != nil {
		return netip.AddrPort{}
	}
	return addrPort(sa)
}

// formerPeer is the peer of a TCP connection that is over on both sides, which getpeername does not tell
// but SO_PEERNAME does; the zero value when that does not know either.
func formerPeer(fd int) netip.AddrPort {
	var sa unix.RawSockaddrInet6
	for _, size := range []uint32{unix.SizeofSockaddrInet6, unix.SizeofSockaddrInet4} { // a size beyond that of the address is an error
		_, _, errno := unix.Syscall6(unix.SYS_GETSOCKOPT, uintptr(fd), unix.SOL_SOCKET, unix.SO_PEERNAME,
			uintptr(unsafe.Pointer(&sa)), uintptr(unsafe.Pointer(&size)), 0)
		switch {
		case errno != 0:
		case sa.Family == unix.AF_INET:
			in := (*unix.RawSockaddrInet4)(unsafe.Pointer(&sa))
			return netip.AddrPortFrom(netip.AddrFrom4(in.Addr), bigEndian(in.Port))
		case sa.Family == unix.AF_INET6 && size == unix.SizeofSockaddrInet6:
			return netip.AddrPortFrom(netip.AddrFrom16(sa.Addr).Unmap(), bigEndian(sa.Port))
		}
	}
	return netip.AddrPort{}
}

// bigEndian reads a port as the kernel writes it.
func bigEndian(port uint16) uint16 {
	return binary.BigEndian.Uint16((*[2]byte)(unsafe.Pointer(&port))[:])
}

func localAddr(fd int32) netip.AddrPort {
	if fd < 0 {
		return netip.AddrPort{}
	}
	sa, err := unix.Getsockname(int(fd))
	if err != nil {
		return netip.AddrPort{}
	}
	return addrPort(sa)
}

// addrPort converts a socket address. The peers of Unix sockets count as
// loopback.
func addrPort(sa unix.Sockaddr) netip.AddrPort {
	switch sa := sa.(type) {
	case *unix.SockaddrInet4:
		return netip.AddrPortFrom(netip.AddrFrom4(sa.Addr), uint16(sa.Port))
	case *unix.SockaddrInet6:
		return netip.AddrPortFrom(netip.AddrFrom16(sa.Addr).Unmap(), uint16(sa.Port))
	case *unix.SockaddrUnix:
		return netip.AddrPortFrom(netip.AddrFrom4([4]byte{127, 0, 0, 1}), 0)
	}
	return netip.AddrPort{}
}
