package netio_test

import (
	"crypto/tls"
	"io"
	"net"
	"testing"

	"golang.org/x/sys/unix"

	"roost/netio"
	"roost/netio/netiotest"
	"roost/netio/record"
)

// A benchWay is what the bytes of a benchmark are wrapped in.
type benchWay struct {
	name           string
	cfg            netio.Config
	server, client *tls.Config // nil: plain text
}

var benchWays = []benchWay{
	{name: "plain"},
	{name: "TLS", server: &tls.Config{}, client: &tls.Config{}},
	{name: "TLS library", server: &tls.Config{}, client: &tls.Config{}, cfg: netio.Config{LibraryRecords: true}},
}

// benchCertificates are for all benchmarks of a run.
func (w *benchWay) certify(b testing.TB) {
	if w.server != nil && w.server.Certificates == nil {
		server, client := netiotest.Certificates(b)
		w.server, w.client = server, client
	}
}

// start begins the server's handshake.
func (w benchWay) start(b testing.TB, c *netio.Conn) {
	if w.server != nil {
		c.StartTLS(w.server, 0)
	}
}

// shake does the swarm's handshakes.
func (w benchWay) shake(b testing.TB, s *swarm) {
	if w.server == nil {
		return
	}
	for _, fd := range s.fds {
		s.ends = append(s.ends, newBareEnd(b, fd, w.client))
	}
}

// A bareEnd is a client that does as little as it can.
type bareEnd struct {
	rec  record.State
	part []byte
	buf  []byte
}

// A recordConn hands out one record at a time, so that nothing behind the
// handshake is read.
type recordConn struct {
	net.Conn
	left int
	head []byte
}

func (c *recordConn) Read(p []byte) (int, error) {
	if len(c.head) == 0 && c.left == 0 {
		c.head = make([]byte, record.HeaderLen)
		if _, err := io.ReadFull(c.Conn, c.head); err != nil {
			return 0, err
		}
		c.left = int(c.head[3])<<8 | int(c.head[4])
	}
	if len(c.head) > 0 {
		n := copy(p, c.head)
		c.head = c.head[n:]
		return n, nil
	}
	n, err := c.Conn.Read(p[:min(len(p), c.left)])
	c.left -= n
	return n, err
}

func newBareEnd(t testing.TB, fd int, cfg *tls.Config) *bareEnd {
	t.Helper()
	conn, client, server := bareSecrets(t, &recordConn{Conn: socketConn(fd)}, cfg)
	rec, err := record.New(conn.ConnectionState().CipherSuite, true, client, server)
	if err != nil {
		t.Fatal(err)
	}
	return &bareEnd{rec: rec, buf: make([]byte, record.HeaderLen, 1<<14)}
}

func (e *bareEnd) write(fd int, p []byte) error {
	_, err := unix.Write(fd, e.rec.Seal(append(e.buf[:record.HeaderLen], p...)))
	return err
}

// open returns how many bytes of data b has.
func (e *bareEnd) open(b []byte) (int, error) {
	sum := 0
	e.part = append(e.part, b...)
	for b = e.part; ; {
		n, err := record.Size(b)
		if err != nil {
			return sum, err
		}
		if n == 0 || n > len(b) {
			e.part = append(e.part[:0], b...)
			return sum, nil
		}
		data, err := e.rec.Open(b[:n])
		if err != nil {
			return sum, err
		}
		sum += len(data)
		b = b[n:]
	}
}

// BenchmarkHandshake is TLS 1.3 with ECDSA P-256, whole or resumed; the clients'
// half is in it.
func BenchmarkHandshake(b *testing.B) {
	for _, way := range benchWays[1:] {
		for _, resumed := range []bool{false, true} {
			name := way.name + "/whole"
			if resumed {
				name = way.name + "/resumed"
			}
			b.Run(name, func(b *testing.B) { benchHandshake(b, way, resumed) })
		}
	}
}

func benchHandshake(b *testing.B, way benchWay, resumed bool) {
	way.certify(b)
	e := benchEngine(b, way.cfg)
	ls := netiotest.Listen(b, e, netio.ListenOptions{Backlog: 4096, NoDelay: true}, func(c *netio.Conn) netio.Handler {
		way.start(b, c)
		return &netiotest.Funcs{TLS: func(c *netio.Conn, st *tls.ConnectionState, err error) {
			if err == nil {
				c.Send(netiotest.Text("x"))
			}
		}}
	})
	client := way.client.Clone()
	client.Certificates = nil
	if resumed {
		client.ClientSessionCache = tls.NewLRUClientSessionCache(1)
	}
	measure(b, func() {
		buf := make([]byte, 1)
		for i := range b.N {
			conn, err := tls.Dial("tcp", ls.Addr().String(), client)
			if err != nil {
				b.Fatal(err)
			}
			if _, err := io.ReadFull(conn, buf); err != nil { // the ticket comes before it
				b.Fatal(err)
			}
			if conn.ConnectionState().DidResume != (resumed && i > 0) {
				b.Fatal("resumed, or not")
			}
			conn.NetConn().(*net.TCPConn).SetLinger(0)
			conn.NetConn().Close()
		}
	})
}
