package netio_test

import (
	"io"
	"runtime"
	"testing"
	"time"

	"roost/netio"
	"roost/netio/netiotest"
)

// crowded starts a server with a limit of 100 000 bytes and fills the queue of one peer beyond its half,
// in frames of 1000 bytes.
func crowded(t *testing.T, cfg netio.Config, fs *netiotest.Frames) (*netio.Engine, *netio.Conn, *netiotest.Peer) {
	t.Helper()
	e := netiotest.Engine(t, cfg)
	conns := make(chan *netio.Conn, 1)
	ls := netiotest.Listen(t, e, netio.ListenOptions{SendLimit: 100000, SendBuffer: 4096}, func(c *netio.Conn) netio.Handler {
		conns <- c
		return &netiotest.Funcs{}
	})
	p := netiotest.DialDeaf(t, ls.Addr())
	c := netiotest.Await(t, conns)
	if c.Crowds() || c.AwaitRoom(func() { t.Error("called") }) {
		t.Error("crowded from the start")
	}
	for !c.Crowds() {
		if !c.Send(fs.New(make([]byte, 1000))) {
			t.Fatal("over the limit, and not crowded")
		}
	}
	if n := e.Stats().Crowded; n != 1 {
		t.Errorf("%d crowded", n)
	}
	return e, c, p
}

// TestAwaitRoom: who waits is called once when a quarter of the limit is left, and then nobody waits.
func TestAwaitRoom(t *testing.T) {
	fs := &netiotest.Frames{T: t}
	e, c, p := crowded(t, netio.Config{Tick: 100 * time.Millisecond}, fs)
	room := make(chan bool, 10)
	for range 3 {
		if !c.AwaitRoom(func() { room <- true }) {
			t.Fatal("nobody waits")
		}
	}
	select {
	case <-room:
		t.Error("called at once")
	default:
	}
	go io.Copy(io.Discard, p)
	for range 3 {
		netiotest.Await(t, room)
	}
	if c.AwaitRoom(func() { room <- true }) || e.Stats().Crowded != 0 {
		t.Error("still crowded")
	}
	p.Close()
	netiotest.Shutdown(t, e)
	if len(room) != 0 {
		t.Error("called twice")
	}
	noFrames(t, fs)
}

// TestDeafCrowd: patience has an end, and so has the Conn.
func TestDeafCrowd(t *testing.T) {
	fs := &netiotest.Frames{T: t}
	e, c, p := crowded(t, netio.Config{}, fs)
	called := make(chan bool, 1)
	if !c.AwaitRoom(func() { called <- true }) {
		t.Fatal("nobody waits")
	}
	start := time.Now()
	for c.AwaitRoom(func() {}) { // each call is one who waits
		time.Sleep(10 * time.Millisecond)
	}
	if took := time.Since(start); took < 900*time.Millisecond {
		t.Errorf("patience lasted %v", took)
	}
	c.Abort(nil)
	netiotest.Await(t, called)
	p.Close()
	for e.Stats().Crowded != 0 {
		runtime.Gosched()
	}
	netiotest.Shutdown(t, e)
	noFrames(t, fs)
}
