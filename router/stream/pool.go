package stream

import "sync"

// Pool runs work that may block, beside the loops, on a bounded number of goroutines that end when
// there is nothing to do. A stream hands in one piece at a time, so the queue is bounded by the
// number of streams. The zero Pool is not usable; see NewPool.
type Pool struct {
	max     int
	mu      sync.Mutex // guards what follows; never held while work runs
	running int
	queue   []func()
	idle    *sync.Cond
}

// NewPool makes a Pool of at most max goroutines.
func NewPool(max int) *Pool {
	p := &Pool{max: max}
	p.idle = sync.NewCond(&p.mu)
	return p
}

// Go runs fn, now or when a goroutine is free, in the order of the calls.
func (p *Pool) Go(fn func()) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.running == p.max {
		p.queue = append(p.queue, fn)
		return
	}
	p.running++
	go p.work(fn)
}

func (p *Pool) work(fn func()) {
	for fn != nil {
		fn()
		fn = p.next()
	}
}

func (p *Pool) next() func() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.queue) == 0 {
		p.queue = nil
		p.running--
		if p.running == 0 {
			p.idle.Broadcast()
		}
		return nil
	}
	fn := p.queue[0]
	p.queue[0] = nil
	p.queue = p.queue[1:]
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
	return len(p.queue)
}
