package main

import (
	"math"
	"testing"
	"testing/fstest"
	"time"
)

func TestGroupLimit(t *testing.T) {
	file := func(text string) *fstest.MapFile { return &fstest.MapFile{Data: []byte(text)} }
	for _, k := range []struct {
		name string
		root fstest.MapFS
		want int64
	}{
		{"none", fstest.MapFS{}, math.MaxInt64},
		{"no limit", fstest.MapFS{"proc/self/cgroup": file("0::/a\n"), "sys/fs/cgroup/a/memory.max": file("max\n")}, math.MaxInt64},
		{"container", fstest.MapFS{"proc/self/cgroup": file("0::/\n"), "sys/fs/cgroup/memory.max": file("1000\n")}, 1000},
		{"unit", fstest.MapFS{"proc/self/cgroup": file("0::/a.slice/b.service\n"), "sys/fs/cgroup/a.slice/memory.max": file("500\n"),
			"sys/fs/cgroup/a.slice/b.service/memory.max": file("1000\n")}, 500},
		{"host's path inside", fstest.MapFS{"proc/self/cgroup": file("0::/docker/x\n"), "sys/fs/cgroup/memory.max": file("7\n")}, 7},
		{"version 1", fstest.MapFS{"proc/self/cgroup": file("3:cpu:/a\n2:memory:/a\n"),
			"sys/fs/cgroup/memory/a/memory.limit_in_bytes": file("2000\n"),
			"sys/fs/cgroup/memory/memory.limit_in_bytes":   file("9223372036854771712\n"),
			"sys/fs/cgroup/a/memory.max":                   file("1\n")}, 2000},
		{"version 1, no limit", fstest.MapFS{"proc/self/cgroup": file("2:memory:/\n"),
			"sys/fs/cgroup/memory/memory.limit_in_bytes": file("9223372036854771712\n")}, math.MaxInt64},
		{"rubbish", fstest.MapFS{"proc/self/cgroup": file("x\n::\n0::../..\n"), "sys/fs/cgroup/memory.max": file("-1\n")}, math.MaxInt64},
	} {
		if got := groupLimit(k.root); got != k.want {
			t.Errorf("%s: %d, want %d", k.name, got, k.want)
		}
	}
}

func TestTrimmer(t *testing.T) {
	const mb = 1 << 20
	at := time.Unix(0, 0)
	tr := trimmer{now: func() time.Time { return at }}
	for _, k := range []struct {
		name  string
		after time.Duration
		made  uint64 // since the last look
		have  uint64
		due   bool
		takes time.Duration
		left  uint64
	}{
		{"at the start", 3 * time.Second, 30 * mb, 40 * mb, false, 0, 0},
		{"quiet", 3 * time.Second, mb / 2, 40 * mb, true, 20 * time.Millisecond, 20 * mb},
		{"too soon", 2 * time.Second, 0, 40 * mb, false, 0, 0},
		{"nothing to gain", 20 * time.Second, 0, 22 * mb, false, 0, 0},
		{"a storm", 3 * time.Second, 900 * mb, 1200 * mb, false, 0, 0},
		{"a murmur", 3 * time.Second, 20 * mb, 1200 * mb, true, time.Second, 600 * mb},
		{"it took long", 90 * time.Second, 0, 1200 * mb, false, 0, 0},
		{"long enough ago", 10 * time.Second, 0, 1200 * mb, true, time.Second, 600 * mb},
	} {
		at = at.Add(k.after)
		u := usage{allocated: tr.last + k.made, resident: k.have}
		if got := tr.due(u); got != k.due {
			t.Errorf("%s: due %v, want %v", k.name, got, k.due)
		}
		if k.due {
			at = at.Add(k.takes)
			tr.done(usage{allocated: u.allocated, resident: k.left})
		}
	}
	if u := readUsage(); u.allocated == 0 || u.resident < mb {
		t.Errorf("%+v", u)
	}
}
