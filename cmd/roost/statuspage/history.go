package statuspage

import (
	"sync"
	"time"
)

// How far the curves reach back, and how fine they are.
const (
	step = 10 * time.Second
	span = 6 * time.Hour
)

// point is one step of history: levels, and rates per second over the step.
type point struct {
	at           time.Time
	sessions     float32
	in, out      float32 // stanzas per second
	logins, fail float32 // logins per second
	p50, p99     float32 // milliseconds
	resident     float32 // bytes
}

// history holds the last points, oldest first, and the rates now. It takes 80 KiB when it is full.
type history struct {
	mu     sync.Mutex
	points []point  // a ring once it is full
	oldest int      // of the ring
	last   Snapshot // that the newest point was made from
	begun  bool
}

// add notes a Snapshot as the next point.
func (h *history) add(s *Snapshot) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.begun {
		p := between(&h.last, s)
		if len(h.points) < int(span/step) {
			h.points = append(h.points, p)
		} else {
			h.points[h.oldest] = p
			h.oldest = (h.oldest + 1) % len(h.points)
		}
	}
	h.last, h.begun = *s, true
}

// since gives the points in order, and one more for the time from the newest of them to s.
func (h *history) since(s *Snapshot) []point {
	h.mu.Lock()
	defer h.mu.Unlock()
	out := make([]point, 0, len(h.points)+1)
	out = append(append(out, h.points[h.oldest:]...), h.points[:h.oldest]...)
	if h.begun && s.Time.Sub(h.last.Time) >= time.Second {
		out = append(out, between(&h.last, s))
	}
	return out
}

// between is the point for the time from a to b.
func between(a, b *Snapshot) point {
	secs := b.Time.Sub(a.Time).Seconds()
	rate := func(from, to uint64) float32 {
		if secs <= 0 || to < from {
			return 0
		}
		return float32(float64(to-from) / secs)
	}
	okA, failA := logins(a)
	okB, failB := logins(b)
	return point{at: b.Time, sessions: float32(b.Sessions), resident: float32(b.Resident),
		in: rate(a.In.sum(), b.In.sum()), out: rate(a.Out.sum(), b.Out.sum()),
		logins: rate(okA, okB), fail: rate(failA, failB),
		p50: milliseconds(b.Latency.P50), p99: milliseconds(b.Latency.P99)}
}

// mean is one point for several that follow each other; it stands where the last one does.
func mean(group []point) point {
	sum := group[len(group)-1]
	for i := range group[:len(group)-1] {
		p := &group[i]
		sum.sessions += p.sessions
		sum.in += p.in
		sum.out += p.out
		sum.logins += p.logins
		sum.fail += p.fail
		sum.p50 += p.p50
		sum.p99 += p.p99
		sum.resident += p.resident
	}
	n := float32(len(group))
	return point{at: sum.at, sessions: sum.sessions / n, in: sum.in / n, out: sum.out / n, logins: sum.logins / n,
		fail: sum.fail / n, p50: sum.p50 / n, p99: sum.p99 / n, resident: sum.resident / n}
}

func logins(s *Snapshot) (ok, failed uint64) {
	for _, l := range s.Logins {
		if l.Result == Success {
			ok += l.Count
		} else {
			failed += l.Count
		}
	}
	return ok, failed
}

func milliseconds(d time.Duration) float32 { return float32(d.Seconds() * 1000) }
