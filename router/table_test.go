package router

import (
	"fmt"
	"hash/maphash"
	"math/rand/v2"
	"runtime"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	cmap "github.com/orcaman/concurrent-map/v2"
)

// tableSize is a million users.
const tableSize = 1_000_000

// BenchmarkTable measures concurrent-map for the session table: bytes for each of a million users, with
// the memory of their addresses left out, lookups on all processors, and lookups beside one goroutine
// that adds and removes users without a pause. What they cost each other shows where there are more
// goroutines (-cpu) than processors, too.
func BenchmarkTable(b *testing.B) {
	seed := maphash.MakeSeed()
	hashes := []struct {
		name string
		fn   func(string) uint32
	}{
		{"fnv", nil}, // the map's own
		{"maphash", func(k string) uint32 { return uint32(maphash.String(seed, k)) }},
	}
	was := cmap.SHARD_COUNT
	defer func() { cmap.SHARD_COUNT = was }()
	keys := make([]string, tableSize)
	for i := range keys {
		keys[i] = fmt.Sprintf("user%06d@example.com", i)
	}
	for _, h := range hashes {
		for _, count := range []int{32, 256, 1024, 4096} {
			b.Run(fmt.Sprintf("%s/shards=%d", h.name, count), func(b *testing.B) {
				cmap.SHARD_COUNT = count
				make := func() cmap.ConcurrentMap[string, *User] {
					if h.fn == nil {
						return cmap.New[*User]()
					}
					return cmap.NewWithCustomShardingFunction[string, *User](h.fn)
				}
				measureTable(b, keys, make)
			})
		}
	}
}

func measureTable[K comparable](b *testing.B, keys []K, make func() cmap.ConcurrentMap[K, *User]) {
	u := new(User)
	before := liveHeap()
	m := make()
	for _, k := range keys {
		m.Set(k, u)
	}
	entry := float64(liveHeap()-before) / float64(len(keys))
	look := func(writing *atomic.Int64) float64 { // operations per second of processor time, for other work runs on the machine
		var n atomic.Int64
		start, written := computed(b), writing.Load()
		b.RunParallel(func(pb *testing.PB) {
			r := rand.New(rand.NewPCG(1, uint64(n.Add(1))))
			for pb.Next() {
				m.Get(keys[r.IntN(len(keys))])
			}
		})
		return float64(int64(b.N)+writing.Load()-written) / (computed(b) - start).Seconds()
	}
	b.ResetTimer()
	var writes atomic.Int64
	alone := look(&writes)
	b.StopTimer()
	var stop atomic.Bool
	var writer sync.WaitGroup
	writer.Go(func() {
		r := rand.New(rand.NewPCG(2, 2))
		for !stop.Load() {
			k := keys[r.IntN(len(keys))]
			m.Remove(k)
			m.Set(k, u)
			writes.Add(2)
		}
	})
	busy := look(&writes)
	stop.Store(true)
	writer.Wait()
	b.ReportMetric(entry, "B/entry")
	b.ReportMetric(alone, "lookups/cpu-s")
	b.ReportMetric(busy, "ops-with-writer/cpu-s")
	runtime.KeepAlive(m)
}

// computed is the processor time that this process has used.
func computed(b *testing.B) time.Duration {
	b.Helper()
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// liveHeap is what the collector leaves.
func liveHeap() uint64 {
	for range 2 {
		runtime.GC()
	}
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}
