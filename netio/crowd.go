package netio

import "time"

// A Conn is crowded from when more than half of its SendLimit waits until no
// more than a quarter does: its peer reads more slowly than others send. Whoever
// sends it more can wait for room, which holds the flood where it comes from and
// saves the slow reader from the limit.

// crowdPatience is how long a crowded Conn has others wait for it. One whose queue
// has not come down by then is taken for deaf: nobody waits for it any more
// until it does, and what is sent to it runs into the limit.
const crowdPatience = time.Second

// Crowds reports whether any Conn of the engine is crowded. It costs one atomic
// read. Any goroutine.
func (c *Conn) Crowds() bool { return c.loop.e.crowds.Load() > 0 }

// AwaitRoom has fn called once, as soon as c is not crowded any more or over. It
// is false, and fn is not called, when c is not crowded, is closing, or has used
// up its patience. fn must not block nor call a Conn except by Post. Any
// goroutine.
func (c *Conn) AwaitRoom(fn func()) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	q, e := c.out, c.loop.e
	if q == nil || !q.crowded || c.flags.Load()&(fEnding|fOverflow) != 0 {
		return false
	}
	if q.patience == 0 {
		q.patience = e.dueTick(crowdPatience)
	}
	if int32(e.ticks()-q.patience) >= 0 {
		return false
	}
	q.waiters = append(q.waiters, fn)
	return true
}

// crowd notes that q is more than half full. c.mu is held.
func (c *Conn) crowd(q *sendQueue) {
	if !q.crowded && q.bytes > int(c.ls.sendLimit.Load()/2) {
		q.crowded = true
		c.loop.e.crowds.Add(1)
	}
}

// uncrowd notes that q has room again when no more than most bytes are left, and
// leaves those who wait in l.woken. The lock of q's Conn is held.
func (l *loop) uncrowd(q *sendQueue, most int) {
	if !q.crowded || q.bytes > most {
		return
	}
	l.woken = append(l.woken, q.waiters...)
	clear(q.waiters)
	q.crowded, q.patience, q.waiters = false, 0, nil
	l.e.crowds.Add(-1)
}

// wakeSenders calls those whom uncrowd has found. No lock is held.
func (l *loop) wakeSenders() {
	woken := l.woken
	l.woken = nil
	for _, fn := range woken {
		fn()
	}
}
