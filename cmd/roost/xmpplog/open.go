package xmpplog

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
)

// openLog opens a file to append to. A new one gets exactly that mode, whatever the umask says; an
// old one that ends inside of a line, after a crash or on a full disk, gets a line end first, so
// that the broken line spoils no other.
func openLog(path string, mode fs.FileMode) (*os.File, error) {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_APPEND|os.O_CREATE|os.O_EXCL, mode)
	if err == nil {
		if err := f.Chmod(mode); err != nil {
			return nil, errors.Join(err, f.Close())
		}
		return f, nil
	}
	if !errors.Is(err, fs.ErrExist) {
		return nil, err
	}
	if info, err := os.Stat(path); err == nil && info.Mode().Type() == fs.ModeNamedPipe {
		return nil, fmt.Errorf("%s is a pipe; name a file", path) // opening one waits for a reader
	}
	if f, err = os.OpenFile(path, os.O_WRONLY|os.O_APPEND|os.O_CREATE, mode); err != nil {
		return nil, err
	}
	if !endsInLine(path) {
		return f, nil
	}
	if _, err := f.Write([]byte{'\n'}); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return f, nil
}

// endsInLine reports whether the last byte of a regular file is no line end. A file that cannot be
// read is taken to end well.
func endsInLine(path string) bool {
	info, err := os.Stat(path)
	if err != nil || !info.Mode().IsRegular() || info.Size() == 0 {
		return false
	}
	f, err := os.Open(path)
	if err != nil {
		return false
	}
	defer f.Close()
	var last [1]byte
	_, err = f.ReadAt(last[:], info.Size()-1)
	return err == nil && last[0] != '\n'
}
