//go:build !race

package load

import (
	"context"
	"fmt"
	"runtime"
	"testing"

	"roost/bench/benchtest"
	"roost/bench/measure"
)

// TestSessionBudget: what the Engine keeps for each session, before TLS, is far below 2 KB.
func TestSessionBudget(t *testing.T) {
	const n = 200_000
	srv := new(benchtest.Server)
	srv.Start(t)
	before := heap()
	e, _ := engine(t, srv, fmt.Sprintf("users: %d\nroster: { online: 0.01 }\nphases: [ { kind: ramp } ]\n", n))
	per := float64(heap()-before) / n
	runtime.KeepAlive(e)
	e.Close()
	if per > 400 {
		t.Errorf("%.0f bytes for each session, want at most 400", per)
	}
}

func heap() int64 {
	var m runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

// TestMessageBudget: a message from sender to receiver allocates nothing once its flow is there.
func TestMessageBudget(t *testing.T) {
	srv := new(benchtest.Server)
	srv.Start(t)
	e, sc := engine(t, srv, "users: 2\nlogin: { tls: none }\nphases: [ { kind: ramp } ]\n")
	defer e.Close()
	if _, err := e.Run(context.Background(), sc.Segments()[0], nil); err != nil {
		t.Fatal(err)
	}
	e.seg = measure.NewSegment(nil)
	e.seg.Record(measure.Message, 1, 1) // its histograms are made
	in := make([]byte, 0, 1024)
	send := func() {
		e.message(0, 1, 100, 0, -1, false)
		b := e.sess[0].out
		// What comes is what was sent, with an address in front.
		in = append(append(in[:0], "<message from='u0@localhost/rb-a'"...), b[len("<message"):]...)
		e.sess[0].out, e.sess[0].queued, e.dirty = b[:0], false, e.dirty[:0]
		e.take(1, in)
	}
	send()
	if n := testing.AllocsPerRun(200, send); n > 0 {
		t.Errorf("%v allocations for a message, want none", n)
	}
	if a := e.seg.Account[measure.Messages]; a.Delivered != a.Sent || a.Sent < 200 {
		t.Errorf("%+v", a)
	}
}
