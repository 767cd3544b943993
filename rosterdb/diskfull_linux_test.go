package rosterdb_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"roost/rosterdb"
	"roost/xmlstream/jid"
)

// TestDiskFull fills a file system of its own, in name spaces of its own, so
// that it needs no rights.
func TestDiskFull(t *testing.T) { runInNameSpace(t, "tmpfs") }

// runInNameSpace runs a child that may mount file systems.
func runInNameSpace(t *testing.T, role string) {
	t.Helper()
	cmd := child(t, role, t.TempDir())
	cmd.SysProcAttr = &syscall.SysProcAttr{
		Cloneflags:  syscall.CLONE_NEWUSER | syscall.CLONE_NEWNS,
		UidMappings: []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getuid(), Size: 1}},
		GidMappings: []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getgid(), Size: 1}},
	}
	out, err := cmd.Output()
	if errors.Is(err, syscall.EPERM) || errors.Is(err, syscall.ENOSYS) || errors.Is(err, syscall.EINVAL) || errors.Is(err, syscall.EACCES) {
		t.Skipf("this kernel gives no user name space: %v", err)
	}
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	t.Logf("%s", out)
}

func tmpfsChild(dir string) error {
	if err := syscall.Mount("roost", dir, "tmpfs", 0, "size=224m"); err != nil {
		return fmt.Errorf("mount: %w", err)
	}
	o := options(filepath.Join(dir, "store"))
	o.MinFree = 64 << 20
	ballast := filepath.Join(dir, "ballast")
	if err := os.WriteFile(ballast, make([]byte, 96<<20), 0o600); err != nil {
		return err
	}
	db, err := rosterdb.Open(o)
	if err != nil {
		return err
	}
	defer db.Close()
	n, err := fill(db, 0, 1<<20)
	if !errors.Is(err, rosterdb.ErrNoSpace) || n < 20 {
		return fmt.Errorf("%d documents, then %w", n, err)
	}
	fmt.Printf("%d documents, then: %v\n", n, err)
	if err := readBack(db, n); err != nil {
		return err
	}
	if err := os.Remove(ballast); err != nil {
		return err
	}
	more, err := fill(db, n, n+50)
	if err != nil {
		return fmt.Errorf("%d documents after space was made, then %w", more-n, err)
	}
	if err := db.Close(); err != nil {
		return err
	}
	if err := leave(dir, ballast, 100<<10); err != nil {
		return err
	}
	// The full store opens and reads.
	if db, err = rosterdb.Open(o); err != nil {
		return fmt.Errorf("open: %w", err)
	}
	if _, err := fill(db, more, more+1); !errors.Is(err, rosterdb.ErrNoSpace) {
		return fmt.Errorf("a change in the full store: %w", err)
	}
	if err := readBack(db, more); err != nil {
		return err
	}
	if err := os.Remove(ballast); err != nil {
		return err
	}
	if more, err = fill(db, more, more+1); err != nil {
		return fmt.Errorf("a change once there is space again: %w", err)
	}
	return errors.Join(readBack(db, more), db.Close())
}

// leave makes file so long that only free bytes are left.
func leave(dir, file string, free int64) error {
	var st syscall.Statfs_t
	if err := syscall.Statfs(dir, &st); err != nil {
		return err
	}
	return os.WriteFile(file, make([]byte, int64(st.Bavail)*st.Bsize-free), 0o600)
}

func fillKey(i int) (jid.JID, error) { return jid.Parse(fmt.Sprintf("u%d@x", i)) }

// fill writes documents of 100 KiB from number n on until the store refuses.
func fill(db *rosterdb.DB, n, end int) (int, error) {
	for ; n < end; n++ {
		who, err := fillKey(n)
		if err == nil {
			err = db.SetBlob(who, "n", fmt.Appendf(make([]byte, 100<<10), "%d", n), 1<<20)
		}
		if err != nil {
			return n, err
		}
	}
	return n, nil
}

func readBack(db *rosterdb.DB, n int) error {
	for i := range n {
		who, err := fillKey(i)
		if err != nil {
			return err
		}
		b, err := db.Blob(who, "n")
		if err != nil || string(b[min(len(b), 100<<10):]) != fmt.Sprint(i) {
			return fmt.Errorf("document %d: %d bytes, %w", i, len(b), err)
		}
	}
	return nil
}
