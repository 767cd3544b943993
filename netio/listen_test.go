package netio_test

import (
	"errors"
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"roost/netio"
	"roost/netio/netiotest"
)

func refuse(*netio.Conn) netio.Handler { return nil }

func TestListenAddresses(t *testing.T) {
	dir := t.TempDir()
	for _, tt := range []struct{ address, want string }{
		{"*:0", "0.0.0.0:"},
		{":0", "0.0.0.0:"},
		{"0.0.0.0:0", "0.0.0.0:"},
		{"127.0.0.1:0", "127.0.0.1:"},
		{"[*]:0", "[::]:"},
		{"[::]:0", "[::]:"},
		{"[::1]:0", "[::1]:"},
		{"[0:0:0:0:0:0:0:1]:0", "[::1]:"},
		{"[::1%lo]:0", "[::1%lo]:"},
		{dir + "/s", dir + "/s"},
	} {
		e := netiotest.Engine(t, netio.Config{Loops: 1})
		ls := netiotest.Listen(t, e, netio.ListenOptions{Address: tt.address}, refuse)
		if got := ls.Addr().String(); !strings.HasPrefix(got, tt.want) {
			t.Errorf("%s listens on %s, want %s…", tt.address, got, tt.want)
		}
		p := netiotest.Dial(t, ls.Addr())
		p.HearEnd()
	}
}

func TestListenBadAddresses(t *testing.T) {
	for address, want := range map[string]string{
		"":                       "there is no port",
		"5222":                   "there is no port",
		"*:":                     `"" is not a port number`,
		"*:xmpp":                 `"xmpp" is not a port number`,
		"*:65536":                "not a port number",
		"*:+1":                   "not a port number",
		"localhost:5222":         "host names are not looked up",
		"::1:5222":               "IPv6 addresses stand in brackets",
		"[127.0.0.1]:5222":       "brackets are for IPv6",
		"[::1:5222":              "one bracket only",
		"::1]:5222":              "one bracket only",
		"[]:5222":                `"" is not an IP address`,
		"[::1%nosuch]:0":         `zone "nosuch"`,
		strings.Repeat("/", 200): "the path has 200 bytes",
	} {
		e := netiotest.Engine(t, netio.Config{Loops: 1})
		_, err := e.Listen(netio.ListenOptions{Address: address}, refuse)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want …%s…", address, err, want)
		}
	}
}

func TestListenValidate(t *testing.T) {
	for want, o := range map[string]netio.ListenOptions{
		"Listen :1: backlog -1 is negative":                             {Address: ":1", Backlog: -1},
		"Listen :1: receive buffer -1 is negative":                      {Address: ":1", RecvBuffer: -1},
		"Listen :1: send buffer -1 is negative":                         {Address: ":1", SendBuffer: -1},
		"Listen :1: send limit -1 is negative":                          {Address: ":1", SendLimit: -1},
		"Listen /s: file mode Srw-rw---- has more than permission bits": {Address: "/s", FileMode: os.ModeSocket | 0o660},
	} {
		if err := o.Validate(); err == nil || err.Error() != want {
			t.Errorf("%v, want %s", err, want)
		}
	}
}

// IPv4 and IPv6 on one port do not collide.
func TestListenBothFamilies(t *testing.T) {
	e := netiotest.Engine(t, netio.Config{Loops: 1})
	v4 := netiotest.Listen(t, e, netio.ListenOptions{Address: "*:0"}, refuse)
	_, port, _ := net.SplitHostPort(v4.Addr().String())
	v6 := netiotest.Listen(t, e, netio.ListenOptions{Address: "[::]:" + port}, refuse)
	for _, addr := range []string{"127.0.0.1:" + port, "[::1]:" + port} {
		tcp, err := net.ResolveTCPAddr("tcp", addr)
		if err != nil {
			t.Fatal(err)
		}
		netiotest.Dial(t, tcp).HearEnd()
	}
	v4.Close()
	v6.Close()
}

func TestListenInUse(t *testing.T) {
	e := netiotest.Engine(t, netio.Config{Loops: 1})
	first := netiotest.Listen(t, e, netio.ListenOptions{Address: "*:0"}, refuse)
	addr := first.Addr().String()
	_, err := e.Listen(netio.ListenOptions{Address: addr}, refuse)
	want := "listen " + addr + ": address already in use: another process holds the port (see ss -ltnp)"
	var le *netio.ListenError
	if err == nil || err.Error() != want || !errors.As(err, &le) || le.Address != addr || !errors.Is(err, syscall.EADDRINUSE) {
		t.Errorf("%v, want %s", err, want)
	}
	// Closing frees the address at once, twice is fine, and others live on.
	first.Close()
	first.Close()
	netiotest.Listen(t, e, netio.ListenOptions{Address: addr}, refuse)

	_, err = e.Listen(netio.ListenOptions{Address: "203.0.113.1:0"}, refuse)
	if err == nil || !strings.Contains(err.Error(), "no interface of this host has the address") {
		t.Error(err)
	}
}

func TestListenUnix(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "s")
	e := netiotest.Engine(t, netio.Config{Loops: 1})
	mode := func() os.FileMode {
		t.Helper()
		info, err := os.Lstat(path)
		if err != nil {
			t.Fatal(err)
		}
		return info.Mode()
	}
	ls := netiotest.Listen(t, e, netio.ListenOptions{Address: path, FileMode: 0o600}, refuse)
	if m := mode(); m != os.ModeSocket|0o600 {
		t.Errorf("mode %v", m)
	}
	// Somebody listens: hands off.
	_, err := e.Listen(netio.ListenOptions{Address: path}, refuse)
	if err == nil || !strings.Contains(err.Error(), "address already in use: another process listens on it") {
		t.Error(err)
	}
	netiotest.Dial(t, ls.Addr()).HearEnd()
	ls.Close()
	if _, err := os.Lstat(path); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("after Close: %v", err)
	}

	// The file of a server that was killed goes.
	dead, err := net.ListenUnix("unix", &net.UnixAddr{Net: "unix", Name: path})
	if err != nil {
		t.Fatal(err)
	}
	dead.SetUnlinkOnClose(false)
	dead.Close()
	ls = netiotest.Listen(t, e, netio.ListenOptions{Address: path}, refuse)
	if m := mode(); m != os.ModeSocket|0o660 {
		t.Errorf("default mode %v", m)
	}
	// Our file was replaced: it is somebody else's now.
	os.Remove(path)
	if err := os.WriteFile(path, []byte("precious"), 0o644); err != nil {
		t.Fatal(err)
	}
	ls.Close()
	// A file that is no socket is never removed.
	_, err = e.Listen(netio.ListenOptions{Address: path}, refuse)
	if err == nil || !strings.Contains(err.Error(), "no socket") {
		t.Error(err)
	}
	if b, _ := os.ReadFile(path); string(b) != "precious" {
		t.Error("the file is gone")
	}
	_, err = e.Listen(netio.ListenOptions{Address: filepath.Join(dir, "no", "s")}, refuse)
	if err == nil || !strings.Contains(err.Error(), "the directory does not exist") {
		t.Error(err)
	}
}

// What the options say reaches the sockets.
func TestListenOptions(t *testing.T) {
	e := netiotest.Engine(t, netio.Config{Loops: 1})
	got := make(chan map[string]int, 1)
	o := netio.ListenOptions{Backlog: 77, RecvBuffer: 8192, SendBuffer: 16384, NoDelay: true}
	ls := netiotest.Listen(t, e, o, func(c *netio.Conn) netio.Handler {
		fd := netio.FD(c)
		m := make(map[string]int)
		m["rcvbuf"], _ = unix.GetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUF)
		m["sndbuf"], _ = unix.GetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_SNDBUF)
		m["nodelay"], _ = unix.GetsockoptInt(fd, unix.IPPROTO_TCP, unix.TCP_NODELAY)
		m["flags"], _ = unix.FcntlInt(uintptr(fd), unix.F_GETFL, 0)
		m["cloexec"], _ = unix.FcntlInt(uintptr(fd), unix.F_GETFD, 0)
		got <- m
		return &netiotest.Funcs{}
	})
	netiotest.Dial(t, ls.Addr())
	m := netiotest.Await(t, got)
	// The kernel doubles the buffers (socket(7)).
	if m["rcvbuf"] != 2*8192 || m["sndbuf"] != 2*16384 || m["nodelay"] != 1 || m["flags"]&unix.O_NONBLOCK == 0 || m["cloexec"] != unix.FD_CLOEXEC {
		t.Errorf("%v", m)
	}
	// For a listening socket tcp_info.unacked is the queue and sacked the
	// backlog (include/uapi/linux/tcp.h).
	info, err := unix.GetsockoptTCPInfo(netio.ListenerFD(ls), unix.IPPROTO_TCP, unix.TCP_INFO)
	if err != nil || info.Sacked != 77 {
		t.Errorf("backlog %d, %v", info.Sacked, err)
	}
}

func TestConfigErrors(t *testing.T) {
	for want, cfg := range map[string]netio.Config{
		"Loops -1 is negative":           {Loops: -1},
		"ReadBuffer -2 is negative":      {ReadBuffer: -2},
		"MaxConns -3 is negative":        {MaxConns: -3},
		"Handshakes -4 is negative":      {Handshakes: -4},
		"LingerTimeout -1ns is negative": {LingerTimeout: -1},
		"Tick 1µs is shorter than 1ms":   {Tick: 1000},
	} {
		if _, err := netio.New(cfg); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want …%s…", err, want)
		}
	}
}
