package main

import (
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
	Out     string `short:"o" help:"Directory for result.json; made if it is missing."`
	Pid     int    `help:"Process whose memory and CPU are watched, with all below it."`
	Metrics string `help:"URL of the server's metrics in Prometheus' format."`
	Label   string `help:"What this run is called in comparisons."`
	Quiet   bool   `short:"q" help:"Only the tables at the end."`
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
	w, err := control.Local(e.ctx, load.Config{Scenario: sc, Target: target, Shards: 1, Run: control.NewRun()})
	if err != nil {
		return err
	}
	defer w.Close()
	o := control.Options{Scenario: sc, Target: target, Probe: p, Tool: tool(), Label: c.Label}
	if !c.Quiet {
		o.Observer = &lines{e.out}
	}
	r, err := control.Run(e.ctx, o, []control.Worker{w})
	return finish(e, r, err, c.Out)
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
