package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"roost/bench/report"
	"roost/bench/report/page"
)

// compareCmd is `roost-bench compare`.
type compareCmd struct {
	A      string   `arg:"" help:"result.json of the one side; several runs of it with commas."`
	B      string   `arg:"" help:"Likewise of the other."`
	FailOn []string `placeholder:"FIGURE+N%" help:"Exit with 1 when a figure whose name contains this is, beyond chance, so much larger (+) or smaller (-) in B: p99+10%, /s-5%."`
	Out    string   `short:"o" help:"Directory for compare.html, which draws both side by side; made if it is missing."`
}

// Run prints the comparison and judges it.
func (c *compareCmd) Run(e *env) error {
	a, err := readAll(strings.Split(c.A, ","))
	if err != nil {
		return err
	}
	b, err := readAll(strings.Split(c.B, ","))
	if err != nil {
		return err
	}
	if a[0].Scenario.Name != b[0].Scenario.Name {
		return fmt.Errorf("%s is of the scenario %s and %s of %s: nothing to compare", c.A, a[0].Scenario.Name, c.B, b[0].Scenario.Name)
	}
	ds := report.Compare(a, b)
	if len(ds) == 0 {
		return errors.New("the two have no figure in common")
	}
	if err := report.WriteDifferences(e.out, ds); err != nil {
		return err
	}
	if err := c.draw(e, a, b, ds); err != nil {
		return err
	}
	failed := false
	for _, spec := range c.FailOn {
		th, err := report.ParseThreshold(spec)
		if err != nil {
			return err
		}
		over, found := th.Exceeded(ds)
		if !found {
			return fmt.Errorf("-fail-on %s: no figure has %q in its name", spec, th.Match)
		}
		for _, d := range over {
			failed = true
			fmt.Fprintf(e.out, "FAILED %s: %s went from %.4g to %.4g (%+.1f %%)\n", spec, d.Name, d.A, d.B, 100*d.Change())
		}
	}
	if failed {
		return errVerdict
	}
	return nil
}

// draw writes compare.html, if it is wanted. Each side is called as its first run is labelled.
func (c *compareCmd) draw(e *env, a, b []*report.Result, ds []report.Difference) error {
	if c.Out == "" {
		return nil
	}
	if err := os.MkdirAll(c.Out, 0o755); err != nil {
		return err
	}
	x, y := report.Side{Name: "A: " + a[0].SideName(), Runs: a}, report.Side{Name: "B: " + b[0].SideName(), Runs: b}
	name := filepath.Join(c.Out, "compare.html")
	if err := writePage(name, func(w io.Writer) error { return page.WriteComparison(w, x, y, ds) }); err != nil {
		return err
	}
	_, err := fmt.Fprintln(e.out, "wrote", name)
	return err
}

func readAll(names []string) ([]*report.Result, error) {
	var rs []*report.Result
	for _, name := range names {
		r, err := report.Read(name)
		if err != nil {
			return nil, err
		}
		rs = append(rs, r)
	}
	return rs, nil
}
