package main

import (
	"crypto/tls"
	"encoding/binary"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"net"
	"os"
	"reflect"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
	"unsafe"

	"roost/netio"
	"roost/tlsconf"
)

// descriptors are those of this process for which want holds.
func descriptors(t *testing.T, want func(fd int) bool) (all []int) {
	t.Helper()
	list, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range list {
		if fd, err := strconv.Atoi(e.Name()); err == nil && want(fd) {
			all = append(all, fd)
		}
	}
	return all
}

// port of a socket's address; 0 when it has none.
func port(sa syscall.Sockaddr, err error) int {
	switch sa := sa.(type) {
	case *syscall.SockaddrInet4:
		return sa.Port
	case *syscall.SockaddrInet6:
		return sa.Port
	}
	return 0
}

func option(fd, level, opt int) int {
	v, err := syscall.GetsockoptInt(fd, level, opt)
	if err != nil {
		return -1
	}
	return v
}

// backlog asks the kernel for the length of a listening socket's queue: it stands where tcp_info of
// a connection has the count of sacked segments (include/uapi/linux/tcp.h).
func backlog(t *testing.T, fd int) int {
	t.Helper()
	var info [104]byte
	size := uint32(len(info))
	_, _, errno := syscall.Syscall6(syscall.SYS_GETSOCKOPT, uintptr(fd), syscall.IPPROTO_TCP, syscall.TCP_INFO,
		uintptr(unsafe.Pointer(&info)), uintptr(unsafe.Pointer(&size)), 0)
	if errno != 0 {
		t.Fatal(errno)
	}
	return int(binary.NativeEndian.Uint32(info[28:]))
}

// settings are what the kernel says of an accepted socket and its listener.
type settings struct{ recv, send, nodelay, backlog int }

// settings connects to a listener and looks at the server's side.
func settingsAt(t *testing.T, addr string) (got settings) {
	t.Helper()
	c := dial(t, addr)
	c.header()
	here := c.conn.LocalAddr().(*net.TCPAddr).Port
	there := c.conn.RemoteAddr().(*net.TCPAddr).Port
	served := descriptors(t, func(fd int) bool { return port(syscall.Getpeername(fd)) == here })
	listening := descriptors(t, func(fd int) bool {
		return port(syscall.Getsockname(fd)) == there && option(fd, syscall.SOL_SOCKET, syscall.SO_ACCEPTCONN) == 1
	})
	if len(served) != 1 || len(listening) != 1 {
		t.Fatalf("%s: %d sockets of the client, %d listen", addr, len(served), len(listening))
	}
	return settings{option(served[0], syscall.SOL_SOCKET, syscall.SO_RCVBUF), option(served[0], syscall.SOL_SOCKET, syscall.SO_SNDBUF),
		option(served[0], syscall.IPPROTO_TCP, syscall.TCP_NODELAY), backlog(t, listening[0])}
}

// TestSocketOptions: what the kernel has of the options of a socket, in each scope where they may
// stand. The kernel doubles the sizes of buffers (socket(7)).
func TestSocketOptions(t *testing.T) {
	const auth = `AuthPlainParameters = [ uri = "accounts://" ] require_tls = false`
	for name, tt := range map[string]struct {
		text string
		want settings
	}{
		"defaults": {`xmpp_listener { ` + auth + ` Listen "127.0.0.1:0" {} }`, settings{8192, 8192, 0, 500}},
		"listener": {`xmpp_listener { ` + auth + ` tcp_recv_buffer_size = 30000 tcp_send_buffer_size = 40000
			disable_nagle_algorithm = true listen_backlog = 33 Listen "127.0.0.1:0" {} }`, settings{60000, 80000, 1, 33}},
		"Listen": {`xmpp_listener { ` + auth + ` tcp_recv_buffer_size = 30000 tcp_send_buffer_size = 40000
			disable_nagle_algorithm = true listen_backlog = 33
			Listen "127.0.0.1:0" { tcp_recv_buffer_size = 20000 tcp_send_buffer_size = 50000 disable_nagle_algorithm = false listen_backlog = 44 } }`,
			settings{40000, 100000, 0, 44}},
		"global": {`disable_nagle_algorithm = true xmpp_listener { ` + auth + ` Listen "127.0.0.1:0" {} }`, settings{8192, 8192, 1, 500}},
	} {
		t.Run(name, func(t *testing.T) {
			s := serveText(t, tt.text)
			if got := settingsAt(t, s.addr()); got != tt.want {
				t.Errorf("%+v, want %+v", got, tt.want)
			}
		})
	}
	t.Run("left to the system", func(t *testing.T) {
		s := serveText(t, `xmpp_listener { `+auth+` Listen "127.0.0.1:0" { tcp_recv_buffer_size = 0 tcp_send_buffer_size = 0 } }`)
		plain, err := net.Listen("tcp4", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		defer plain.Close()
		go func() {
			if c, err := plain.Accept(); err == nil {
				fmt.Fprint(c, "</stream:features>")
			}
		}()
		want, got := settingsAt(t, plain.Addr().String()), settingsAt(t, s.addr())
		if got.recv != want.recv || got.send < 8192 {
			t.Errorf("%+v, a plain socket has %+v", got, want)
		}
	})
}

// serveText starts a server on a configuration of which only text is given.
func serveText(t *testing.T, text string) *Server {
	t.Helper()
	p := newPlace(t, "", "")
	p.write("roost.conf", strings.ReplaceAll(`Data_Dir = "{dir}/data" Stop_Timeout = 1 domain "#xmpp#localhost" { XMPP_Role = server }
		xmpp {} HTTP_Listener { enable = off } `+text, "{dir}", p.dir))
	return p.start()
}

// freePort is a port that is free on all addresses and stays so: below those that connections and listeners on
// port 0 get, which other tests make meanwhile.
func freePort(t *testing.T) int {
	t.Helper()
	for range 100 {
		n := 10000 + rand.IntN(20000)
		if ln, err := net.Listen("tcp", fmt.Sprintf(":%d", n)); err == nil {
			ln.Close()
			return n
		}
	}
	t.Fatal("no port is free")
	return 0
}

// TestListens: addresses of both families on one port, a Unix socket with its mode, one that is off.
func TestListens(t *testing.T) {
	n := freePort(t)
	p := newPlace(t, "", "")
	p.write("roost.conf", strings.NewReplacer("{dir}", p.dir, "{n}", strconv.Itoa(n)).Replace(`Data_Dir = "{dir}/data" Stop_Timeout = 1
		domain "#xmpp#localhost" { XMPP_Role = server } xmpp {} HTTP_Listener { enable = off }
		xmpp_listener { AuthPlainParameters = [ uri = "accounts://" ] require_tls = false file_mode = 0600
			Listen "*:{n}" {}  Listen "[::]:{n}" {}
			Listen "{dir}/one" {}  Listen "{dir}/two" { file_mode = 0666 }
			Listen "{dir}/off" { enable = false } }`))
	s := p.start()
	for _, at := range []string{"127.0.0.1:%d", "127.0.0.2:%d", "[::1]:%d"} {
		dial(t, fmt.Sprintf(at, n)).header()
	}
	for name, want := range map[string]fs.FileMode{"one": 0o600, "two": 0o666} {
		info, err := os.Stat(p.path(name))
		if err != nil || info.Mode() != fs.ModeSocket|want {
			t.Errorf("%s: %v %v, want %v", name, info, err, want)
			continue
		}
		conn, err := net.Dial("unix", p.path(name))
		if err != nil {
			t.Fatal(err)
		}
		c := &client{t: t, conn: conn}
		conn.SetDeadline(time.Now().Add(patience))
		c.header()
		conn.Close()
	}
	if _, err := os.Stat(p.path("off")); err == nil || len(s.open()) != 4 {
		t.Errorf("%d sockets are open, want 4", len(s.open()))
	}
}

// TestLoops: concurrency, events_per_iter, accept_queue_backlog and pools as the engine gets them;
// what it does with them is tested in netio.
func TestLoops(t *testing.T) {
	s := serveText(t, `ThreadPool "big" { Concurrency = 3 Backlog = 7 }
		xmpp_listener { AuthPlainParameters = [ uri = "accounts://" ] concurrency = 2 send_queue_limit = 70000
			Listen "127.0.0.1:0" {}
			Listen "[::1]:0" { events_per_iter = 5 accept_queue_backlog = 9 } }
		xmpp_listener "pooled" { AuthPlainParameters = [ uri = "accounts://" ] pool_name = big Listen "[::1]:0" {} }`)
	if n := s.engine.Stats().Loops; n != 3 {
		t.Errorf("%d loops, want the pool's 3", n)
	}
	var got []netio.ListenOptions
	for _, l := range s.conf().Listeners {
		for _, at := range l.Listens {
			o := socket(&at)
			got = append(got, netio.ListenOptions{Address: o.Address, Accepts: o.Accepts, AcceptQueue: o.AcceptQueue, SendLimit: o.SendLimit})
		}
	}
	want := []netio.ListenOptions{{Address: "127.0.0.1:0", SendLimit: 70000}, {Address: "[::1]:0", Accepts: 5, AcceptQueue: 9, SendLimit: 70000},
		{Address: "[::1]:0", AcceptQueue: 7, SendLimit: 1 << 20}}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("%+v", got)
	}
}

// TestPeerOptions: every option of a Peer shows at a client of its addresses, and at no other; a
// Peer in a Listen comes before one in the listener.
func TestPeerOptions(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for _, d := range []string{"all", "two"} {
		if err := os.Mkdir(dir+"/"+d, 0o700); err != nil {
			t.Fatal(err)
		}
		if _, _, _, err := tlsconf.SelfSigned(dir+"/"+d, []string{d + ".test"}); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(dir+"/users", []byte("alice:localhost:0123456789abcdef0123456789abcdef\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	s := serveText(t, strings.ReplaceAll(`xmpp_listener { AuthPlainParameters = [ uri = "accounts://" ] require_tls = false
		tls_certificate = "{tls}/all/selfsigned-cert.pem" tls_key = "{tls}/all/selfsigned-key.pem" idle_time = 1000
		Peer "127.0.0.0/8" { idle_time = 500 }
		Peer "127.0.0.2" { tls_certificate = "{tls}/two/selfsigned-cert.pem" tls_key = "{tls}/two/selfsigned-key.pem" idle_time = 600 }
		Peer "127.0.0.3" { tls_verify_mode = require tls_client_ca = "{tls}/two/selfsigned-cert.pem" }
		Peer "127.0.0.4" { AuthDigestMD5Parameters = [ uri = "digest://{tls}/users" realm = localhost ] }
		Peer "127.0.0.5" { tls_ciphers = "ECDHE-ECDSA-CHACHA20-POLY1305" }
		Peer "127.0.0.6" { tls_certificate = none }
		Peer "127.0.0.7" { tls_key_exchange = classic }
		Listen "127.0.0.1:0" { Peer "127.0.0.0/30" { idle_time = 1 } } }`, "{tls}", dir))
	from := func(ip string) *client {
		d := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(ip)}, Deadline: time.Now().Add(patience)}
		conn, err := d.Dial("tcp", s.addr())
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { conn.Close() })
		conn.SetDeadline(time.Now().Add(patience))
		return &client{t: t, conn: conn}
	}
	features := func(ip string) string {
		c := from(ip)
		c.send("<stream:stream xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams' to='localhost' version='1.0'>")
		return c.until("</stream:features>")
	}
	handshake := func(ip string, cfg *tls.Config) (*tls.ConnectionState, error) {
		c := from(ip)
		c.header()
		c.send("<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>")
		c.until("<proceed xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>")
		cfg.InsecureSkipVerify, cfg.MaxVersion = true, tls.VersionTLS12 // there the client hears of a refusal during the handshake
		conn := tls.Client(c.conn, cfg)
		err := conn.Handshake()
		st := conn.ConnectionState()
		return &st, err
	}
	for ip, want := range map[string]string{"127.0.0.1": "all.test", "127.0.0.2": "two.test"} {
		if st, err := handshake(ip, &tls.Config{}); err != nil || st.PeerCertificates[0].DNSNames[0] != want {
			t.Errorf("%s sees %v, %v, want %s", ip, st.PeerCertificates, err, want)
		}
	}
	own, err := tls.LoadX509KeyPair(dir+"/two/selfsigned-cert.pem", dir+"/two/selfsigned-key.pem")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := handshake("127.0.0.3", &tls.Config{}); err == nil {
		t.Error("127.0.0.3 needs no certificate")
	}
	if _, err := handshake("127.0.0.3", &tls.Config{Certificates: []tls.Certificate{own}}); err != nil {
		t.Errorf("127.0.0.3 with a certificate: %v", err)
	}
	if st, err := handshake("127.0.0.5", &tls.Config{}); err != nil || st.CipherSuite != tls.TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256 {
		t.Errorf("127.0.0.5 uses %s, %v", tls.CipherSuiteName(st.CipherSuite), err)
	}
	for ip, want := range map[string]bool{"127.0.0.1": true, "127.0.0.7": false} {
		if _, err := handshake(ip, &tls.Config{CurvePreferences: []tls.CurveID{tls.CurveP384}}); (err == nil) != want {
			t.Errorf("%s with P-384 alone: %v", ip, err)
		}
	}
	for ip, want := range map[string][2]bool{"127.0.0.1": {false, true}, "127.0.0.4": {true, true}, "127.0.0.6": {false, false}} {
		if got := features(ip); strings.Contains(got, "DIGEST-MD5") != want[0] || strings.Contains(got, "<starttls") != want[1] {
			t.Errorf("%s is offered %s", ip, got)
		}
	}
	silent, patient := from("127.0.0.2"), from("127.0.0.4")
	silent.header()
	patient.header()
	if got := silent.rest(); !strings.Contains(got, "idle for 1s") {
		t.Errorf("127.0.0.2 hears %s", got)
	}
	patient.send("</stream:stream>")
	if got := patient.rest(); strings.Contains(got, "idle") {
		t.Errorf("127.0.0.4 hears %s", got)
	}
}
