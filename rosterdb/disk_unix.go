//go:build unix

package rosterdb

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"syscall"
)

// asDisk puts ErrNoSpace or ErrReadOnly before an error of the file system that
// means it; any other error is returned as it is.
func asDisk(err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, ErrNoSpace), errors.Is(err, ErrReadOnly):
		return err
	case isErrno(err, syscall.ENOSPC), isErrno(err, syscall.EDQUOT), isErrno(err, syscall.EFBIG):
		return fmt.Errorf("%w: %w", ErrNoSpace, err)
	case isErrno(err, syscall.EROFS), isErrno(err, syscall.EIO), isErrno(err, syscall.EMFILE), isErrno(err, syscall.ENFILE):
		return fmt.Errorf("%w: %w", ErrReadOnly, err)
	}
	return err
}

// isErrno also finds an error number that Badger has turned into text.
func isErrno(err error, no syscall.Errno) bool {
	return errors.Is(err, no) || strings.Contains(err.Error(), no.Error())
}

// checkFileSize refuses a file size limit that the store would run into: the
// kernel ends a process that writes past it.
func checkFileSize(dir string) error {
	var l syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_FSIZE, &l); err != nil {
		return nil // no such limit here
	}
	if limit := uint64(l.Cur); limit < maxFile {
		return fmt.Errorf("store %s: %w: the file size limit of the process is %d bytes, the store needs %d; raise it (ulimit -f)",
			dir, ErrNoSpace, limit, maxFile)
	}
	return nil
}

// checkDescriptors makes sure that Badger could open files: it does not get
// over a log file that it cannot make.
func checkDescriptors() error {
	syscall.ForkLock.RLock() // no child may inherit them
	defer syscall.ForkLock.RUnlock()
	var fds [4]int
	n := 0
	var err error
	for n < len(fds) && err == nil {
		if fds[n], err = syscall.Dup(2); err == nil {
			n++
		}
	}
	for _, fd := range fds[:n] {
		err = errors.Join(err, syscall.Close(fd))
	}
	if errors.Is(err, syscall.EBADF) {
		return nil // no standard error to try with
	}
	if err != nil {
		return fmt.Errorf("%w: no descriptors left for its files, raise the limit (ulimit -n): %w", ErrReadOnly, err)
	}
	return nil
}

// lockDir takes the lock that Badger takes, shared for a reader.
func lockDir(dir string, shared bool) (unlock func(), err error) {
	f, err := os.Open(dir)
	if err != nil {
		return nil, err
	}
	how := syscall.LOCK_EX
	if shared {
		how = syscall.LOCK_SH
	}
	if err := syscall.Flock(int(f.Fd()), how|syscall.LOCK_NB); err != nil {
		return nil, errors.Join(errInUse, err, f.Close())
	}
	return func() { _ = f.Close() }, nil // which unlocks
}

// nonBlock: opening what is no file waits for nobody.
const nonBlock = syscall.O_NONBLOCK

// onDisk is the space that a file takes: a log file has holes.
func onDisk(info os.FileInfo) int64 {
	if st, ok := info.Sys().(*syscall.Stat_t); ok {
		return st.Blocks * 512 // stat(2)
	}
	return info.Size()
}
