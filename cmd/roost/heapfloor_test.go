package main

import (
	"runtime"
	"runtime/debug"
	"testing"
	"time"
)

func TestHeapPercent(t *testing.T) {
	const mb = 1 << 20
	for _, k := range []struct {
		live uint64
		want int
	}{
		{0, 800}, {mb / 2, 800}, {mb, 800}, {4 * mb, 200}, {16 * mb, 50}, {64 * mb, 50}, {4096 * mb, 50},
	} {
		if got := heapPercent(k.live); got != k.want {
			t.Errorf("%d bytes live: %d %%, want %d", k.live, got, k.want)
		}
	}
}

// TestHeapFloor: the percentage follows what lives, and stays when nobody follows it any more.
func TestHeapFloor(t *testing.T) {
	was := debug.SetGCPercent(100)
	stop := keepFloor()
	defer debug.SetGCPercent(was)
	defer stop()
	percent := func() int {
		p := debug.SetGCPercent(100)
		debug.SetGCPercent(p)
		return p
	}
	collect := func(until func() bool) {
		for end := time.Now().Add(20 * time.Second); !until() && time.Now().Before(end); {
			runtime.GC()
		}
	}
	collect(func() bool { return percent() > gcPercent }) // what earlier tests have left goes first
	if small := percent(); small <= gcPercent {
		t.Errorf("%d %% for a small heap", small)
	}
	ballast := make([]byte, 64<<20)
	collect(func() bool { return percent() == gcPercent })
	if got := percent(); got != gcPercent {
		t.Errorf("%d %% with %d bytes live, want %d", got, len(ballast), gcPercent)
	}
	runtime.KeepAlive(ballast)
}
