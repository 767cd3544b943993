package report

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"roost/bench/scenario"
)

// spent are the figures of what a server spends, by a part of their names; all others are what its users get.
var spent = []string{"bytes per", "CPU"}

func isSpent(name string) bool {
	return slices.ContainsFunc(spent, func(part string) bool { return strings.Contains(name, part) })
}

// Markdown writes groups as tables: what the servers spend in one, what their users get in one for each group. Figures are
// medians with the extremes, where there are several runs.
func Markdown(w io.Writer, groups []Group) error {
	var b strings.Builder
	machine(&b, groups)
	sides := sideNames(groups)
	b.WriteString("## What the servers spend\n\n")
	head(&b, sides)
	short := shortTitles(groups)
	for i := range groups {
		g := &groups[i]
		g.rows(&b, sides, short[i]+": ", func(name string) bool { return isSpent(name) && !g.repeated(name) })
	}
	b.WriteString("\n## What their users get\n")
	for i := range groups {
		fmt.Fprintf(&b, "\n%s\n\n", groups[i].Title)
		head(&b, sides)
		groups[i].rows(&b, sides, "", func(name string) bool { return !isSpent(name) })
	}
	b.WriteByte('\n')
	verdicts(&b, groups)
	_, err := io.WriteString(w, b.String())
	return err
}

func head(b *strings.Builder, sides []string) {
	fmt.Fprintf(b, "| | %s |\n| --- |%s\n", strings.Join(sides, " | "), strings.Repeat(" ---: |", len(sides)))
}

// repeated reports whether a figure is of logins that only prepare for the rest, and that another group shows.
func (g *Group) repeated(name string) bool {
	r := g.Sides[0].Runs[0]
	return r.Slope == nil && strings.HasSuffix(name, "CPU µs/login")
}

// shortTitles names groups by their scenario, transport, and those variables in which groups of one scenario differ.
func shortTitles(groups []Group) []string {
	values := map[string]map[string]bool{} // by scenario and variable
	scenarioOf := func(g Group) *scenario.Scenario { return g.Sides[0].Runs[0].Scenario }
	for _, g := range groups {
		s := scenarioOf(g)
		for k, v := range s.Vars {
			id := s.Name + " " + k
			if values[id] == nil {
				values[id] = map[string]bool{}
			}
			values[id][v] = true
		}
	}
	out := make([]string, len(groups))
	for i, g := range groups {
		s := scenarioOf(g)
		out[i] = s.Name + ", " + transports[s.Login.TLS]
		for _, k := range slices.Sorted(maps.Keys(s.Vars)) {
			if len(values[s.Name+" "+k]) > 1 {
				out[i] += ", " + k + " " + s.Vars[k]
			}
		}
	}
	return out
}

// machine says where the first run was made.
func machine(b *strings.Builder, groups []Group) {
	if len(groups) == 0 {
		return
	}
	e := groups[0].Sides[0].Runs[0].Env
	fmt.Fprintf(b, "The machine: %d processors (%s), %.0f GiB of memory, Linux %s, %s files for a process; load tester and servers share it.\n\n",
		e.CPUs, e.CPU, float64(e.Memory)/(1<<30), e.Kernel, number(int64(e.Files)))
}

func sideNames(groups []Group) []string {
	var names []string
	for _, g := range groups {
		for _, s := range g.Sides {
			if !slices.Contains(names, s.Name) {
				names = append(names, s.Name)
			}
		}
	}
	return names
}

// rows writes a group's figures that are wanted, a line each.
func (g *Group) rows(b *strings.Builder, sides []string, prefix string, wanted func(name string) bool) {
	var names []string
	cells := map[string]map[string]Range{}
	for i := range g.Sides {
		s := &g.Sides[i]
		order, ranges := s.Ranges()
		cells[s.Name] = ranges
		for _, n := range order {
			if wanted(n) && !slices.Contains(names, n) {
				names = append(names, n)
			}
		}
	}
	for _, n := range names {
		fmt.Fprintf(b, "| %s%s |", prefix, n)
		for _, side := range sides {
			fmt.Fprintf(b, " %s |", cells[side][n].text())
		}
		b.WriteByte('\n')
	}
}

// text is the median, and the extremes where there are several runs.
func (r Range) text() string {
	switch {
	case r.Runs == 0:
		return ""
	case r.Error > 0:
		return digits(r.Median) + " ± " + digits(r.Error)
	case digits(r.Low) == digits(r.High):
		return digits(r.Median)
	}
	return fmt.Sprintf("%s (%s … %s)", digits(r.Median), digits(r.Low), digits(r.High))
}

func digits(v float64) string {
	if v >= 1000 {
		return number(int64(v + 0.5))
	}
	return short(v)
}

// verdicts lists the runs that failed, and how many came late.
func verdicts(b *strings.Builder, groups []Group) {
	runs, late := 0, 0
	for _, g := range groups {
		for _, s := range g.Sides {
			for _, r := range s.Runs {
				runs++
				if slices.ContainsFunc(r.Segments, func(s *Segment) bool { return s.Saturate && !s.WarmUp }) {
					late++
				}
				for _, f := range r.Verdict.Failures {
					fmt.Fprintf(b, "- Failed: %s, %s: %s.\n", g.Title, s.Name, f)
				}
			}
		}
	}
	fmt.Fprintf(b, "- In %d of %d runs the load tester itself came later than %.0f ms at p99 in some phase: their latencies contain that.\n", late, runs, saturated)
}
