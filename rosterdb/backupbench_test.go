package rosterdb_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"sync/atomic"
	"testing"
	"time"

	"roost/rosterdb"
)

// BenchmarkBackup makes backups of 100 000 rosters of 30, and restores them; the peak of the heap is looked at
// after each part.
func BenchmarkBackup(b *testing.B) {
	db := benchStore(b)
	const rosters = 100_000
	ro := rosterOf(b, 30)
	var next atomic.Int64
	fill := func() {
		for n := next.Add(1); n <= rosters; n = next.Add(1) {
			if _, err := db.PutRoster(addr(b, fmt.Sprintf("user%d@example.org", n)), ro); err != nil {
				b.Error(err)
				return
			}
		}
	}
	done := make(chan struct{})
	for range 64 {
		go func() { fill(); done <- struct{}{} }()
	}
	for range 64 {
		<-done
	}
	path := filepath.Join(b.TempDir(), "roost.bak")
	run := func(name string, fn func(peak func()) error) {
		b.Run(name, func(b *testing.B) {
			runtime.GC()
			var m runtime.MemStats
			runtime.ReadMemStats(&m)
			before, top, parts := m.HeapAlloc, uint64(0), 0
			for b.Loop() {
				must(b, fn(func() {
					if parts++; parts%16 == 0 { // it stops the world
						runtime.ReadMemStats(&m)
						top = max(top, m.HeapAlloc)
					}
				}))
			}
			info, err := os.Stat(path)
			must(b, err)
			b.SetBytes(info.Size())
			b.ReportMetric(float64(int64(top)-int64(before))/(1<<20), "MiB-heap")
			b.ReportMetric(float64(info.Size())/(1<<20), "MiB-file")
		})
	}
	run("backup", func(peak func()) error {
		_, err := db.BackupFile(b.Context(), path, func(rosterdb.BackupStats) { peak() })
		return err
	})
	run("restore", func(peak func()) error {
		dir, err := os.MkdirTemp(b.TempDir(), "")
		must(b, err)
		defer os.RemoveAll(dir)
		_, err = rosterdb.Restore(b.Context(), path, rosterdb.RestoreOptions{Store: options(filepath.Join(dir, "store")),
			Progress: func(rosterdb.BackupStats, int64) { peak() }})
		return err
	})
	for _, beside := range []bool{false, true, false, true} { // the first beside compactions of the load
		b.Run(fmt.Sprintf("changes/backup=%v", beside), func(b *testing.B) { benchBeside(b, db, path, rosters, beside) })
	}
}

// benchBeside is the rate of changes of 64 writers, beside backups that follow one another or alone, and the longest one.
func benchBeside(b *testing.B, db *rosterdb.DB, path string, rosters int, beside bool) {
	ctx, cancel := context.WithCancel(b.Context())
	done := make(chan struct{})
	go func() {
		defer close(done)
		for beside && ctx.Err() == nil {
			if _, err := db.BackupFile(ctx, path, nil); err != nil && ctx.Err() == nil {
				b.Error(err)
				return
			}
		}
	}()
	var next, longest atomic.Int64
	b.SetParallelism(64 / runtime.GOMAXPROCS(0))
	contact := addr(b, "contact0007@example.org")
	b.ResetTimer()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			n := next.Add(1)
			began := time.Now()
			if _, err := db.SetItem(addr(b, fmt.Sprintf("user%d@example.org", 1+n*7919%int64(rosters))), contact, fmt.Sprint(n), nil, rosterdb.Limits{}); err != nil {
				b.Error(err)
				return
			}
			if took := int64(time.Since(began)); took > longest.Load() {
				longest.Store(took)
			}
		}
	})
	b.StopTimer()
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "changes/s")
	b.ReportMetric(float64(longest.Load())/1e6, "ms-longest")
	cancel()
	<-done
}
