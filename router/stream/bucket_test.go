package stream

import (
	"testing"
	"time"
)

func TestNewRate(t *testing.T) {
	for _, tt := range []struct {
		n     int
		per   time.Duration
		burst int
		want  Rate
	}{
		{0, time.Second, 5, Rate{}},
		{10, 0, 5, Rate{}},
		{10, time.Second, 0, Rate{100 * time.Millisecond, 20}},
		{10, time.Second, 3, Rate{100 * time.Millisecond, 3}},
		{1, time.Minute, 0, Rate{time.Minute, 1}},
		{100, time.Minute, 0, Rate{600 * time.Millisecond, 100}},
		{1 << 30, time.Second, 7, Rate{1, 7}},
	} {
		if got := NewRate(tt.n, tt.per, tt.burst); got != tt.want {
			t.Errorf("NewRate(%d, %v, %d) = %v, want %v", tt.n, tt.per, tt.burst, got, tt.want)
		}
	}
}

// TestBucket: a burst is free, then each costs its time; what is owed goes by the clock, whichever way it
// jumps.
func TestBucket(t *testing.T) {
	r := Rate{Every: time.Second, Burst: 3}
	var b Bucket
	now := int64(1e18)
	step := func(d time.Duration, n int, want time.Duration) {
		t.Helper()
		now += int64(d)
		if w := b.Wait(r, n, now); w != want {
			t.Errorf("Wait for %d: %v, want %v", n, w, want)
		}
		if w := b.Take(r, n, now); w != want {
			t.Errorf("Take %d: %v, want %v", n, w, want)
		}
	}
	step(0, 3, 0)
	step(0, 1, time.Second)
	step(time.Second, 1, time.Second)
	step(2*time.Second, 1, 0)
	step(time.Hour, 10, 7*time.Second) // a rest is worth one burst; more is owed
	if b.Full(now) {
		t.Error("full while it owes")
	}
	step(-time.Hour, 0, 7*time.Second)
	step(10*time.Second, 0, 0)
	if !b.Full(now) {
		t.Error("not full after all is paid")
	}
	b.Take(r, 100, now)
	if w := b.Wait(Rate{}, 1, now); w != 0 {
		t.Errorf("a rate that is off has somebody wait for %v", w)
	}
	if w := b.Take(Rate{}, 1, now); w != 0 || !b.Full(now) {
		t.Errorf("a rate that is off has somebody wait for %v", w)
	}
}

// TestBucketHuge: what takes longer than the clock can count still takes long.
func TestBucketHuge(t *testing.T) {
	r := Rate{Every: 1 << 55, Burst: 1}
	var b Bucket
	for range 3 {
		if w := b.Take(r, 1<<30, 1); w < maxOwed/2 {
			t.Errorf("%v", w)
		}
	}
}

// TestLimiter: who must wait for longer than its patience takes nothing.
func TestLimiter(t *testing.T) {
	l := NewLimiter(Rate{Every: time.Hour, Burst: 2})
	for i := range 2 {
		if w, ok := l.Reserve(0); !ok || w != 0 {
			t.Errorf("%d: %v %v", i, w, ok)
		}
	}
	if l.Open() {
		t.Error("open after its burst")
	}
	if w, ok := l.Reserve(time.Minute); ok {
		t.Errorf("taken: %v", w)
	}
	w, ok := l.Reserve(2 * time.Hour)
	if !ok || w < 59*time.Minute || w > time.Hour {
		t.Errorf("%v %v, want an hour", w, ok)
	}
	if w2, ok := l.Reserve(2 * time.Hour); !ok || w2 < w {
		t.Errorf("%v %v, want two hours", w2, ok)
	}
	if l.Held() != 3 {
		t.Errorf("%d held, want 3", l.Held())
	}
	l.Add(-10) // more than was taken
	for i := range 2 {
		if _, ok := l.Reserve(0); !ok {
			t.Errorf("%d: nothing was given back", i)
		}
	}
	if l.Open() {
		t.Error("more was given back than there is room for")
	}
	l.Add(1)
	l.Add(-1)
	none := NewLimiter(Rate{})
	if _, ok := none.Reserve(0); !ok || !none.Open() || none.Held() != 0 || none.Rate().On() {
		t.Error("no limit holds something back")
	}
	none.Add(1)
}
