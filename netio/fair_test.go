package netio_test

import (
	"io"
	"net"
	"testing"
	"time"

	"roost/netio"
	"roost/netio/netiotest"
)

// TestDeafAmongMany: frames go round 1000 receivers, of which every tenth never reads and has a queue
// that only grows. The others get theirs no later than before: a loop waits for nobody.
func TestDeafAmongMany(t *testing.T) {
	const peers, rounds = 1000, 20
	e := netiotest.Engine(t, netio.Config{Loops: 2})
	fs := &netiotest.Frames{T: t}
	conns := make(chan *netio.Conn, peers)
	ls := netiotest.Listen(t, e, netio.ListenOptions{Backlog: peers, SendBuffer: 4096, SendLimit: 4 << 20}, func(c *netio.Conn) netio.Handler {
		conns <- c
		return &netiotest.Funcs{}
	})
	var to []*netio.Conn
	var socks []net.Conn
	for range peers {
		conn, err := net.Dial("tcp", ls.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		conn.SetDeadline(time.Now().Add(netiotest.Patience))
		socks, to = append(socks, conn), append(to, netiotest.Await(t, conns))
	}
	deaf := func(i int) bool { return i%10 == 0 }
	// One round takes until every reader has its 300 bytes.
	round := func() time.Duration {
		start := time.Now()
		f := make([]byte, 300)
		for _, c := range to {
			if !c.Send(fs.New(f)) {
				t.Fatal("over the limit")
			}
		}
		b := make([]byte, len(f))
		for i, s := range socks {
			if deaf(i) {
				continue
			}
			if _, err := io.ReadFull(s, b); err != nil {
				t.Fatal(err)
			}
		}
		return time.Since(start)
	}
	fastest := func() time.Duration {
		best := time.Hour
		for range rounds {
			best = min(best, round())
		}
		return best
	}
	before := fastest()
	for big := make([]byte, 64<<10); e.Stats().Crowded < peers/10; { // now the deaf are deaf: more than half of the limit waits
		for i, c := range to {
			if deaf(i) {
				c.Send(fs.New(big))
			}
		}
	}
	after := fastest()
	t.Logf("a round of %d takes %v, and %v beside %d that are deaf", peers, before, after, peers/10)
	if after > 3*before+10*time.Millisecond {
		t.Errorf("a round of %d takes %v beside the deaf, %v without them", peers, after, before)
	}
	if e.Stats().Overflows != 0 {
		t.Error("one was cut")
	}
	for _, s := range socks {
		s.Close()
	}
	netiotest.Shutdown(t, e)
	noFrames(t, fs)
}
