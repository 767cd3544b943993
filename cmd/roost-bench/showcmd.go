package main

import "roost/bench/report"

// showCmd is `roost-bench show`.
type showCmd struct {
	Results []string `arg:"" type:"existingfile" help:"Files result.json."`
}

// Run prints them.
func (c *showCmd) Run(e *env) error {
	var rs []*report.Result
	for _, name := range c.Results {
		r, err := report.Read(name)
		if err != nil {
			return err
		}
		rs = append(rs, r)
	}
	if len(rs) == 1 {
		return rs[0].Text(e.out)
	}
	return report.Table(e.out, rs)
}
