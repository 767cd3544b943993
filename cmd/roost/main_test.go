package main

import (
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
)

// asMain, when set, makes TestMainProcess the program itself, with these words.
const asMain = "ROOST_TEST_MAIN"

// program is a process of the program; what it prints is in out.
type program struct {
	*exec.Cmd
	out buffer
}

// execute starts the program in a process of its own.
func (p *place) execute(words ...string) *program {
	p.t.Helper()
	x := &program{Cmd: exec.Command(os.Args[0], "-test.run=^TestMainProcess$")}
	x.Env = append(os.Environ(), asMain+"="+strings.Join(append([]string{words[0], "-c", p.file}, words[1:]...), "\n"))
	x.Stdout, x.Stderr = &x.out, &x.out
	if err := x.Start(); err != nil {
		p.t.Fatal(err)
	}
	p.t.Cleanup(func() { x.Process.Kill() })
	return x
}

// TestMainProcess: exit codes, and what signals do.
func TestMainProcess(t *testing.T) {
	if words := os.Getenv(asMain); words != "" {
		os.Args = append([]string{"roost"}, strings.Split(words, "\n")...)
		main()
		return
	}
	t.Run("exit codes", func(t *testing.T) {
		p := newPlace(t, "", "")
		for _, c := range []struct {
			words []string
			code  int
		}{{[]string{"check"}, 0}, {[]string{"console", "status"}, 1}, {[]string{"user", "list", "a", "b"}, 2}} {
			x := p.execute(c.words...)
			x.Wait()
			if got := x.ProcessState.ExitCode(); got != c.code {
				t.Errorf("%v: exit code %d, want %d\n%s", c.words, got, c.code, &x.out)
			}
		}
	})
	t.Run("SIGTERM", func(t *testing.T) {
		p := newPlace(t, "", "")
		p.do("secret\n", "user", "add", "alice@localhost")
		x := p.execute("serve")
		alice := p.listening(x).login(t, "alice", "r")
		x.Process.Signal(syscall.SIGTERM)
		if got := alice.rest(); !strings.Contains(got, "<system-shutdown ") {
			t.Error(got)
		}
		if err := x.Wait(); err != nil {
			t.Errorf("%v\n%s", err, &x.out)
		}
		p.start()
	})
	t.Run("SIGTERM twice", func(t *testing.T) {
		p := newPlace(t, "", "")
		p.do("secret\n", "user", "add", "alice@localhost")
		x := p.execute("serve")
		alice := p.listening(x).login(t, "alice", "r")
		x.Process.Signal(syscall.SIGTERM)
		alice.until("</stream:stream>") // the server waits for the end of the connection
		done := make(chan error, 1)
		go func() { done <- x.Wait() }()
		p.until(func() error {
			select {
			case <-done:
				return nil
			default:
				x.Process.Signal(syscall.SIGTERM) // the first ones may come while it still looks at the one before
				return errAgain
			}
		})
		if st, ok := x.ProcessState.Sys().(syscall.WaitStatus); !ok || !st.Signaled() { // it did not come to its own end
			t.Errorf("%v\n%s", x.ProcessState, &x.out)
		}
		p.start() // and the store takes it
	})
}

// listening waits until the program serves, and gives its address.
func (p *place) listening(x *program) *addrOnly {
	p.t.Helper()
	p.until(func() error {
		if !strings.Contains(x.out.String(), "next: ") {
			return errAgain
		}
		return nil
	})
	return firstAddr(x.out.String())
}

// firstAddr is the first address in the banner.
func firstAddr(banner string) *addrOnly {
	_, rest, _ := strings.Cut(banner, "listening on ")
	addr, _, _ := strings.Cut(rest, " ")
	return &addrOnly{addr}
}
