package report

import (
	"fmt"
	"io"
	"text/tabwriter"

	"roost/bench/measure"
	"roost/bench/scenario"
)

// A figure is one number of a result that is worth a row in a table of several results.
type figure struct {
	name  string // says what it is, with its unit
	value float64
	error float64 // standard error; 0 where there is none
}

// figures lists a result's numbers in the order of its phases. Results of the same scenario have the same names.
func (r *Result) figures() []figure {
	var out []figure
	add := func(name string, v, err float64) {
		if v > 0 {
			out = append(out, figure{name, v, max(err, 0)})
		}
	}
	if s := r.Slope; s != nil {
		add("bytes per session: resident", s.RSS.Slope, s.RSS.Error)
		add("bytes per session: proportional", s.PSS.Slope, s.PSS.Error)
		add("bytes per socket: kernel, machine-wide", s.Kernel.Slope, s.Kernel.Error)
	}
	phases := map[string]*phaseSum{}
	for _, s := range r.Segments {
		if s.WarmUp {
			continue
		}
		p := phases[s.Phase]
		if p == nil {
			p = &phaseSum{}
			phases[s.Phase] = p
		}
		p.add(s)
		if last(r.Segments, s) {
			for _, f := range p.figures(s) {
				add(s.Phase+": "+f.name, f.value, 0)
			}
		}
	}
	return out
}

// last reports whether s is the last segment of its phase that counts.
func last(all []*Segment, s *Segment) bool {
	found := false
	for _, o := range all {
		switch {
		case o == s:
			found = true
		case found && o.Phase == s.Phase && !o.WarmUp:
			return false
		}
	}
	return true
}

// phaseSum puts the steps of a ramp together.
type phaseSum struct {
	cpu    float64 // seconds, of the segments that log in
	took   float64
	logins int64
	login  measure.Pair
}

func (p *phaseSum) add(s *Segment) {
	l := s.Latency[measure.Login]
	if l == nil || l.Count == 0 {
		return
	}
	p.logins += l.Count
	p.took += s.Took
	if s.Cost != nil {
		p.cpu += s.Cost.CPU
	}
	if h := s.Hists[measure.Login]; h != nil {
		p.login.Service.Merge(h.Latency())
	}
}

func (p *phaseSum) figures(s *Segment) []figure {
	if p.logins > 0 && s.Kind != scenario.Hold || p.logins > 0 && s.Slope {
		return []figure{
			{name: "logins/s", value: float64(p.logins) / p.took},
			{name: "login p50 ms", value: ms(p.login.Service.At(.5))},
			{name: "login p99 ms", value: ms(p.login.Service.At(.99))},
			{name: "CPU µs/login", value: p.cpu * 1e6 / float64(p.logins)},
		}
	}
	var out []figure
	for _, k := range []measure.Kind{measure.Message, measure.Presence, measure.Ping, measure.RosterGet, measure.RosterSet} {
		l := s.Latency[k]
		if l == nil || l.Count == 0 || s.Kind != scenario.Hold {
			continue
		}
		out = append(out, figure{name: k.String() + "/s", value: l.Rate}, figure{name: k.String() + " p50 ms", value: l.P50},
			figure{name: k.String() + " p99 ms", value: l.P99}, figure{name: k.String() + " p99.9 ms", value: l.P999})
	}
	if c := s.Cost; c != nil {
		one := []figure{{name: "CPU µs/message", value: c.PerMessage}, {name: "CPU µs/delivered presence", value: c.PerPresence},
			{name: "CPU µs/request", value: c.PerRequest}}
		out = append(out, one...)
		if c.PerMessage+c.PerPresence+c.PerRequest == 0 {
			out = append(out, figure{name: "CPU µs/stanza", value: c.PerStanza})
		}
		if c.PerMessage+c.PerPresence == 0 {
			out = append(out, figure{name: "CPU µs/s of a session", value: c.PerSession})
		}
	}
	return out
}

// Table writes the figures of several results side by side.
func Table(w io.Writer, rs []*Result) error {
	tw := tabwriter.NewWriter(w, 2, 8, 2, ' ', tabwriter.AlignRight)
	var names []string
	rows := map[string][]string{}
	fmt.Fprint(tw, "\t")
	for i, r := range rs {
		label := r.Label
		if label == "" {
			label = r.Scenario.Name
		}
		fmt.Fprintf(tw, "%s\t", label)
		for _, f := range r.figures() {
			if rows[f.name] == nil {
				names = append(names, f.name)
				rows[f.name] = make([]string, len(rs))
			}
			rows[f.name][i] = f.text()
		}
	}
	fmt.Fprintln(tw)
	for _, n := range names {
		fmt.Fprintf(tw, "%s\t", n)
		for _, v := range rows[n] {
			fmt.Fprintf(tw, "%s\t", v)
		}
		fmt.Fprintln(tw)
	}
	return tw.Flush()
}

func (f figure) text() string {
	v := short(f.value)
	if f.value >= 1000 {
		v = number(int64(f.value + 0.5))
	}
	if f.error > 0 {
		v += " ± " + number(int64(f.error+0.5))
	}
	return v
}
