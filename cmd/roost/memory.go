package main

import (
	"context"
	"io/fs"
	"log/slog"
	"math"
	"os"
	"path"
	"runtime/debug"
	"runtime/metrics"
	"strconv"
	"strings"
	"time"
)

const (
	// gcPercent is the garbage that may gather before the collector runs, in percent of what lives
	// (GOGC), from heapFloor on. Go's 100 doubles the memory of idle sessions, and the collector has little to do here:
	// messages make no garbage.
	gcPercent = 50
	// limitPercent is the share of Memory_Limit that the heap may come near to (GOMEMLIMIT). The rest is
	// for what Go does not count: sockets in the kernel, the store's files.
	limitPercent = 75
)

// tuneMemory sets up the collector, except for what the environment says, and until ctx ends gives
// memory that is no longer used back to the system. ours is what the server may have, in bytes; 0: no limit.
func tuneMemory(ctx context.Context, log *slog.Logger, ours uint64) {
	if os.Getenv("GOGC") == "" {
		context.AfterFunc(ctx, keepFloor())
	}
	if ours > 0 && os.Getenv("GOMEMLIMIT") == "" {
		limit := int64(ours / 100 * limitPercent)
		debug.SetMemoryLimit(limit)
		log.Info("memory is limited: the collector works harder near the heap's share of it", "limit", ours, "share", limit)
	}
	go func() {
		t := trimmer{now: time.Now}
		tick := time.NewTicker(trimPeriod)
		defer tick.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-tick.C:
				if before := readUsage(); t.due(before) {
					debug.FreeOSMemory()
					after := readUsage()
					t.done(after)
					log.Debug("gave memory back to the system", "before", before.resident, "after", after.resident)
				}
			}
		}
	}()
}

// unlimited is less than what version 1 of control groups shows for no limit, the largest multiple of a page.
const unlimited = 1 << 60

// groupLimit is the least memory.max of the process's control groups, in bytes; math.MaxInt64 without
// one. root is the file system.
func groupLimit(root fs.FS) int64 {
	least := int64(math.MaxInt64)
	groups, _ := fs.ReadFile(root, "proc/self/cgroup")
	for line := range strings.Lines(string(groups)) {
		f := strings.SplitN(strings.TrimSpace(line), ":", 3)
		if len(f) < 3 {
			continue
		}
		dir, file := "sys/fs/cgroup", "memory.max" // version 2
		if f[1] == "memory" {                      // version 1
			dir, file = "sys/fs/cgroup/memory", "memory.limit_in_bytes"
		} else if f[1] != "" {
			continue
		}
		for p := path.Clean("/" + f[2]); ; p = path.Dir(p) { // a group's limit holds for those within
			text, _ := fs.ReadFile(root, path.Join(dir, p, file))
			if n, err := strconv.ParseInt(strings.TrimSpace(string(text)), 10, 64); err == nil && n > 0 && n < unlimited {
				least = min(least, n)
			}
			if p == "/" {
				break
			}
		}
	}
	return least
}

const (
	trimPeriod = 3 * time.Second
	trimPause  = 5 * time.Second // at least, from one time to the next
	trimCost   = 100             // and this many times what it took
	trimQuiet  = 1 << 20         // bytes: allocating less than this in a period, or
	trimShare  = 50              // one in so many of what is resident, is quiet
	trimGain   = 8               // one in so many of what is resident must be to gain
)

// usage is a look at the memory of the process, in bytes.
type usage struct {
	allocated uint64 // since the start
	resident  uint64 // heap and stacks that the system has not been given back
}

// trimmer decides when memory is given back to the system. Go's own background work does so slowly and keeps
// room for the next storm of logins; when nothing goes on, the room is for others. The collection that
// this takes happens only when there is something to gain, and with a pause by what the last one took.
type trimmer struct {
	now   func() time.Time
	last  uint64    // usage.allocated at the last look
	floor uint64    // usage.resident after the last time
	began time.Time // of the last time
	next  time.Time // not before then
}

// due reports whether to give memory back now; done must follow then.
func (t *trimmer) due(u usage) bool {
	made := u.allocated - t.last
	t.last = u.allocated
	t.began = t.now()
	switch {
	case made > max(trimQuiet, u.resident/trimShare):
		return false
	case t.began.Before(t.next):
		return false
	}
	return u.resident > t.floor+max(trimQuiet, t.floor/trimGain)
}

// done notes what is left.
func (t *trimmer) done(u usage) {
	end := t.now()
	t.last, t.floor = u.allocated, u.resident
	t.next = end.Add(max(trimPause, trimCost*end.Sub(t.began)))
}

// readUsage costs microseconds and stops nobody.
func readUsage() (u usage) {
	s := []metrics.Sample{{Name: "/gc/heap/allocs:bytes"}, {Name: "/memory/classes/heap/objects:bytes"},
		{Name: "/memory/classes/heap/unused:bytes"}, {Name: "/memory/classes/heap/free:bytes"},
		{Name: "/memory/classes/heap/stacks:bytes"}}
	metrics.Read(s)
	u.allocated = s[0].Value.Uint64()
	for _, m := range s[1:] {
		u.resident += m.Value.Uint64()
	}
	return u
}
