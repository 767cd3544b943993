package main

import (
	"net"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
)

// TestNotify: the service manager hears when the server takes clients, and when it stops.
func TestNotify(t *testing.T) {
	p := newPlace(t, "", "")
	c, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: p.path("notify"), Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	t.Setenv("NOTIFY_SOCKET", p.path("notify"))
	x := p.execute("serve")
	told := func(want string) {
		t.Helper()
		b := make([]byte, 4096)
		n, err := c.Read(b)
		if err != nil || !strings.Contains(string(b[:n]), want) {
			t.Errorf("told %q (%v), want %q\n%s", b[:n], err, want, &x.out)
		}
	}
	told("READY=1\nSTATUS=serving 2 domains on 1 socket")
	p.listening(x)
	x.Process.Signal(syscall.SIGTERM)
	told("STOPPING=1")
	if err := x.Wait(); err != nil {
		t.Errorf("%v\n%s", err, &x.out)
	}
}

// TestSocketActivation: a socket that the service manager has opened is used, and outlives the server.
func TestSocketActivation(t *testing.T) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	file, err := ln.(*net.TCPListener).File()
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	p := newPlace(t, "", "")
	p.do("secret\n", "user", "add", "alice@localhost")
	p.write("roost.conf", strings.Replace(p.read("roost.conf"), "127.0.0.1:0", ln.Addr().String(), 1))
	x := &program{Cmd: exec.Command(p.newBinary("activated", "export LISTEN_FDS=1 LISTEN_PID=$$"), "serve", "-c", p.file)}
	x.Stdout, x.Stderr, x.ExtraFiles = &x.out, &x.out, []*os.File{file}
	if err := x.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { x.Process.Kill() })
	at := p.listening(x)
	if at.at != ln.Addr().String() {
		t.Errorf("it listens on %s", at.at)
	}
	at.login(t, "alice", "r").ping()
	x.Process.Signal(syscall.SIGTERM)
	if err := x.Wait(); err != nil {
		t.Errorf("%v\n%s", err, &x.out)
	}
	dial(t, at.at) // it waits for the next one
}
