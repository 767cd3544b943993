//go:build linux || darwin

package rosterdb

import "syscall"

// freeSpace is what this process may still write to the disk of dir, in bytes.
func freeSpace(dir string) (int64, error) {
	var st syscall.Statfs_t
	if err := syscall.Statfs(dir, &st); err != nil {
		return 0, asDisk(err)
	}
	return int64(st.Bavail) * int64(st.Bsize), nil
}
