package main

import (
	"encoding/binary"
	"errors"
	"log/slog"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"roost/cmd/roost/conf"
	"roost/netio"
	"roost/router/stream"
)

// admission decides who may come in: rates, connections from one address, memory.
type admission struct {
	budget  *budget
	count   addressCount
	refused refusals

	mu       sync.Mutex // guards limiters
	limiters map[conf.Rate]*stream.Limiter
}

// refusals are counts of connections that were closed at once, by reason.
type refusals struct {
	address, rate, proxy atomic.Uint64
	atAccept             atomic.Uint64 // those of them that the engine counts, too
}

func (r *refusals) counts() map[string]uint64 {
	return map[string]uint64{"address": r.address.Load(), "rate": r.rate.Load(), "proxy": r.proxy.Load()}
}

func newAdmission(b *budget) *admission {
	return &admission{budget: b, limiters: map[conf.Rate]*stream.Limiter{}}
}

// limiter is what all share to whom one setting of a rate applies; nil without a limit.
func (a *admission) limiter(r conf.Rate) *stream.Limiter {
	if r.N == 0 {
		return nil
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	l := a.limiters[r]
	if l == nil {
		l = stream.NewLimiter(stream.NewRate(r.N, r.Per, r.N))
		a.limiters[r] = l
	}
	return l
}

// rateOf maps a rate that each has for itself.
func rateOf(r conf.Rate) stream.Rate { return stream.NewRate(r.N, r.Per, r.Burst) }

// enter lets in a client to whom e applies, at a socket to which base applies. What it tells when it does
// not is for the log.
func (a *admission) enter(c *netio.Conn, base, e *conf.Effective) error {
	if e.AcceptRate.Pos != base.AcceptRate.Pos { // a rate of its own counts instead of the socket's
		a.limiter(base.AcceptRate).Add(-1)
		if _, ok := a.limiter(e.AcceptRate).Reserve(0); !ok {
			a.refused.rate.Add(1)
			return errTooFast
		}
	}
	if !a.count.enter(c, c.RemoteAddr().Addr(), e.ConnsPerAddress) {
		a.refused.address.Add(1)
		return errTooMany
	}
	return nil
}

var (
	errTooFast = errors.New("more connections than the accept_rate of its Peer")
	errTooMany = errors.New("as many connections from its address as max_connections_per_ip")
)

// addressCount counts connections by IPv4 address and by /64 of IPv6, where that is asked for. Nothing is kept
// for an address without connections. The zero value is ready for use.
type addressCount struct {
	mu sync.Mutex             // guards the rest
	of map[*netio.Conn]uint64 // what they are counted under
	n  map[uint64]int32
}

// addressKey is the address, or the half of it that a network has. No IPv6 network begins as IPv4 addresses
// do here (RFC 4291 §2.5.5).
func addressKey(a netip.Addr) uint64 {
	a = a.Unmap()
	if !a.Is6() {
		if !a.IsValid() {
			return 0
		}
		b := a.As4()
		return uint64(binary.BigEndian.Uint32(b[:]))
	}
	b := a.As16()
	return binary.BigEndian.Uint64(b[:8])
}

// enter counts c unless there are limit already; a limit of 0 does not count.
func (n *addressCount) enter(c *netio.Conn, a netip.Addr, limit int) bool {
	if limit == 0 {
		return true
	}
	key := addressKey(a)
	n.mu.Lock()
	defer n.mu.Unlock()
	if int(n.n[key]) >= limit {
		return false
	}
	if n.n == nil {
		n.of, n.n = map[*netio.Conn]uint64{}, map[uint64]int32{}
	}
	n.of[c] = key
	n.n[key]++
	return true
}

// leave counts the end of a connection.
func (n *addressCount) leave(c *netio.Conn) {
	n.mu.Lock()
	defer n.mu.Unlock()
	key, ok := n.of[c]
	if !ok {
		return
	}
	delete(n.of, c)
	if n.n[key]--; n.n[key] <= 0 {
		delete(n.n, key)
	}
	if len(n.of) == 0 {
		n.of, n.n = nil, nil // maps do not shrink
	}
}

// door is the gate of a socket: it implements netio.Gate.
type door struct {
	a  *admission
	at func() *conf.Listen // as it is now
}

// Open implements netio.Gate.
func (d *door) Open() bool { return !d.a.budget.full() && d.rate().Open() }

// Passed implements netio.Gate.
func (d *door) Passed() { d.rate().Add(1) }

// Ended implements netio.Gate.
func (d *door) Ended(c *netio.Conn) { d.a.count.leave(c) }

func (d *door) rate() *stream.Limiter { return d.a.limiter(d.at().Base.AcceptRate) }

// sparingly logs the first of many events at once, and from then on one line a minute that counts them.
type sparingly struct {
	mu   sync.Mutex // guards the rest
	next time.Time
	n    int
}

func (s *sparingly) warn(log *slog.Logger, msg string, args ...any) {
	s.mu.Lock()
	s.n++
	now := time.Now()
	if now.Before(s.next) {
		s.mu.Unlock()
		return
	}
	n := s.n
	s.n, s.next = 0, now.Add(time.Minute)
	s.mu.Unlock()
	log.Warn(msg, append(args, "count", n)...)
}
