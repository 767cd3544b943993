// Package probe looks at the server that is loaded: the memory and processor time of a tree of processes, what the
// kernel keeps for sockets, and the server's own metrics in Prometheus' text format.
package probe

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
	"unsafe"
)

// A Sample is a look at one moment. What could not be read is zero.
type Sample struct {
	CPU     time.Duration `json:"cpu_ns"`      // user and system time since the processes began, children that have ended left out
	RSS     int64         `json:"rss"`         // bytes resident, shared pages counted in each process
	PSS     int64         `json:"pss"`         // bytes resident, shared pages counted by their share
	Threads int           `json:"threads"`     //
	Files   int           `json:"files"`       // open descriptors
	Pids    int           `json:"pids"`        // processes in the tree
	TCPMem  int64         `json:"tcp_mem"`     // bytes in TCP buffers, of the whole machine
	Slab    int64         `json:"socket_slab"` // bytes of kernel objects that sockets are made of, of the whole machine
	Sockets int           `json:"sockets"`     // TCP sockets of the whole machine, both ends of local ones
	Go      *GoStats      `json:"go,omitempty"`
}

// GoStats are what a Go server says about itself.
type GoStats struct {
	HeapAlloc  int64   `json:"heap_alloc"`  // bytes live or not yet collected
	AllocBytes int64   `json:"alloc_bytes"` // since the start
	Allocs     int64   `json:"allocs"`      // objects since the start
	GCs        int64   `json:"gcs"`
	GCPause    float64 `json:"gc_pause_s"` // all pauses together
	Goroutines int64   `json:"goroutines"`
}

// A Probe looks at the tree below a process, at a metrics page, or at both.
type Probe struct {
	pid int
	url string
}

// New makes a Probe; pid 0 and url "" look at nothing. A pid that is not there is an error.
func New(pid int, url string) (*Probe, error) {
	if pid != 0 {
		if _, err := os.Stat(proc(pid, "stat")); err != nil {
			return nil, fmt.Errorf("there is no process %d to look at: %w", pid, err)
		}
	}
	return &Probe{pid, url}, nil
}

// Active reports whether there is something to look at.
func (p *Probe) Active() bool { return p != nil && (p.pid != 0 || p.url != "") }

func proc(pid int, file string) string { return filepath.Join("/proc", strconv.Itoa(pid), file) }

// Look takes a Sample. An error comes with what could be read.
func (p *Probe) Look() (Sample, error) { return p.look(true) }

// Glance takes a Sample without what is slow to read of a large process: PSS and open files.
func (p *Probe) Glance() (Sample, error) { return p.look(false) }

func (p *Probe) look(full bool) (Sample, error) {
	var s Sample
	var errs []error
	if p.pid != 0 {
		for _, pid := range tree(p.pid) {
			if err := s.addProcess(pid, full); err != nil && pid == p.pid {
				errs = append(errs, err)
			}
		}
	}
	s.kernel()
	if p.url != "" {
		if err := s.scrape(p.url); err != nil {
			errs = append(errs, err)
		}
	}
	return s, errors.Join(errs...)
}

// tree returns pid and everything below it.
func tree(pid int) []int {
	children := map[int][]int{}
	stats, _ := filepath.Glob("/proc/[0-9]*/stat")
	for _, f := range stats {
		b, err := os.ReadFile(f)
		if err != nil {
			continue // it has ended
		}
		id, fields := statFields(b)
		if len(fields) > 1 {
			parent, _ := strconv.Atoi(fields[1])
			children[parent] = append(children[parent], id)
		}
	}
	all := []int{pid}
	for i := 0; i < len(all); i++ {
		all = append(all, children[all[i]]...)
	}
	return all
}

// statFields cuts a line of /proc/PID/stat behind the name, which may hold anything: fields[0] is the state.
func statFields(b []byte) (pid int, fields []string) {
	open, end := bytes.IndexByte(b, '('), bytes.LastIndexByte(b, ')')
	if open < 1 || end < open {
		return 0, nil
	}
	pid, _ = strconv.Atoi(strings.TrimSpace(string(b[:open])))
	return pid, strings.Fields(string(b[end+1:]))
}

func (s *Sample) addProcess(pid int, full bool) error {
	cpu, err := cpuTime(pid)
	if err != nil {
		return fmt.Errorf("processor time of process %d: %w", pid, err)
	}
	s.CPU += cpu
	s.Pids++
	status, err := os.ReadFile(proc(pid, "status"))
	if err != nil {
		return err
	}
	s.RSS += field(status, "VmRSS:") << 10
	s.Threads += int(field(status, "Threads:"))
	if !full {
		return nil
	}
	if smaps, err := os.ReadFile(proc(pid, "smaps_rollup")); err == nil {
		s.PSS += field(smaps, "Pss:") << 10
	}
	if fds, err := os.ReadDir(proc(pid, "fd")); err == nil {
		s.Files += len(fds)
	}
	return nil
}

// field returns the number behind a name at the beginning of a line.
func field(b []byte, name string) int64 {
	for line := range bytes.Lines(b) {
		if rest, ok := bytes.CutPrefix(line, []byte(name)); ok {
			if f := bytes.Fields(rest); len(f) > 0 {
				n, _ := strconv.ParseInt(string(f[0]), 10, 64)
				return n
			}
		}
	}
	return 0
}

// cpuTime reads the process's own clock, to the nanosecond; /proc counts in hundredths of a second. The clock's number is
// made as by clock_getcpuclockid(3).
func cpuTime(pid int) (time.Duration, error) {
	const schedClock = 2 // CPUCLOCK_SCHED of <linux/posix-timers.h>
	var ts syscall.Timespec
	id := uintptr(^pid<<3 | schedClock)
	if _, _, errno := syscall.Syscall(syscall.SYS_CLOCK_GETTIME, id, uintptr(unsafe.Pointer(&ts)), 0); errno == 0 {
		return time.Duration(ts.Nano()), nil
	}
	b, err := os.ReadFile(proc(pid, "stat"))
	if err != nil {
		return 0, err
	}
	_, f := statFields(b)
	if len(f) < 13 {
		return 0, errors.New("its stat cannot be read")
	}
	user, _ := strconv.ParseInt(f[11], 10, 64)
	system, _ := strconv.ParseInt(f[12], 10, 64)
	const perSecond = 100 // USER_HZ, the same on all architectures that Go knows
	return time.Duration(user+system) * (time.Second / perSecond), nil
}

// slabs are the kernel's objects for one connection, by their names in /proc/slabinfo: the socket with its inode, its file with its
// directory entry, what epoll keeps of it, and the port it is bound to.
var slabs = []string{"TCP", "TCPv6", "sock_inode_cache", "filp", "dentry", "eventpoll_epi", "eventpoll_pwq", "tcp_bind_bucket",
	"tcp_bind2_bucket", "UNIX", "lsm_inode_cache", "lsm_file_cache"}

// kernel reads what the kernel keeps, for the machine as a whole.
func (s *Sample) kernel() {
	if b, err := os.ReadFile("/proc/net/sockstat"); err == nil {
		for line := range bytes.Lines(b) {
			f := strings.Fields(string(line))
			if len(f) < 2 || f[0] != "TCP:" {
				continue
			}
			for i := 1; i+1 < len(f); i += 2 {
				n, _ := strconv.ParseInt(f[i+1], 10, 64)
				switch f[i] {
				case "inuse":
					s.Sockets += int(n)
				case "mem":
					s.TCPMem = n * int64(os.Getpagesize())
				}
			}
		}
	}
	if b, err := os.ReadFile("/proc/net/sockstat6"); err == nil {
		s.Sockets += int(field(bytes.ReplaceAll(b, []byte("TCP6: inuse"), []byte("TCP6:")), "TCP6:"))
	}
	b, err := os.ReadFile("/proc/slabinfo") // only root may
	if err != nil {
		return
	}
	sc := bufio.NewScanner(bytes.NewReader(b))
	for sc.Scan() {
		f := strings.Fields(sc.Text())
		if len(f) < 4 {
			continue
		}
		for _, name := range slabs {
			if f[0] == name {
				active, _ := strconv.ParseInt(f[1], 10, 64)
				size, _ := strconv.ParseInt(f[3], 10, 64)
				s.Slab += active * size
			}
		}
	}
}
