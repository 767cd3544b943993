package netio_test

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"net/netip"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"roost/netio"
	"roost/netio/netiotest"
)

// addrOf is where a listener of the test listens.
func addrOf(t *testing.T, a net.Addr) netip.AddrPort {
	t.Helper()
	ap, err := netip.ParseAddrPort(a.String())
	if err != nil {
		t.Fatal(err)
	}
	return ap
}

// asker says hello on a new connection, and reports what it hears and how it ends.
func asker(heard chan<- string, ends chan<- error) func(*netio.Conn, error) netio.Handler {
	return func(c *netio.Conn, err error) netio.Handler {
		if err != nil {
			ends <- err
			return nil
		}
		c.Send(netiotest.Text("hello"))
		return &netiotest.Funcs{
			Data:  func(_ *netio.Conn, b []byte) int { heard <- string(b); return len(b) },
			Close: func(_ *netio.Conn, err error) { ends <- err },
		}
	}
}

func TestDial(t *testing.T) {
	for _, local := range []struct{ listen, from string }{{"127.0.0.1:0", ""}, {"127.0.0.1:0", "127.0.0.3"}, {"[::1]:0", ""}, {"[::1]:0", "::1"}} {
		t.Run(local.listen+" from "+local.from, func(t *testing.T) {
			ln, err := net.Listen("tcp", local.listen)
			if err != nil {
				t.Skip("this host has no such address: ", err)
			}
			defer ln.Close()
			e := netiotest.Engine(t, netio.Config{Loops: 2})
			heard, ends := make(chan string, 1), make(chan error, 1)
			o := netio.DialOptions{}
			if local.from != "" {
				o.Local = netip.MustParseAddr(local.from)
			}
			if err := e.Dial(addrOf(t, ln.Addr()), o, asker(heard, ends)); err != nil {
				t.Fatal(err)
			}
			peer, err := ln.Accept()
			if err != nil {
				t.Fatal(err)
			}
			if from := addrOf(t, peer.RemoteAddr()).Addr(); o.Local.IsValid() && from != o.Local {
				t.Errorf("from %v", from)
			}
			b := make([]byte, 5)
			if _, err := peer.Read(b); err != nil || string(b) != "hello" {
				t.Errorf("%q, %v", b, err)
			}
			peer.Write([]byte("welcome"))
			if got := netiotest.Await(t, heard); got != "welcome" {
				t.Error(got)
			}
			peer.Close()
			if err := netiotest.Await(t, ends); err != nil {
				t.Error(err)
			}
			if s := e.Stats(); s.Dialed != 1 || s.Accepted != 0 {
				t.Errorf("%+v", s)
			}
		})
	}
}

// TestDialFails: every way in which nobody is there, told once and as a *DialError.
func TestDialFails(t *testing.T) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	closed := addrOf(t, ln.Addr())
	ln.Close()
	for name, c := range map[string]struct {
		to   netip.AddrPort
		o    netio.DialOptions
		want error
	}{
		"refused":       {closed, netio.DialOptions{}, syscall.ECONNREFUSED},
		"timeout":       {fullBacklog(t), netio.DialOptions{Timeout: 50 * time.Millisecond}, netio.ErrDialTimeout},
		"other family":  {closed, netio.DialOptions{Local: netip.IPv6Loopback()}, syscall.EAFNOSUPPORT},
		"not our own":   {closed, netio.DialOptions{Local: netip.MustParseAddr("192.0.2.1")}, syscall.EADDRNOTAVAIL},
		"not one":       {netip.AddrPort{}, netio.DialOptions{}, syscall.EINVAL},
		"port 0":        {netip.AddrPortFrom(closed.Addr(), 0), netio.DialOptions{}, syscall.EINVAL},
		"unknown scope": {netip.MustParseAddrPort("[fe80::1%nosuch0]:5269"), netio.DialOptions{}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			e := netiotest.Engine(t, netio.Config{})
			ends := make(chan error, 2)
			if err := e.Dial(c.to, c.o, asker(nil, ends)); err != nil {
				ends <- err
			}
			err := netiotest.Await(t, ends)
			if de, ok := errors.AsType[*netio.DialError](err); !ok || de.Addr != c.to || c.want != nil && !errors.Is(err, c.want) {
				t.Errorf("got %v, want %v", err, c.want)
			}
			netiotest.Shutdown(t, e)
			if s := e.Stats(); s.Conns != 0 || s.Dialed != 0 || len(ends) != 0 {
				t.Errorf("%+v, told %d times more", s, len(ends))
			}
		})
	}
}

// fullBacklog is the address of a socket whose queue is full, so that the kernel answers nobody.
func fullBacklog(t *testing.T) netip.AddrPort {
	t.Helper()
	fd, err := syscall.Socket(syscall.AF_INET, syscall.SOCK_STREAM|syscall.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { syscall.Close(fd) })
	if err := syscall.Bind(fd, &syscall.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}}); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Listen(fd, 0); err != nil {
		t.Fatal(err)
	}
	sa, err := syscall.Getsockname(fd)
	if err != nil {
		t.Fatal(err)
	}
	at := netip.AddrPortFrom(netip.MustParseAddr("127.0.0.1"), uint16(sa.(*syscall.SockaddrInet4).Port))
	for range 3 {
		c, err := net.DialTimeout("tcp", at.String(), 200*time.Millisecond)
		if err != nil {
			break // it is full
		}
		t.Cleanup(func() { c.Close() })
	}
	return at
}

func TestDialReset(t *testing.T) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	e := netiotest.Engine(t, netio.Config{})
	ends := make(chan error, 1)
	if err := e.Dial(addrOf(t, ln.Addr()), netio.DialOptions{}, asker(nil, ends)); err != nil {
		t.Fatal(err)
	}
	peer, err := ln.Accept()
	if err != nil {
		t.Fatal(err)
	}
	peer.(*net.TCPConn).SetLinger(0)
	peer.Close()
	if err := netiotest.Await(t, ends); !errors.Is(err, syscall.ECONNRESET) {
		t.Error(err)
	}
}

// unsent counts frames that were not written.
type unsent struct {
	netiotest.Text
	n *atomic.Int32
}

func (u unsent) Unsent() { u.n.Add(1) }

// TestUnsent: of what is queued when the peer resets, each Frame that was not written whole is told.
func TestUnsent(t *testing.T) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	e := netiotest.Engine(t, netio.Config{})
	var n, refused atomic.Int32
	const frames, size = 64, 1 << 20
	ends, sent := make(chan error, 1), make(chan bool)
	err = e.Dial(addrOf(t, ln.Addr()), netio.DialOptions{SendLimit: frames * size}, func(c *netio.Conn, _ error) netio.Handler {
		go func() {
			defer close(sent)
			for range frames {
				if !c.Send(unsent{netiotest.Text(make([]byte, size)), &n}) {
					refused.Add(1)
				}
			}
		}()
		return &netiotest.Funcs{Close: func(_ *netio.Conn, err error) { ends <- err }}
	})
	if err != nil {
		t.Fatal(err)
	}
	peer, err := ln.Accept()
	if err != nil {
		t.Fatal(err)
	}
	netiotest.Await(t, sent)
	peer.(*net.TCPConn).SetLinger(0)
	peer.Close()
	netiotest.Await(t, ends)
	// The kernel takes some megabytes for a peer that does not read.
	if got := n.Load(); got < frames/4 || got+refused.Load() > frames {
		t.Errorf("%d of %d unsent, %d refused", got, frames, refused.Load())
	}
}

// TestDialRefusedByUs: done may say that the connection is not wanted any more.
func TestDialRefusedByUs(t *testing.T) {
	e := netiotest.Engine(t, netio.Config{})
	ended := make(chan error, 1)
	addr := netiotest.Serve(t, e, func(*netio.Conn) netio.Handler {
		return &netiotest.Funcs{EOF: func(c *netio.Conn) { c.Close() }, Close: func(_ *netio.Conn, err error) { ended <- err }}
	})
	if err := e.Dial(addrOf(t, addr), netio.DialOptions{}, func(*netio.Conn, error) netio.Handler { return nil }); err != nil {
		t.Fatal(err)
	}
	netiotest.Await(t, ended)
}

// TestDialAtLimit: dialed connections count, too; a place that could not be used is free again.
func TestDialAtLimit(t *testing.T) {
	e := netiotest.Engine(t, netio.Config{MaxConns: 1})
	full := fullBacklog(t)
	ends := make(chan error, 1)
	o := netio.DialOptions{Timeout: 50 * time.Millisecond}
	if err := e.Dial(full, o, asker(nil, ends)); err != nil {
		t.Fatal(err)
	}
	if err := e.Dial(full, o, asker(nil, ends)); !errors.Is(err, netio.ErrTooMany) {
		t.Error(err)
	}
	netiotest.Await(t, ends)
	if err := e.Dial(full, o, asker(nil, ends)); err != nil {
		t.Error(err)
	}
	netiotest.Await(t, ends)
}

// TestDialShutdown: what is still connecting ends with the engine, and is told.
func TestDialShutdown(t *testing.T) {
	e := netiotest.Engine(t, netio.Config{})
	ends := make(chan error, 1)
	if err := e.Dial(fullBacklog(t), netio.DialOptions{}, asker(nil, ends)); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), netiotest.Patience)
	defer cancel()
	if err := e.Shutdown(ctx); err != nil {
		t.Error(err)
	}
	if err := netiotest.Await(t, ends); !errors.Is(err, netio.ErrShutdown) {
		t.Error(err)
	}
	if err := e.Dial(netip.MustParseAddrPort("127.0.0.1:1"), netio.DialOptions{}, asker(nil, ends)); !errors.Is(err, netio.ErrShutdown) {
		t.Error(err)
	}
}

// TestClientTLS: both ends of a handshake are ours; plain text before it, records after it.
func TestClientTLS(t *testing.T) {
	forEachVersion(t, func(t *testing.T, cfg netio.Config, server, client *tls.Config) {
		fs := &netiotest.Frames{T: t}
		e := netiotest.Engine(t, cfg)
		events := make(chan error, 4)
		addr := netiotest.Serve(t, e, startTLS(t, fs, server, 0, events))
		heard, ends := make(chan string, 16), make(chan error, 2)
		clear := true
		err := e.Dial(addrOf(t, addr), netio.DialOptions{}, func(c *netio.Conn, err error) netio.Handler {
			if err != nil {
				ends <- err
				return nil
			}
			c.Send(fs.New([]byte("<starttls/>")))
			return &netiotest.Funcs{
				Data: func(c *netio.Conn, b []byte) int {
					const proceed = "<proceed/>"
					if !clear {
						heard <- string(b)
						return len(b)
					}
					if len(b) < len(proceed) {
						return 0
					}
					clear = false
					c.StartTLSClient(client, 0)
					return len(proceed)
				},
				TLS: func(c *netio.Conn, st *tls.ConnectionState, err error) {
					events <- err
					c.Send(fs.New([]byte("ping\n")))
				},
				Close: func(_ *netio.Conn, err error) { ends <- err },
			}
		})
		if err != nil {
			t.Fatal(err)
		}
		for range 2 {
			if err := netiotest.Await(t, events); err != nil {
				t.Fatal(err)
			}
		}
		got := ""
		for got != "secret\nping\n" {
			got += netiotest.Await(t, heard)
			if len(got) > 12 {
				t.Fatalf("%q", got)
			}
		}
		netiotest.Shutdown(t, e)
		noFrames(t, fs)
	})
}

// TestClientTLSRefused: a server that we do not trust.
func TestClientTLSRefused(t *testing.T) {
	fs := &netiotest.Frames{T: t}
	e := netiotest.Engine(t, netio.Config{})
	server, _ := netiotest.Certificates(t)
	events, ends := make(chan error, 4), make(chan error, 2)
	addr := netiotest.Serve(t, e, func(c *netio.Conn) netio.Handler {
		c.StartTLS(server, 0)
		return &netiotest.Funcs{}
	})
	err := e.Dial(addrOf(t, addr), netio.DialOptions{}, func(c *netio.Conn, err error) netio.Handler {
		c.StartTLSClient(&tls.Config{ServerName: "elsewhere.example", RootCAs: nil}, 0)
		return &netiotest.Funcs{TLS: func(_ *netio.Conn, _ *tls.ConnectionState, err error) { events <- err },
			Close: func(_ *netio.Conn, err error) { ends <- err }}
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := netiotest.Await(t, events); err == nil {
		t.Error("an unknown certificate was believed")
	}
	if err := netiotest.Await(t, ends); err == nil {
		t.Error("no reason")
	}
	netiotest.Shutdown(t, e)
	noFrames(t, fs)
}
