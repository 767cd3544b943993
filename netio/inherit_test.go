package netio_test

import (
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"roost/netio"
)

// TestDetachAndInherit: a socket goes from one engine to another, and who connects meanwhile is served by the
// second one.
func TestDetachAndInherit(t *testing.T) {
	for _, address := range []string{"127.0.0.1:0", "[::1]:0", filepath.Join(t.TempDir(), "s")} {
		t.Run(address, func(t *testing.T) {
			first := engineOf(t)
			ln, err := first.Listen(netio.ListenOptions{Address: address}, refuseAll)
			if err != nil {
				if strings.HasPrefix(address, "[") {
					t.Skip(err) // no IPv6 here
				}
				t.Fatal(err)
			}
			at := ln.Addr()
			file, err := ln.Detach()
			if err != nil {
				t.Fatal(err)
			}
			defer file.Close()
			if _, err := ln.Detach(); err == nil {
				t.Error("it is detached twice")
			}
			ln.Close() // closes nothing
			conn, err := net.Dial(at.Network(), at.String())
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close()
			second := engineOf(t)
			for range 2 { // the file is not used up
				came := make(chan struct{}, 1)
				ln2, err := second.Listen(netio.ListenOptions{Address: address, File: file, NoDelay: true}, func(*netio.Conn) netio.Handler {
					came <- struct{}{}
					return nil
				})
				if err != nil {
					t.Fatal(err)
				}
				if ln2.Addr().String() != at.String() {
					t.Errorf("%v became %v", at, ln2.Addr())
				}
				select {
				case <-came:
				case <-time.After(time.Minute):
					t.Fatal("the one who waited is not accepted")
				}
				if err := ln2.Close(); err != nil {
					t.Error(err)
				}
				if conn, err = net.Dial(at.Network(), at.String()); err != nil {
					t.Fatal("the socket does not outlive its listener: ", err)
				}
				defer conn.Close()
			}
		})
	}
}

// TestInheritRefuses: what is no listening socket of the address is named.
func TestInheritRefuses(t *testing.T) {
	e := engineOf(t)
	dir := t.TempDir()
	plain, err := os.Create(filepath.Join(dir, "f"))
	if err != nil {
		t.Fatal(err)
	}
	defer plain.Close()
	tcp, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer tcp.Close()
	file, err := tcp.(*net.TCPListener).File()
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	for _, c := range []struct {
		address string
		file    *os.File
		want    string
	}{
		{"127.0.0.1:0", plain, "no socket that listens"},
		{filepath.Join(dir, "s"), file, "another family"},
	} {
		if _, err := e.Listen(netio.ListenOptions{Address: c.address, File: c.file}, refuseAll); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v", c.address, err)
		}
	}
}

func refuseAll(*netio.Conn) netio.Handler { return nil }

func engineOf(t *testing.T) *netio.Engine {
	t.Helper()
	e, err := netio.New(netio.Config{Loops: 1})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { e.Shutdown(t.Context()) })
	return e
}
