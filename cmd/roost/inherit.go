package main

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"os"
	"syscall"

	"github.com/coreos/go-systemd/v22/activation"

	"roost/cmd/roost/conf"
)

// handoverEnv is how a process tells the one that takes its place, under the same number, what it leaves.
const handoverEnv = "ROOST_HANDOVER"

// handover is the value of handoverEnv, as JSON.
type handover struct {
	Sockets []leftSocket
	Old     int      // descriptor of the program that ran before; 0 when there is no way back
	Args    []string // with which it was started
	Env     []string // likewise
	Failed  string   // why the new one did not start, when the old one is back
}

// leftSocket is a descriptor that listens at an address as the configuration writes it.
type leftSocket struct {
	FD      int
	Address string
}

// heir is what this process was given: by systemd (sd_listen_fds(3)), or by the process before it.
type heir struct {
	handover
	named map[string]*os.File // by the address in the configuration
	bound []boundSocket       // systemd's
}

type boundSocket struct {
	file *os.File
	path string
	ip   netip.AddrPort
}

// inherit takes what there is from the environment, so that no program that is started later finds it.
func inherit(log *slog.Logger) *heir {
	h := &heir{named: map[string]*os.File{}}
	if text, ok := os.LookupEnv(handoverEnv); ok {
		os.Unsetenv(handoverEnv)
		if err := json.Unmarshal([]byte(text), &h.handover); err != nil {
			log.Warn("what the process before has left is not understood", "err", err)
		}
		for _, l := range h.Sockets {
			syscall.CloseOnExec(l.FD)
			h.named[l.Address] = os.NewFile(uintptr(l.FD), l.Address)
		}
		if h.Old > 0 {
			syscall.CloseOnExec(h.Old)
		}
	}
	for _, f := range activation.Files(true) {
		ln, err := net.FileListener(f)
		if err != nil {
			log.Warn("a socket of the service manager is of no use", "name", f.Name(), "err", err)
			f.Close()
			continue
		}
		b := boundSocket{file: f}
		switch a := ln.Addr().(type) {
		case *net.TCPAddr:
			b.ip = a.AddrPort()
		case *net.UnixAddr:
			b.path = a.Name
			ln.(*net.UnixListener).SetUnlinkOnClose(false)
		}
		ln.Close() // its own descriptor
		h.bound = append(h.bound, b)
	}
	return h
}

// socket is what listens at an address already; nil: nothing does. A nil heir has nothing.
func (h *heir) socket(at conf.Address) *os.File {
	if h == nil {
		return nil
	}
	if f := h.named[at.Text]; f != nil {
		return f
	}
	for _, b := range h.bound {
		if at.IsUnix() && b.path == at.Path || !at.IsUnix() && b.serves(at.IP) {
			return b.file
		}
	}
	return nil
}

// serves says whether a socket takes what comes to an address: [::] takes IPv4, too, as systemd opens it.
func (b boundSocket) serves(want netip.AddrPort) bool {
	if !b.ip.IsValid() || b.ip.Port() != want.Port() {
		return false
	}
	have := b.ip.Addr().Unmap()
	return have == want.Addr() || have.IsUnspecified() && want.Addr().IsUnspecified()
}

// listen is net.Listen, but for sockets that were inherited.
func (h *heir) listen(network, address string, at conf.Address) (net.Listener, error) {
	f := h.socket(at)
	if f == nil {
		if network == "unix" {
			if err := removeStale(address); err != nil {
				return nil, err
			}
		}
		return net.Listen(network, address)
	}
	ln, err := net.FileListener(f)
	if err != nil {
		return nil, fmt.Errorf("inherited socket %s: %w", at.Text, err)
	}
	return ln, nil
}
