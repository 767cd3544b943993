package main

import "roost/bench/report"

// showCmd is `roost-bench show`.
type showCmd struct {
	Results []string `arg:"" type:"existingfile" help:"Files result.json."`
}

// Run prints them.
func (c *showCmd) Run(e *env) error {
	rs, err := readAll(c.Results)
	if err != nil {
		return err
	}
	if len(rs) == 1 {
		return rs[0].Text(e.out)
	}
	return report.Table(e.out, rs)
}
