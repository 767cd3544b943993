package netio_test

import (
	"bytes"
	"crypto/tls"
	"io"
	"strings"
	"sync"
	"testing"
	"time"

	"roost/netio"
	"roost/netio/netiotest"
)

// tickets are the ways on which a configuration may have its session tickets
// made.
var tickets = map[string]func(cfg *tls.Config) *tls.Config{
	"own keys": func(cfg *tls.Config) *tls.Config { return cfg },
	"keys set": func(cfg *tls.Config) *tls.Config {
		cfg.SetSessionTicketKeys([][32]byte{{1}, {2}})
		return cfg
	},
	"keys outside": served,
	"keys of the outer": func(cfg *tls.Config) *tls.Config {
		return &tls.Config{GetConfigForClient: func(*tls.ClientHelloInfo) (*tls.Config, error) { return cfg, nil }}
	},
	"nothing chosen": func(cfg *tls.Config) *tls.Config {
		cfg.GetConfigForClient = func(*tls.ClientHelloInfo) (*tls.Config, error) { return nil, nil }
		return cfg
	},
}

// served returns cfg as a server that follows its configuration hands it out: what
// answers handshakes comes from GetConfigForClient, the ticket keys from outside.
func served(cfg *tls.Config) *tls.Config {
	outer := &tls.Config{}
	cfg.WrapSession, cfg.UnwrapSession = outer.EncryptTicket, outer.DecryptTicket
	outer.GetConfigForClient = func(*tls.ClientHelloInfo) (*tls.Config, error) { return cfg, nil }
	return outer
}

// A client that comes back resumes its session, however tickets are made; with a
// certificate of its own, too, when the ticket comes behind the client's
// Finished.
func TestResumption(t *testing.T) {
	for _, way := range tlsWays {
		for name, outer := range tickets {
			for _, auth := range []tls.ClientAuthType{tls.NoClientCert, tls.RequireAndVerifyClientCert} {
				t.Run(strings.Join([]string{way.name, name, auth.String()}, ","), func(t *testing.T) {
					server, client := netiotest.Certificates(t)
					client.MaxVersion = way.version
					client.ClientSessionCache = tls.NewLRUClientSessionCache(1)
					server.ClientAuth = auth
					testResumption(t, netio.Config{LibraryRecords: way.library}, outer(server), client, auth != tls.NoClientCert)
				})
			}
		}
	}
}

func testResumption(t *testing.T, cfg netio.Config, server, client *tls.Config, certs bool) {
	fs := &netiotest.Frames{T: t}
	states := make(chan *tls.ConnectionState, 1)
	e := netiotest.Engine(t, cfg)
	addr := netiotest.Serve(t, e, func(c *netio.Conn) netio.Handler {
		c.StartTLS(server, 0)
		h := lines(fs)(c).(*netiotest.Funcs)
		h.TLS = func(_ *netio.Conn, st *tls.ConnectionState, _ error) { states <- st }
		return h
	})
	for i := range 3 {
		p := netiotest.Dial(t, addr)
		conn := p.StartTLS(client)
		p.Say("hello\n")
		p.Hear("hello\n")
		p.CloseWrite()
		p.HearEnd()
		st := netiotest.Await(t, states)
		if st == nil || st.DidResume != (i > 0) || conn.ConnectionState().DidResume != st.DidResume {
			t.Fatalf("connection %d: %+v", i, st)
		}
		if n := len(st.PeerCertificates); (n > 0) != certs {
			t.Errorf("connection %d: %d certificates", i, n)
		}
	}
}

// A configuration that logs its keys goes on doing so.
func TestKeyLogWriter(t *testing.T) {
	server, client := netiotest.Certificates(t)
	var mu sync.Mutex
	var keys, theirs bytes.Buffer
	server.KeyLogWriter = lockedWriter{&mu, &keys}
	client.KeyLogWriter = &theirs
	e := netiotest.Engine(t, netio.Config{})
	addr := netiotest.Serve(t, e, func(c *netio.Conn) netio.Handler {
		c.StartTLS(server, 0)
		return &netiotest.Funcs{}
	})
	netiotest.Dial(t, addr).StartTLS(client)
	mu.Lock()
	defer mu.Unlock()
	if keys.Len() == 0 || keys.String() != theirs.String() {
		t.Errorf("logged %q, the client %q", keys.String(), theirs.String())
	}
}

type lockedWriter struct {
	mu *sync.Mutex
	w  io.Writer
}

func (w lockedWriter) Write(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.w.Write(p)
}

// A client of ours against crypto/tls's server, which sends its tickets and its
// first words at once, and asks for a certificate or not.
func TestClientTakesOver(t *testing.T) {
	forEachVersion(t, func(t *testing.T, cfg netio.Config, server, client *tls.Config) {
		for _, auth := range []tls.ClientAuthType{tls.NoClientCert, tls.RequireAndVerifyClientCert} {
			server = server.Clone()
			server.ClientAuth = auth
			ln, err := tls.Listen("tcp", "127.0.0.1:0", server)
			if err != nil {
				t.Fatal(err)
			}
			defer ln.Close()
			heard := make(chan string, 1)
			go func() {
				conn, err := ln.Accept()
				if err != nil {
					return
				}
				defer conn.Close()
				conn.SetDeadline(time.Now().Add(netiotest.Patience))
				io.WriteString(conn, "first words")
				b, _ := io.ReadAll(conn)
				heard <- string(b)
			}()
			e := netiotest.Engine(t, cfg)
			fs := &netiotest.Frames{T: t}
			ends := make(chan error, 1)
			var got []byte
			err = e.Dial(addrOf(t, ln.Addr()), netio.DialOptions{}, func(c *netio.Conn, err error) netio.Handler {
				c.StartTLSClient(client, 0)
				c.Send(fs.New([]byte("hello")))
				return &netiotest.Funcs{
					Data: func(c *netio.Conn, b []byte) int {
						if got = append(got, b...); string(got) == "first words" {
							c.SendLast(fs.New([]byte(", and goodbye")))
						}
						return len(b)
					},
					Close: func(_ *netio.Conn, err error) { ends <- err },
				}
			})
			if err != nil {
				t.Fatal(err)
			}
			if s := netiotest.Await(t, heard); s != "hello, and goodbye" {
				t.Errorf("the server heard %q", s)
			}
			if err := netiotest.Await(t, ends); err != nil {
				t.Errorf("OnClose: %v", err)
			}
			netiotest.Shutdown(t, e)
			noFrames(t, fs)
		}
	})
}
