package main

import (
	"errors"
	"fmt"
	"io"

	"roost/bench/control"
	"roost/bench/load"
	"roost/bench/probe"
	"roost/bench/report"
	"roost/bench/scenario"
)

// runCmd is `roost-bench run`.
type runCmd struct {
	source
	server
	accounts
	Out       string   `short:"o" help:"Directory for result.json; made if it is missing."`
	Pid       int      `help:"Process whose memory and CPU are watched, with all below it."`
	Metrics   string   `help:"URL of the server's metrics in Prometheus' format."`
	Label     string   `help:"What this run is called in comparisons."`
	Processes int      `default:"1" help:"Worker processes on this machine that share the load."`
	Workers   []string `placeholder:"HOST:PORT" help:"Machines on which roost-bench worker --listen runs, instead of processes here."`
	Token     string   `env:"ROOST_BENCH_TOKEN" help:"What those workers want to hear."`
	Quiet     bool     `short:"q" help:"Only the tables at the end."`
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
	ws, err := c.workers(e, load.Config{Scenario: sc, Target: target, Shards: 1, Run: control.NewRun()})
	if err != nil {
		return err
	}
	o := control.Options{Scenario: sc, Target: target, Probe: p, Tool: tool(), Label: c.Label}
	if !c.Quiet {
		o.Observer = &lines{e.out}
	}
	r, err := control.Run(e.ctx, o, ws)
	return errors.Join(finish(e, r, err, c.Out), control.CloseAll(ws))
}

// workers makes the workers that the flags ask for.
func (c *runCmd) workers(e *env, cfg load.Config) ([]control.Worker, error) {
	switch {
	case c.Processes < 1:
		return nil, fmt.Errorf("--processes %d: one is the least", c.Processes)
	case len(c.Workers) > 0 && c.Processes > 1:
		return nil, errors.New("--workers and --processes exclude each other: start several workers on a machine, with a port each")
	case len(c.Workers) > 0:
		return control.Machines(e.ctx, c.Workers, cfg, c.Token)
	case c.Processes > 1:
		return control.Processes(e.ctx, c.Processes, cfg, []string{"worker"}, e.err)
	}
	w, err := control.Local(e.ctx, cfg)
	return []control.Worker{w}, err
}

// finish writes and prints what there is of a result; err is what has ended the run.
func finish(e *env, r *report.Result, err error, dir string) error {
	if dir != "" {
		name, werr := r.Write(dir)
		if werr != nil {
			return werr
		}
		defer fmt.Fprintln(e.out, "wrote", name)
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
