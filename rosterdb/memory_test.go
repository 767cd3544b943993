package rosterdb

import (
	"testing"
	"time"
)

// The heap is given back once after each burst, when it has been quiet for a while.
func TestBurst(t *testing.T) {
	const big, small = burstBytes, burstBytes / 100
	start := time.Unix(0, 0)
	var b burst
	for _, c := range []struct {
		second  int
		written int64
		want    bool
	}{
		{0, 0, false},
		{1, small, false},
		{100, 2 * small, false}, // quiet, but nothing much was written
		{101, big, false},
		{120, big, false},
		{121, big, true},
		{200, big, false}, // only once
		{201, big + small, false},
		{202, big + 10*small, false},
		{300, big + 10*small, false},
		{301, 2 * big, false},
		{310, 2*big + small, false}, // hardly anything
		{321, 2*big + 2*small, true},
	} {
		if got := b.over(start.Add(time.Duration(c.second)*time.Second), c.written); got != c.want {
			t.Errorf("after %d s and %d bytes: %v", c.second, c.written, got)
		}
	}
}
