package report

import (
	"fmt"
	"io"
	"slices"
	"strings"
)

// spent are the figures of what a server spends, by a part of their names; all others are what its users get.
var spent = []string{"bytes per", "CPU"}

func isSpent(name string) bool {
	return slices.ContainsFunc(spent, func(part string) bool { return strings.Contains(name, part) })
}

// Markdown writes groups as two tables, what the servers spend and what their users get: medians, and over how many runs.
func Markdown(w io.Writer, groups []Group) error {
	var b strings.Builder
	machine(&b, groups)
	sides := sideNames(groups)
	for _, part := range []struct {
		title string
		spent bool
	}{{"What the servers spend", true}, {"What their users get", false}} {
		fmt.Fprintf(&b, "## %s\n", part.title)
		for i := range groups {
			groups[i].markdown(&b, sides, part.spent)
		}
		b.WriteByte('\n')
	}
	verdicts(&b, groups)
	_, err := io.WriteString(w, b.String())
	return err
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

// markdown writes a group's rows of one kind as a table, if there are any.
func (g *Group) markdown(b *strings.Builder, sides []string, spent bool) {
	var names []string
	cells := map[string]map[string]Range{}
	for i := range g.Sides {
		s := &g.Sides[i]
		order, ranges := s.Ranges()
		cells[s.Name] = ranges
		for _, n := range order {
			if isSpent(n) == spent && !slices.Contains(names, n) {
				names = append(names, n)
			}
		}
	}
	if len(names) == 0 {
		return
	}
	fmt.Fprintf(b, "\n%s\n\n| | %s |\n| --- |%s\n", g.Title, strings.Join(sides, " | "), strings.Repeat(" ---: |", len(sides)))
	for _, n := range names {
		fmt.Fprintf(b, "| %s |", n)
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
	case r.Runs == 1:
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
