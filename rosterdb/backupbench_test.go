package rosterdb_test

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"sync/atomic"
	"testing"

	"roost/rosterdb"
)

// BenchmarkBackup makes backups of 100 000 rosters of 30, and restores them; the peak of the heap is looked at
// after each part.
func BenchmarkBackup(b *testing.B) {
	db := benchStore(b)
	const rosters = 100_000
	ro := rosterOf(b, 30)
	var next atomic.Int64
	b.SetParallelism(64)
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
}
