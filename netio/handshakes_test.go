package netio_test

import (
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"sync"
	"testing"
	"time"

	"roost/netio"
	"roost/netio/netiotest"
)

// Silent peers hold no place; of those that stall after their hello the oldest makes room for the next.
func TestHandshakePlaces(t *testing.T) { forEachWay(t, testHandshakePlaces) }

func testHandshakePlaces(t *testing.T, cfg netio.Config) {
	server, client := netiotest.Certificates(t)
	cfg.Handshakes = 1
	e := netiotest.Engine(t, cfg)
	told, ends := make(chan error, 10), make(chan error, 10)
	addr := netiotest.Serve(t, e, func(c *netio.Conn) netio.Handler {
		c.StartTLS(server, time.Hour)
		return &netiotest.Funcs{TLS: func(_ *netio.Conn, _ *tls.ConnectionState, err error) { told <- err },
			Close: func(_ *netio.Conn, err error) { ends <- err }}
	})
	whole := hello(t, client)
	silent, part := netiotest.Dial(t, addr), netiotest.Dial(t, addr)
	part.Say(string(whole[:len(whole)-1]))
	netiotest.Dial(t, addr).StartTLS(client)
	if err := netiotest.Await(t, told); err != nil {
		t.Fatal(err)
	}
	stalled := netiotest.Dial(t, addr)
	stalled.Say(string(whole))
	stalled.Hear("\x16\x03\x03")
	next := netiotest.Dial(t, addr)
	next.Say(string(whole))
	for _, ch := range []chan error{told, ends} {
		if err := netiotest.Await(t, ch); !errors.Is(err, netio.ErrHandshakeDropped) {
			t.Errorf("the oldest ends with %v", err)
		}
	}
	next.Hear("\x16\x03\x03")
	netiotest.Dial(t, addr).StartTLS(client)
	if err := netiotest.Await(t, told); !errors.Is(err, netio.ErrHandshakeDropped) {
		t.Error(err)
	}
	if err := netiotest.Await(t, told); err != nil {
		t.Error(err)
	}
	if s := e.Stats(); s.HandshakesDropped != 2 || s.Secured != 2 || s.HandshakesOpen != 2 {
		t.Errorf("%+v", s)
	}
	silent.Reset()
	part.Reset()
}

// Handshakes that nothing computes for wait in a queue, and who gives up there is forgotten. A
// client that runs ahead of its handshake is not read from without bound.
func TestHandshakeRunAhead(t *testing.T) { forEachWay(t, testHandshakeRunAhead) }

func testHandshakeRunAhead(t *testing.T, cfg netio.Config) {
	server, client := netiotest.Certificates(t)
	cfg.Loops = 1
	e := netiotest.Engine(t, cfg)
	compute := make(chan bool)
	server.GetConfigForClient = func(*tls.ClientHelloInfo) (*tls.Config, error) { <-compute; return nil, nil }
	defer close(compute)
	ls := netiotest.Listen(t, e, netio.ListenOptions{RecvBuffer: 4096}, func(c *netio.Conn) netio.Handler {
		c.StartTLS(server, time.Hour)
		return &netiotest.Funcs{}
	})
	for range 20 { // more than begin
		p := netiotest.Dial(t, ls.Addr())
		p.Say(string(hello(t, client)))
		defer p.Reset()
	}
	p := netiotest.Dial(t, ls.Addr())
	p.Conn.(*net.TCPConn).SetWriteBuffer(4096)
	p.SetWriteDeadline(time.Now().Add(200 * time.Millisecond))
	sent := 0
	for chunk := hello(t, client); ; {
		n, err := p.Write(chunk)
		sent += n
		if err != nil {
			break
		}
	}
	if in := e.Stats().BytesIn; in > 32<<10+64<<10+20*2000+10000 {
		t.Errorf("%d bytes read, of %d sent", in, sent)
	}
}

// TestHandshakeAttack: peers go on beginning handshakes that they do not finish, from one address and
// from many, and honest ones log in meanwhile. Nothing is left afterwards.
func TestHandshakeAttack(t *testing.T) {
	for _, tt := range []struct {
		name  string
		from  func(i int) net.IP // the i-th attempt
		tries int                // of an honest client
	}{
		{"one address", func(int) net.IP { return net.IPv4(127, 0, 0, 2) }, 1},
		{"many addresses", func(i int) net.IP { return net.IPv4(127, 1, byte(i>>8), byte(i|1)) }, 20},
	} {
		t.Run(tt.name, func(t *testing.T) {
			v := newVictim(t, netio.Config{Loops: 2, Handshakes: 128}, time.Hour)
			if err := v.secureHello(); err != nil {
				t.Fatal(err)
			}
			v.quiet()
			check := netiotest.Floor(t)
			stop := v.attack(tt.from)
			for i := range 20 {
				err := v.secureHello()
				for n := 1; err != nil && n < tt.tries; n++ {
					err = v.secureHello()
				}
				if err != nil {
					t.Errorf("login %d: %v", i, err)
				}
			}
			stop()
			v.quiet()
			check()
			if s := v.e.Stats(); s.HandshakesDropped == 0 || s.Secured != 0 {
				t.Errorf("%+v", s)
			}
		})
	}
}

// attack begins as many handshakes as it can, after at least two for each place, until stop is called.
func (v *victim) attack(from func(i int) net.IP) (stop func()) {
	const at = 4 // once
	first := hello(v.t, v.client)
	done := make(chan bool)
	var all, full sync.WaitGroup
	for w := range at {
		full.Add(1)
		all.Go(func() {
			ready := sync.OnceFunc(full.Done)
			defer ready()
			var open []net.Conn
			defer func() {
				for _, conn := range open {
					conn.Close()
				}
			}()
			for i := w; ; i += at {
				select {
				case <-done:
					return
				default:
				}
				conn, err := v.half(from(i), first)
				if err != nil {
					v.t.Error(err)
					return
				}
				if open = append(open, conn); len(open) > 64 {
					ready()
					open[0].Close()
					open = open[1:]
				}
			}
		})
	}
	full.Wait()
	return func() { close(done); all.Wait() }
}

// half is a connection that has begun a handshake and got its first answer, or was dropped.
func (v *victim) half(from net.IP, first []byte) (net.Conn, error) {
	d := net.Dialer{Timeout: netiotest.Patience, LocalAddr: &net.TCPAddr{IP: from}}
	conn, err := d.Dial("tcp", v.addr.String())
	if err != nil {
		return nil, err
	}
	conn.SetDeadline(time.Now().Add(netiotest.Patience))
	conn.(*net.TCPConn).SetLinger(0) // no port waits for last segments
	fmt.Fprint(conn, "starttls\n")
	io.ReadFull(conn, make([]byte, len("proceed\n")))
	conn.Write(first)
	conn.Read(make([]byte, 1))
	return conn, nil
}
