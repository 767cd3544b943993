package netio_test

import (
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"roost/netio"
	"roost/netio/netiotest"
)

// Change gives a socket other options while clients are there, and those who come meanwhile are served.
func TestChange(t *testing.T) {
	path := filepath.Join(t.TempDir(), "s")
	for _, address := range []string{"127.0.0.1:0", "[::1]:0", path} {
		e := netiotest.Engine(t, netio.Config{Loops: 2})
		fs := &netiotest.Frames{T: t}
		ls := netiotest.Listen(t, e, netio.ListenOptions{Address: address}, echo(fs))
		old := netiotest.Dial(t, ls.Addr())
		old.Say("a")
		old.Hear("a")
		for _, o := range []netio.ListenOptions{
			{Backlog: 7, RecvBuffer: 8192, SendBuffer: 8192, NoDelay: true, FileMode: 0o600, Accepts: 1, AcceptQueue: 1, SendLimit: 70000, Park: time.Second},
			{},
		} {
			o.Address = address
			if err := ls.Change(o); err != nil {
				t.Fatalf("%s: %v", address, err)
			}
			p := netiotest.Dial(t, ls.Addr())
			p.Say("b")
			p.Hear("b")
			old.Say("c")
			old.Hear("c")
			if info, err := os.Stat(path); address == path && (err != nil || o.FileMode != 0 && info.Mode().Perm() != o.FileMode) {
				t.Errorf("%v %v", info, err)
			}
		}
		if err := ls.Change(netio.ListenOptions{Address: address, Backlog: -1}); err == nil || !strings.Contains(err.Error(), "backlog -1") {
			t.Error(err)
		}
		ls.Close()
		if err := ls.Change(netio.ListenOptions{Address: address}); err == nil {
			t.Error("a closed socket can be changed")
		}
	}
}

// SetMaxConns holds for those who come.
func TestSetMaxConns(t *testing.T) {
	e := netiotest.Engine(t, netio.Config{MaxConns: 1})
	ls := netiotest.Listen(t, e, netio.ListenOptions{}, echo(&netiotest.Frames{T: t}))
	say := func() *netiotest.Peer {
		p := netiotest.Dial(t, ls.Addr())
		p.Say("x")
		p.Hear("x")
		return p
	}
	first := say()
	if err := e.SetMaxConns(2); err != nil {
		t.Fatal(err)
	}
	say()
	if err := e.SetMaxConns(1); err != nil {
		t.Fatal(err)
	}
	c, err := net.Dial("tcp", ls.Addr().String())
	if err == nil {
		_, err = c.Read(make([]byte, 1))
		c.Close()
	}
	if err == nil {
		t.Error("there is room for one, and a third is served")
	}
	first.Say("y")
	first.Hear("y")
	if err := e.SetMaxConns(-1); err == nil {
		t.Error("-1 connections are taken for a number")
	}
}
