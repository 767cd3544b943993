// Package control runs a scenario on one or many workers: it starts each segment on all of them at once, waits for all, looks at
// the server in between, and merges what they have measured. Workers share no clock; each measures by its own, and both ends of every
// stanza are in one worker.
package control

import (
	"context"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"slices"
	"time"

	"roost/bench/load"
	"roost/bench/measure"
	"roost/bench/probe"
	"roost/bench/report"
	"roost/bench/scenario"
)

// A Worker makes the load of one shard.
type Worker interface {
	// Run runs a segment, by its number, to its end. onSecond gets each second as it passes, and owns it; it is not called after
	// Run has returned.
	Run(ctx context.Context, number int, onSecond func(*measure.Second)) (*measure.Segment, error)
	// Close ends the worker's sessions without a word.
	Close() error
}

// An Observer sees a run as it goes; its methods are called one at a time.
type Observer interface {
	SegmentBegins(seg scenario.Segment, of int)
	SecondPassed(seg scenario.Segment, s report.Second)
	SegmentEnded(seg scenario.Segment, s *report.Segment)
}

// Options are what a run needs besides its workers.
type Options struct {
	Scenario *scenario.Scenario
	Target   load.Target
	Probe    *probe.Probe // may be nil
	Observer Observer     // may be nil
	Tool     string
	Label    string

	own *probe.Probe // of this process
}

// NewRun makes a number that tells a run's stanzas from another's. It leaves room for the numbers of shards.
func NewRun() uint32 { return rand.Uint32() &^ 0xffff }

// Local makes a Worker in this process.
func Local(ctx context.Context, cfg load.Config) (Worker, error) {
	e, err := load.New(ctx, cfg)
	if err != nil {
		return nil, err
	}
	return &local{e, cfg.Scenario.Segments()}, nil
}

type local struct {
	e    *load.Engine
	segs []scenario.Segment
}

func (l *local) Run(ctx context.Context, n int, onSecond func(*measure.Second)) (*measure.Segment, error) {
	if n < 0 || n >= len(l.segs) {
		return nil, fmt.Errorf("the scenario has no segment %d", n)
	}
	return l.e.Run(ctx, l.segs[n], onSecond)
}

func (l *local) Close() error {
	l.e.Close()
	return nil
}

// Run runs the whole scenario. When ctx ends, or a worker fails, the result holds what there was until then, beside the error.
func Run(ctx context.Context, o Options, workers []Worker) (*report.Result, error) {
	r := &report.Result{Tool: o.Tool, Label: o.Label, Started: time.Now(), Scenario: o.Scenario, Env: report.Here(), Workers: len(workers),
		Target: report.Target{Addrs: o.Target.Addrs, Domain: o.Target.Names.Domain}}
	segs := o.Scenario.Segments()
	var err error
	if o.own, err = probe.New(os.Getpid(), ""); err != nil {
		return nil, err
	}
	for _, seg := range segs {
		if o.Observer != nil {
			o.Observer.SegmentBegins(seg, len(segs))
		}
		var s *report.Segment
		if s, err = runSegment(ctx, &o, seg, workers, r.Started); s != nil {
			r.Segments = append(r.Segments, s)
			if o.Observer != nil {
				o.Observer.SegmentEnded(seg, s)
			}
		}
		if err != nil {
			err = fmt.Errorf("phase %q: %w", seg.Name, err)
			break
		}
	}
	r.Took = time.Since(r.Started).Seconds()
	r.Finish()
	if err != nil {
		r.Verdict.OK = false
		r.Verdict.Failures = append(r.Verdict.Failures, err.Error())
	}
	return r, err
}

// look samples the server, if there is a probe.
func look(p *probe.Probe) (*probe.Sample, error) {
	if !p.Active() {
		return nil, nil
	}
	s, err := p.Look()
	return &s, err
}

type tick struct {
	worker int
	sec    *measure.Second
}

type answer struct {
	worker int
	m      *measure.Segment
	err    error
}

// runSegment runs one segment on all workers and merges. If one fails the others are stopped.
func runSegment(ctx context.Context, o *Options, seg scenario.Segment, workers []Worker, began time.Time) (*report.Segment, error) {
	before, err := look(o.Probe)
	if err != nil {
		return nil, err
	}
	start := time.Since(began)
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	ticks, answers := make(chan tick), make(chan answer)
	for i, w := range workers {
		go func() {
			m, err := w.Run(ctx, seg.Number, func(s *measure.Second) { ticks <- tick{i, s} })
			answers <- answer{i, m, err}
		}()
	}
	all := measure.NewSegment(nil)
	series := &series{o: o, seg: seg, passed: make([]int, len(workers)), last: before}
	var errs []error
	for left := len(workers); left > 0; {
		select {
		case t := <-ticks:
			series.add(t.worker, t.sec)
		case a := <-answers:
			left--
			series.end(a.worker)
			if a.m != nil {
				all.Merge(a.m)
			}
			if a.err != nil {
				errs = append(errs, a.err)
				stop()
			}
		}
	}
	series.rest()
	after, err := look(o.Probe)
	if err != nil {
		errs = append(errs, err)
	}
	s := report.NewSegment(seg, all, start, before, after)
	s.Series = series.done
	if own, err := look(o.own); err == nil {
		s.Own = own
	}
	return s, errors.Join(errs...)
}

// series puts the seconds of all workers together. A worker whose part of a segment ends early sends no more.
type series struct {
	o      *Options
	seg    scenario.Segment
	passed []int // by worker: the seconds that it has told all about
	open   []*measure.Second
	done   []report.Second
	last   *probe.Sample
}

func (s *series) add(worker int, sec *measure.Second) {
	if sec.T < 0 || sec.T > 1<<24 || sec.T < len(s.done) {
		return // late: its second is published
	}
	at := sec.T - len(s.done)
	for len(s.open) <= at {
		s.open = append(s.open, nil)
	}
	if s.open[at] == nil {
		s.open[at] = sec
	} else {
		s.open[at].Merge(sec)
	}
	s.passed[worker] = sec.T + 1
	s.advance()
}

// end says that a worker sends no more.
func (s *series) end(worker int) {
	s.passed[worker] = math.MaxInt
	s.advance()
}

// advance publishes the seconds that all workers have passed.
func (s *series) advance() {
	for len(s.open) > 0 && slices.Min(s.passed) > len(s.done) {
		s.publish()
	}
}

func (s *series) publish() {
	sec := s.open[0]
	if sec == nil {
		sec = &measure.Second{T: len(s.done)}
	}
	s.open = s.open[1:]
	p := report.NewSecond(sec)
	if s.o.Probe.Active() {
		if now, err := s.o.Probe.Glance(); err == nil {
			if s.last != nil {
				p.CPU = (now.CPU - s.last.CPU).Seconds()
			}
			p.RSS = now.RSS
			s.last = &now
		}
	}
	s.done = append(s.done, p)
	if s.o.Observer != nil {
		s.o.Observer.SecondPassed(s.seg, p)
	}
}

func (s *series) rest() {
	for len(s.open) > 0 {
		s.publish()
	}
}
