package stream

import (
	"sync"
	"sync/atomic"
	"time"
)

// Rate bounds how often something happens: Every is the time for one, Burst how many may come at once
// after a rest. The zero Rate bounds nothing.
type Rate struct {
	Every time.Duration
	Burst int
}

// NewRate is n in the time of per, with bursts of burst; 0 for the burst is what comes in two seconds at that rate,
// or n when that is more, because timers here go by the second. n of 0 bounds nothing.
func NewRate(n int, per time.Duration, burst int) Rate {
	if n <= 0 || per <= 0 {
		return Rate{}
	}
	r := Rate{Every: max(per/time.Duration(n), 1), Burst: burst}
	if burst <= 0 {
		r.Burst = max(n, int(2*time.Second/r.Every))
	}
	return r
}

// On reports whether r bounds anything.
func (r Rate) On() bool { return r.Every > 0 }

// Bucket is what is left of a Rate's burst: a token bucket that may be in debt, so that what has come is
// paid for afterwards. The zero Bucket is full. Its clock is any count of nanoseconds; one that jumps back
// or far ahead costs no more than one burst.
type Bucket struct {
	owed time.Duration // the time that it takes to be full again, as of at
	at   int64
}

// Take takes n and tells how long to wait until nothing is owed beyond the burst.
func (b *Bucket) Take(r Rate, n int, now int64) time.Duration {
	if !r.On() {
		*b = Bucket{} // a rate that is no more asks for nothing that was owed to it
		return 0
	}
	b.owed = min(b.rest(now)+r.cost(n), maxOwed)
	b.at = now
	return max(0, b.owed-r.cost(r.Burst))
}

// Wait tells how long to wait until n can be taken without a debt.
func (b *Bucket) Wait(r Rate, n int, now int64) time.Duration {
	if !r.On() {
		return 0
	}
	return max(0, b.rest(now)+r.cost(n)-r.cost(r.Burst))
}

// Full reports whether nothing is owed: then the zero Bucket is as good.
func (b *Bucket) Full(now int64) bool { return b.rest(now) == 0 }

func (b *Bucket) rest(now int64) time.Duration {
	return b.owed - min(b.owed, time.Duration(max(0, now-b.at)))
}

// maxOwed keeps sums of times from overflowing: 36 years.
const maxOwed time.Duration = 1 << 60

// cost is the time for n.
func (r Rate) cost(n int) time.Duration {
	if n > 0 && r.Every > maxOwed/time.Duration(n) {
		return maxOwed
	}
	return time.Duration(n) * r.Every
}

// Limiter is a Bucket that many share. A nil Limiter bounds nothing. All methods are safe for concurrent use.
type Limiter struct {
	rate Rate
	held atomic.Uint64
	mu   sync.Mutex // guards b
	b    Bucket
}

// NewLimiter makes a Limiter; nil for a Rate that bounds nothing.
func NewLimiter(r Rate) *Limiter {
	if !r.On() {
		return nil
	}
	return &Limiter{rate: r}
}

// Rate is what the Limiter goes by.
func (l *Limiter) Rate() Rate {
	if l == nil {
		return Rate{}
	}
	return l.rate
}

// Open reports whether one can be taken now. It implements what netio.Gate asks.
func (l *Limiter) Open() bool {
	if l == nil {
		return true
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Wait(l.rate, 1, clock()) == 0
}

// Add takes n, if need be on credit; a negative n gives back.
func (l *Limiter) Add(n int) {
	if l == nil {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.b.Take(l.rate, n, clock())
	l.b.owed = max(0, l.b.owed)
}

// Reserve takes one and tells how long to wait for it. It is false, and nothing is taken, when that is longer
// than patience.
func (l *Limiter) Reserve(patience time.Duration) (time.Duration, bool) {
	if l == nil {
		return 0, true
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	now := clock()
	wait := l.b.Wait(l.rate, 1, now)
	if wait > 0 {
		l.held.Add(1)
	}
	if wait > patience {
		return wait, false
	}
	l.b.Take(l.rate, 1, now)
	return wait, true
}

// Held counts those that had to wait, or were refused, by Reserve.
func (l *Limiter) Held() uint64 {
	if l == nil {
		return 0
	}
	return l.held.Load()
}

func clock() int64 { return time.Now().UnixNano() }
