package main

import (
	"bufio"
	"context"
	"encoding/base64"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"regexp"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"roost/cmd/roost/conf"
	"roost/cmd/roost/script"
)

// asServer, when set, makes the test binary a server for scripts that kill theirs: its value is
// the configuration.
const (
	asServer = "ROOST_SCRIPT_SERVER"
	asCut    = "ROOST_SCRIPT_CUT"
)

// together is how many scripts and other parallel tests run at once, unless -parallel says: nearly
// all of their time is the disk's, in opening and closing stores.
const together = 12

func TestMain(m *testing.M) {
	if file := os.Getenv(asServer); file != "" {
		if err := serveScript(file, os.Getenv(asCut) != ""); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	flag.Parse()
	if f := flag.Lookup("test.parallel"); f.Value.String() == f.DefValue {
		if err := f.Value.Set(strconv.Itoa(max(together, runtime.GOMAXPROCS(0)))); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
	}
	os.Exit(m.Run())
}

// TestScripts plays every conversation of testdata/script: once as it is, once with the server's
// input cut at every byte.
func TestScripts(t *testing.T) {
	files, err := filepath.Glob("testdata/script/*.txtar")
	if err != nil || len(files) == 0 {
		t.Fatal("no scripts in testdata/script", err)
	}
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		name := strings.TrimSuffix(filepath.Base(file), ".txtar")
		s, err := script.Parse(name, data)
		if err != nil {
			t.Error(err)
			continue
		}
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for _, cut := range []bool{false, true} {
				t.Run(map[bool]string{false: "whole", true: "cut"}[cut], func(t *testing.T) {
					t.Parallel()
					log := &lockedText{}
					if err := script.Run(s, t.TempDir(), cut, starter(t, log)); err != nil {
						t.Errorf("%v\nserver:\n%s", err, log)
					}
					for _, secret := range secretsOf(data) {
						if strings.Contains(log.String(), secret) {
							t.Errorf("the log tells %q\n%s", secret, log)
						}
					}
				})
			}
		})
	}
}

var (
	scriptText = regexp.MustCompile(`<(?:body|subject|status|note)(?: [^>]*)?>([^<]{4,})</`)
	scriptSASL = regexp.MustCompile(`<(?:auth|response|challenge|success)[^>]*>([A-Za-z0-9+/=]{8,})</`)
)

// secretsOf is what no log may tell of a script: what people say to each other, passwords, and what clients say to
// log in.
func secretsOf(data []byte) []string {
	out := []string{"secret\x00", "\x00secret", "=secret", `"secret"`, "pass:secret", base64.StdEncoding.EncodeToString([]byte("secret"))}
	for _, re := range []*regexp.Regexp{scriptText, scriptSASL} {
		for _, m := range re.FindAllSubmatch(data, -1) {
			out = append(out, string(m[1]))
		}
	}
	return out
}

// starter starts servers in this process, or in another when the script kills it.
func starter(t *testing.T, log *lockedText) script.Start {
	return func(o script.Options) (script.Server, error) {
		if o.Process {
			return startProcess(t, o)
		}
		s, err := startIn(o.Config, o.Cut, log)
		if err != nil {
			return nil, err
		}
		return inProcess{s, log}, nil
	}
}

func startIn(file string, cut bool, log io.Writer) (*Server, error) {
	cfg, err := conf.Load(file)
	if err != nil {
		return nil, err
	}
	cfg.Log = conf.LogLevels{Default: slog.LevelDebug}
	o := Options{Log: slog.New(slog.NewTextHandler(log, &slog.HandlerOptions{Level: everything})), Linger: 30 * time.Second}
	if cut {
		o.ReadBuffer = 1
	}
	return Start(cfg, o)
}

func stopSoon(s *Server) error {
	ctx, cancel := context.WithTimeout(context.Background(), s.conf().StopTimeout+stopGrace)
	defer cancel()
	return s.Stop(ctx)
}

type inProcess struct {
	*Server
	log *lockedText
}

func (s inProcess) Logged() string { return s.log.String() }

func (s inProcess) Addr(listen string) string {
	for _, l := range s.open() {
		if l.address.Text == listen {
			return l.ln.Addr().String()
		}
	}
	if listen == "http" && len(s.webs()) > 0 {
		return s.webs()[0].ln.Addr().String()
	}
	return ""
}

func (s inProcess) Stop() error { return stopSoon(s.Server) }
func (s inProcess) Kill() error { return s.Stop() }

// process is a server in a process of its own.
type process struct {
	cmd   *exec.Cmd
	addrs map[string]string
}

func startProcess(t *testing.T, o script.Options) (script.Server, error) {
	p := &process{cmd: exec.Command(os.Args[0]), addrs: map[string]string{}}
	p.cmd.Env = append(os.Environ(), asServer+"="+o.Config)
	if o.Cut {
		p.cmd.Env = append(p.cmd.Env, asCut+"=1")
	}
	p.cmd.Stderr = os.Stderr
	out, err := p.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := p.cmd.Start(); err != nil {
		return nil, err
	}
	t.Cleanup(func() { p.cmd.Process.Kill() })
	lines := bufio.NewScanner(out)
	for lines.Scan() && lines.Text() != "ready" {
		name, addr, _ := strings.Cut(lines.Text(), " ")
		p.addrs[name] = addr
	}
	if len(p.addrs) == 0 {
		return nil, fmt.Errorf("the server process does not start: %w", p.cmd.Wait())
	}
	return p, nil
}

func (p *process) Addr(listen string) string { return p.addrs[listen] }

func (p *process) Stop() error {
	if err := p.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		return err
	}
	return p.cmd.Wait()
}

func (p *process) Kill() error {
	if err := p.cmd.Process.Kill(); err != nil {
		return err
	}
	p.cmd.Wait() // "signal: killed" is what was asked for
	return nil
}

// serveScript is the other process: it tells where it listens, and runs until it is told to stop.
func serveScript(file string, cut bool) error {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	s, err := startIn(file, cut, io.Discard)
	if err != nil {
		return err
	}
	for _, l := range s.open() {
		fmt.Println(l.address.Text, l.ln.Addr())
	}
	if len(s.webs()) > 0 {
		fmt.Println("http", s.webs()[0].ln.Addr())
	}
	fmt.Println("ready")
	<-ctx.Done()
	// the other end of the pipe may be gone
	time.AfterFunc(2*(s.conf().StopTimeout+stopGrace), func() { os.Exit(1) })
	return stopSoon(s)
}
