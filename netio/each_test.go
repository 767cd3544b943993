package netio_test

import (
	"sync/atomic"
	"testing"

	"roost/netio"
	"roost/netio/netiotest"
)

// TestEach says good-bye to every connection in front of a Shutdown.
func TestEach(t *testing.T) {
	e := netiotest.Engine(t, netio.Config{Loops: 2})
	type named struct {
		netiotest.Funcs
		name string
	}
	var count atomic.Int32
	addr := netiotest.Serve(t, e, func(c *netio.Conn) netio.Handler {
		c.Send(netiotest.Text("hello "))
		count.Add(1)
		return &named{name: "bye"}
	})
	var peers []*netiotest.Peer
	for range 9 {
		p := netiotest.Dial(t, addr)
		p.Hear("hello ")
		peers = append(peers, p)
	}
	var seen atomic.Int32
	e.Each(func(c *netio.Conn, h netio.Handler) {
		if seen.Add(1) == 9 {
			defer panic("the last one fails")
		}
		c.Post(func() { c.SendLast(netiotest.Text(h.(*named).name)) })
	})
	if seen.Load() != 9 {
		t.Errorf("Each visited %d connections, want 9", seen.Load())
	}
	go netiotest.Shutdown(t, e)
	byes := 0
	for _, p := range peers {
		b := make([]byte, 3)
		if n, _ := p.Read(b); string(b[:n]) == "bye" {
			byes++
		}
		p.Close()
	}
	if byes != 8 {
		t.Errorf("%d of 8 heard the good-bye", byes)
	}
	netiotest.Shutdown(t, e)
	e.Each(func(*netio.Conn, netio.Handler) { t.Error("Each found a connection after Shutdown") })
}
