package control

import (
	"context"
	"errors"
	"io"
	"net"
	"os"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"roost/bench/benchtest"
	"roost/bench/load"
	"roost/bench/measure"
	"roost/bench/people"
	"roost/bench/report"
	"roost/bench/scenario"
)

// workerEnv makes this test binary a worker, as roost-bench worker is one.
const workerEnv = "BENCH_TEST_WORKER"

func TestMain(m *testing.M) {
	if os.Getenv(workerEnv) != "" {
		if err := Serve(context.Background(), struct {
			io.Reader
			io.Writer
		}{os.Stdin, os.Stdout}, ""); err != nil {
			os.Stderr.WriteString(err.Error() + "\n")
			os.Exit(1)
		}
		os.Exit(0)
	}
	goleak.VerifyTestMain(m)
}

const yaml = `
users: 600
login: { tls: none }
roster: { circle: 50 }
phases:
  - { kind: ramp, window: 50 }
  - { name: talk, kind: hold, for: 1500ms, load: [ { do: message, rate: 300, to: pair }, { do: ping, sessions: 8, window: 1 } ] }
  - { kind: drain }
`

func config(t *testing.T, srv *benchtest.Server, text string) load.Config {
	t.Helper()
	sc, err := scenario.Read("test.yaml", []byte(text), nil)
	if err != nil {
		t.Fatal(err)
	}
	return load.Config{Scenario: sc, Shards: 1, Run: NewRun(), Target: load.Target{Addrs: []string{srv.Addr},
		Names: people.Names{Domain: "localhost", User: "u%d", Password: "secret"}}}
}

// check holds the result of yaml against what every way of running it must give.
func check(t *testing.T, r *report.Result, err error) {
	t.Helper()
	if err != nil || !r.Verdict.OK {
		t.Fatalf("%v, %+v", err, r.Verdict)
	}
	ramp, talk := r.Segments[0], r.Segments[1]
	if ramp.Sessions != 600 || ramp.Latency[measure.Login].Count != 600 || r.Segments[2].Sessions != 0 {
		t.Errorf("%d on line after %d logins, %d at the end", ramp.Sessions, ramp.Latency[measure.Login].Count, r.Segments[2].Sessions)
	}
	a := talk.Account[measure.Messages]
	if a.Sent < 380 || a.Sent > 520 || a.Delivered != a.Sent { // 450 at random
		t.Errorf("%+v", a)
	}
	seconds := int64(0)
	for i, s := range talk.Series {
		if s.T != i {
			t.Errorf("second %d is called %d", i, s.T)
		}
		seconds += s.Kinds[measure.Message].Count
	}
	if seconds != a.Delivered || talk.Series[0].Sessions != 600 {
		t.Errorf("the series has %d messages and %d sessions, want %d and 600", seconds, talk.Series[0].Sessions, a.Delivered)
	}
}

// TestWays: the same scenario in this process, over processes, and over TCP, comes to the same.
func TestWays(t *testing.T) {
	ctx := context.Background()
	for name, ways := range map[string]func(t *testing.T, cfg load.Config) ([]Worker, error){
		"local": func(_ *testing.T, cfg load.Config) ([]Worker, error) {
			w, err := Local(ctx, cfg)
			return []Worker{w}, err
		},
		"processes": func(t *testing.T, cfg load.Config) ([]Worker, error) {
			t.Setenv(workerEnv, "1")
			return Processes(ctx, 3, cfg, nil, os.Stderr)
		},
		"machines": func(t *testing.T, cfg load.Config) ([]Worker, error) {
			return Machines(ctx, []string{listen(t, "t"), listen(t, "t")}, cfg, "t")
		},
	} {
		t.Run(name, func(t *testing.T) {
			srv := new(benchtest.Server)
			srv.Start(t)
			cfg := config(t, srv, yaml)
			ws, err := ways(t, cfg)
			if err != nil {
				t.Fatal(err)
			}
			r, err := Run(ctx, Options{Scenario: cfg.Scenario, Target: cfg.Target}, ws)
			if cerr := CloseAll(ws); cerr != nil {
				t.Errorf("close: %v", cerr)
			}
			check(t, r, err)
		})
	}
}

// listen starts a worker for coordinators and returns its address.
func listen(t *testing.T, token string) string {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- Listen(ctx, ln, token, t.Logf) }()
	t.Cleanup(func() {
		stop()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	return ln.Addr().String()
}

// TestRefused: a coordinator that is not wanted, and workers that cannot, are errors that say why.
func TestRefused(t *testing.T) {
	srv := new(benchtest.Server)
	srv.Start(t)
	cfg := config(t, srv, yaml)
	for _, c := range []struct {
		name, want string
		change     func(*load.Config)
		token      string
	}{
		{"token", "token is wrong", func(*load.Config) {}, "x"},
		{"address", "no address", func(c *load.Config) { c.Target.Addrs = nil }, "t"},
		{"scenario", "phases", func(c *load.Config) { sc := *c.Scenario; sc.Phases = nil; c.Scenario = &sc }, "t"},
	} {
		bad := cfg
		c.change(&bad)
		if _, err := Machines(context.Background(), []string{listen(t, "t")}, bad, c.token); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v", c.name, err)
		}
	}
	if _, err := Machines(context.Background(), []string{"127.0.0.1:1"}, cfg, ""); err == nil || !strings.Contains(err.Error(), "roost-bench worker") {
		t.Errorf("nobody there: %v", err)
	}
}

// TestStopped: a run that is stopped ends soon, on all workers, with what there is, and fails.
func TestStopped(t *testing.T) {
	srv := new(benchtest.Server)
	srv.Start(t)
	cfg := config(t, srv, strings.Replace(yaml, "1500ms", "1h", 1))
	ws, err := Machines(context.Background(), []string{listen(t, ""), listen(t, "")}, cfg, "")
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	defer stop()
	r, err := Run(ctx, Options{Scenario: cfg.Scenario, Target: cfg.Target, Observer: &stopper{stop}}, ws)
	if cerr := CloseAll(ws); cerr != nil {
		t.Error(cerr)
	}
	if err == nil || r.Verdict.OK || len(r.Segments) != 2 || r.Segments[1].Latency[measure.Message] == nil {
		t.Errorf("%v, %d segments, %+v", err, len(r.Segments), r.Verdict)
	}
}

// stopper stops a run after its first second under load.
type stopper struct{ stop func() }

func (*stopper) SegmentBegins(scenario.Segment, int)            {}
func (*stopper) SegmentEnded(scenario.Segment, *report.Segment) {}
func (s *stopper) SecondPassed(seg scenario.Segment, _ report.Second) {
	if seg.Kind == scenario.Hold {
		s.stop()
	}
}

// TestGone: a worker that goes away in the middle ends the run with an error, and the others with it.
func TestGone(t *testing.T) {
	srv := new(benchtest.Server)
	srv.Start(t)
	cfg := config(t, srv, strings.Replace(yaml, "1500ms", "1h", 1))
	ctx := context.Background()
	near, far := net.Pipe()
	served := make(chan error, 1)
	sctx, kill := context.WithCancel(ctx)
	defer kill()
	go func() { served <- Serve(sctx, far, "") }()
	one, err := Remote(ctx, "one", near, shard(cfg, 0, 2), "")
	if err != nil {
		t.Fatal(err)
	}
	two, err := Local(ctx, shard(cfg, 1, 2))
	if err != nil {
		t.Fatal(err)
	}
	time.AfterFunc(500*time.Millisecond, func() { far.Close() })
	_, err = Run(ctx, Options{Scenario: cfg.Scenario, Target: cfg.Target}, []Worker{one, two})
	if err == nil || !strings.Contains(err.Error(), "worker one") {
		t.Errorf("%v", err)
	}
	if err := CloseAll([]Worker{one, two}); err != nil && !errors.Is(err, net.ErrClosed) {
		t.Error(err)
	}
	<-served
}

// FuzzServe: whatever a coordinator says, a worker answers or ends.
func FuzzServe(f *testing.F) {
	f.Add([]byte(`{"hello":{"protocol":1,"config":{}}}` + "\n"))
	f.Add([]byte(`{"run":3}` + "\n"))
	f.Add([]byte(`{"hello":{"protocol":1,"config":{"scenario":{"users":1,"phases":[{"kind":"hold","for":1}]},"shards":1}}}` + "\n{\"run\":-1}\n"))
	f.Fuzz(func(_ *testing.T, b []byte) {
		_ = Serve(context.Background(), struct {
			io.Reader
			io.Writer
		}{strings.NewReader(string(b)), io.Discard}, "")
	})
}
