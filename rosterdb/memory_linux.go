package rosterdb

import (
	"bufio"
	"bytes"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"

	"github.com/dgraph-io/badger/v4/table"
)

// residentFiles is how many bytes of mapped files are resident in this process,
// the program itself among them; not ok when the kernel does not tell.
func residentFiles() (bytes int64, ok bool) {
	text, err := os.ReadFile("/proc/self/statm") // pages: size, resident, shared, …
	if err != nil {
		return 0, false
	}
	fields := strings.Fields(string(text))
	if len(fields) < 3 {
		return 0, false
	}
	pages, err := strconv.ParseInt(fields[2], 10, 64)
	return pages * int64(os.Getpagesize()), err == nil
}

// dropMapped takes the pages of the mapped tables of dir that are in held out of
// the resident memory. Those tables must stay mapped until it returns.
func dropMapped(dir string, held map[uint64]bool) error {
	dir, err := filepath.Abs(dir)
	if err == nil {
		dir, err = filepath.EvalSymlinks(dir)
	}
	if err != nil {
		return err
	}
	f, err := os.Open("/proc/self/maps")
	if err != nil {
		return err
	}
	defer f.Close()
	in := bufio.NewScanner(f)
	in.Buffer(nil, 64<<10)
	for in.Scan() {
		m, ok := parseMapping(in.Bytes())
		if !ok || filepath.Dir(m.path) != dir {
			continue
		}
		if id, ok := table.ParseFileID(filepath.Base(m.path)); !ok || !held[id] {
			continue
		}
		// The mapping is shared: what is written to it is not lost.
		if _, _, no := syscall.Syscall(syscall.SYS_MADVISE, m.from, m.to-m.from, syscall.MADV_DONTNEED); no != 0 {
			return os.NewSyscallError("madvise", no)
		}
	}
	return in.Err()
}

// mapping is one shared mapping of a file.
type mapping struct {
	from, to uintptr
	path     string
}

// parseMapping reads a line of /proc/self/maps (proc_pid_maps(5)):
// `from-to perms offset device inode path`, the first two in base 16.
func parseMapping(line []byte) (m mapping, ok bool) {
	at := bytes.IndexByte(line, '/')
	if at < 0 {
		return m, false
	}
	m.path = string(line[at:])
	fields := strings.Fields(string(line[:at]))
	if len(fields) != 5 || !strings.HasSuffix(fields[1], "s") {
		return m, false
	}
	from, to, _ := strings.Cut(fields[0], "-")
	a, err1 := strconv.ParseUint(from, 16, 64)
	b, err2 := strconv.ParseUint(to, 16, 64)
	m.from, m.to = uintptr(a), uintptr(b)
	return m, err1 == nil && err2 == nil && m.from < m.to
}
