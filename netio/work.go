package netio

import "golang.org/x/sys/unix"

// pending says whether there is work that runInbox or runDirty would find.
func (l *loop) pending() bool {
	if l.dirty.Load() != nil {
		return true
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.inbox) > 0
}

// push puts c on the list of Conns with something to do. The fDirty flag keeps
// it from being there twice.
func (l *loop) push(c *Conn) {
	for {
		head := l.dirty.Load()
		c.next = head
		if l.dirty.CompareAndSwap(head, c) {
			break
		}
	}
	l.rouse()
}

// post appends to the inbox; false when the loop has ended.
func (l *loop) post(t task) bool {
	l.mu.Lock()
	if l.stopped {
		l.mu.Unlock()
		return false
	}
	l.inbox = append(l.inbox, t)
	l.mu.Unlock()
	l.rouse()
	return true
}

// rouse wakes the loop if it sleeps: one write per sleep, however many come.
func (l *loop) rouse() {
	if !l.awake.Load() && l.awake.CompareAndSwap(false, true) {
		l.signal()
	}
}

// signal makes wfd readable. The lock keeps the number from being closed, and
// used for something else, in between.
func (l *loop) signal() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.stopped {
		unix.Write(l.wfd, []byte{1, 0, 0, 0, 0, 0, 0, 0}) // EAGAIN: it is readable already
	}
}

// runInbox runs what was posted so far and says whether there was any.
func (l *loop) runInbox() bool {
	l.mu.Lock()
	tasks := l.inbox
	l.inbox = l.outbox[:0]
	l.mu.Unlock()
	for i := range tasks {
		switch t := &tasks[i]; {
		case t.ls != nil:
			t.ls.dequeue()
			l.adopt(t.fd, t.ls)
		case t.c == nil:
			t.fn()
		case t.c.flags.Load()&(fClosed|fAbort) == 0:
			l.callPosted(t.c, t.fn)
		}
	}
	n := len(tasks)
	clear(tasks)
	if cap(tasks) > 1024 {
		tasks = nil // a burst does not stay
	}
	l.outbox = tasks
	return n > 0
}

// runDirty serves the Conns that have something to do, in the order in which
// they came, and says whether there were any.
func (l *loop) runDirty() bool {
	c := l.dirty.Swap(nil)
	if c == nil {
		return false
	}
	var first *Conn
	for c != nil {
		c, c.next, first = c.next, first, c
	}
	for first != nil {
		c = first
		first, c.next = c.next, nil
		l.service(c)
	}
	return true
}

// service does for one Conn what its flags say.
func (l *loop) service(c *Conn) {
	fl := c.flags.And(^uint32(fDirty | fResume))
	if fl&fClosed != 0 {
		return
	}
	if fl&fAbort != 0 {
		l.finish(c, nil, true)
		return
	}
	if c.st&stDialing != 0 {
		if fl&fClosing != 0 { // only Shutdown knows of this Conn
			l.finish(c, ErrShutdown, false)
		}
		return
	}
	if fl&fOverflow != 0 && c.st&stOverTold == 0 {
		l.overflow(c)
	}
	if t := c.tls.Load(); t.shaking() {
		l.serviceHandshake(c, t.lib)
	}
	if fl&fResume != 0 {
		l.resume(c)
	}
	if c.flags.Load()&(fAbort|fClosed) != 0 {
		return // Abort has put it on the list again
	}
	drained := l.flush(c)
	if c.flags.Load()&fEnding == fClosing {
		l.closeStep(c, drained)
	}
}

// overflow tells the Handler that the peer does not read, and ends the Conn.
func (l *loop) overflow(c *Conn) {
	c.st |= stOverTold
	if c.flags.Load()&fClosing != 0 {
		return
	}
	l.count.overflows.Add(1)
	l.callOverflow(c)
	c.end(fClosing, ErrOverflow)
}
