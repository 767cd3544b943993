package netio

// queued is one frame, or what is left of it.
type queued struct {
	f Frame
	b []byte
}

// A sendQueue is what waits for a socket. An idle Conn has none: it comes from
// the engine's pool with the first frame and goes back with the last.
type sendQueue struct {
	items []queued
	head  int // items before it are written and released
	bytes int // left in items[head:]

	crowded  bool     // more than half full, and not down to a quarter since (crowd.go)
	patience uint32   // tick until which others wait for room; 0: nobody has asked
	waiters  []func() // called when there is room
}

// maxKeptQueue is the capacity, in frames, up to which a queue's array is kept
// in the pool.
const maxKeptQueue = 64

func (q *sendQueue) push(f Frame, b []byte) {
	if q.head > 0 && len(q.items) == cap(q.items) && q.head >= len(q.items)/2 {
		n := copy(q.items, q.items[q.head:])
		clear(q.items[n:])
		q.items, q.head = q.items[:n], 0
	}
	q.items = append(q.items, queued{f, b})
	q.bytes += len(b)
}

// advance takes n bytes from the front and appends the frames that are finished
// to done, for the caller to release without a lock. Empty frames at the front
// are finished, too.
func (q *sendQueue) advance(n int, done []Frame) []Frame {
	q.bytes -= n
	for q.head < len(q.items) {
		it := &q.items[q.head]
		if len(it.b) > n {
			it.b = it.b[n:]
			break
		}
		n -= len(it.b)
		done = append(done, it.f)
		*it = queued{}
		q.head++
	}
	return done
}

// fill copies the front of the queue into buf, up to its capacity, without
// taking it away.
func (q *sendQueue) fill(buf []byte) []byte {
	for _, it := range q.items[q.head:] {
		room := cap(buf) - len(buf)
		if room == 0 {
			break
		}
		buf = append(buf, it.b[:min(room, len(it.b))]...)
	}
	return buf
}

func (q *sendQueue) empty() bool { return q.head == len(q.items) }

func (e *Engine) getQueue() *sendQueue {
	if q, ok := e.queues.Get().(*sendQueue); ok {
		return q
	}
	return &sendQueue{items: make([]queued, 0, 4)}
}

func (e *Engine) putQueue(q *sendQueue) {
	clear(q.items)
	if cap(q.items) > maxKeptQueue {
		return
	}
	q.items, q.head, q.bytes = q.items[:0], 0, 0
	e.queues.Put(q)
}
