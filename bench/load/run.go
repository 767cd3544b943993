package load

import (
	"context"
	"math/rand/v2"
	"slices"
	"time"

	"roost/bench/measure"
	"roost/bench/scenario"
)

// A runner is the state of the segment that runs.
type runner struct {
	seg     *scenario.Segment
	rng     *rand.Rand
	streams []stream
	queue   []int32 // sessions to be logged in or out, in order
	wanted  float64 // when the next of the queue is meant to begin
	gap     float64 // between two of the queue; 0: at once
	window  int
	paced   bool // a tLogin is in the heap
	began   int64
	seconds int
	over    bool // the load has ended; what is under way may come
	away    map[int32]time.Duration
}

func (r *runner) registers() bool { return r.seg.Kind == scenario.Register }

// Run runs one segment to its end and returns what was measured; onSecond gets each second as it passes. It returns early
// when ctx ends.
func (e *Engine) Run(ctx context.Context, seg scenario.Segment, onSecond func(*measure.Second)) (*measure.Segment, error) {
	e.now = e.clock()
	r := &runner{seg: &seg, rng: rand.New(rand.NewPCG(e.sc.Seed, uint64(e.cfg.Shard)<<40|uint64(seg.Number)<<16|0xffff)),
		began: e.now, window: seg.Phase.Window, away: make(map[int32]time.Duration)}
	e.seg = measure.NewSegment(onSecond)
	e.run = r
	e.log.failed = 0
	full, resumed := e.ticks.counts()
	stop := context.AfterFunc(ctx, e.poll.Wake)
	defer stop()
	e.timers.push(timer{at: r.began + int64(beat), what: tBeat})
	e.timers.push(timer{at: r.began + int64(time.Second), what: tSecond})
	e.start(r)
	end := never // when we stop waiting for what is under way
	for ctx.Err() == nil {
		if end == never && e.done(r) {
			r.over = true
			end = e.clock() + int64(seg.Phase.Settle)
		}
		if end != never && (e.settled() || e.clock() >= end) {
			break
		}
		if err := e.turn(e.clock() + int64(beat)); err != nil {
			return e.seg, err
		}
	}
	e.giveAllUp()
	e.timers = nil
	e.log.retry = 0
	e.seg.Took = time.Duration(e.clock() - r.began)
	if e.clock()-r.began > int64(r.seconds)*int64(time.Second)+int64(beat) {
		e.seg.Tick(r.seconds, len(e.online)) // the rest of a second
	}
	e.seg.Sessions = len(e.online)
	f, n := e.ticks.counts()
	e.seg.Full, e.seg.Resumed = f-full, n-resumed
	out := e.seg
	e.run, e.seg = nil, measure.NewSegment(nil)
	clear(e.casts)
	return out, ctx.Err()
}

// start sets a segment going.
func (e *Engine) start(r *runner) {
	target := e.share(r.seg.Sessions)
	switch r.seg.Kind {
	case scenario.Register:
		for u := range e.users {
			if i := int32(u * e.sc.Resources); e.sess[i].state == off {
				r.queue = append(r.queue, i)
			}
		}
		e.pace(r, r.seg.Phase.Rate)
	case scenario.Befriend:
		r.queue = slices.Clone(e.online)
		e.pace(r, r.seg.Phase.Rate)
	case scenario.Ramp:
		for _, i := range e.able[:target] {
			if e.sess[i].state == off {
				r.queue = append(r.queue, i)
			}
		}
		e.pace(r, r.seg.Phase.Rate)
	case scenario.Storm:
		victims := slices.Clone(e.online[:min(target, len(e.online))])
		e.pace(r, r.seg.Phase.Rate)
		for _, i := range victims {
			e.logout(i, r.seg.Phase.Clean)
		}
	case scenario.Drain:
		n := max(len(e.online)-target, 0)
		r.queue = slices.Clone(e.online[len(e.online)-n:])
		e.pace(r, r.seg.Phase.Rate)
	case scenario.Hold:
		for k := range r.seg.Load {
			r.streams = append(r.streams, e.newStream(r.seg, k))
		}
		for k := range r.streams {
			e.begin1(r, &r.streams[k])
		}
		e.timers.push(timer{at: r.began + int64(r.seg.For), what: tEnd})
	}
}

// begin1 sets a stream going.
func (e *Engine) begin1(r *runner, st *stream) {
	if len(st.pool) == 0 {
		return
	}
	if st.load.Open() {
		st.next = float64(r.began) + st.gap*st.rng.Float64()
		e.timers.push(timer{at: int64(st.next), what: tStream, arg: int32(st.index)})
		return
	}
	for n, i := range st.pool {
		for range st.load.Window {
			if e.sess[i].state == online {
				e.act(st, i, st.draw(), -1)
			}
		}
		if n%batch == batch-1 { // the first ones must not wait until the last one has begun
			e.flush()
		}
	}
}

// pace sets the queue going, at rate sessions a second over all shards; 0 is as fast as the window lets them.
func (e *Engine) pace(r *runner, rate float64) {
	r.wanted = float64(r.began)
	if rate > 0 {
		r.gap = 1e9 / (rate * float64(e.ableHere) / float64(max(e.ableAll, 1)))
	}
	r.paced = true
	e.timers.push(timer{at: r.began, what: tLogin})
}

// launch begins as many of the queue as are due and fit.
func (e *Engine) launch(r *runner) {
	for len(r.queue) > 0 {
		if r.seg.Kind != scenario.Drain && e.log.under >= r.window || r.seg.Kind == scenario.Befriend && e.open > int64(r.window)*8 {
			// The end of another login goes on; a timer asks again, for the case that none ends.
			e.timers.push(timer{at: e.clock() + int64(time.Millisecond), what: tLogin})
			return
		}
		if r.gap > 0 && int64(r.wanted) > e.clock() {
			e.timers.push(timer{at: int64(r.wanted), what: tLogin})
			return
		}
		i := r.queue[0]
		r.queue = r.queue[1:]
		wanted := int64(r.wanted)
		if r.gap == 0 && r.seg.Kind != scenario.Storm {
			wanted = -1 // nothing is scheduled where one begins when another ends
		}
		switch r.seg.Kind {
		case scenario.Drain:
			e.logout(i, true)
		case scenario.Befriend:
			e.befriend(i)
		default:
			e.login(i, wanted)
		}
		if r.gap > 0 {
			gap := r.gap
			if r.seg.Phase.Arrival == scenario.Poisson {
				gap *= r.rng.ExpFloat64()
			}
			r.wanted += gap
			e.late(int64(r.wanted - gap))
		}
	}
	r.paced = false
}

// late notes how late the loop comes to something.
func (e *Engine) late(at int64) { e.seg.Record(measure.Lag, -1, e.clock()-at) }

// left serves a session that has logged out: a storm and a disconnect bring it back.
func (r *runner) left(e *Engine, i int32) {
	switch r.seg.Kind {
	case scenario.Storm:
		r.queue = append(r.queue, i)
		if !r.paced {
			r.paced = true
			e.timers.push(timer{at: e.clock(), what: tLogin})
		}
	case scenario.Hold:
		if d, ok := r.away[i]; ok && !r.over {
			delete(r.away, i)
			e.log.retry++
			e.timers.push(timer{at: e.clock() + int64(d), what: tRetry, arg: i})
		}
	}
}

// due serves a timer.
func (e *Engine) due(t timer) {
	r := e.run
	switch t.what {
	case tBeat:
		e.late(t.at)
		// From now on: a loop that was away for a second was late once, not a hundred times; streams count theirs.
		e.timers.push(timer{at: e.clock() + int64(beat), what: tBeat})
	case tSecond:
		e.seg.Tick(r.seconds, len(e.online))
		r.seconds++
		e.sweep()
		e.timers.push(timer{at: r.began + int64(r.seconds+1)*int64(time.Second), what: tSecond})
	case tLogin:
		e.launch(r)
	case tRetry:
		e.log.retry--
		if e.sess[t.arg].state == off {
			e.login(t.arg, t.at)
		}
	case tThink:
		if !r.over {
			e.act(&r.streams[t.with], t.arg, r.streams[t.with].draw(), -1)
		}
	case tEnd:
		r.over = true
	case tStream:
		e.stream(r, &r.streams[t.arg])
	}
}

// stream does what a stream has due, but not so much that nothing is read.
func (e *Engine) stream(r *runner, st *stream) {
	for n := 0; !r.over && n < batch && int64(st.next) <= e.clock(); n++ {
		at, i, d := st.arrival()
		if at >= r.began+int64(r.seg.For) {
			return
		}
		e.late(at)
		e.act(st, i, d, at)
	}
	if !r.over {
		e.timers.push(timer{at: int64(st.next), what: tStream, arg: int32(st.index)})
	}
}

// sweep fails logins, and logouts, that take too long.
func (e *Engine) sweep() {
	limit := e.clock() - int64(e.sc.Login.Timeout)
	for i := range e.sess {
		s := &e.sess[i]
		switch {
		case s.state == off:
		case s.state == online:
			// A server that does not send us our own presence: after two seconds all else has come.
			if s.settled == never && e.now-s.begun > int64(2*time.Second) {
				s.settled = e.now
			}
		case max(s.begun, s.step) < limit:
			e.fail(int32(i), "timeout")
		}
	}
}

// done reports whether a segment has done what it is for.
func (e *Engine) done(r *runner) bool {
	switch r.seg.Kind {
	case scenario.Ramp, scenario.Register:
		return len(r.queue) == 0 && e.log.under == 0 && e.log.retry == 0
	case scenario.Storm:
		return len(r.queue) == 0 && e.log.under == 0 && e.log.retry == 0 && e.nLeaving == 0
	case scenario.Drain:
		return len(r.queue) == 0 && e.nLeaving == 0
	case scenario.Befriend:
		return len(r.queue) == 0
	}
	return r.over
}

// settled reports whether nothing is under way any more.
func (e *Engine) settled() bool {
	if e.open > 0 || e.log.under > 0 {
		return false
	}
	if e.run.seg.Kind != scenario.Ramp && e.run.seg.Kind != scenario.Storm {
		return true
	}
	for _, i := range e.online {
		if e.sess[i].settled == never {
			return false
		}
	}
	return true
}

// share returns this shard's part of n sessions; the parts of all shards are n together.
func (e *Engine) share(n int) int {
	if e.ableAll == 0 {
		return 0
	}
	n = min(n, e.ableAll)
	return n*(e.ableBefore+e.ableHere)/e.ableAll - n*e.ableBefore/e.ableAll
}
