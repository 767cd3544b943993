package load

import (
	"math"
	"math/rand/v2"

	"roost/bench/scenario"
)

// A stream is one Load of a hold, in this shard.
type stream struct {
	load  *scenario.Load
	index int16
	rng   *rand.Rand
	pool  []int32 // who takes part
	gap   float64 // mean nanoseconds between arrivals of an open loop
	next  float64 // when the next one is meant to be
	turn  int     // whose turn it is, where sessions act in turn
	total int     // of the weights of sizes
}

// A draw is the chance in one action. Each takes the same from the generator whatever comes of it, so that the same
// seed gives the same load whoever is on line.
type draw struct{ whom, size, within uint64 }

func (st *stream) draw() draw { return draw{st.rng.Uint64(), st.rng.Uint64(), st.rng.Uint64()} }

// newStream makes the stream of load number index of a segment. Streams with the same numbers and seed are the same.
func (e *Engine) newStream(seg *scenario.Segment, index int) stream {
	l := &seg.Load[index]
	// A warm-up must not take the chances of the phase that it warms up.
	st := stream{load: l, index: int16(index), rng: rand.New(rand.NewPCG(e.sc.Seed, uint64(e.cfg.Shard)<<40|uint64(seg.Number)<<16|uint64(index)))}
	st.pool = e.poolOf(l)
	for _, z := range l.Size {
		st.total += z.Weight
	}
	n := len(st.pool)
	switch {
	case n == 0:
		st.gap = math.Inf(1)
	case l.Rate > 0:
		rate := l.Rate * float64(n) / float64(e.everywhere(l))
		st.gap = 1e9 / rate
	case l.Every > 0:
		st.gap = float64(l.Every) / float64(n)
	case l.Think > 0:
		// The pauses of n sessions together are one Poisson stream, whose next one may be anybody.
		st.gap = float64(l.Think) / float64(n)
	}
	return st
}

// poolOf lists the sessions that a load is for.
func (e *Engine) poolOf(l *scenario.Load) []int32 {
	limit := len(e.able)
	if l.Sessions > 0 {
		limit = e.share(l.Sessions)
	}
	var pool []int32
	for _, i := range e.able[:limit] {
		if l.Group != "" && e.sc.Mix[e.sess[i].group].Name != l.Group {
			continue
		}
		if l.Do == scenario.DoMessage && l.To == scenario.ToPair && l.Window > 0 && (int(i)/e.sc.Resources)%2 == 1 {
			continue // the even one of a pair talks
		}
		pool = append(pool, i)
	}
	return pool
}

// everywhere returns how many sessions of all shards a load is for, as nearly as this shard can tell: the others look like
// this one.
func (e *Engine) everywhere(l *scenario.Load) int {
	mine, all := e.ableHere, e.ableAll
	if mine == all || mine == 0 {
		return max(len(e.poolOf(l)), 1)
	}
	return max(int(float64(len(e.poolOf(l)))*float64(all)/float64(mine)+0.5), 1)
}

// random reports whether the next session is anybody, instead of the next one in turn.
func (st *stream) random() bool { return st.load.Every == 0 }

// arrival moves to the next arrival of an open loop, and says when it is meant to be, whose it is, and with what chance. It draws
// the same numbers whatever the run does.
func (st *stream) arrival() (at int64, i int32, d draw) {
	at = int64(st.next)
	gap := st.gap
	if st.load.Think > 0 || st.load.Rate > 0 && st.load.Arrival == scenario.Poisson {
		gap *= st.rng.ExpFloat64()
	}
	who := st.rng.IntN(len(st.pool))
	if !st.random() {
		who = st.turn
		st.turn = (st.turn + 1) % len(st.pool)
	}
	st.next += gap
	return at, st.pool[who], st.draw()
}

// size picks the length of a body.
func (st *stream) size(d draw) int {
	at := int(d.size % uint64(max(st.total, 1)))
	for _, z := range st.load.Size {
		if at -= z.Weight; at < 0 {
			return z.Bytes + int(d.within%uint64(z.Upto-z.Bytes+1))
		}
	}
	return scenario.MinBody
}
