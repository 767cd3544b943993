package main

import (
	"net"
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
