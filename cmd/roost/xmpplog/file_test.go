package xmpplog

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"roost/cmd/roost/conf"
)

func TestModeAndAppend(t *testing.T) {
	old := syscall.Umask(0o077)
	defer syscall.Umask(old)
	file := filepath.Join(t.TempDir(), "log")
	for range 2 {
		l := start(t, Options{}, logger(t, file, "line"))
		l.Received(peer, parse(t, "<presence/>"))
		closeLog(t, l)
	}
	if got := read(t, file); got != "line\nline\n" {
		t.Errorf("%q", got)
	}
	if info, err := os.Stat(file); err != nil || info.Mode().Perm() != 0o640 {
		t.Errorf("%v %v", info.Mode(), err)
	}
}

// TestBrokenLine: what a crash left of a line does not swallow the next one.
func TestBrokenLine(t *testing.T) {
	file := filepath.Join(t.TempDir(), "log")
	if err := os.WriteFile(file, []byte("whole\nbro"), 0o600); err != nil {
		t.Fatal(err)
	}
	l := start(t, Options{}, logger(t, file, "next"))
	l.Received(peer, parse(t, "<presence/>"))
	closeLog(t, l)
	if got := read(t, file); got != "whole\nbro\nnext\n" {
		t.Errorf("%q", got)
	}
}

func TestOpenFails(t *testing.T) {
	dir := t.TempDir()
	pipe := filepath.Join(dir, "pipe")
	if err := syscall.Mkfifo(pipe, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ file, want string }{
		{filepath.Join(dir, "none", "log"), "no such file or directory"},
		{dir, "is a directory"},
		{pipe, "is a pipe"},
	} {
		good := logger(t, filepath.Join(dir, "good"))
		l, err := open([]conf.Logger{good, logger(t, c.file)}, Options{})
		if l != nil || err == nil || !strings.Contains(err.Error(), c.want) || !strings.Contains(err.Error(), `xmpp_logger "log"`) {
			t.Errorf("%s: %v", c.file, err)
		}
	}
}

// TestRotation: a moved file gets what came before Reopen, the new one what comes after.
func TestRotation(t *testing.T) {
	file := filepath.Join(t.TempDir(), "log")
	l := start(t, Options{}, logger(t, file, "%ai"))
	l.Received(peer, parse(t, "<presence id='1'/>"))
	if err := os.Rename(file, file+".1"); err != nil {
		t.Fatal(err)
	}
	l.Received(peer, parse(t, "<presence id='2'/>"))
	if err := l.Reopen(); err != nil {
		t.Fatal(err)
	}
	l.Received(peer, parse(t, "<presence id='3'/>"))
	closeLog(t, l)
	if old, now := read(t, file+".1"), read(t, file); old != "1\n2\n" || now != "3\n" {
		t.Errorf("%q %q", old, now)
	}
	if err := l.Reopen(); err == nil {
		t.Error("a closed log can be reopened")
	}
	closeLog(t, l) // again is no harm
}

// TestRotationFails: without a new file the old one goes on.
func TestRotationFails(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "d")
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	l := start(t, Options{}, logger(t, filepath.Join(dir, "log"), "%ai"))
	if err := os.Rename(dir, dir+".old"); err != nil {
		t.Fatal(err)
	}
	if err := l.Reopen(); !errors.Is(err, fs.ErrNotExist) || !strings.Contains(err.Error(), "go on to the file that was open") {
		t.Error(err)
	}
	l.Received(peer, parse(t, "<presence id='1'/>"))
	closeLog(t, l)
	if got := read(t, filepath.Join(dir+".old", "log")); got != "1\n" {
		t.Errorf("%q", got)
	}
}

// broken makes the file of a log unwritable from the next write on; the goroutine must be idle.
func broken(f *file) { f.out.Close() }

// TestFileError: told once, tried again, and nothing is lost.
func TestFileError(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var m messages
		dir := filepath.Join(t.TempDir(), "d")
		if err := os.Mkdir(dir, 0o700); err != nil {
			t.Fatal(err)
		}
		l := start(t, Options{Log: m.logger()}, logger(t, filepath.Join(dir, "log"), "%ai"))
		synctest.Wait()
		broken(l.files[0])
		if err := os.Rename(dir, dir+".off"); err != nil {
			t.Fatal(err)
		}
		for i := range 3 {
			l.Received(peer, parse(t, fmt.Sprintf("<presence id='%d'/>", i)))
			time.Sleep(retryAfter)
			synctest.Wait()
		}
		if got := m.take(); strings.Count(got, "\n") != 1 || !strings.Contains(got, "cannot be written") || !strings.Contains(got, "d/log") {
			t.Errorf("told:\n%s", got)
		}
		if st := l.Stats()[0]; st.Err == nil || st.Waiting != 6 || st.Written != 0 {
			t.Errorf("%+v", st)
		}
		if err := os.Rename(dir+".off", dir); err != nil {
			t.Fatal(err)
		}
		time.Sleep(retryAfter)
		synctest.Wait()
		if got := m.take(); strings.Count(got, "\n") != 1 || !strings.Contains(got, "written again") {
			t.Errorf("told:\n%s", got)
		}
		if st := l.Stats()[0]; st.Err != nil || st.Waiting != 0 || st.Written != 3 || st.Dropped != 0 {
			t.Errorf("%+v", st)
		}
		if got := read(t, filepath.Join(dir, "log")); got != "0\n1\n2\n" {
			t.Errorf("%q", got)
		}
	})
}

// TestReopenHeals: an operator need not wait for the next attempt; and Close makes a last one.
func TestReopenHeals(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var m messages
		file := filepath.Join(t.TempDir(), "log")
		l := start(t, Options{Log: m.logger()}, logger(t, file, "%ai"))
		synctest.Wait()
		broken(l.files[0])
		l.Received(peer, parse(t, "<presence id='1'/>"))
		synctest.Wait()
		if l.Stats()[0].Err == nil {
			t.Fatal("no error")
		}
		if err := l.Reopen(); err != nil || l.Stats()[0].Err != nil {
			t.Fatal(err, l.Stats())
		}
		broken(l.files[0])
		l.Received(peer, parse(t, "<presence id='2'/>"))
		synctest.Wait()
		closeLog(t, l)
		if got := read(t, file); got != "1\n2\n" {
			t.Errorf("%q", got)
		}
	})
}

func TestCloseTellsWhatIsLost(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dir := filepath.Join(t.TempDir(), "d")
		if err := os.Mkdir(dir, 0o700); err != nil {
			t.Fatal(err)
		}
		var m messages
		l := start(t, Options{Log: m.logger()}, logger(t, filepath.Join(dir, "log"), "%ai"))
		synctest.Wait()
		broken(l.files[0])
		if err := os.RemoveAll(dir); err != nil {
			t.Fatal(err)
		}
		l.Received(peer, parse(t, "<presence id='1'/>"))
		if err := l.Close(context.Background()); err == nil || !strings.Contains(err.Error(), "2 bytes of records are lost") {
			t.Error(err)
		}
	})
}

// TestDiskFull: the line that was cut short is written again whole. /dev/full is a disk that is.
func TestDiskFull(t *testing.T) {
	full, err := os.OpenFile("/dev/full", os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	synctest.Test(t, func(t *testing.T) {
		var m messages
		file := filepath.Join(t.TempDir(), "log")
		l := start(t, Options{Log: m.logger()}, logger(t, file, "%ai"))
		synctest.Wait()
		l.files[0].out.Close()
		l.files[0].out = full
		l.Received(peer, parse(t, "<presence id='1'/>"))
		synctest.Wait()
		if st := l.Stats()[0]; !errors.Is(st.Err, syscall.ENOSPC) {
			t.Errorf("%+v", st)
		}
		time.Sleep(2 * retryAfter)
		synctest.Wait()
		if got := read(t, file); got != "1\n" {
			t.Errorf("%q", got)
		}
	})
}

// TestOverflow: what finds no room is dropped and counted, and the count is told at most once in a
// minute; memory stays within the limit also while the file cannot be written.
func TestOverflow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var m messages
		dir := filepath.Join(t.TempDir(), "d")
		if err := os.Mkdir(dir, 0o700); err != nil {
			t.Fatal(err)
		}
		const limit = 100
		l := start(t, Options{Log: m.logger(), QueueLimit: limit}, logger(t, filepath.Join(dir, "log"), "0123456789abcde"))
		f := l.files[0]
		synctest.Wait()
		broken(f)
		if err := os.Rename(dir, dir+".off"); err != nil {
			t.Fatal(err)
		}
		st := parse(t, "<presence/>")
		for range 10 {
			l.Received(peer, st)
			time.Sleep(retryAfter)
			synctest.Wait()
			if n := l.Stats()[0].Waiting; n > limit {
				t.Fatalf("%d bytes wait", n)
			}
		}
		got := m.take()
		if strings.Count(got, "were dropped") != 1 || !strings.Contains(got, "dropped=1\n") {
			t.Errorf("told:\n%s", got)
		}
		if s := l.Stats()[0]; s.Dropped != 4 || s.Waiting != 96 {
			t.Errorf("%+v", s)
		}
		time.Sleep(reportEvery)
		synctest.Wait()
		if got := m.take(); strings.Count(got, "\n") != 1 || !strings.Contains(got, "dropped=3\n") {
			t.Errorf("told:\n%s", got)
		}
		if err := os.Rename(dir+".off", dir); err != nil {
			t.Fatal(err)
		}
		time.Sleep(retryAfter)
		synctest.Wait()
		if got := read(t, filepath.Join(dir, "log")); got != strings.Repeat("0123456789abcde\n", 6) {
			t.Errorf("%q", got)
		}
		closeLog(t, l)
		l.Received(peer, st) // after the end: counted, not kept
		if s := l.Stats()[0]; s.Dropped != 5 || s.Waiting != 0 {
			t.Errorf("%+v", s)
		}
	})
}

// TestCloseDoesNotWaitForEver: the context bounds a flush that does not return.
func TestCloseDoesNotWaitForEver(t *testing.T) {
	r, w, err := os.Pipe() // nobody reads: a disk that does not answer
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "log")
	var m messages
	l, err := open([]conf.Logger{logger(t, file, "%sr")}, Options{Log: m.logger()})
	if err != nil {
		t.Fatal(err)
	}
	if err := l.Reopen(); err != nil { // the goroutine is idle behind this
		t.Fatal(err)
	}
	f := l.files[0]
	f.out.Close()
	f.out = w
	big := parse(t, "<presence>"+strings.Repeat("x", 200_000)+"</presence>")
	l.Received(peer, big)
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if err := l.Close(ctx); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	r.Close() // now the write fails
	<-f.done
}

// TestMany: records of many goroutines come out whole and once each, over rotations.
func TestMany(t *testing.T) {
	const goroutines, each = 8, 500
	file := filepath.Join(t.TempDir(), "log")
	l := start(t, Options{}, logger(t, file, "%ai", "%ai"))
	var wg sync.WaitGroup
	for g := range goroutines {
		wg.Go(func() {
			for i := range each {
				l.Delivered(peer, fmt.Appendf(nil, "<presence id='%d-%d'/>", g, i))
			}
		})
	}
	for i := range 5 {
		if err := os.Rename(file, fmt.Sprintf("%s.%d", file, i)); err != nil {
			t.Error(err)
		}
		if err := l.Reopen(); err != nil {
			t.Error(err)
		}
	}
	wg.Wait()
	closeLog(t, l)
	seen := map[string]bool{}
	all, _ := filepath.Glob(file + "*")
	for _, name := range all {
		for line := range bytes.Lines([]byte(read(t, name))) {
			seen[string(line)] = true
		}
	}
	if len(seen) != goroutines*each || l.Stats()[0].Dropped != 0 {
		t.Errorf("%d lines, %+v", len(seen), l.Stats())
	}
}
