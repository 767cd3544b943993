package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"time"
)

// checkTime bounds the check of a new program, which reads the configuration and what it names.
const checkTime = 30 * time.Second

// upgradeCmd is `upgrade`.
type upgradeCmd struct {
	Program string `arg:"" optional:"" help:"The new program; default the file that this one was started from."`
}

func (c upgradeCmd) Run(e *env, a *admin) error {
	path, err := a.live.planUpgrade(c.Program)
	if err != nil {
		return fmt.Errorf("nothing was changed: %w", err)
	}
	e.printf("%s is checked: it takes over now, with all listening sockets\n", path)
	return nil
}

// planUpgrade checks a program, and asks for a stop after which it goes on. "" is the file that this one
// was started from, which may be another one by now.
func (s *Server) planUpgrade(program string) (string, error) {
	if s.words == nil {
		return "", errors.New("this server is not a process of its own")
	}
	path, err := newProgram(program)
	if err != nil {
		return "", err
	}
	if err := s.tryProgram(path); err != nil {
		return "", err
	}
	s.reloading.Lock()
	defer s.reloading.Unlock()
	if s.isStopping() {
		return "", errStopping
	}
	s.successor.Store(&path)
	s.requestStop()
	return path, nil
}

func newProgram(path string) (string, error) {
	if path == "" {
		exe, err := os.Executable()
		if err != nil {
			return "", err
		}
		path = strings.TrimSuffix(exe, " (deleted)") // proc(5): it was replaced
	}
	path, err := filepath.Abs(path)
	if err != nil {
		return "", err
	}
	info, err := os.Stat(path)
	switch {
	case err != nil:
		return "", err
	case info.IsDir() || info.Mode().Perm()&0o111 == 0:
		return "", fmt.Errorf("%s is no program that can be run", path)
	}
	return path, nil
}

// tryProgram has a program check the configuration, as it will be started.
func (s *Server) tryProgram(path string) error {
	ctx, cancel := context.WithTimeout(context.Background(), checkTime)
	defer cancel()
	c := exec.CommandContext(ctx, path, append(append([]string(nil), s.words...), "-t")...)
	c.Env = append(os.Environ(), "NOTIFY_SOCKET=") // it is not the service
	c.WaitDelay = time.Second
	var said bytes.Buffer
	c.Stdout, c.Stderr = &said, &said
	if err := c.Run(); err != nil {
		return fmt.Errorf("%s does not accept the configuration: %w: %s", path, err, strings.TrimSpace(said.String()))
	}
	if !strings.Contains(said.String(), validWord) {
		return fmt.Errorf("%s is no roost: it says %q", path, strings.TrimSpace(said.String()))
	}
	return nil
}

// leave takes the listening sockets out of the server, so that its end closes none of them. Who connects waits
// in their backlogs.
func (s *Server) leave() (left []leftSocket, files []*os.File, err error) {
	add := func(address string, f *os.File, e error) {
		if e == nil {
			left, files = append(left, leftSocket{int(f.Fd()), address}), append(files, f)
		}
		err = errors.Join(err, e)
	}
	for _, o := range s.open() {
		f, e := o.ln.Detach()
		add(o.address.Text, f, e)
	}
	for _, w := range s.webs() {
		f, e := duplicate(w.ln)
		add(w.endpoint.Address.Text, f, e)
	}
	for _, c := range s.controls() {
		f, e := duplicate(c.ln)
		add(c.path, f, e)
	}
	return left, files, err
}

// duplicate gives the socket of a Listener that will be closed; its file stays.
func duplicate(ln net.Listener) (*os.File, error) {
	switch ln := ln.(type) {
	case *net.TCPListener:
		return ln.File()
	case *net.UnixListener:
		ln.SetUnlinkOnClose(false)
		return ln.File()
	}
	return nil, fmt.Errorf("%T cannot be handed over", ln)
}

// handOver ends the server and has the successor go on in this process. It returns only when neither the
// successor nor this program could be run.
func (s *Server) handOver(path string, stop func() error, log *slog.Logger) error {
	old, err := os.Open("/proc/self/exe") // the file may be another one by now, or gone
	if err != nil {
		log.Warn("there will be no way back", "err", err)
	}
	left, files, err := s.leave()
	if err != nil {
		log.Error("a listening socket is not handed over", "err", err)
	}
	began := time.Now()
	if err := stop(); err != nil {
		log.Error("the end before the upgrade was not in order", "err", err)
	}
	h := handover{Sockets: left, Args: ownWords(), Env: os.Environ()}
	if old != nil {
		h.Old = int(old.Fd())
		files = append(files, old)
	}
	log.Info("handing over", "program", path, "sockets", len(left), "stopped", time.Since(began).Round(time.Millisecond))
	err = h.run(path, append([]string{path}, s.words...), os.Environ())
	runtime.KeepAlive(files)
	h.Failed = err.Error()
	log.Error("the new program cannot be run, the old one goes on", "program", path, "err", err)
	return errors.Join(err, h.goBack())
}

// goBack runs the program that ran before again.
func (h handover) goBack() error {
	if h.Old == 0 {
		return errors.New("there is no way back")
	}
	old, env := h.Old, h.Env
	h.Old, h.Env = 0, nil // it is tried once
	return h.run(fmt.Sprintf("/proc/self/fd/%d", old), h.Args, env, old)
}

// run is execve(2) with what is left in the environment. On success it does not return.
func (h handover) run(path string, words, env []string, also ...int) error {
	text, err := json.Marshal(h)
	if err != nil {
		return err
	}
	for _, l := range h.Sockets {
		keep(l.FD)
	}
	for _, fd := range append(also, h.Old) {
		if fd > 0 {
			keep(fd)
		}
	}
	env = append(slices.Clone(env), handoverEnv+"="+string(text))
	return &os.PathError{Op: "exec", Path: path, Err: syscall.Exec(path, words, env)}
}

// keep has a descriptor live through execve(2).
func keep(fd int) { syscall.Syscall(syscall.SYS_FCNTL, uintptr(fd), syscall.F_SETFD, 0) }

// ownWords are the words that this process was started with (proc(5)).
func ownWords() []string {
	b, err := os.ReadFile("/proc/self/cmdline")
	if err != nil {
		return os.Args
	}
	return strings.Split(strings.TrimSuffix(string(b), "\x00"), "\x00")
}

// retreat is for a start that failed: when another program ran here before, it goes on.
func (h *heir) retreat(why error, log *slog.Logger) error {
	if h.Old == 0 {
		return why
	}
	log.Error("the upgrade failed, the program before goes on", "err", why)
	h.Failed = why.Error()
	return errors.Join(why, h.goBack())
}

// settleIn is for a start that went well: what was inherited from another program is the listeners' alone from
// now on. What systemd has opened stays open as long as the process lives.
func (s *Server) settleIn(log *slog.Logger) {
	h := s.heir
	for _, o := range s.open() {
		if f := o.options.File; f != nil && h.named[o.address.Text] == f {
			o.options.File = nil
		}
	}
	for _, f := range h.named {
		f.Close()
	}
	clear(h.named)
	if h.Old > 0 {
		syscall.Close(h.Old)
	}
	if h.Failed != "" {
		log.Error("this is the program from before an upgrade that failed", "why", h.Failed)
	}
}
