package report

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"roost/bench/scenario"
)

// A Figure is one number of a result that can be held against another's.
type Figure struct {
	Name  string // with its phase and unit
	Value float64
	Error float64 // standard error; 0 where there is none
}

// Figures lists a result's numbers in the order of its phases. Results of one scenario have the same names.
func (r *Result) Figures() []Figure {
	var out []Figure
	for _, f := range r.figures() {
		out = append(out, Figure{f.name, f.value, f.error})
	}
	return out
}

// A Side is one of those that are held against each other: a server, or a version of it, in one or more runs.
type Side struct {
	Name string
	Runs []*Result
}

// A Range is the median of a figure over the runs of a side, and its extremes.
type Range struct {
	Median, Low, High float64
	Error             float64 // standard error, of a single run that has one
	Runs              int
}

// Ranges returns the figures of a side by name, and the names in the order of its first run.
func (s *Side) Ranges() (names []string, all map[string]Range) {
	values, errs := map[string][]float64{}, map[string]float64{}
	for _, r := range s.Runs {
		for _, f := range r.figures() {
			if values[f.name] == nil {
				names = append(names, f.name)
			}
			values[f.name] = append(values[f.name], f.value)
			errs[f.name] = f.error
		}
	}
	all = make(map[string]Range, len(values))
	for name, vs := range values {
		m, _, _ := median(vs)
		all[name] = Range{m, slices.Min(vs), slices.Max(vs), 0, len(vs)}
		if len(vs) == 1 {
			all[name] = Range{vs[0], vs[0], vs[0], errs[name], 1}
		}
	}
	return names, all
}

// A Group is what can be compared: the same scenario with the same variables over the same transport.
type Group struct {
	Title string
	About string
	Sides []Side
}

// Groups sorts results into groups, and in each into sides by their labels, both in the order in which they come first.
func Groups(rs []*Result) []Group {
	var out []Group
	for _, r := range rs {
		title := title(r.Scenario)
		g := slices.IndexFunc(out, func(g Group) bool { return g.Title == title })
		if g < 0 {
			g = len(out)
			out = append(out, Group{Title: title, About: r.Scenario.About})
		}
		name := r.SideName()
		s := slices.IndexFunc(out[g].Sides, func(s Side) bool { return s.Name == name })
		if s < 0 {
			s = len(out[g].Sides)
			out[g].Sides = append(out[g].Sides, Side{Name: name})
		}
		out[g].Sides[s].Runs = append(out[g].Sides[s].Runs, r)
	}
	return out
}

// SideName is a result's label without the transport, which the group's title says.
func (r *Result) SideName() string {
	name := strings.TrimSuffix(r.Label, " "+string(r.Scenario.Login.TLS))
	if name == "" {
		return r.Scenario.Name
	}
	return name
}

// title says what is run, and how.
func title(s *scenario.Scenario) string {
	var vars []string
	for _, k := range slices.Sorted(maps.Keys(s.Vars)) {
		vars = append(vars, k+" "+s.Vars[k])
	}
	if len(vars) == 0 {
		return s.Name + ", " + transports[s.Login.TLS]
	}
	return fmt.Sprintf("%s, %s (%s)", s.Name, transports[s.Login.TLS], strings.Join(vars, ", "))
}

// transports is what people call them.
var transports = map[scenario.TLSMode]string{scenario.TLSNone: "plain", scenario.TLSStart: "STARTTLS", scenario.TLSDirect: "direct TLS"}
