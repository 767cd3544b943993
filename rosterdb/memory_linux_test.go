package rosterdb

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"testing"
)

func TestParseMapping(t *testing.T) {
	for line, want := range map[string]string{
		"7f00-7fff rw-s 00000000 fe:00 393 /a/b/000001.sst":   "7f00-7fff /a/b/000001.sst",
		"7f00-7fff rw-s 00000000 fe:00 393   /a b/000001.sst": "7f00-7fff /a b/000001.sst",
		"7f00-7fff r--s 00000000 fe:00 393 /000001.sst":       "7f00-7fff /000001.sst",
		"7f00-7fff rw-p 00000000 fe:00 393 /a/b/000001.sst":   "", // what is written to it is its own
		"7f00-7fff rw-s 00000000 fe:00 0":                     "",
		"7f00-7fff rw-p 00000000 00:00 0 [heap]":              "",
		"7f00-7e00 rw-s 00000000 fe:00 393 /a":                "",
		"7f00 rw-s 00000000 fe:00 393 /a":                     "",
		"x-y rw-s 00000000 fe:00 393 /a":                      "",
		"/a":                                                  "",
		"":                                                    "",
	} {
		got := ""
		if m, ok := parseMapping([]byte(line)); ok {
			got = fmt.Sprintf("%x-%x %s", m.from, m.to, m.path)
		}
		if got != want {
			t.Errorf("%s: %q, want %q", line, got, want)
		}
	}
}

// Tables leave the resident memory, also where the way to them is a link, and
// are read as before, while changes and compactions go on.
func TestDropTables(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "link")
	if err := os.Symlink(t.TempDir(), dir); err != nil {
		t.Fatal(err)
	}
	db, err := Open(Options{Dir: dir, NoSync: true, MinFree: -1, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	const docs, size = 100, 256 << 10
	key := func(i int) []byte { return fmt.Appendf([]byte{kindBlob}, "x\x00u\x00%d", i) }
	doc := func(i int) []byte { return bytes.Repeat(binary.BigEndian.AppendUint32(nil, uint32(i)), size/4) }
	put := func(i int) {
		if err := db.update(func(t *tx) error { t.set(key(i), doc(i)); return nil }); err != nil {
			t.Error(err)
		}
	}
	readAll := func() {
		for i := range docs {
			if v, err := db.get(key(i)); err != nil || !bytes.Equal(v, doc(i)) {
				t.Errorf("document %d: %d bytes, %v", i, len(v), err)
			}
		}
	}
	for i := range docs {
		put(i)
	}
	readAll()
	for try := 0; ; try++ {
		db.unmapTables(0)
		left := residentTables(t, dir)
		if left < docs*size/2 {
			break
		}
		if try == 100 { // a compaction has an end
			t.Fatalf("%d MiB of tables are resident, the documents have %d", left>>20, docs*size>>20)
		}
	}
	var wg sync.WaitGroup
	wg.Go(func() {
		for i := range docs {
			put(i)
		}
	})
	wg.Go(readAll)
	for range 30 {
		if err := db.view(db.dropTables); err != nil {
			t.Error(err)
		}
	}
	wg.Wait()
	readAll()
}

// residentTables is what is resident of the tables of dir, in bytes.
func residentTables(t *testing.T, dir string) (sum int) {
	t.Helper()
	dir, err := filepath.EvalSymlinks(dir)
	if err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile("/proc/self/smaps") // lines as in maps, below each some `Name: number kB`
	if err != nil {
		t.Fatal(err)
	}
	inside := false
	for line := range bytes.Lines(text) {
		if name, _, _ := bytes.Cut(line, []byte(" ")); !bytes.HasSuffix(name, []byte(":")) {
			m, ok := parseMapping(bytes.TrimSpace(line))
			inside = ok && filepath.Dir(m.path) == dir && filepath.Ext(m.path) == ".sst"
		}
		var kib int
		if _, err := fmt.Sscanf(string(line), "Rss: %d kB", &kib); err == nil && inside {
			sum += kib << 10
		}
	}
	return sum
}

// Many reads wake the keeper, which keeps what is resident within its limit.
func TestKeeperWakes(t *testing.T) {
	k := newKeeper()
	for range readsPerCheck - 1 {
		k.touched()
	}
	if len(k.nudge) != 0 {
		t.Error("it is woken early")
	}
	for range readsPerCheck + 1 {
		k.touched() // the second time it is awake already
	}
	if len(k.nudge) != 1 {
		t.Error("it is not woken")
	}
}
