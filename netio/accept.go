package netio

import (
	"log/slog"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

// defaultAccepts bounds the connections accepted from one socket per wake-up.
const defaultAccepts = 64

// acceptFrom takes what waits at a listening socket and spreads it over the
// loops.
func (l *loop) acceptFrom(ls *Listener) {
	for range ls.accepts.Load() {
		if ls.queueFull() && l.hold(ls) {
			return
		}
		if ls.gate != nil && !ls.gate.Open() {
			l.count.rests.Add(1)
			l.rest(ls)
			return
		}
		fd, err := l.accept(ls)
		switch err {
		case nil:
			if ls.gate != nil {
				ls.gate.Passed()
			}
			l.assign(fd, ls)
		case unix.EAGAIN:
			return
		case unix.EMFILE, unix.ENFILE:
			switch l.turnAway(ls) {
			case nil:
				l.count.refusedFiles.Add(1)
				l.warnFiles(ls, err)
			case unix.EAGAIN:
				return // nobody else waits
			default:
				l.warnFiles(ls, err)
				l.rest(ls)
				return
			}
		case unix.ENOBUFS, unix.ENOMEM:
			l.e.throttle.warn(l.e.cfg.Log, "netio: cannot accept connections", err, "listen", ls.name)
			l.rest(ls)
			return
		case errNotListening:
			return
		default:
			// accept(2) reports errors of the new connection, too: that one
			// is gone, the next may be fine.
		}
	}
}

// accept is accept4(2). The Listener's lock keeps its number from being closed,
// and used for something else, in between.
func (l *loop) accept(ls *Listener) (int, error) {
	ls.mu.Lock()
	defer ls.mu.Unlock()
	if ls.fd < 0 {
		return -1, errNotListening
	}
	fd, _, err := unix.Accept4(ls.fd, unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC)
	return fd, err
}

// turnAway gives up the reserve descriptor to accept one connection and closes
// it at once: the peer sees that it is not wanted instead of waiting in the
// backlog. The error is accept's, or says that there was no reserve.
func (l *loop) turnAway(ls *Listener) error {
	if l.spare < 0 {
		// Another thread had snatched the number the last time.
		var err error
		if l.spare, err = openSpare(); err != nil {
			return err
		}
	}
	unix.Close(l.spare)
	fd, err := l.accept(ls)
	if err == nil {
		unix.Close(fd)
	}
	if l.spare, _ = openSpare(); l.spare < 0 {
		l.spare = -1
	}
	return err
}

func (l *loop) warnFiles(ls *Listener, err error) {
	l.e.throttle.warn(l.e.cfg.Log, "netio: out of descriptors, connections are refused; raise the limit (ulimit -n) or lower MaxConns",
		err, "listen", ls.name)
}

// rest stops listening to ls until the next tick, because a readable socket
// that cannot, or must not, be accepted from would keep the loop spinning.
func (l *loop) rest(ls *Listener) {
	ls.mu.Lock()
	defer ls.mu.Unlock()
	if ls.fd >= 0 && l.ctl(unix.EPOLL_CTL_MOD, ls.fd, 0, padListen) == nil {
		l.resting = append(l.resting, ls)
	}
}

// queueFull says that AcceptQueue connections wait for their loops.
func (ls *Listener) queueFull() bool {
	most := ls.maxQueued.Load()
	return most > 0 && ls.queued.Load() >= most
}

// hold stops listening to ls until dequeue finds room, and says whether it did: a
// socket that is left readable would keep the loop spinning.
func (l *loop) hold(ls *Listener) bool {
	ls.mu.Lock()
	if ls.fd >= 0 {
		l.ctl(unix.EPOLL_CTL_MOD, ls.fd, 0, padListen)
	}
	ls.mu.Unlock()
	ls.held.Store(true)
	// Who made room before that Store saw nothing to do.
	if ls.queueFull() || !ls.held.CompareAndSwap(true, false) {
		return true
	}
	l.listenAgain(ls)
	return false
}

// dequeue counts a connection that has arrived at its loop.
func (ls *Listener) dequeue() {
	ls.queued.Add(-1)
	if ls.held.Load() && !ls.queueFull() && ls.held.CompareAndSwap(true, false) {
		ls.loop.listenAgain(ls) // epoll_ctl may be called from any loop
	}
}

func (l *loop) listenAgain(ls *Listener) {
	ls.mu.Lock()
	defer ls.mu.Unlock()
	if ls.fd >= 0 {
		l.ctl(unix.EPOLL_CTL_MOD, ls.fd, unix.EPOLLIN, padListen)
	}
}

// assign counts an accepted connection and gives it to the loop that has the
// fewest.
func (l *loop) assign(fd int, ls *Listener) {
	if most := l.e.maxConns.Load(); l.e.open.Add(1) > most {
		l.e.throttle.warn(l.e.cfg.Log, "netio: connection refused, there are as many as allowed", nil,
			"limit", most, "listen", ls.name)
		l.refuse(fd)
		return
	}
	to := l
	for _, other := range l.e.loops {
		if other.open.Load() < to.open.Load() {
			to = other
		}
	}
	to.open.Add(1)
	if to == l {
		l.adopt(fd, ls)
		return
	}
	ls.queued.Add(1)
	if !to.post(task{fd: fd, ls: ls}) {
		ls.dequeue()
		to.open.Add(-1)
		l.refuse(fd)
	}
}

// refuse closes a connection that assign has counted.
func (l *loop) refuse(fd int) {
	l.count.refused.Add(1)
	unix.Close(fd)
	l.e.connGone()
}

// adopt makes a Conn of an accepted descriptor, on the loop where it stays.
func (l *loop) adopt(fd int, ls *Listener) {
	if l.e.draining.Load() {
		l.open.Add(-1)
		l.refuse(fd)
		return
	}
	l.gen = l.gen%(1<<30) + 1
	c := &Conn{loop: l, ls: ls, fd: int32(fd), gen: l.gen}
	c.lastRead.Store(l.tick)
	l.e.conns.set(c.fd, c)
	if c.h = l.callAccept(c, ls.accept); c.h == nil {
		l.count.refused.Add(1)
		l.finish(c, nil, false)
		return
	}
	l.count.accepted.Add(1)
	l.watch(c)
}

// A throttle logs the same trouble once a minute, with a count.
type throttle struct {
	mu   sync.Mutex
	seen map[string]*trouble
}

type trouble struct {
	next  time.Time
	count int
}

func (t *throttle) warn(log *slog.Logger, msg string, err error, args ...any) {
	t.mu.Lock()
	tr := t.seen[msg]
	if tr == nil {
		tr = &trouble{}
		if t.seen == nil {
			t.seen = make(map[string]*trouble)
		}
		t.seen[msg] = tr
	}
	tr.count++
	now := time.Now()
	if now.Before(tr.next) {
		t.mu.Unlock()
		return
	}
	n := tr.count
	tr.count, tr.next = 0, now.Add(time.Minute)
	t.mu.Unlock()
	if err != nil {
		args = append(args, "error", err)
	}
	log.Warn(msg, append(args, "count", n)...)
}
