package netio

import "sync"

// Each calls fn for every Conn and its Handler, on the Conn's loop, and returns
// when all calls are over; Conns that come meanwhile may be missed, and once
// Shutdown has begun there is none. What fn posts or sends is ahead of a
// Shutdown that follows. A panic in fn ends the Conn it was called for. Not on
// a loop.
func (e *Engine) Each(fn func(*Conn, Handler)) {
	var all sync.WaitGroup
	e.mu.Lock() // keeps Shutdown, which ends the loops, behind the posts
	if e.down == nil {
		for _, l := range e.loops {
			all.Add(1)
			l.post(task{fn: func() {
				defer all.Done()
				e.conns.each(l, func(c *Conn) { l.callEach(c, fn) })
			}})
		}
	}
	e.mu.Unlock()
	all.Wait()
}

func (l *loop) callEach(c *Conn, fn func(*Conn, Handler)) {
	if c.h == nil {
		return
	}
	defer l.recovered(c, "Each")
	fn(c, c.h)
}

// Answer returns when every loop has come by once: one that is stuck keeps it. Once Shutdown has begun it
// returns at once. Not on a loop.
func (e *Engine) Answer() {
	var all sync.WaitGroup
	e.mu.Lock() // as in Each
	if e.down == nil {
		for _, l := range e.loops {
			all.Add(1)
			l.post(task{fn: all.Done})
		}
	}
	e.mu.Unlock()
	all.Wait()
}
