package stream

import (
	"net/netip"
	"sync"
)

// maxLine is how many pieces of work of one address may wait: more would wait longer than whoever
// sent them. As each stream has at most one, they are all bounded by the number of streams.
const maxLine = 16384

// maxParked is how many goroutines without work stay for more: their stacks have grown already, which
// is a tenth of the cost of a login.
const maxParked = 32

// Pool runs work that may block, beside the loops, on a bounded number of goroutines. When there
// is nothing to do most of them end, and all when somebody waits for that. What cannot run yet stands in lines, one for each address that it comes
// from, which take turns: an address that hands in much delays itself. A stream hands in one piece
// at a time. The zero Pool is not usable; see NewPool.
type Pool struct {
	max     int
	mu      sync.Mutex // guards what follows; never held while work runs
	running int
	waiting int
	parked  int         // goroutines that wait for work and have been given none
	hand    chan func() // work for goroutines that were parked; nil ends one
	turns   []*line     // the lines that are not empty, the next one first
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
	p := &Pool{max: max, lines: make(map[netip.Addr]*line), hand: make(chan func(), maxParked)}
	p.idle = sync.NewCond(&p.mu)
	return p
}

// Waiting tells how much work waits for a goroutine.
func (p *Pool) Waiting() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.waiting
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
		if p.parked > 0 {
			p.parked--
			p.hand <- fn // there is room: for each in here a goroutine waits
		} else {
			go p.work(fn)
		}
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
		var park bool
		if fn, park = p.next(); park {
			fn = <-p.hand
		}
	}
}

// next is the oldest work of the line whose turn it is; nil when there is none, and whether to wait
// for some.
func (p *Pool) next() (fn func(), park bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.waiting == 0 {
		p.turns = nil
		p.running--
		if p.running == 0 {
			p.idle.Broadcast()
		}
		if park = p.parked+len(p.hand) < maxParked; park {
			p.parked++
		}
		return nil, park
	}
	p.waiting--
	l := p.turns[0]
	p.turns[0] = nil
	p.turns = p.turns[1:]
	fn = l.work[0]
	l.work[0] = nil
	if l.work = l.work[1:]; len(l.work) > 0 {
		p.turns = append(p.turns, l)
	} else {
		delete(p.lines, l.who)
	}
	return fn, false
}

// Wait returns when no work is running or queued, and ends the goroutines that stayed for more.
func (p *Pool) Wait() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for p.running > 0 {
		p.idle.Wait()
	}
	for ; p.parked > 0; p.parked-- {
		p.hand <- nil
	}
}

// Backlog is how many pieces of work wait for a goroutine.
func (p *Pool) Backlog() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.waiting
}
