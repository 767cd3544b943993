package netio

import "os"

// Unplugged makes a Conn without a socket, as if ls had accepted it, for measurements with more
// connections than a process may have descriptors. Its peer says all of say, which is borrowed until
// Unplugged's work is done on a loop, and takes whatever it is sent: that is written to null, which is
// /dev/null, stays open until the Conn has ended, and may be shared. Close and Abort end the Conn;
// Each and Shutdown do not find it.
func (ls *Listener) Unplugged(null *os.File, say []byte) {
	l := ls.loop.e.calmest()
	fd := int32(null.Fd())
	ls.loop.e.open.Add(1)
	l.open.Add(1)
	l.post(task{fn: func() {
		l.gen = l.gen%(1<<30) + 1
		c := &Conn{loop: l, ls: ls, fd: fd, gen: l.gen, st: stNoSocket, mask: mAdded | mIn}
		c.lastRead.Store(l.tick)
		if c.h = l.callAccept(c, ls.accept); c.h == nil {
			l.finish(c, nil, false)
			return
		}
		l.count.accepted.Add(1)
		l.offer(c, say)
	}})
}

// calmest is the loop that has the fewest connections.
func (e *Engine) calmest() *loop {
	l := e.loops[0]
	for _, other := range e.loops[1:] {
		if other.open.Load() < l.open.Load() {
			l = other
		}
	}
	return l
}
