package netio

import (
	"errors"
	"fmt"
	"net"
	"os"

	"golang.org/x/sys/unix"
)

// inherit makes a Listener of a socket that somebody else has opened at ep: a service manager, or the
// process before. The file of a Unix socket stays theirs. o.File is not used up.
func inherit(ep endpoint, o ListenOptions) (_ *Listener, err error) {
	raw, err := o.File.SyscallConn()
	if err != nil {
		return nil, listenError(ep, "inherit", err)
	}
	ls := &Listener{fd: -1, addr: &net.UnixAddr{Net: "unix", Name: ep.path}}
	if cerr := raw.Control(func(fd uintptr) {
		ls.fd, err = unix.FcntlInt(fd, unix.F_DUPFD_CLOEXEC, 0)
	}); cerr != nil {
		return nil, listenError(ep, "inherit", cerr)
	}
	if err != nil {
		return nil, listenError(ep, "inherit", err)
	}
	defer func() {
		if err != nil {
			ls.closeSocket()
		}
	}()
	if err := fits(ls.fd, ep); err != nil {
		return nil, listenError(ep, "inherit", err)
	}
	if err := unix.SetNonblock(ls.fd, true); err != nil {
		return nil, listenError(ep, "inherit", err)
	}
	family := unix.AF_INET // IPV6_V6ONLY is as it is
	if ep.path != "" {
		family = unix.AF_UNIX
	}
	if err := setOptions(ls.fd, family, o); err != nil {
		return nil, listenError(ep, "setsockopt", err)
	}
	if err := unix.Listen(ls.fd, o.Backlog); err != nil { // changes the backlog of a socket that listens
		return nil, listenError(ep, "listen", err)
	}
	if ep.path == "" {
		if ls.addr, err = boundAddr(ls.fd, ep); err != nil {
			return nil, listenError(ep, "getsockname", err)
		}
	}
	return ls, nil
}

// fits says why a descriptor is no socket to accept connections of ep from.
func fits(fd int, ep endpoint) error {
	if on, err := unix.GetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_ACCEPTCONN); err != nil || on == 0 {
		return errors.Join(errors.New("the descriptor is no socket that listens"), err)
	}
	if kind, err := unix.GetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_TYPE); err != nil || kind != unix.SOCK_STREAM {
		return errors.Join(errors.New("the descriptor is no stream socket"), err)
	}
	sa, err := unix.Getsockname(fd)
	if err != nil {
		return err
	}
	_, local := sa.(*unix.SockaddrUnix)
	if local != (ep.path != "") {
		return fmt.Errorf("the descriptor is a socket of another family than %s", ep)
	}
	return nil
}

// Detach stops accepting as Close does, and gives the socket away: it goes on listening, and who connects waits
// in its backlog until somebody accepts from it. The file of a Unix socket stays, too.
func (ls *Listener) Detach() (*os.File, error) {
	e := ls.loop.e
	e.mu.Lock()
	delete(e.listeners, ls)
	e.mu.Unlock()
	ls.mu.Lock()
	defer ls.mu.Unlock()
	if ls.fd < 0 {
		return nil, errNotListening
	}
	l := ls.loop
	l.mu.Lock()
	delete(l.listeners, int32(ls.fd))
	l.mu.Unlock()
	err := l.ctl(unix.EPOLL_CTL_DEL, ls.fd, 0, padListen) // close would do it, but not while there is another descriptor
	f := os.NewFile(uintptr(ls.fd), ls.name)
	ls.fd = -1
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return f, nil
}
