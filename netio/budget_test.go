//go:build !race

package netio_test

import (
	"crypto/tls"
	"flag"
	"io"
	"os"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"roost/netio"
	"roost/netio/netiotest"
)

// A message costs no allocation, in plain text, whatever its way.
func TestAllocations(t *testing.T) {
	pool := newFrames()
	e := netiotest.Engine(t, netio.Config{Loops: 1})
	addr := netiotest.Serve(t, e, func(*netio.Conn) netio.Handler {
		return &netiotest.Funcs{Data: func(c *netio.Conn, b []byte) int {
			if len(b) < 2 {
				return 0 // the first byte is kept, and its buffer given back
			}
			c.SetTimer(1 << 30)
			c.Send(frameOf(pool, b[:1]))
			c.Send(frameOf(pool, b[1:]))
			return len(b)
		}}
	})
	s := newSwarm(t, addr, 1)
	buf := make([]byte, 100)
	n := testing.AllocsPerRun(1000, func() {
		unix.Write(s.fds[0], []byte("a"))
		unix.Write(s.fds[0], []byte("bcdef"))
		for got := 0; got < 6; {
			m, err := unix.Read(s.fds[0], buf)
			if err != nil || m == 0 {
				t.Fatal(m, err)
			}
			got += m
		}
	})
	if n > 0 {
		t.Errorf("%v allocations per message, want none", n)
	}
}

// A TLS echo costs one allocation, in the client, which runs in this process:
// crypto/tls allocates a small reader for each look at the transport (conn.go,
// readFromUntil), two more where it has the server's records and has to look until
// there is nothing. Ours is none.
func TestAllocationsTLS(t *testing.T) {
	for _, way := range tlsWays {
		t.Run(way.name, func(t *testing.T) { testAllocationsTLS(t, way.version, way.library) })
	}
}

func testAllocationsTLS(t *testing.T, version uint16, library bool) {
	want := 1.0
	if library || version == tls.VersionTLS12 {
		want = 3
	}
	server, client := netiotest.Certificates(t)
	client.MaxVersion = version
	pool := newFrames()
	e := netiotest.Engine(t, netio.Config{Loops: 1, LibraryRecords: library})
	addr := netiotest.Serve(t, e, func(c *netio.Conn) netio.Handler {
		c.StartTLS(server, 0)
		return &netiotest.Funcs{Data: func(c *netio.Conn, b []byte) int {
			c.Send(frameOf(pool, b))
			return len(b)
		}}
	})
	p := netiotest.Dial(t, addr)
	conn := p.StartTLS(client)
	msg := make([]byte, benchMessage)
	n := testing.AllocsPerRun(1000, func() {
		if _, err := conn.Write(msg); err != nil {
			t.Fatal(err)
		}
		if _, err := io.ReadFull(conn, msg); err != nil {
			t.Fatal(err)
		}
	})
	if n > want {
		t.Errorf("%v allocations per echo, want at most %v", n, want)
	}
}

// An idle connection owns a Conn, a slot in the table, and its Handler.
func TestIdleMemory(t *testing.T) {
	const conns = 3000 // both ends live in this process
	e := netiotest.Engine(t, netio.Config{})
	h := &netiotest.Funcs{Data: func(c *netio.Conn, p []byte) int { c.Send(netiotest.Text(p)); return len(p) }}
	ls := netiotest.Listen(t, e, netio.ListenOptions{Backlog: 4096}, func(*netio.Conn) netio.Handler { return h })
	exchange := func(n int) {
		buf := make([]byte, benchMessage)
		for _, fd := range newSwarm(t, ls.Addr(), n).fds {
			unix.Write(fd, buf)
			if m, err := unix.Read(fd, buf); m == 0 || err != nil {
				t.Fatal(m, err)
			}
		}
	}
	exchange(500)
	heap, rss := memory(t)
	exchange(conns)
	heap2, rss2 := memory(t)
	per := float64(heap2-heap) / conns
	if per > 200 {
		t.Errorf("%.0f bytes of heap per idle connection, want at most 200", per)
	}
	if n := netio.Buffers(e); n != 0 {
		t.Errorf("%d buffers in use", n)
	}
	t.Logf("heap %.0f B, resident %.0f B per idle connection", per, float64(rss2-rss)/conns)
}

// idleConns is for measuring: few connections make a noisy slope.
var idleConns = flag.Int("idle", 300, "connections of TestIdleMemoryTLS")

// An idle TLS connection keeps secrets and sequence numbers. Where crypto/tls has
// the records, most is its affair: ciphers, and buffers that it never gives back.
func TestIdleMemoryTLS(t *testing.T) {
	for _, way := range tlsWays {
		t.Run(way.name, func(t *testing.T) {
			limit := 9000.0
			if way.version == tls.VersionTLS13 && !way.library {
				limit = 450
			}
			testIdleMemoryTLS(t, way.version, way.library, limit)
		})
	}
}

func testIdleMemoryTLS(t *testing.T, version uint16, library bool, limit float64) {
	server, client := netiotest.Certificates(t)
	server = served(server)
	client.MinVersion, client.MaxVersion = version, version
	e := netiotest.Engine(t, netio.Config{LibraryRecords: library})
	h := &netiotest.Funcs{Data: func(c *netio.Conn, p []byte) int { c.Send(netiotest.Text(p)); return len(p) }}
	ls := netiotest.Listen(t, e, netio.ListenOptions{Backlog: 4096, Park: time.Millisecond}, func(c *netio.Conn) netio.Handler {
		c.StartTLS(server, 0)
		return h
	})
	exchange := func(n int) {
		buf := make([]byte, benchMessage)
		for _, fd := range newSwarm(t, ls.Addr(), n).fds {
			conn := tls.Client(socketConn(fd), client)
			if _, err := conn.Write(buf); err != nil {
				t.Fatal(err)
			}
			if _, err := io.ReadFull(conn, buf); err != nil {
				t.Fatal(err)
			}
		}
		for netio.Hot(e) > 0 {
			time.Sleep(time.Millisecond)
		}
	}
	exchange(50)
	heap, rss := memory(t)
	conns := *idleConns
	exchange(conns)
	heap2, rss2 := memory(t)
	per := float64(heap2-heap) / float64(conns)
	if per > limit {
		t.Errorf("%.0f bytes of heap per idle connection, want at most %.0f", per, limit)
	}
	if n := netio.Buffers(e); n != 0 {
		t.Errorf("%d buffers in use", n)
	}
	t.Logf("heap %.0f B, resident %.0f B per idle connection", per, float64(rss2-rss)/float64(conns))
}

// memory returns the live heap and the resident memory, in bytes.
func memory(t testing.TB) (heap, rss int64) {
	t.Helper()
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	statm, err := os.ReadFile("/proc/self/statm")
	if err != nil {
		t.Fatal(err)
	}
	pages, err := strconv.ParseInt(strings.Fields(string(statm))[1], 10, 64)
	if err != nil {
		t.Fatal(err)
	}
	return int64(m.HeapAlloc), pages * int64(os.Getpagesize())
}
