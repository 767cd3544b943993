//go:build linux || darwin

package rosterdb

import (
	"fmt"
	"syscall"
)

// checkSpace refuses changes when less than min bytes are free. Badger writes
// through mapped files, and a mapped page that the disk has no block for kills
// the process (SIGBUS); so there must always be room for the log, the tables
// that the memory becomes, and one compaction.
func checkSpace(dir string, min int64) error {
	if min < 0 {
		return nil
	}
	var st syscall.Statfs_t
	if err := syscall.Statfs(dir, &st); err != nil {
		return asDisk(err)
	}
	if free := int64(st.Bavail) * int64(st.Bsize); free < min {
		return fmt.Errorf("%w: %d MiB are free, changes need %d MiB; free some space, no restart is needed",
			ErrNoSpace, free>>20, min>>20)
	}
	return nil
}
