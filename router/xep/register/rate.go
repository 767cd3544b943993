package register

import (
	"net/netip"
	"sync"
	"time"
)

// window is the time that Limits.PerAddress speaks of.
const window = time.Hour

// rate counts what is asked for from each address. A window starts with the first request and ends
// after an hour.
type rate struct {
	now         func() time.Time
	limit, room int

	mu   sync.Mutex
	from map[netip.Addr]*count
	// oldest and newest end a list by the start of the window, so that what has run out, or
	// has to give way, is found at once.
	oldest, newest *count
}

type count struct {
	addr  netip.Addr
	since time.Time
	n     int
	next  *count
}

// allow counts one request and reports whether it is within the limit.
func (r *rate) allow(a netip.Addr) bool {
	if r.limit < 0 {
		return true
	}
	a = network(a)
	r.mu.Lock()
	defer r.mu.Unlock()
	now := r.now()
	for r.oldest != nil && now.Sub(r.oldest.since) >= window {
		r.forget()
	}
	c := r.from[a]
	if c == nil {
		if len(r.from) >= r.room {
			r.forget()
		}
		c = &count{addr: a, since: now}
		r.add(c)
	}
	if c.n >= r.limit {
		return false
	}
	c.n++
	return true
}

func (r *rate) add(c *count) {
	if r.from == nil {
		r.from = map[netip.Addr]*count{}
	}
	r.from[c.addr] = c
	if r.newest == nil {
		r.oldest = c
	} else {
		r.newest.next = c
	}
	r.newest = c
}

// forget drops the oldest.
func (r *rate) forget() {
	delete(r.from, r.oldest.addr)
	if r.oldest = r.oldest.next; r.oldest == nil {
		r.newest = nil
	}
}

// network is what counts as one address: of IPv6 the /64, which is what a customer gets.
func network(a netip.Addr) netip.Addr {
	a = a.Unmap().WithZone("")
	if a.Is6() {
		if p, err := a.Prefix(64); err == nil {
			return p.Addr()
		}
	}
	return a
}
