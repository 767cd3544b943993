package netio

import (
	"net"
	"os"
)

// ListenOptions describes one listening socket.
type ListenOptions struct {
	// Address: "*:5222", ":5222" or "0.0.0.0:5222" is every IPv4 address,
	// "[*]:5222" or "[::]:5222" every IPv6 address (and only those, so that
	// both can stand side by side); "127.0.0.1:5222" and "[::1]:5222" one
	// address; "/path/socket" a Unix socket. Port 0 lets the kernel choose.
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
}

// A Listener is one listening socket of an Engine.
type Listener struct {
	addr net.Addr
}

// Addr returns the address in use, with the port that the kernel chose.
func (l *Listener) Addr() net.Addr { return l.addr }

// Close stops listening; accepted connections live on. It may be called from
// any goroutine and more than once.
func (l *Listener) Close() error { return nil }
