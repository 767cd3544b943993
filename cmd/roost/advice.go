package main

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"syscall"

	"roost/cmd/roost/conf"
)

// limits are the bounds of the machine that decide how many clients it can carry. A value that
// cannot be read is 0 and nothing is said about it.
type limits struct {
	files     int // open files of this process (RLIMIT_NOFILE)
	maxFiles  int // what RLIMIT_NOFILE may be raised to (fs.nr_open)
	backlog   int // longest queue of listen(2) (net.core.somaxconn)
	tcpMemory int // pages that all TCP sockets may hold before the kernel saves (net.ipv4.tcp_mem, second number)
}

// spareFiles is what the server opens besides connections: the store's tables, logs, listeners.
const spareFiles = 1024

// machine reads the limits of this machine.
func machine() limits {
	var l limits
	var r syscall.Rlimit
	if syscall.Getrlimit(syscall.RLIMIT_NOFILE, &r) == nil {
		l.files = int(min(r.Cur, 1<<30))
	}
	l.maxFiles = sysctl("fs/nr_open", 0)
	l.backlog = sysctl("net/core/somaxconn", 0)
	l.tcpMemory = sysctl("net/ipv4/tcp_mem", 1)
	return l
}

// sysctl is one number of a file below /proc/sys.
func sysctl(path string, field int) int {
	b, err := os.ReadFile("/proc/sys/" + path)
	if err != nil {
		return 0
	}
	words := strings.Fields(string(b))
	if field >= len(words) {
		return 0
	}
	n, _ := strconv.Atoi(words[field])
	return n
}

// advice says what this machine cannot carry of what cfg asks for, a sentence each, with the
// command that mends it.
func advice(cfg *conf.Config, l limits) (out []string) {
	say := func(format string, a ...any) { out = append(out, fmt.Sprintf(format, a...)) }
	if need := cfg.MaxConnections + spareFiles; cfg.MaxConnections > 0 {
		switch {
		case l.maxFiles > 0 && need > l.maxFiles:
			say("Max_Connections %d needs %d open files and the kernel allows a process %d: sysctl -w fs.nr_open=%d, then LimitNOFILE=%[2]d in the unit, or ulimit -n %[2]d",
				cfg.MaxConnections, need, l.maxFiles, need)
		case l.files > 0 && need > l.files:
			say("Max_Connections %d needs %d open files and this process may have %d: LimitNOFILE=%[2]d in the unit, or ulimit -n %[2]d",
				cfg.MaxConnections, need, l.files)
		}
		// A connection whose client is slow or far holds a page or more of unsent or unread bytes.
		if l.tcpMemory > 0 && cfg.MaxConnections > l.tcpMemory {
			say("Max_Connections %d may hold a page of TCP memory each and the kernel begins to save at %d: sysctl -w net.ipv4.tcp_mem=\"%d %d %d\"",
				cfg.MaxConnections, l.tcpMemory, cfg.MaxConnections, cfg.MaxConnections*2, cfg.MaxConnections*3)
		}
	}
	longest := 0
	for _, ln := range cfg.Listeners {
		for _, at := range ln.Listens {
			if at.Enable {
				longest = max(longest, at.Backlog)
			}
		}
	}
	if l.backlog > 0 && longest > l.backlog {
		say("listen_backlog %d is cut to %d by the kernel: sysctl -w net.core.somaxconn=%d", longest, l.backlog, longest)
	}
	return out
}
