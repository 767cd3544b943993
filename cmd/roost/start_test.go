package main

import (
	"io/fs"
	"net"
	"os"
	"strings"
	"testing"
)

// wantError starts a server that must not start, and looks for words in the reason.
func (p *place) wantError(want ...string) {
	p.t.Helper()
	s, err := p.open()
	if err == nil {
		stopSoon(s)
		p.t.Fatal("the server starts")
	}
	for _, w := range want {
		if !strings.Contains(err.Error(), w) {
			p.t.Errorf("%q does not say %q", err, w)
		}
	}
	if strings.Contains(err.Error(), "\n") {
		p.t.Errorf("not one line: %q", err)
	}
}

// TestSecondServer: it says who is in its way, and the first one does not notice.
func TestSecondServer(t *testing.T) {
	p := newPlace(t, "", "")
	p.do("secret\n", "user", "add", "alice@localhost")
	s := p.start()
	alice := s.login(t, "alice", "r")

	t.Run("same data", func(t *testing.T) {
		p.wantError("store", p.path("data"), "stop it", "process")
		r := p.try("", "serve")
		if r.code != exitFailed || r.out != "" || !strings.Contains(r.err, "roost: store ") {
			t.Errorf("%+v", r)
		}
	})
	t.Run("same port", func(t *testing.T) {
		q := newPlace(t, "", "")
		q.write("roost.conf", strings.Replace(q.read("roost.conf"), "127.0.0.1:0", s.addr(), 1))
		q.wantError(q.file+":9:", s.addr(), "in use")
	})
	t.Run("same control socket", func(t *testing.T) {
		q := newPlace(t, "", `Control_Listener { Listen "`+p.path("data/control.sock")+`" {} }`)
		q.wantError(q.file+":12:", p.path("data/control.sock"), "stop that one first")
	})
	t.Run("same HTTP port", func(t *testing.T) {
		taken, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		defer taken.Close()
		q := newPlace(t, "", `HTTP_Listener { Listen "`+taken.Addr().String()+`" {} }`)
		q.wantError(q.file+":12:", "HTTP_Listener", taken.Addr().String(), "in use")
	})
	if got := p.do("", "console", "sessions"); !strings.Contains(got, "alice@localhost/r") {
		t.Errorf("after all that: %s", got)
	}
	alice.ping()
}

// TestUnreadable: what cannot be read or made is named.
func TestUnreadable(t *testing.T) {
	for _, c := range []struct {
		name, listener, more string
		prepare              func(p *place)
		want                 []string
	}{
		{"data is a file", "", "", func(p *place) { p.write("data", "") }, []string{"data", "not a directory"}},
		{"store is a file", "", "", func(p *place) { p.mkdir("data"); p.write("data/store", "") }, []string{"data/store", "directory"}},
		{"secret is a directory", "", "", func(p *place) { p.mkdir("data"); p.mkdir("data/decoy.key") }, []string{"data/decoy.key"}},
		{"certificate is a directory", `tls_certificate = "{dir}/cert"`, "", func(p *place) { p.mkdir("cert") }, []string{"cert"}},
		{"certificate is none", `tls_certificate = "{dir}/cert"`, "", func(p *place) { p.write("cert", "x") }, []string{"cert"}},
		{"no certificate", `tls_certificate = "{dir}/cert"`, "", func(*place) {}, []string{"cert", "does not exist"}},
		{"no password file", `AuthDigestMD5Parameters = [ uri = "digest://{dir}/users" ]`, "", func(*place) {}, []string{"users", "no such file"}},
		{"no directory for the log", "", `xmpp_logger "a" { logfile = "{dir}/logs/x" }`, func(*place) {}, []string{":12:", `xmpp_logger "a"`, "logs/x"}},
		{"control socket is a file", "", `Control_Listener { Listen "{dir}/sock" {} }`, func(p *place) { p.write("sock", "dear") }, []string{":12:", "sock", "no socket"}},
		{"HTTP socket is a file", "", `HTTP_Listener { Listen "{dir}/sock" {} }`, func(p *place) { p.write("sock", "dear") }, []string{":12:", "sock", "no socket"}},
		{"no token", "", `HTTP_Listener { Listen "127.0.0.1:0" { Auth_Token = "file://{dir}/token" } }`, func(*place) {}, []string{":12:", "token", "no such file"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			p := newPlace(t, c.listener, c.more)
			c.prepare(p)
			p.wantError(c.want...)
			if info, err := os.Stat(p.path("sock")); err == nil && (info.Mode().Type() != 0 || p.read("sock") != "dear") {
				t.Error("the file is lost")
			}
		})
	}
}

func (p *place) mkdir(name string) {
	p.t.Helper()
	if err := os.Mkdir(p.path(name), 0o700); err != nil {
		p.t.Fatal(err)
	}
}

// TestFailedStartLeavesNothing: what a start that failed had opened is free again.
func TestFailedStartLeavesNothing(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p := newPlace(t, "", `HTTP_Listener { Listen "`+taken.Addr().String()+`" {} }`)
	p.wantError("in use")
	if _, err := os.Lstat(p.path("data/control.sock")); err == nil {
		t.Error("the control socket is still there")
	}
	taken.Close()
	p.start()
}

// TestStaleSocket: a socket that a killed server left is replaced.
func TestStaleSocket(t *testing.T) {
	p := newPlace(t, "", `HTTP_Listener { Listen "{dir}/http.sock" {} }`)
	p.mkdir("data")
	for _, name := range []string{"data/control.sock", "http.sock"} {
		ln, err := net.ListenUnix("unix", &net.UnixAddr{Name: p.path(name), Net: "unix"})
		if err != nil {
			t.Fatal(err)
		}
		ln.SetUnlinkOnClose(false)
		ln.Close()
	}
	r := p.try("", "console", "status")
	if r.code != exitFailed || !strings.Contains(r.err, "no server is running") {
		t.Errorf("%+v", r)
	}
	p.do("secret\n", "user", "add", "alice@localhost") // nobody answers there: the store is used
	p.start()
	p.do("", "console", "status")
	for name, mode := range map[string]fs.FileMode{"data/control.sock": 0o600, "http.sock": 0o660} {
		if info, err := os.Stat(p.path(name)); err != nil || info.Mode().Perm() != mode {
			t.Errorf("%s: %v %v", name, info.Mode(), err)
		}
	}
}
