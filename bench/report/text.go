package report

import (
	"cmp"
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"

	"roost/bench/measure"
	"roost/bench/scenario"
)

// number writes n with thin groups of three: 12 345.
func number(n int64) string {
	s := strconv.FormatInt(n, 10)
	for i := len(s) - 3; i > 0 && s[i-1] != '-'; i -= 3 {
		s = s[:i] + " " + s[i:]
	}
	return s
}

// Line says in one line what a segment came to.
func (s *Segment) Line() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%-22s %8s on line, %6.1f s", s.Name, number(int64(s.Sessions)), s.Took)
	for _, k := range []measure.Kind{measure.Login, measure.Message, measure.Presence, measure.Ping, measure.RosterGet, measure.RosterSet, measure.Register} {
		l := s.Latency[k]
		if l == nil || l.Count == 0 || k == measure.RosterGet && s.Kind != scenario.Hold {
			continue
		}
		fmt.Fprintf(&b, "; %s %s/s, p50 %s, p99 %s, p99.9 %s ms", k, number(int64(l.Rate+0.5)), short(l.P50), short(l.P99), short(l.P999))
	}
	if c := s.Cost; c != nil {
		for _, f := range c.costs() {
			if f.value > 0 {
				fmt.Fprintf(&b, "; CPU %s µs/%s", short(f.value), f.name)
			}
		}
	}
	if s.After != nil && s.After.RSS > 0 && s.Slope {
		fmt.Fprintf(&b, "; resident %.1f MB", float64(s.After.RSS)/1e6)
	}
	if n := total(s.Errors); n > 0 {
		fmt.Fprintf(&b, "; %d errors", n)
	}
	return b.String()
}

func total(m map[string]int64) (n int64) {
	for _, v := range m {
		n += v
	}
	return n
}

// short writes a number with three digits that count.
func short(v float64) string {
	switch {
	case v >= 100:
		return strconv.FormatFloat(v, 'f', 0, 64)
	case v >= 10:
		return strconv.FormatFloat(v, 'f', 1, 64)
	case v >= 1:
		return strconv.FormatFloat(v, 'f', 2, 64)
	}
	return strconv.FormatFloat(v, 'f', 3, 64)
}

// Text writes the result as tables.
func (r *Result) Text(w io.Writer) error {
	tw := tabwriter.NewWriter(w, 2, 8, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(tw, "phase\tkind\tcount\t/s\tp50\tp90\tp99\tp99.9\tp99.99\tmax ms\t")
	for _, s := range r.Segments {
		if s.WarmUp {
			continue
		}
		for _, k := range measure.Kinds() {
			l := s.Latency[k]
			if l == nil || l.Count == 0 {
				continue
			}
			row := func(name string, q Quantiles) {
				fmt.Fprintf(tw, "%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t\n", s.Name, name, number(q.Count), number(int64(l.Rate+0.5)),
					short(q.P50), short(q.P90), short(q.P99), short(q.P999), short(q.P9999), short(q.Max))
			}
			row(k.String(), l.Quantiles)
			if l.Service != nil {
				row(k.String()+", service", *l.Service)
			}
		}
	}
	if err := tw.Flush(); err != nil {
		return err
	}
	fmt.Fprintln(w)
	fmt.Fprintln(tw, "stanzas\tsent\tdelivered\trefused\tstored\tcut\tlost\tduplicated\treordered\tcorrupted\tforeign\t")
	for _, c := range measure.Classes() {
		t := r.Account[c]
		if t == (measure.Tally{}) {
			continue
		}
		fmt.Fprintf(tw, "%s\t", c)
		for _, n := range []int64{t.Sent, t.Delivered, t.Refused, t.Stored, t.Cut, t.Lost, t.Duplicated, t.Reordered, t.Corrupted, t.Foreign} {
			fmt.Fprintf(tw, "%s\t", number(n))
		}
		fmt.Fprintln(tw)
	}
	if err := tw.Flush(); err != nil {
		return err
	}
	r.errorsText(w)
	r.slopeText(w)
	r.costText(w)
	return r.verdictText(w)
}

// costs names what Cost divides by.
func (c *Cost) costs() []figure {
	return []figure{{name: "login", value: c.PerLogin}, {name: "message", value: c.PerMessage},
		{name: "delivered presence", value: c.PerPresence}, {name: "request", value: c.PerRequest}}
}

func (r *Result) costText(w io.Writer) {
	for _, s := range r.Segments {
		if s.Cost == nil || s.WarmUp || len(s.Latency) < 2 {
			continue
		}
		fmt.Fprintf(w, "server CPU, %s: %s s", s.Name, short(s.Cost.CPU))
		for _, f := range s.Cost.costs() {
			if f.value > 0 {
				fmt.Fprintf(w, ", %s µs/%s", short(f.value), f.name)
			}
		}
		fmt.Fprintln(w)
	}
}

func (r *Result) errorsText(w io.Writer) {
	all := map[string]int64{}
	for _, s := range r.Segments {
		for e, n := range s.Errors {
			all[e] += n
		}
	}
	names := slices.SortedFunc(maps.Keys(all), func(a, b string) int {
		return cmp.Or(cmp.Compare(all[b], all[a]), cmp.Compare(a, b))
	})
	for i, e := range names {
		if i == 10 {
			fmt.Fprintf(w, "error: and %d other kinds\n", len(names)-i)
			break
		}
		fmt.Fprintf(w, "error: %s × %s\n", number(all[e]), e)
	}
}

func (r *Result) slopeText(w io.Writer) {
	s := r.Slope
	if s == nil {
		return
	}
	fit := func(slope, err float64) string {
		if err < 0 {
			return number(int64(slope + 0.5))
		}
		return fmt.Sprintf("%s ± %s", number(int64(slope+0.5)), number(int64(err+0.5)))
	}
	fmt.Fprintf(w, "\nbytes per session, %s to %s: resident %s, proportional %s; kernel, a socket: %s; the load tester itself: %s\n", number(int64(s.From)), number(int64(s.To)),
		fit(s.RSS.Slope, s.RSS.Error), fit(s.PSS.Slope, s.PSS.Error), fit(s.Kernel.Slope, s.Kernel.Error),
		fit(s.Own.Slope, s.Own.Error))
}

func (r *Result) verdictText(w io.Writer) error {
	for _, m := range r.Verdict.Warnings {
		fmt.Fprintln(w, "warning:", m)
	}
	for _, m := range r.Verdict.Failures {
		fmt.Fprintln(w, "FAILED:", m)
	}
	if r.Verdict.OK {
		_, err := fmt.Fprintln(w, "passed: every stanza is accounted for")
		return err
	}
	return nil
}
