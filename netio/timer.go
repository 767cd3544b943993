package netio

import (
	"time"

	"golang.org/x/sys/unix"
)

// wheelSlots is the number of slots of a wheel. A timer that is further away
// than this many ticks is met once a round and left where it is.
const wheelSlots = 256

// A wheel is a hashed timer wheel: slot i lists the Conns whose timer falls on a
// tick ≡ i. Filing is lazy: a timer that moves away only changes its tick in the
// Conn, and is filed anew when the wheel comes to the old one, so that a timer
// set again with every stanza costs two stores.
type wheel struct {
	slots [wheelSlots]*Conn
	now   uint32 // ticks up to here are done
	n     int    // Conns filed
}

// file makes sure that the wheel comes to c at tick due, or before.
func (w *wheel) file(c *Conn, due uint32) {
	if c.filed != 0 {
		if int32(c.filed-due) <= 0 {
			return
		}
		w.unlink(c)
	}
	slot := &w.slots[due%wheelSlots]
	c.prev, c.succ = nil, *slot
	if *slot != nil {
		(*slot).prev = c
	}
	*slot = c
	c.filed = due
	w.n++
}

func (w *wheel) unlink(c *Conn) {
	if c.filed == 0 {
		return
	}
	if c.prev != nil {
		c.prev.succ = c.succ
	} else {
		w.slots[c.filed%wheelSlots] = c.succ
	}
	if c.succ != nil {
		c.succ.prev = c.prev
	}
	c.prev, c.succ, c.filed = nil, nil, 0
	w.n--
}

// take unlinks the Conns that were filed under the ticks up to now, and appends
// them to due.
func (w *wheel) take(now uint32, due []*Conn) []*Conn {
	for range min(now-w.now, wheelSlots) {
		w.now++
		for c := w.slots[w.now%wheelSlots]; c != nil; {
			succ := c.succ
			if int32(c.filed-now) <= 0 {
				w.unlink(c)
				due = append(due, c)
			}
			c = succ
		}
	}
	w.now = now
	return due
}

// expire fires what is due and files the rest anew.
func (l *loop) expire() {
	for _, ls := range l.resting {
		l.listenAgain(ls)
	}
	l.resting = nil
	l.chillIdle()
	now := l.tick
	l.due = l.wheel.take(now, l.due[:0])
	for _, c := range l.due {
		if c.flags.Load()&fClosed != 0 {
			continue
		}
		if c.sysDue != 0 && int32(c.sysDue-now) <= 0 {
			c.sysDue = 0
			l.deadline(c)
		}
		if c.due != 0 && int32(c.due-now) <= 0 {
			c.due = 0
			if c.flags.Load()&fEnding == 0 {
				l.callTimer(c)
			}
		}
		l.refile(c)
	}
	clear(l.due)
	if cap(l.due) > 1024 {
		l.due = nil
	}
}

// refile files c for what it still waits for.
func (l *loop) refile(c *Conn) {
	if c.flags.Load()&fClosed != 0 {
		return
	}
	for _, due := range [...]uint32{c.due, c.sysDue} {
		if due != 0 {
			l.wheel.file(c, due)
		}
	}
}

// setDeadline sets the end of a handshake or of lingering; 0 takes it back.
func (l *loop) setDeadline(c *Conn, d time.Duration) {
	c.sysDue = 0
	if d > 0 {
		c.sysDue = l.e.dueTick(d)
		l.wheel.file(c, c.sysDue)
	}
}

// deadline ends what setDeadline has bounded.
func (l *loop) deadline(c *Conn) {
	if c.st&stDialing != 0 {
		l.finish(c, ErrDialTimeout, false)
		return
	}
	if t := c.tls.Load(); t.shaking() && c.st&stClosing == 0 {
		l.cancelHandshake(t.lib, ErrHandshakeTimeout)
		return
	}
	switch {
	case c.st&stClosing == 0:
	case c.st&stShut != 0: // the kernel has everything; what is missing is only the peer's end
		l.finish(c, nil, false)
	default:
		l.finish(c, ErrLingerTimeout, true)
	}
}

// ticks is the engine's clock. It starts at 1, for 0 means "none".
func (e *Engine) ticks() uint32 {
	return uint32(time.Since(e.start)/e.cfg.Tick) + 1
}

// dueTick is the first tick that is not before d from now.
func (e *Engine) dueTick(d time.Duration) uint32 {
	at := time.Since(e.start) + min(d, maxTimer)
	return max(uint32((at+e.cfg.Tick-1)/e.cfg.Tick)+1, 1)
}

// idleTicks is d in whole ticks, one at least.
func (e *Engine) idleTicks(d time.Duration) uint32 {
	return uint32(max((min(d, maxTimer)+e.cfg.Tick-1)/e.cfg.Tick, 1))
}

// maxTimer keeps ticks comparable by their difference.
const maxTimer = 1 << 20 * time.Second // 12 days

// setClock runs the timerfd while somebody waits for a tick, in phase with the
// engine's clock.
func (l *loop) setClock() {
	need := l.wheel.n > 0 || len(l.resting) > 0 || len(l.hot) > 0
	if need == l.armed {
		return
	}
	var spec unix.ItimerSpec
	if need {
		tick := l.e.cfg.Tick
		first := tick - time.Since(l.e.start)%tick + tick/1024 + 1
		spec.Value = unix.NsecToTimespec(int64(first))
		spec.Interval = unix.NsecToTimespec(int64(tick))
	}
	if err := unix.TimerfdSettime(l.tfd, 0, &spec, nil); err != nil {
		l.e.throttle.warn(l.e.cfg.Log, "netio: timerfd_settime failed", err)
		return
	}
	l.armed = need
}
