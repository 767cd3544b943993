//go:build unix

package rosterdb_test

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"syscall"
	"testing"

	"roost/rosterdb"
	"roost/xmlstream/jid"
)

// runChild runs a role to its end and returns what it printed.
func runChild(t *testing.T, role, dir string) string {
	t.Helper()
	out, err := child(t, role, dir).Output()
	if err != nil {
		t.Fatalf("%s: %v\n%s", role, err, out)
	}
	return string(out)
}

// fsizeChild opens a store under a file size limit of 1 MiB.
func fsizeChild(dir string) error {
	if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &syscall.Rlimit{Cur: 1 << 20, Max: 1 << 20}); err != nil {
		return err
	}
	_, err := rosterdb.Open(options(dir))
	if !errors.Is(err, rosterdb.ErrNoSpace) {
		return fmt.Errorf("opened with %w", err)
	}
	fmt.Println(err)
	return nil
}

// The kernel would kill the server at the first file that is too long.
func TestFileSizeLimit(t *testing.T) {
	dir := t.TempDir()
	if out := runChild(t, "fsize", dir); !strings.Contains(out, dir) || !strings.Contains(out, "1048576") || !strings.Contains(out, "ulimit -f") {
		t.Errorf("the message is %s", out)
	}
}

// nofileChild uses up all descriptors and changes something.
func nofileChild(dir string) error {
	db, err := rosterdb.Open(options(dir))
	if err != nil {
		return err
	}
	ann, err := jid.Parse("ann@x")
	if err != nil {
		return err
	}
	if err := db.SetBlob(ann, "n", []byte("before"), 100); err != nil {
		return err
	}
	if err := syscall.Setrlimit(syscall.RLIMIT_NOFILE, &syscall.Rlimit{Cur: 100, Max: 100}); err != nil {
		return err
	}
	var open []*os.File
	for {
		f, err := os.Open(os.DevNull)
		if err != nil {
			break
		}
		open = append(open, f)
	}
	err = db.SetBlob(ann, "n", []byte("without"), 100)
	if !errors.Is(err, rosterdb.ErrReadOnly) {
		return fmt.Errorf("without descriptors: %w", err)
	}
	fmt.Println(err)
	if b, err := db.Blob(ann, "n"); string(b) != "before" {
		return fmt.Errorf("reading without descriptors: %q, %w", b, err)
	}
	for _, f := range open {
		if err := f.Close(); err != nil {
			return err
		}
	}
	if err := db.SetBlob(ann, "n", []byte("after"), 100); err != nil {
		return err
	}
	return db.Close()
}

func TestNoDescriptors(t *testing.T) {
	if out := runChild(t, "nofile", t.TempDir()); !strings.Contains(out, "ulimit -n") {
		t.Errorf("the message is %s", out)
	}
}
