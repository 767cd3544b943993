package rosterdb_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"roost/rosterdb"
)

// TestBackupDiskFull writes a backup to a file system that is too small for it.
func TestBackupDiskFull(t *testing.T) {
	runInNameSpace(t, "backupfull")
}

func backupFullChild(dir string) error {
	if err := syscall.Mount("roost", dir, "tmpfs", 0, "size=1m"); err != nil {
		return fmt.Errorf("mount: %w", err)
	}
	store, err := os.MkdirTemp("", "roost")
	if err != nil {
		return err
	}
	defer os.RemoveAll(store)
	db, err := rosterdb.Open(options(store))
	if err != nil {
		return err
	}
	defer db.Close()
	n, err := fill(db, 0, 30)
	if err != nil {
		return err
	}
	path := filepath.Join(dir, "roost.bak")
	_, err = db.BackupFile(context.Background(), path, nil)
	if !errors.Is(err, syscall.ENOSPC) {
		return fmt.Errorf("a backup on a full disk: %w", err)
	}
	fmt.Println(err)
	if left, err := os.ReadDir(dir); err != nil || len(left) > 0 {
		return fmt.Errorf("%v is left, %w", left, err)
	}
	if more, err := fill(db, n, n+1); err != nil || more != n+1 {
		return fmt.Errorf("the store takes nothing any more: %w", err)
	}
	return nil
}
