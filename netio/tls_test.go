package netio_test

import (
	"bytes"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"roost/netio"
	"roost/netio/netiotest"
)

// startTLS is what a stream does: on "<starttls/>" it answers in plain text and
// begins the handshake; afterwards it echoes lines. It fails the test when
// anything else is seen in plain text.
func startTLS(t *testing.T, fs *netiotest.Frames, cfg *tls.Config, timeout time.Duration, events chan<- error) func(*netio.Conn) netio.Handler {
	return func(*netio.Conn) netio.Handler {
		secure := false
		echo := lines(fs)(nil)
		return &netiotest.Funcs{
			Data: func(c *netio.Conn, b []byte) int {
				if secure {
					return echo.OnData(c, b)
				}
				const cmd = "<starttls/>"
				if len(b) < len(cmd) {
					return 0
				}
				if string(b[:len(cmd)]) != cmd {
					t.Errorf("in plain text: %q", b)
				}
				c.Send(fs.New([]byte("<proceed/>")))
				c.StartTLS(cfg, timeout)
				c.Send(fs.New([]byte("secret\n")))
				return len(cmd)
			},
			TLS: func(c *netio.Conn, st *tls.ConnectionState, err error) {
				secure = err == nil
				version, suite := c.TLS()
				if (st == nil) == (err == nil) || st == nil && version != 0 || st != nil && (version != st.Version || suite != st.CipherSuite) {
					t.Errorf("OnTLS: %v, %v; TLS %x %x", st, err, version, suite)
				}
				events <- err
			},
			Close: func(_ *netio.Conn, err error) { events <- err },
		}
	}
}

// tlsWays are the ways on which records may go.
var tlsWays = []struct {
	name    string
	version uint16
	library bool // netio.Config.LibraryRecords
}{
	{"1.2", tls.VersionTLS12, false},
	{"1.3", tls.VersionTLS13, false},
	{"1.3 library", tls.VersionTLS13, true},
}

// forEachWay runs a test of what is the same however records are opened.
func forEachWay(t *testing.T, run func(t *testing.T, cfg netio.Config)) {
	for _, library := range []bool{false, true} {
		t.Run(fmt.Sprintf("library=%v", library), func(t *testing.T) { run(t, netio.Config{LibraryRecords: library}) })
	}
}

func forEachVersion(t *testing.T, run func(t *testing.T, cfg netio.Config, server, client *tls.Config)) {
	for _, way := range tlsWays {
		t.Run("TLS "+way.name, func(t *testing.T) {
			forEachCut(t, func(t *testing.T, cfg netio.Config) {
				cfg.LibraryRecords = way.library
				server, client := netiotest.Certificates(t)
				client.MinVersion, client.MaxVersion = way.version, way.version
				run(t, cfg, server, client)
			})
		})
	}
}

func TestStartTLS(t *testing.T) {
	forEachVersion(t, func(t *testing.T, cfg netio.Config, server, client *tls.Config) {
		e := netiotest.Engine(t, cfg)
		fs := &netiotest.Frames{T: t}
		events := make(chan error, 2)
		p := netiotest.Dial(t, netiotest.Serve(t, e, startTLS(t, fs, server, 0, events)))
		p.Say("<starttls/>")
		p.Hear("<proceed/>")
		p.StartTLS(client)
		if err := netiotest.Await(t, events); err != nil {
			t.Errorf("OnTLS: %v", err)
		}
		p.Hear("secret\n")
		p.Say("hello\n", "wor", "ld\n")
		p.Hear("hello\nworld\n")
		p.CloseWrite()
		p.HearEnd() // with close_notify, else it would be an error
		if err := netiotest.Await(t, events); err != nil {
			t.Errorf("OnClose: %v", err)
		}
		netiotest.Shutdown(t, e)
		noFrames(t, fs)
		if s := e.Stats(); s.Handshakes != 1 || s.HandshakesOpen != 0 || s.HandshakesFailed != 0 {
			t.Errorf("stats: %+v", s)
		}
	})
}

// A corked conn keeps what is written until somebody reads, so that several
// flights share a segment.
type corked struct {
	net.Conn
	kept bytes.Buffer
}

func (c *corked) Write(p []byte) (int, error) { return c.kept.Write(p) }
func (c *corked) Read(p []byte) (int, error) {
	if c.kept.Len() > 0 {
		if _, err := c.kept.WriteTo(c.Conn); err != nil {
			return 0, err
		}
	}
	return c.Conn.Read(p)
}

// SetWriteDeadline does nothing: tls.Conn.CloseWrite would forbid later writes.
func (c *corked) SetWriteDeadline(time.Time) error { return nil }

// A client that does not wait: <starttls/> and the ClientHello in one segment,
// the last flight and data in another.
func TestStartTLSPipelined(t *testing.T) {
	forEachVersion(t, func(t *testing.T, cfg netio.Config, server, client *tls.Config) {
		e := netiotest.Engine(t, cfg)
		fs := &netiotest.Frames{T: t}
		events := make(chan error, 2)
		p := netiotest.Dial(t, netiotest.Serve(t, e, startTLS(t, fs, server, 0, events)))
		raw := &corked{Conn: p.Conn}
		p.Conn = &skipping{Conn: raw, skip: len("<proceed/>")}
		raw.kept.WriteString("<starttls/>")
		p.StartTLS(client)
		p.Say("hello\n")
		p.Hear("secret\nhello\n")
	})
}

// skipping drops the first bytes that are read.
type skipping struct {
	net.Conn
	skip int
}

func (c *skipping) Read(p []byte) (int, error) {
	if c.skip > 0 {
		if _, err := io.CopyN(io.Discard, c.Conn, int64(c.skip)); err != nil {
			return 0, err
		}
		c.skip = 0
	}
	return c.Conn.Read(p)
}

// A trickling conn writes byte by byte.
type trickling struct{ net.Conn }

func (c trickling) Write(p []byte) (int, error) {
	for i := range p {
		if _, err := c.Conn.Write(p[i : i+1]); err != nil {
			return i, err
		}
	}
	return len(p), nil
}

func TestStartTLSByteByByte(t *testing.T) {
	forEachVersion(t, func(t *testing.T, cfg netio.Config, server, client *tls.Config) {
		e := netiotest.Engine(t, cfg)
		fs := &netiotest.Frames{T: t}
		events := make(chan error, 2)
		p := netiotest.Dial(t, netiotest.Serve(t, e, startTLS(t, fs, server, 0, events)))
		p.Conn = trickling{p.Conn}
		p.Say("<starttls/>")
		p.Hear("<proceed/>")
		p.StartTLS(client)
		p.Say("hello\n")
		p.Hear("secret\nhello\n")
	})
}

// Plain text behind <starttls/> belongs to the handshake, which fails.
func TestStartTLSInjection(t *testing.T) {
	server, _ := netiotest.Certificates(t)
	forEachCut(t, func(t *testing.T, cfg netio.Config) {
		for _, wrong := range []string{"<message/>", "\x80\x2e\x01\x00\x02", "\x16\x03\x01\x00\x04\x01\x00\x00\x00", "\x16\x03\x01\xff\xff"} {
			e := netiotest.Engine(t, cfg)
			fs := &netiotest.Frames{T: t}
			events := make(chan error, 2)
			p := netiotest.Dial(t, netiotest.Serve(t, e, startTLS(t, fs, server, 0, events)))
			p.Say("<starttls/>" + wrong)
			p.Hear("<proceed/>")
			err := netiotest.Await(t, events)
			if err == nil {
				t.Errorf("%q: the handshake succeeded", wrong)
			}
			io.ReadAll(p)
			p.Close()
			if err2 := netiotest.Await(t, events); !errors.Is(err2, err) {
				t.Errorf("%q: OnTLS %v, OnClose %v", wrong, err, err2)
			}
			netiotest.Shutdown(t, e)
			noFrames(t, fs)
			if s := e.Stats(); s.HandshakesFailed != 1 || s.HandshakesOpen != 0 {
				t.Errorf("stats: %+v", s)
			}
		}
	})
}

// hello returns a ClientHello as a client sends it.
func hello(t *testing.T, cfg *tls.Config) []byte {
	t.Helper()
	ours, theirs := net.Pipe()
	go tls.Client(theirs, cfg).Handshake()
	head := make([]byte, 5)
	if _, err := io.ReadFull(ours, head); err != nil {
		t.Fatal(err)
	}
	body := make([]byte, int(head[3])<<8|int(head[4]))
	if _, err := io.ReadFull(ours, body); err != nil {
		t.Fatal(err)
	}
	ours.Close()
	return append(head, body...)
}

func TestHandshakeTimeout(t *testing.T) { forEachWay(t, testHandshakeTimeout) }

func testHandshakeTimeout(t *testing.T, cfg netio.Config) {
	server, client := netiotest.Certificates(t)
	whole := hello(t, client)
	for name, said := range map[string][]byte{"silent": nil, "part": whole[:100], "whole": whole} {
		t.Run(name, func(t *testing.T) {
			cfg.Tick = time.Millisecond
			e := netiotest.Engine(t, cfg)
			fs := &netiotest.Frames{T: t}
			events := make(chan error, 2)
			p := netiotest.Dial(t, netiotest.Serve(t, e, startTLS(t, fs, server, 30*time.Millisecond, events)))
			p.Say("<starttls/>" + string(said))
			if err := netiotest.Await(t, events); err != netio.ErrHandshakeTimeout {
				t.Errorf("OnTLS: %v", err)
			}
			io.ReadAll(p)
			p.Close()
			if err := netiotest.Await(t, events); !errors.Is(err, netio.ErrHandshakeTimeout) {
				t.Errorf("OnClose: %v", err)
			}
			netiotest.Shutdown(t, e)
			noFrames(t, fs)
		})
	}
}

// The end of input in the middle of a handshake.
func TestHandshakeEOF(t *testing.T) { forEachWay(t, testHandshakeEOF) }

func testHandshakeEOF(t *testing.T, cfg netio.Config) {
	server, client := netiotest.Certificates(t)
	whole := hello(t, client)
	for name, said := range map[string][]byte{"silent": nil, "part": whole[:100], "whole": whole} {
		t.Run(name, func(t *testing.T) {
			e := netiotest.Engine(t, cfg)
			fs := &netiotest.Frames{T: t}
			events := make(chan error, 2)
			p := netiotest.Dial(t, netiotest.Serve(t, e, startTLS(t, fs, server, 0, events)))
			p.Say("<starttls/>" + string(said))
			p.CloseWrite()
			if err := netiotest.Await(t, events); err == nil {
				t.Error("the handshake succeeded")
			}
			netiotest.Await(t, events)
			io.ReadAll(p)
			noFrames(t, fs)
		})
	}
}

// Connections that end while their handshake runs, in every way.
func TestHandshakeCutOff(t *testing.T) { forEachWay(t, testHandshakeCutOff) }

func testHandshakeCutOff(t *testing.T, cfg netio.Config) {
	server, client := netiotest.Certificates(t)
	whole := hello(t, client)
	for name, end := range map[string]func(*netio.Conn){
		"Close":    (*netio.Conn).Close,
		"Abort":    func(c *netio.Conn) { c.Abort(nil) },
		"SendLast": func(c *netio.Conn) { c.SendLast(netiotest.Text("x")) },
		"Shutdown": nil,
	} {
		for what, said := range map[string][]byte{"silent": nil, "part": whole[:100], "whole": whole} {
			t.Run(name+" "+what, func(t *testing.T) {
				e := netiotest.Engine(t, cfg)
				closed := make(chan error, 1)
				started := make(chan *netio.Conn, 1)
				addr := netiotest.Serve(t, e, func(c *netio.Conn) netio.Handler {
					c.StartTLS(server, 0)
					started <- c
					return &netiotest.Funcs{
						Data:  func(_ *netio.Conn, b []byte) int { t.Errorf("OnData %q", b); return 0 },
						TLS:   func(*netio.Conn, *tls.ConnectionState, error) { t.Error("OnTLS after the end") },
						Close: func(_ *netio.Conn, err error) { closed <- err },
					}
				})
				p := netiotest.Dial(t, addr)
				c := netiotest.Await(t, started)
				p.Say(string(said))
				if what == "whole" {
					p.Hear("\x16\x03\x03") // the server's flight begins
				}
				if end != nil {
					end(c)
				} else {
					go e.Shutdown(t.Context())
				}
				io.ReadAll(p)
				p.Close()
				netiotest.Await(t, closed)
				netiotest.Shutdown(t, e)
				if s := e.Stats(); s.HandshakesOpen != 0 || s.HandshakesFailed != 1 {
					t.Errorf("stats: %+v", s)
				}
			})
		}
	}
}

// Much data in both directions at once.
func TestTLSBulk(t *testing.T) {
	forEachVersion(t, func(t *testing.T, cfg netio.Config, server, client *tls.Config) {
		e := netiotest.Engine(t, cfg)
		fs := &netiotest.Frames{T: t}
		addr := netiotest.Serve(t, e, func(c *netio.Conn) netio.Handler {
			c.StartTLS(server, 0)
			return lines(fs)(c)
		})
		p := netiotest.Dial(t, addr)
		conn := p.StartTLS(client)
		size := 2 << 20
		if cfg.ReadBuffer > 0 {
			size = 20000 * cfg.ReadBuffer
		}
		var in strings.Builder
		for i := 0; in.Len() < size; i++ {
			fmt.Fprintf(&in, "%d %s\n", i, strings.Repeat("x", i%3000))
		}
		var wg sync.WaitGroup
		wg.Go(func() {
			io.WriteString(conn, in.String())
			conn.CloseWrite()
		})
		out, err := io.ReadAll(conn)
		if err != nil || string(out) != in.String() {
			t.Errorf("echoed %d of %d bytes: %v", len(out), in.Len(), err)
		}
		wg.Wait()
		netiotest.Shutdown(t, e)
		noFrames(t, fs)
	})
}

// Pausing after each line, from OnTLS on: order is kept although records are
// opened ahead.
func TestTLSPause(t *testing.T) {
	forEachVersion(t, func(t *testing.T, cfg netio.Config, server, client *tls.Config) {
		e := netiotest.Engine(t, cfg)
		fs := &netiotest.Frames{T: t}
		pause := func(c *netio.Conn) {
			c.Pause()
			go c.Resume()
		}
		addr := netiotest.Serve(t, e, func(c *netio.Conn) netio.Handler {
			c.StartTLS(server, 0)
			return &netiotest.Funcs{
				TLS: func(c *netio.Conn, _ *tls.ConnectionState, _ error) { pause(c) },
				Data: func(c *netio.Conn, b []byte) int {
					n := bytes.IndexByte(b, '\n') + 1
					if n > 0 {
						c.Send(fs.New(b[:n]))
						pause(c)
					}
					return n
				},
			}
		})
		p := netiotest.Dial(t, addr)
		p.Conn = &corked{Conn: p.Conn}
		conn := p.StartTLS(client)
		var want strings.Builder
		for i := range 50 {
			line := fmt.Sprintf("line %d\n", i)
			want.WriteString(line)
			p.Say(line)
		}
		conn.CloseWrite()
		p.Hear(want.String())
		p.HearEnd()
	})
}

func TestClientCertificate(t *testing.T) {
	for _, way := range tlsWays {
		t.Run(way.name, func(t *testing.T) {
			server, client := netiotest.Certificates(t)
			client.MaxVersion = way.version
			server.ClientAuth = tls.RequireAndVerifyClientCert
			e := netiotest.Engine(t, netio.Config{LibraryRecords: way.library})
			states := make(chan *tls.ConnectionState, 1)
			addr := netiotest.Serve(t, e, func(c *netio.Conn) netio.Handler {
				c.StartTLS(server, 0)
				return &netiotest.Funcs{TLS: func(_ *netio.Conn, st *tls.ConnectionState, _ error) { states <- st }}
			})
			netiotest.Dial(t, addr).StartTLS(client)
			if st := netiotest.Await(t, states); st == nil || len(st.VerifiedChains) == 0 {
				t.Error("no verified chain")
			}
			// Without one the client gets the alert, not just an end.
			client.Certificates = nil
			conn := tls.Client(netiotest.Dial(t, addr), client)
			conn.Handshake() // TLS 1.3 clients notice later
			_, err := conn.Read(make([]byte, 1))
			var alert *net.OpError
			if !errors.As(err, &alert) || !strings.Contains(err.Error(), "certificate required") && !strings.Contains(err.Error(), "handshake failure") {
				t.Errorf("the client saw %v", err)
			}
			if st := netiotest.Await(t, states); st != nil {
				t.Error("handshake without a certificate")
			}
		})
	}
}

// Callbacks in tls.Config see the addresses, and may panic.
func TestTLSCallbacks(t *testing.T) { forEachWay(t, testTLSCallbacks) }

func testTLSCallbacks(t *testing.T, cfg netio.Config) {
	server, client := netiotest.Certificates(t)
	cfg.Log = discardLog
	e := netiotest.Engine(t, cfg)
	remote := make(chan string, 1)
	server.GetConfigForClient = func(hi *tls.ClientHelloInfo) (*tls.Config, error) {
		if hi.ServerName != netiotest.Name {
			panic("who?")
		}
		remote <- hi.Conn.RemoteAddr().String()
		return nil, nil
	}
	closed := make(chan error, 1)
	addr := netiotest.Serve(t, e, func(c *netio.Conn) netio.Handler {
		c.StartTLS(server, 0)
		return &netiotest.Funcs{Close: func(_ *netio.Conn, err error) { closed <- err }}
	})
	p := netiotest.Dial(t, addr)
	p.StartTLS(client)
	if s := netiotest.Await(t, remote); s != p.LocalAddr().String() {
		t.Errorf("remote address %s", s)
	}
	p.Close()
	netiotest.Await(t, closed)
	client.ServerName, client.InsecureSkipVerify = "other.test", true
	p = netiotest.Dial(t, addr)
	if err := tls.Client(p, client).Handshake(); err == nil {
		t.Error("handshake after a panic")
	}
	p.Close()
	var pe *netio.PanicError
	if err := netiotest.Await(t, closed); !errors.As(err, &pe) {
		t.Errorf("OnClose: %v", err)
	}
}

// Garbage instead of a record: an alert for the peer, an error for the owner.
func TestBadRecord(t *testing.T) { forEachWay(t, testBadRecord) }

func testBadRecord(t *testing.T, cfg netio.Config) {
	server, client := netiotest.Certificates(t)
	e := netiotest.Engine(t, cfg)
	closed := make(chan error, 1)
	addr := netiotest.Serve(t, e, func(c *netio.Conn) netio.Handler {
		c.StartTLS(server, 0)
		return &netiotest.Funcs{Close: func(_ *netio.Conn, err error) { closed <- err }}
	})
	p := netiotest.Dial(t, addr)
	raw := p.Conn
	conn := p.StartTLS(client)
	io.WriteString(raw, "\x17\x03\x03\x00\x20"+strings.Repeat("x", 32))
	if _, err := conn.Read(make([]byte, 1)); err == nil || !strings.Contains(err.Error(), "bad record MAC") {
		t.Errorf("the client saw %v", err)
	}
	p.Close()
	raw.Close()
	if err := netiotest.Await(t, closed); err == nil || !strings.HasPrefix(err.Error(), "TLS: ") {
		t.Errorf("OnClose: %v", err)
	}
}

// StartTLS without a configuration, or twice, is the caller's fault and ends
// the Conn.
func TestStartTLSMisuse(t *testing.T) { forEachWay(t, testStartTLSMisuse) }

func testStartTLSMisuse(t *testing.T, cfg netio.Config) {
	server, client := netiotest.Certificates(t)
	e := netiotest.Engine(t, cfg)
	closed := make(chan error, 1)
	for _, cfgs := range [][]*tls.Config{{nil}, {server, server}} {
		addr := netiotest.Serve(t, e, func(c *netio.Conn) netio.Handler {
			for _, cfg := range cfgs {
				c.StartTLS(cfg, 0)
			}
			return &netiotest.Funcs{Close: func(_ *netio.Conn, err error) { closed <- err }}
		})
		if conn, err := tls.Dial("tcp", addr.String(), client); err == nil {
			t.Error("connected")
			conn.Close()
		}
		if err := netiotest.Await(t, closed); err == nil {
			t.Error("no error")
		}
	}
}

// A TLS peer that does not read is cut like any other.
func TestTLSSlowReader(t *testing.T) { forEachWay(t, testTLSSlowReader) }

func testTLSSlowReader(t *testing.T, cfg netio.Config) {
	server, client := netiotest.Certificates(t)
	cfg.LingerTimeout = 20 * time.Millisecond
	cfg.Tick = time.Millisecond
	e := netiotest.Engine(t, cfg)
	fs := &netiotest.Frames{T: t}
	conns, closed := make(chan *netio.Conn, 1), make(chan error, 1)
	ls := netiotest.Listen(t, e, netio.ListenOptions{SendLimit: 100000, SendBuffer: 8192}, func(c *netio.Conn) netio.Handler {
		c.StartTLS(server, 0)
		return &netiotest.Funcs{
			TLS:   func(c *netio.Conn, _ *tls.ConnectionState, _ error) { conns <- c },
			Close: func(_ *netio.Conn, err error) { closed <- err },
		}
	})
	p := netiotest.Dial(t, ls.Addr())
	p.StartTLS(client)
	c := netiotest.Await(t, conns)
	for c.Send(fs.New(make([]byte, 1000))) {
	}
	if err := netiotest.Await(t, closed); err != netio.ErrOverflow {
		t.Errorf("OnClose: %v", err)
	}
	netiotest.Shutdown(t, e)
	noFrames(t, fs)
}
