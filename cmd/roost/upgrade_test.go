package main

import (
	"fmt"
	"net"
	"os"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

// newBinary makes a program of the place that is this one; before is shell that runs first.
func (p *place) newBinary(name, before string) string {
	p.t.Helper()
	p.write(name, "#!/bin/sh\n"+before+"\nexport "+asMain+"=\"$(printf '%s\\n' \"$@\")\"\nexec "+os.Args[0]+" '-test.run=^TestMainProcess$'\n")
	if err := os.Chmod(p.path(name), 0o700); err != nil {
		p.t.Fatal(err)
	}
	return p.path(name)
}

// banners waits until the program has said n times that it serves.
func (p *place) banners(x *program, n int) {
	p.t.Helper()
	end := time.Now().Add(patience / 8)
	p.until(func() error {
		if strings.Count(x.out.String(), "next: ") < n {
			if time.Now().After(end) {
				return fmt.Errorf("the program does not serve:\n%s", &x.out)
			}
			return errAgain
		}
		return nil
	})
}

// knocking connects again and again, and has every connection answered: by features, or by the end of a
// server that goes.
type knocking struct {
	stop                     chan struct{}
	done                     chan struct{}
	refused, served, sentOff atomic.Int64
	why                      atomic.Pointer[error]
	slowest                  time.Duration // to the features; read it after done
}

func knock(addr string) *knocking {
	k := &knocking{stop: make(chan struct{}), done: make(chan struct{})}
	go func() {
		defer close(k.done)
		for {
			select {
			case <-k.stop:
				return
			default:
				k.once(addr)
			}
		}
	}()
	return k
}

func (k *knocking) once(addr string) {
	start := time.Now()
	conn, err := net.DialTimeout("tcp", addr, patience)
	if err != nil {
		k.refused.Add(1)
		k.why.Store(&err)
		return
	}
	defer conn.Close()
	conn.SetDeadline(time.Now().Add(patience))
	fmt.Fprint(conn, "<stream:stream xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams' to='localhost' version='1.0'>")
	var got []byte
	buf := make([]byte, 4096)
	for !strings.Contains(string(got), "</stream:features>") {
		n, err := conn.Read(buf)
		if got = append(got, buf[:n]...); err != nil {
			k.sentOff.Add(1)
			return
		}
	}
	k.served.Add(1)
	k.slowest = max(k.slowest, time.Since(start))
}

// TestUpgrade: a new program takes over under load. Nobody is refused, sessions are told, the process and the
// store stay, and the sockets of the console and of HTTP, too.
func TestUpgrade(t *testing.T) {
	p := newPlace(t, "", `HTTP_Listener { Listen "{dir}/http.sock" {} }`)
	p.do("secret\n", "user", "add", "alice@localhost")
	binary := p.newBinary("new", "")
	x := p.execute("serve")
	at := p.listening(x)
	for round := range 2 {
		alice := at.login(t, "alice", "r")
		k := knock(at.at)
		p.until(func() error {
			if k.served.Load() < 5 {
				return errAgain
			}
			return nil
		})
		if got := p.do("", "console", "upgrade", binary); !strings.Contains(got, binary+" is checked") {
			t.Error(got)
		}
		if got := alice.rest(); !strings.Contains(got, "<system-shutdown ") {
			t.Error(got)
		}
		p.banners(x, round+2)
		was := k.served.Load()
		p.until(func() error {
			if k.served.Load() < was+5 {
				return errAgain
			}
			return nil
		})
		close(k.stop)
		<-k.done
		if n := k.refused.Load(); n > 0 {
			t.Errorf("%d connections were refused: %v\n%s", n, *k.why.Load(), &x.out)
		}
		t.Logf("served %d, sent off %d, longest wait %v", k.served.Load(), k.sentOff.Load(), k.slowest)
	}
	at.login(t, "alice", "r").ping()
	if got := p.do("", "console", "user", "list"); !strings.Contains(got, "alice@localhost") {
		t.Error(got)
	}
	x.Process.Signal(syscall.SIGTERM)
	if err := x.Wait(); err != nil {
		t.Errorf("%v\n%s", err, &x.out)
	}
	if got := x.out.String(); strings.Count(got, "going over to "+binary) != 2 {
		t.Error(got)
	}
}

// TestUpgradeRefused: a program that is none, or does not want the configuration, changes nothing.
func TestUpgradeRefused(t *testing.T) {
	p := newPlace(t, "", "")
	p.do("secret\n", "user", "add", "alice@localhost")
	x := p.execute("serve")
	alice := p.listening(x).login(t, "alice", "r")
	p.write("text", "no program")
	for name, want := range map[string]string{
		p.path("missing"): "no such file", p.path("text"): "no program that can be run", p.dir: "no program",
		p.newBinary("dies", "kill -SEGV $$"): "does not accept", p.newBinary("refuses", "echo sorry; exit 1"): "sorry",
		p.newBinary("other", "echo hello; exit 0"): "is no roost",
	} {
		p.refuse("", []string{"console", "upgrade", name}, "nothing was changed", want)
		alice.ping()
	}
}

// TestUpgradeFails: a program that passes the check and then does not run is followed by the one before.
func TestUpgradeFails(t *testing.T) {
	for name, before := range map[string]string{
		"does not start": `case " $* " in *" -t "*) ;; *) set -- serve -c "DIR/bad.conf";; esac`,
		"is gone":        `case " $* " in *" -t "*) rm "$0";; esac`,
	} {
		t.Run(name, func(t *testing.T) {
			p := newPlace(t, "", "")
			p.do("secret\n", "user", "add", "alice@localhost")
			p.write("bad.conf", strings.Replace(p.read("roost.conf"), p.path("data"), "/dev/null/data", 1))
			binary := p.newBinary("new", strings.ReplaceAll(before, "DIR", p.dir))
			x := p.execute("serve")
			at := p.listening(x)
			k := knock(at.at)
			p.do("", "console", "upgrade", binary)
			p.banners(x, 2)
			at.login(t, "alice", "r").ping()
			close(k.stop)
			<-k.done
			if n := k.refused.Load(); n > 0 {
				t.Errorf("%d connections were refused: %v", n, *k.why.Load())
			}
			if !strings.Contains(x.out.String(), "the program from before an upgrade that failed") {
				t.Errorf("%s", &x.out)
			}
		})
	}
}
