package main

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"roost/cmd/roost/conf"
)

// place is a directory with a configuration: where a test's commands and servers work.
type place struct {
	t    testing.TB
	dir  string
	file string // the configuration
}

// placeConfig is the configuration of a place: {dir} is its directory, {more} what a test adds,
// {listener} what it adds to the listener.
const placeConfig = `Data_Dir = "{dir}/data"
xmpp {}
domain "#xmpp#localhost" { XMPP_Role = server }
domain "#xmpp#other.test" { XMPP_Role = server }
xmpp_listener {
  require_tls = false
  AuthPlainParameters = [ uri = "accounts://" ]
  {listener}
  Listen "127.0.0.1:0" {}
}
scriptlet "scriptlet" { script "xmpp-presence" { source = "msys.xmpp.presence" } }
{more}
`

const noHTTP = "HTTP_Listener { enable = off }"

// newPlace makes a place; without a section of its own for it, HTTP is off. The directory has a
// short name, because that of a Unix socket must be short.
func newPlace(t testing.TB, listener, more string) *place {
	t.Helper()
	dir, err := os.MkdirTemp("", "roost")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	p := &place{t: t, dir: dir, file: filepath.Join(dir, "roost.conf")}
	if !strings.Contains(more, "HTTP_Listener") {
		more += "\n" + noHTTP
	}
	text := strings.NewReplacer("{listener}", listener, "{more}", more).Replace(placeConfig)
	p.write("roost.conf", strings.ReplaceAll(text, "{dir}", dir))
	return p
}

func (p *place) path(name string) string { return filepath.Join(p.dir, name) }

func (p *place) write(name, text string) {
	p.t.Helper()
	if err := os.WriteFile(p.path(name), []byte(text), 0o600); err != nil {
		p.t.Fatal(err)
	}
}

func (p *place) read(name string) string {
	p.t.Helper()
	b, err := os.ReadFile(p.path(name))
	if err != nil {
		p.t.Fatal(err)
	}
	return string(b)
}

// said is what a command did.
type said struct {
	code     int
	out, err string
}

// say runs a command line as main does, with in as standard input.
func say(t testing.TB, in string, args ...string) said {
	t.Helper()
	var out, stderr bytes.Buffer
	code := run(t.Context(), args, strings.NewReader(in), &out, &stderr)
	return said{code, out.String(), stderr.String()}
}

// do runs a command on the place's configuration, and fails the test when the command does.
func (p *place) do(in string, words ...string) string {
	p.t.Helper()
	r := p.try(in, words...)
	if r.code != exitOK || r.err != "" {
		p.t.Fatalf("%v: exit code %d\n%s%s", words, r.code, r.out, r.err)
	}
	return r.out
}

// try runs a command on the place's configuration.
func (p *place) try(in string, words ...string) said {
	p.t.Helper()
	return say(p.t, in, append([]string{words[0], "-c", p.file}, words[1:]...)...)
}

// refuse runs a command that must fail with one sentence that holds all of want.
func (p *place) refuse(in string, words []string, want ...string) {
	p.t.Helper()
	r := p.try(in, words...)
	if r.code != exitFailed {
		p.t.Errorf("%v: exit code %d, want 1\n%s%s", words, r.code, r.out, r.err)
	}
	if !strings.HasPrefix(r.err, "roost: ") || strings.Count(r.err, "\n") != 1 {
		p.t.Errorf("%v: not one sentence: %q", words, r.err)
	}
	for _, w := range want {
		if !strings.Contains(r.err, w) {
			p.t.Errorf("%v: %q does not say %q", words, r.err, w)
		}
	}
}

// buffer is a log that several goroutines write.
type buffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (b *buffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.Write(p)
}

func (b *buffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.String()
}

// open starts a server; the error is the test's.
func (p *place) open() (*Server, error) {
	p.t.Helper()
	cfg, err := conf.Load(p.file)
	if err != nil {
		p.t.Fatal(err)
	}
	return Start(cfg, Options{Log: slog.New(slog.NewTextHandler(&buffer{}, nil))})
}

// start starts a server that is stopped with the test.
func (p *place) start() *Server {
	p.t.Helper()
	s, err := p.open()
	if err != nil {
		p.t.Fatal(err)
	}
	p.t.Cleanup(func() { stopSoon(s) })
	return s
}

// addr is where the place's server listens for clients.
func (s *Server) addr() string { return s.open()[0].ln.Addr().String() }

// background runs `roost serve` until stop is called, which does not wait, or end, which gives what
// the command said.
func (p *place) background() (out *buffer, stop func(), end func() said) {
	p.t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	var stdout, stderr buffer
	done := make(chan int, 1)
	go func() { done <- run(ctx, []string{"serve", "-c", p.file}, strings.NewReader(""), &stdout, &stderr) }()
	var once sync.Once
	var code int
	end = func() said {
		once.Do(func() { cancel(); code = <-done })
		return said{code, stdout.String(), stderr.String()}
	}
	p.t.Cleanup(func() { end() })
	p.until(func() error {
		select {
		case code = <-done:
			once.Do(cancel)
			return fmt.Errorf("serve ended with %d: %s", code, stderr.String())
		default:
		}
		if !strings.Contains(stdout.String(), "next: ") {
			return errAgain
		}
		return nil
	})
	return &stdout, cancel, end
}
