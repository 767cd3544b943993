package main

import (
	"log/slog"
	"math"
	"os"
	"runtime/debug"
	"sync/atomic"
	"time"

	"roost/cmd/roost/conf"
)

const (
	// Shares of Memory_Limit in tenths: from highTenths on nobody new is let in, until it is below lowTenths.
	highTenths, lowTenths = 9, 8
	// memoryReserve is one in so many of a control group's memory that is not for the server's own.
	memoryReserve = 16
	budgetPeriod  = time.Second
	// shrinkPause is the least time between two attempts to give memory back because there is little left.
	shrinkPause = 10 * time.Second
)

// budget watches the resident memory of the process. Its look is called by one goroutine; whoever asks
// whether it is full reads one value.
type budget struct {
	log    *slog.Logger
	used   func() uint64 // bytes; 0: not known
	shrink func()        // gives back what is not used
	now    func() time.Time

	limit  atomic.Uint64 // bytes; 0: none
	shut   atomic.Bool
	seen   atomic.Uint64 // bytes at the last look
	closed atomic.Uint64 // times that it became full
	shrunk time.Time
}

func newBudget(log *slog.Logger, cfg *conf.Config) *budget {
	b := &budget{log: log, used: rss, shrink: debug.FreeOSMemory, now: time.Now}
	b.limit.Store(memoryLimit(cfg))
	return b
}

// memoryLimit is Memory_Limit, or what the control group leaves; 0: none.
func memoryLimit(cfg *conf.Config) uint64 {
	if cfg.MemoryLimit >= 0 {
		return uint64(cfg.MemoryLimit)
	}
	if limit := groupLimit(os.DirFS("/")); limit < math.MaxInt64 {
		return uint64(limit - limit/memoryReserve)
	}
	return 0
}

// full tells whether nobody new is to be let in.
func (b *budget) full() bool { return b.shut.Load() }

// watch looks again and again until stop is closed.
func (b *budget) watch(stop <-chan struct{}) {
	tick := time.NewTicker(budgetPeriod)
	defer tick.Stop()
	for {
		b.look()
		select {
		case <-stop:
			return
		case <-tick.C:
		}
	}
}

// look compares what is used with the limit. Before it shuts, and while it is shut, it has memory given
// back that is only not collected yet.
func (b *budget) look() {
	limit := b.limit.Load()
	if limit == 0 {
		b.seen.Store(0)
		b.turn(false, 0, 0)
		return
	}
	high, low := limit/10*highTenths, limit/10*lowTenths
	used := b.used()
	mark := high
	if b.full() {
		mark = low
	}
	if used >= mark && b.now().Sub(b.shrunk) >= shrinkPause {
		b.shrink()
		b.shrunk = b.now()
		used = b.used()
	}
	b.seen.Store(used)
	switch {
	case used >= high:
		b.turn(true, used, limit)
	case used < low:
		b.turn(false, used, limit)
	}
}

// turn logs one line for each change.
func (b *budget) turn(shut bool, used, limit uint64) {
	if b.shut.Swap(shut) == shut {
		return
	}
	if shut {
		b.closed.Add(1)
		b.log.Warn("memory runs out: nobody new is let in", "resident", used, "Memory_Limit", limit)
		return
	}
	b.log.Info("there is memory again: everybody is let in", "resident", used, "Memory_Limit", limit)
}
