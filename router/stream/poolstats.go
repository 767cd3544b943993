package stream

// PoolStats is a snapshot of a Pool.
type PoolStats struct {
	Max     int // goroutines at most
	Running int // that work
	Waiting int // pieces of work that wait for one
}

// Stats takes the snapshot.
func (p *Pool) Stats() PoolStats {
	p.mu.Lock()
	defer p.mu.Unlock()
	return PoolStats{p.max, max(p.running-p.parked, 0), p.waiting}
}
