package main

import (
	"runtime"
	"runtime/debug"
	"runtime/metrics"
	"sync/atomic"
)

// heapFloor is the least garbage, in bytes, that gathers before the collector runs. By gcPercent alone a
// server with a thousand sessions would collect each megabyte or two, many times a second while rosters
// are read; so much memory more is nothing to the machine, and once it is quiet it is given back (trimmer).
const heapFloor = 8 << 20

// heapPercent is the collector's percentage for a heap of which live bytes live: gcPercent, or what lets
// heapFloor gather.
func heapPercent(live uint64) int {
	return max(gcPercent, int(heapFloor*100/max(live, 1<<20)))
}

// keepFloor sets the percentage now and after each collection, until the result is called.
func keepFloor() (stop func()) {
	k := &floorKeeper{}
	k.tune()
	k.watch()
	return func() { k.over.Store(true) }
}

// floorKeeper follows the collector.
type floorKeeper struct {
	percent int // what was set last
	over    atomic.Bool
}

// watch has tune called after the next collection: what is dropped here is found by it.
func (k *floorKeeper) watch() {
	runtime.AddCleanup(new([32]byte), func(k *floorKeeper) { // too large to share a block with others
		if !k.over.Load() {
			k.tune()
			k.watch()
		}
	}, k)
}

// tune sets the percentage when it is off by more than an eighth: each setting stops the program for
// microseconds.
func (k *floorKeeper) tune() {
	s := []metrics.Sample{{Name: "/gc/heap/live:bytes"}}
	metrics.Read(s)
	p := heapPercent(s[0].Value.Uint64())
	if d := p - k.percent; p == gcPercent && d != 0 || max(d, -d) > k.percent/8 {
		k.percent = p
		debug.SetGCPercent(p)
	}
}
