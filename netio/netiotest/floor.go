package netiotest

import (
	"os"
	"runtime"
	"testing"
	"time"
)

// floorSlack is what the heap may differ by for reasons that are none of a connection's: chunks of
// the table of descriptors, what the runtime and the test keep, bytes.
const floorSlack = 512 << 10

// Floor notes the descriptors, goroutines and heap bytes in use. The function that it returns waits until the
// first two have come back to that and reports what has not, and a heap that has grown by more than
// half a MiB.
func Floor(t testing.TB) (check func()) {
	t.Helper()
	files, routines, heap := Descriptors(t), runtime.NumGoroutine(), liveHeap()
	return func() {
		t.Helper()
		for end := time.Now().Add(Patience); time.Now().Before(end); runtime.Gosched() {
			if Descriptors(t) <= files && runtime.NumGoroutine() <= routines {
				break
			}
		}
		if n := Descriptors(t); n > files {
			t.Errorf("%d descriptors, %d before", n, files)
		}
		if n := runtime.NumGoroutine(); n > routines {
			t.Errorf("%d goroutines, %d before", n, routines)
		}
		if n := liveHeap(); n > heap+floorSlack {
			t.Errorf("%d bytes on the heap, %d before", n, heap)
		}
	}
}

// Descriptors counts what the process has open.
func Descriptors(t testing.TB) int {
	t.Helper()
	dir, err := os.Open("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	defer dir.Close()
	names, err := dir.Readdirnames(-1)
	if err != nil {
		t.Fatal(err)
	}
	return len(names) - 1 // itself
}

// liveHeap is what a collection leaves; it takes two to empty pools.
func liveHeap() uint64 {
	var m runtime.MemStats
	for range 3 {
		runtime.GC()
	}
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}
