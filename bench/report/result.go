// Package report turns what a run has measured into its result: result.json, whose form README.md in bench documents, and the
// tables that a terminal shows. It also compares results.
package report

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"roost/bench/measure"
	"roost/bench/probe"
	"roost/bench/scenario"
)

// SchemaVersion is the version of result.json's form: it grows when a field changes its meaning or goes.
const SchemaVersion = 1

// A Result is a whole run.
type Result struct {
	Schema   int                `json:"schema"`
	Tool     string             `json:"tool"` // name and version
	Label    string             `json:"label,omitempty"`
	Started  time.Time          `json:"started"`
	Took     float64            `json:"took_s"`
	Scenario *scenario.Scenario `json:"scenario"`
	Target   Target             `json:"target"`
	Env      Env                `json:"environment"`
	Workers  int                `json:"workers"`
	Segments []*Segment         `json:"segments"`
	Slope    *Slope             `json:"slope,omitempty"`
	Account  Account            `json:"account"` // of all segments
	Verdict  Verdict            `json:"verdict"`
}

// Target names the server that was loaded.
type Target struct {
	Addrs  []string `json:"addrs"`
	Domain string   `json:"domain"`
	Server string   `json:"server,omitempty"` // what it says it is (XEP-0092), or the operator does
}

// Account is a Tally for each class of stanza.
type Account map[measure.Class]measure.Tally

// A Segment is the result of one stretch of the run.
type Segment struct {
	Name     string                         `json:"name"`
	Phase    string                         `json:"phase"`
	Kind     scenario.PhaseKind             `json:"kind"`
	WarmUp   bool                           `json:"warm_up,omitempty"`
	Slope    bool                           `json:"slope,omitempty"` // its end is a point of the slope
	Start    float64                        `json:"start_s"`         // since the run began
	Took     float64                        `json:"took_s"`
	Sessions int                            `json:"sessions"` // on line at its end
	Latency  map[measure.Kind]*Latency      `json:"latency"`
	Account  Account                        `json:"account"`
	Errors   map[string]int64               `json:"errors,omitempty"`
	Skipped  int64                          `json:"skipped,omitempty"`
	TLS      *Handshakes                    `json:"tls,omitempty"`
	BytesIn  int64                          `json:"bytes_in"`
	BytesOut int64                          `json:"bytes_out"`
	Series   []Second                       `json:"series"`
	Before   *probe.Sample                  `json:"server_before,omitempty"`
	After    *probe.Sample                  `json:"server_after,omitempty"`
	Own      *probe.Sample                  `json:"generator_after,omitempty"` // the load tester itself, with its processes here
	Cost     *Cost                          `json:"cost,omitempty"`
	Saturate bool                           `json:"generator_saturated,omitempty"`
	Hists    map[measure.Kind]*measure.Pair `json:"histograms"`
}

// Handshakes counts TLS handshakes.
type Handshakes struct {
	Full    int64 `json:"full"`
	Resumed int64 `json:"resumed"`
}

// Latency is one kind's times, in milliseconds. The first view is the one that counts: from the intended time where
// there is a schedule, else from the real one.
type Latency struct {
	Quantiles
	Rate    float64    `json:"rate"` // a second
	Errors  int64      `json:"errors"`
	Open    bool       `json:"open_loop"` // the first view counts from the intended time
	Service *Quantiles `json:"service,omitempty"`
}

// Quantiles of a histogram, in milliseconds.
type Quantiles struct {
	Count int64   `json:"count"`
	Mean  float64 `json:"mean_ms"`
	P50   float64 `json:"p50_ms"`
	P90   float64 `json:"p90_ms"`
	P99   float64 `json:"p99_ms"`
	P999  float64 `json:"p99_9_ms"`
	P9999 float64 `json:"p99_99_ms"`
	Max   float64 `json:"max_ms"`
}

// A Second is one point of the time series.
type Second struct {
	T        int                         `json:"t"` // seconds since the segment began
	Sessions int                         `json:"sessions"`
	Kinds    map[measure.Kind]SecondKind `json:"kinds,omitempty"`
	CPU      float64                     `json:"server_cpu_s,omitempty"` // processor time of this second, in seconds
	RSS      int64                       `json:"server_rss,omitempty"`
}

// A SecondKind is one kind in one second; times in milliseconds.
type SecondKind struct {
	Count  int64   `json:"count"`
	Errors int64   `json:"errors,omitempty"`
	P50    float64 `json:"p50_ms"`
	P99    float64 `json:"p99_ms"`
	Max    float64 `json:"max_ms"`
}

// Cost is what the server spent in a segment, and on each thing where only that was done.
type Cost struct {
	CPU         float64 `json:"cpu_s"`
	PerLogin    float64 `json:"us_per_login,omitempty"` // microseconds
	PerMessage  float64 `json:"us_per_message,omitempty"`
	PerPresence float64 `json:"us_per_presence,omitempty"` // delivered
	PerRequest  float64 `json:"us_per_request,omitempty"`
	PerStanza   float64 `json:"us_per_stanza,omitempty"`  // delivered or answered, of all classes
	PerSession  float64 `json:"us_per_session,omitempty"` // and second
	Allocs      float64 `json:"allocs_per_stanza,omitempty"`
	AllocBytes  float64 `json:"alloc_bytes_per_stanza,omitempty"`
	GCs         int64   `json:"gcs,omitempty"`
}

// Slope is memory over the number of sessions: bytes of each, fitted through the ends of the steps of a ramp.
type Slope struct {
	From   int       `json:"from"`
	To     int       `json:"to"`
	RSS    probe.Fit `json:"rss"`
	PSS    probe.Fit `json:"pss"`
	Own    probe.Fit `json:"generator"` // resident memory of the load tester itself
	Kernel probe.Fit `json:"kernel"`    // of one end of a socket; machine-wide figures, so that other work shows
}

// Verdict says whether the run is to be believed and whether the server passed.
type Verdict struct {
	OK       bool     `json:"ok"`
	Failures []string `json:"failures,omitempty"`
	Warnings []string `json:"warnings,omitempty"`
}

// saturated is how late the load tester itself may come, at p99, in milliseconds, before its latencies are not to be trusted.
const saturated = 1.0

func ms(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }

func quantiles(h *measure.Hist) Quantiles {
	return Quantiles{Count: h.Count(), Mean: ms(h.Mean()), P50: ms(h.At(.5)), P90: ms(h.At(.9)), P99: ms(h.At(.99)),
		P999: ms(h.At(.999)), P9999: ms(h.At(.9999)), Max: ms(h.Max())}
}

// NewSecond makes a point of the series.
func NewSecond(s *measure.Second) Second {
	out := Second{T: s.T, Sessions: s.Sessions, Kinds: make(map[measure.Kind]SecondKind, len(s.Kinds))}
	for k, one := range s.Kinds {
		out.Kinds[k] = SecondKind{Count: one.Hist.Count(), Errors: one.Errors, P50: ms(one.Hist.At(.5)), P99: ms(one.Hist.At(.99)), Max: ms(one.Hist.Max())}
	}
	return out
}

// NewSegment makes the result of a segment from what all workers have measured together.
func NewSegment(seg scenario.Segment, m *measure.Segment, start time.Duration, before, after *probe.Sample) *Segment {
	s := &Segment{Name: seg.Name, Phase: seg.Phase.Name, Kind: seg.Kind, WarmUp: seg.WarmUp, Slope: seg.Slope, Start: start.Seconds(),
		Took: m.Took.Seconds(), Sessions: m.Sessions, Latency: make(map[measure.Kind]*Latency), Account: make(Account), Errors: m.Errors,
		Skipped: m.Skipped, BytesIn: m.BytesIn, BytesOut: m.BytesOut, Before: before, After: after, Hists: m.Kinds}
	if m.Full+m.Resumed > 0 {
		s.TLS = &Handshakes{m.Full, m.Resumed}
	}
	for k, p := range m.Kinds {
		l := &Latency{Quantiles: quantiles(p.Latency()), Errors: p.Errors, Open: p.Intended.Count() > 0}
		if l.Open {
			q := quantiles(&p.Service)
			l.Service = &q
		}
		if s.Took > 0 {
			l.Rate = float64(l.Count) / s.Took
		}
		s.Latency[k] = l
	}
	for _, c := range measure.Classes() {
		s.Account[c] = m.Account[c]
	}
	if before != nil && after != nil {
		s.Cost = s.cost(*before, *after)
	}
	if lag := s.Latency[measure.Lag]; lag != nil && lag.P99 > saturated && len(s.Latency) > 1 { // in a silence nothing was late
		s.Saturate = true
	}
	return s
}

// cost divides what the server spent by what it did.
func (s *Segment) cost(before, after probe.Sample) *Cost {
	cpu := after.CPU - before.CPU
	if cpu < 0 { // a process of the tree has gone
		return nil
	}
	us := float64(cpu) / float64(time.Microsecond)
	c := &Cost{CPU: cpu.Seconds()}
	per := func(n int64) float64 {
		if n == 0 {
			return 0
		}
		return us / float64(n)
	}
	logins := int64(0)
	if l := s.Latency[measure.Login]; l != nil {
		logins = l.Count
	}
	messages, presences, requests := s.Account[measure.Messages].Delivered, s.Account[measure.Presences].Delivered, s.Account[measure.IQs].Delivered
	switch {
	case logins > 0: // requests are the rosters that logins get
		if messages+presences == 0 {
			c.PerLogin = per(logins)
		}
	case presences+requests == 0:
		c.PerMessage = per(messages)
	case messages+requests == 0:
		c.PerPresence = per(presences)
	case messages+presences == 0:
		c.PerRequest = per(requests)
	}
	all := messages + presences + requests
	c.PerStanza = per(all)
	if s.Sessions > 0 && s.Took > 0 && s.Kind == scenario.Hold {
		c.PerSession = us / float64(s.Sessions) / s.Took
	}
	if a, b := after.Go, before.Go; a != nil && b != nil {
		c.GCs = a.GCs - b.GCs
		if all > 0 {
			c.Allocs = float64(a.Allocs-b.Allocs) / float64(all)
			c.AllocBytes = float64(a.AllocBytes-b.AllocBytes) / float64(all)
		}
	}
	return c
}

// Finish computes what only the whole run shows: account, slope and verdict.
func (r *Result) Finish() {
	r.Schema = SchemaVersion
	r.Account = make(Account)
	for _, s := range r.Segments {
		for c, t := range s.Account {
			sum := r.Account[c]
			sum.Add(t)
			r.Account[c] = sum
		}
	}
	r.Slope = r.slope()
	r.judge()
}

func (r *Result) slope() *Slope {
	var n, rss, pss, kernel, own []float64
	for _, s := range r.Segments {
		if !s.Slope || s.After == nil || s.After.RSS == 0 {
			continue
		}
		n = append(n, float64(s.Sessions))
		rss = append(rss, float64(s.After.RSS))
		pss = append(pss, float64(s.After.PSS))
		if s.Own != nil {
			own = append(own, float64(s.Own.RSS))
		}
		// Both ends are on this machine when the target is; the kernel's figures are of both.
		kernel = append(kernel, float64(s.After.Slab+s.After.TCPMem)/2)
	}
	if len(n) < 2 {
		return nil
	}
	out := &Slope{From: int(n[0]), To: int(n[len(n)-1]), RSS: probe.Line(n, rss), PSS: probe.Line(n, pss), Kernel: probe.Line(n, kernel)}
	if len(own) == len(n) {
		out.Own = probe.Line(n, own)
	}
	return out
}

// judge compares the account with what the scenario allows.
func (r *Result) judge() {
	v := &r.Verdict
	fail := func(format string, args ...any) { v.Failures = append(v.Failures, fmt.Sprintf(format, args...)) }
	a := r.Scenario.Allow
	var late []string
	var lost, dup, reord, refused, errs int64
	for _, c := range measure.Classes() {
		t := r.Account[c]
		if !t.Balanced() {
			fail("%s: the account does not balance: %+v", c, t)
		}
		if t.Corrupted > 0 {
			fail("%s: %d arrived with other content", c, t.Corrupted)
		}
		if t.Foreign > 0 {
			fail("%s: %d arrived that nobody sent", c, t.Foreign)
		}
		lost, dup, reord = lost+t.Lost, dup+t.Duplicated, reord+t.Reordered
		refused += t.Refused
	}
	for _, s := range r.Segments {
		for _, n := range s.Errors {
			errs += n
		}
		if s.Saturate && !s.WarmUp {
			late = append(late, fmt.Sprintf("%s (%s ms)", s.Name, short(s.Latency[measure.Lag].P99)))
		}
	}
	if len(late) > 0 {
		v.Warnings = append(v.Warnings, "generator saturated: it came late at p99 in "+strings.Join(late, ", ")+
			"; latencies contain that, counts and CPU do not")
	}
	errs -= refused
	limit := func(what string, n, allowed int64) {
		if n > allowed {
			fail("%d %s, of which the scenario allows %d", n, what, allowed)
		}
	}
	limit("stanzas were lost", lost, a.Lost)
	limit("stanzas were duplicated", dup, a.Duplicated)
	limit("stanzas were reordered", reord, a.Reordered)
	limit("stanzas were refused", refused, a.Refused)
	limit("logins and sessions failed", max(errs, 0), a.Errors)
	v.OK = len(v.Failures) == 0
}

// Write writes result.json into dir, which is made.
func (r *Result) Write(dir string) (string, error) {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return "", err
	}
	b, err := json.MarshalIndent(r, "", " ")
	if err != nil {
		return "", err
	}
	name := filepath.Join(dir, "result.json")
	return name, os.WriteFile(name, append(b, '\n'), 0o644)
}

// Read reads a result.json.
func Read(name string) (*Result, error) {
	b, err := os.ReadFile(name)
	if err != nil {
		return nil, err
	}
	r := new(Result)
	if err := json.Unmarshal(b, r); err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	if r.Schema != SchemaVersion {
		return nil, fmt.Errorf("%s: its schema is %d, this program reads %d", name, r.Schema, SchemaVersion)
	}
	return r, nil
}
