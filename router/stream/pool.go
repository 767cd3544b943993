package stream

import (
	"net/netip"
	"sync"
)

// maxLine is how many pieces of work of one address may wait: more would wait longer than whoever
// sent them. As each stream has at most one, they are all bounded by the number of streams.
const maxLine = 16384

// Pool runs work that may block, beside the loops, on a bounded number of goroutines that end when
// there is nothing to do. What cannot run yet stands in lines, one for each address that it comes
// from, which take turns: an address that hands in much delays itself. A stream hands in one piece
// at a time. The zero Pool is not usable; see NewPool.
type Pool struct {
	max     int
	mu      sync.Mutex // guards what follows; never held while work runs
	running int
	waiting int
	turns   []*line // the lines that are not empty, the next one first
	lines   map[netip.Addr]*line
	idle    *sync.Cond
}

// line is the work of one address, oldest first.
type line struct {
	who  netip.Addr
	work []func()
}

// NewPool makes a Pool of at most max goroutines.
func NewPool(max int) *Pool {
	p := &Pool{max: max, lines: make(map[netip.Addr]*line)}
	p.idle = sync.NewCond(&p.mu)
	return p
}

// Go runs fn, now or when a goroutine is free, in the order of the calls. It is never refused.
func (p *Pool) Go(fn func()) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.start(netip.Addr{}, fn)
}

// GoFor is Go in the line of the address who, or of the /64 of an IPv6 address. It is false, and fn
// is not run, when too many stand there.
func (p *Pool) GoFor(who netip.Addr, fn func()) bool {
	who = who.Unmap().WithZone("")
	if who.Is6() { // whoever has one address of a /64 has them all
		net, _ := who.Prefix(64)
		who = net.Addr()
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if l := p.lines[who]; l != nil && len(l.work) >= maxLine {
		return false
	}
	p.start(who, fn)
	return true
}

// start runs fn or puts it at the end of who's line. p.mu is held.
func (p *Pool) start(who netip.Addr, fn func()) {
	if p.running < p.max {
		p.running++
		go p.work(fn)
		return
	}
	l := p.lines[who]
	if l == nil {
		l = &line{who: who}
		p.lines[who] = l
		p.turns = append(p.turns, l)
	}
	l.work = append(l.work, fn)
	p.waiting++
}

func (p *Pool) work(fn func()) {
	for fn != nil {
		fn()
		fn = p.next()
	}
}

// next is the oldest work of the line whose turn it is; nil ends the goroutine.
func (p *Pool) next() func() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.waiting == 0 {
		p.turns = nil
		p.running--
		if p.running == 0 {
			p.idle.Broadcast()
		}
		return nil
	}
	p.waiting--
	l := p.turns[0]
	p.turns[0] = nil
	p.turns = p.turns[1:]
	fn := l.work[0]
	l.work[0] = nil
	if l.work = l.work[1:]; len(l.work) > 0 {
		p.turns = append(p.turns, l)
	} else {
		delete(p.lines, l.who)
	}
	return fn
}

// Wait returns when no work is running or queued.
func (p *Pool) Wait() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for p.running > 0 {
		p.idle.Wait()
	}
}

// Backlog is how many pieces of work wait for a goroutine.
func (p *Pool) Backlog() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.waiting
}
