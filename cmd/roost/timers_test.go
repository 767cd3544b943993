package main

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// TestNoRuntimeTimers: what belongs to a connection, a stream or a session waits on the wheel of its
// loop (netio/timer.go). A timer of the runtime costs some 200 bytes each, and a million of them a
// heap to sort; so the packages in which connections live make none.
func TestNoRuntimeTimers(t *testing.T) {
	timers := regexp.MustCompile(`\btime\.(AfterFunc|NewTimer|NewTicker|After|Tick|Sleep)\(`)
	files := 0
	for _, room := range []string{"../../netio", "../../router"} {
		err := filepath.WalkDir(room, func(path string, d fs.DirEntry, err error) error {
			switch {
			case err != nil:
				return err
			case d.IsDir() && strings.HasSuffix(d.Name(), "test"): // netiotest, routertest
				return fs.SkipDir
			case filepath.Ext(path) != ".go" || strings.HasSuffix(path, "_test.go"):
				return nil
			}
			files++
			b, err := os.ReadFile(path)
			if m := timers.Find(b); m != nil {
				t.Errorf("%s: %s: use the Conn's timer", path, m)
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	if files < 50 {
		t.Errorf("only %d files were looked at", files)
	}
}
