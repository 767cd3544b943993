package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"strings"

	"roost/bench/control"
	"roost/bench/live"
	"roost/bench/load"
	"roost/bench/probe"
	"roost/bench/report"
	"roost/bench/report/page"
	"roost/bench/scenario"
)

// runCmd is `roost-bench run`.
type runCmd struct {
	source
	server
	accounts
	Out       string   `short:"o" help:"Directory for result.json and report.html; made if it is missing."`
	Pid       int      `help:"Process whose memory and CPU are watched, with all below it."`
	Metrics   string   `help:"URL of the server's metrics in Prometheus' format."`
	Label     string   `help:"What this run is called in comparisons."`
	Processes int      `default:"1" help:"Worker processes on this machine that share the load."`
	Workers   []string `placeholder:"HOST:PORT" help:"Machines on which roost-bench worker --listen runs, instead of processes here."`
	Token     string   `env:"ROOST_BENCH_TOKEN" help:"What those workers want to hear."`
	Quiet     bool     `short:"q" help:"Only the tables at the end."`
	Plain     bool     `help:"A line for each phase, instead of the live view that a terminal gets."`
}

// Run runs the scenario and prints the tables.
func (c *runCmd) Run(e *env) error {
	sc, err := c.read()
	if err != nil {
		return err
	}
	target, err := c.server.apply(sc, &c.accounts)
	if err != nil {
		return err
	}
	p, err := probe.New(c.Pid, c.Metrics)
	if err != nil {
		return err
	}
	ctx, stop := context.WithCancel(e.ctx)
	defer stop()
	ws, err := c.workers(ctx, e.err, load.Config{Scenario: sc, Target: target, Shards: 1, Run: control.NewRun()})
	if err != nil {
		return err
	}
	o := control.Options{Scenario: sc, Target: target, Probe: p, Tool: tool(), Label: c.Label}
	var view *live.View
	switch {
	case c.Quiet:
	case c.Plain || !live.IsTerminal(e.out):
		o.Observer = &lines{e.out}
	default:
		view = live.Show(e.in, e.out, c.title(sc), sc, stop)
		o.Observer = view
	}
	r, err := control.Run(ctx, o, ws)
	if view != nil {
		err = errors.Join(err, view.Close())
	}
	return errors.Join(finish(e, r, err, c.Out), control.CloseAll(ws))
}

// title says what is run against what.
func (c *runCmd) title(sc *scenario.Scenario) string {
	out := sc.Name + " against " + strings.Join(c.Addr, ", ")
	if c.Label != "" {
		out = c.Label + ": " + out
	}
	return out
}

// workers makes the workers that the flags ask for.
func (c *runCmd) workers(ctx context.Context, stderr io.Writer, cfg load.Config) ([]control.Worker, error) {
	switch {
	case c.Processes < 1:
		return nil, fmt.Errorf("--processes %d: one is the least", c.Processes)
	case len(c.Workers) > 0 && c.Processes > 1:
		return nil, errors.New("--workers and --processes exclude each other: start several workers on a machine, with a port each")
	case len(c.Workers) > 0:
		return control.Machines(ctx, c.Workers, cfg, c.Token)
	case c.Processes > 1:
		return control.Processes(ctx, c.Processes, cfg, []string{"worker"}, stderr)
	}
	w, err := control.Local(ctx, cfg)
	return []control.Worker{w}, err
}

// finish writes and prints what there is of a result; err is what has ended the run.
func finish(e *env, r *report.Result, err error, dir string) error {
	if dir != "" {
		name, werr := r.Write(dir)
		if werr != nil {
			return werr
		}
		html := filepath.Join(dir, reportName)
		if werr := writePage(html, func(w io.Writer) error { return page.Write(w, r) }); werr != nil {
			return errors.Join(err, werr)
		}
		defer fmt.Fprintln(e.out, "wrote", name, "and", html)
	}
	fmt.Fprintln(e.out)
	if terr := r.Text(e.out); terr != nil {
		return terr
	}
	if err == nil && !r.Verdict.OK {
		err = errVerdict
	}
	return err
}

// lines shows a run as lines: one for each segment.
type lines struct{ w io.Writer }

func (l *lines) SegmentBegins(scenario.Segment, int)          {}
func (l *lines) SecondPassed(scenario.Segment, report.Second) {}
func (l *lines) SegmentEnded(_ scenario.Segment, s *report.Segment) {
	fmt.Fprintln(l.w, s.Line())
}

// checkCmd is `roost-bench check`.
type checkCmd struct {
	source
}

// Run checks a scenario.
func (c *checkCmd) Run(e *env) error {
	sc, err := c.read()
	if err != nil {
		return err
	}
	return scenario.Explain(e.out, sc)
}
