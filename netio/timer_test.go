package netio_test

import (
	"fmt"
	"testing"
	"time"

	"roost/netio"
	"roost/netio/netiotest"
)

// A timer fires once, not before its time, and can be moved and stopped.
func TestTimer(t *testing.T) {
	e := netiotest.Engine(t, netio.Config{Tick: time.Millisecond})
	fired := make(chan time.Time, 10)
	conns := make(chan *netio.Conn, 1)
	addr := netiotest.Serve(t, e, func(c *netio.Conn) netio.Handler {
		conns <- c
		return &netiotest.Funcs{Timer: func(*netio.Conn) { fired <- time.Now() }}
	})
	netiotest.Dial(t, addr)
	c := netiotest.Await(t, conns)
	for _, tt := range []struct {
		name string
		set  []time.Duration
		want time.Duration // 0: never
	}{
		{"shortest", []time.Duration{1}, 1},
		{"one", []time.Duration{30 * time.Millisecond}, 30 * time.Millisecond},
		{"later", []time.Duration{time.Millisecond, 60 * time.Millisecond}, 60 * time.Millisecond},
		{"sooner", []time.Duration{time.Hour, 20 * time.Millisecond}, 20 * time.Millisecond},
		{"stopped and set", []time.Duration{time.Millisecond, 0, 20 * time.Millisecond}, 20 * time.Millisecond},
		{"beyond a round of the wheel", []time.Duration{300 * time.Millisecond}, 300 * time.Millisecond},
		{"for ever", []time.Duration{1<<63 - 1, 10 * time.Millisecond}, 10 * time.Millisecond},
	} {
		start := make(chan time.Time, 1)
		c.Post(func() {
			start <- time.Now()
			for _, d := range tt.set {
				c.SetTimer(d)
			}
		})
		began := netiotest.Await(t, start)
		if d := netiotest.Await(t, fired).Sub(began); d < tt.want {
			t.Errorf("%s: fired after %v", tt.name, d)
		}
	}
	// A stopped one stays silent while another Conn's fires twice.
	c.Post(func() { c.SetTimer(1); c.SetTimer(0) })
	other := make(chan bool, 1)
	addr = netiotest.Serve(t, e, func(c *netio.Conn) netio.Handler {
		c.SetTimer(20 * time.Millisecond)
		return &netiotest.Funcs{Timer: func(c *netio.Conn) {
			c.SetTimer(20 * time.Millisecond)
			select {
			case other <- true:
			default:
			}
		}}
	})
	netiotest.Dial(t, addr)
	netiotest.Await(t, other)
	netiotest.Await(t, other)
	select {
	case <-fired:
		t.Error("a stopped timer has fired")
	default:
	}
}

// Timers still work after the clock has stopped for want of them.
func TestTimerAgain(t *testing.T) {
	e := netiotest.Engine(t, netio.Config{Loops: 1, Tick: time.Millisecond})
	fired := make(chan bool)
	addr := netiotest.Serve(t, e, func(c *netio.Conn) netio.Handler {
		return &netiotest.Funcs{
			Data:  func(c *netio.Conn, b []byte) int { c.SetTimer(time.Millisecond); return len(b) },
			Timer: func(c *netio.Conn) { fired <- true },
		}
	})
	p := netiotest.Dial(t, addr)
	for range 5 {
		p.Say("x")
		netiotest.Await(t, fired)
	}
}

// The default tick is a second.
func TestTimerDefaultTick(t *testing.T) {
	e := netiotest.Engine(t, netio.Config{Tick: time.Second})
	fired := make(chan string, 1)
	start := time.Now()
	addr := netiotest.Serve(t, e, func(c *netio.Conn) netio.Handler {
		c.SetTimer(10 * time.Millisecond)
		return &netiotest.Funcs{Timer: func(c *netio.Conn) { fired <- fmt.Sprint(c.IdleSeconds()) }}
	})
	netiotest.Dial(t, addr)
	if s := netiotest.Await(t, fired); s != "1" && s != "2" {
		t.Errorf("idle for %s s", s)
	}
	if d := time.Since(start); d < 10*time.Millisecond {
		t.Errorf("fired after %v", d)
	}
}
