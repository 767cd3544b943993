package netio

import (
	"bytes"
	"math/rand/v2"
	"testing"
	"unsafe"
)

// A wheel against a map, with random timers.
func TestWheelModel(t *testing.T) {
	for seed := range uint64(20) {
		rng := rand.New(rand.NewPCG(seed, 1))
		var w wheel
		w.now = 1
		conns := make([]Conn, 50)
		want := make(map[*Conn]uint32)
		for range 3000 {
			c := &conns[rng.IntN(len(conns))]
			switch rng.IntN(4) {
			case 0, 1:
				due := w.now + 1 + rng.Uint32N(1000)
				w.file(c, due)
				if old, ok := want[c]; !ok || due < old {
					want[c] = due
				}
			case 2:
				w.unlink(c)
				delete(want, c)
			case 3:
				now := w.now + rng.Uint32N(300)
				for _, c := range w.take(now, nil) {
					if want[c] == 0 || want[c] > now {
						t.Fatalf("seed %d: taken at %d, due at %d", seed, now, want[c])
					}
					delete(want, c)
				}
				for _, due := range want {
					if due <= now {
						t.Fatalf("seed %d: missed at %d, due at %d", seed, now, due)
					}
				}
			}
			if w.n != len(want) {
				t.Fatalf("seed %d: %d filed, want %d", seed, w.n, len(want))
			}
		}
	}
}

type plainFrame struct {
	b        []byte
	released int
}

func (f *plainFrame) Bytes() []byte { return f.b }
func (f *plainFrame) Release()      { f.released++ }

// A queue against a plain buffer: what goes in comes out, and each frame is
// finished when its last byte is gone.
func TestQueueModel(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	e := &Engine{}
	for range 200 {
		q := e.getQueue()
		var want []byte
		var frames []*plainFrame
		for range 500 {
			if rng.IntN(2) == 0 {
				f := &plainFrame{b: make([]byte, rng.IntN(20))}
				for i := range f.b {
					f.b[i] = byte(rng.Uint32())
				}
				q.push(f, f.b)
				want = append(want, f.b...)
				frames = append(frames, f)
			} else {
				buf := q.fill(make([]byte, 0, rng.IntN(50)))
				if !bytes.HasPrefix(want, buf) {
					t.Fatalf("%q is not at the front of %q", buf, want)
				}
				for _, f := range q.advance(len(buf), nil) {
					f.Release()
				}
				want = want[len(buf):]
			}
			if q.bytes != len(want) {
				t.Fatalf("%d bytes, want %d", q.bytes, len(want))
			}
		}
		for _, f := range q.advance(q.bytes, nil) {
			f.Release()
		}
		if !q.empty() {
			t.Fatal("not empty")
		}
		for i, f := range frames {
			if f.released != 1 {
				t.Fatalf("frame %d released %d times", i, f.released)
			}
		}
		e.putQueue(q)
	}
}

// The more connections have ciphers, the shorter they keep them.
func TestParkTicks(t *testing.T) {
	for _, c := range []struct {
		park uint32
		hot  int
		want uint32
	}{{10, 1, 10}, {10, manyHot, 10}, {10, 2 * manyHot, 5}, {10, 100 * manyHot, 1}, {1, 1, 1}, {1, 1 << 20, 1}, {1 << 20, 1 << 20, 256}} {
		if got := parkTicks(c.park, c.hot); got != c.want {
			t.Errorf("%d ticks, %d connections: %d, want %d", c.park, c.hot, got, c.want)
		}
	}
}

func TestTable(t *testing.T) {
	var tb table
	if tb.get(5) != nil || tb.get(-1) != nil {
		t.Error("something in an empty table")
	}
	l := &loop{}
	conns := map[int32]*Conn{}
	for _, fd := range []int32{0, 5, 1023, 1024, 5000, 100000} {
		c := &Conn{loop: l}
		tb.set(fd, c)
		conns[fd] = c
		for fd, c := range conns {
			if tb.get(fd) != c {
				t.Errorf("%d is lost", fd)
			}
		}
	}
	n := 0
	tb.each(l, func(*Conn) { n++ })
	tb.each(&loop{}, func(*Conn) { t.Error("another loop's") })
	if n != len(conns) {
		t.Errorf("%d of %d", n, len(conns))
	}
}

// The size is what a million idle connections pay for; a field more is a choice.
func TestConnSize(t *testing.T) {
	if n := unsafe.Sizeof(Conn{}); n > 160 {
		t.Errorf("a Conn has %d bytes, want at most 160", n)
	}
	t.Logf("Conn %d bytes, tlsConn %d, handshake %d, queued %d", unsafe.Sizeof(Conn{}), unsafe.Sizeof(tlsConn{}), unsafe.Sizeof(handshake{}), unsafe.Sizeof(queued{}))
}
