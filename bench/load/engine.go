package load

import (
	"context"
	"fmt"
	"sync"
	"time"

	"roost/bench/measure"
	"roost/bench/people"
	"roost/bench/scenario"
	"roost/bench/sock"
)

// How the loop works.
const (
	batch       = 128                   // events of one wait: timers are looked at in between
	readSize    = 64 << 10              // of the one read buffer
	beat        = 10 * time.Millisecond // how often the loop's lateness is measured
	keepSize    = 16 << 10              // larger buffers are left to the collector
	maxSessions = 10_000_000            // of a shard, on line or not
	keepCount   = 4096                  // as are more of them than this
)

// An Engine makes the load of one shard. Its methods are called by one goroutine.
type Engine struct {
	cfg                           Config
	sc                            *scenario.Scenario
	graph                         people.Graph
	to                            *resolved
	first                         int     // users from first on are this shard's
	users                         int     // how many
	able                          []int32 // sessions that ever log in
	absent                        []int32 // first sessions of users who never do
	ableBefore, ableHere, ableAll int     // of all shards: how many come before ours, are ours, are there
	nLeaving                      int     // sessions in state leaving
	poll                          *sock.Poller
	began                         time.Time
	now                           int64 // nanoseconds since began, when the present work began
	sess                          []session
	online                        []int32 // sessions on line
	timers                        timers
	evs                           []sock.Event
	rbuf                          []byte
	plain                         []byte // what TLS opens
	free                          [][]byte
	dirty                         []int32 // sessions with something to send
	flows                         []flow
	flowAt                        map[uint64]int32
	seen                          map[uint64]*measure.Window // broadcasts, by sender and receiver
	casts                         map[uint64]cast            // broadcasts of closed loops that not all have seen, by sender and number
	open                          int64                      // stanzas under way, of all classes
	hello                         []byte                     // our stream header
	seg                           *measure.Segment
	run                           *runner
	scratch                       []byte
	raw                           rawStamp
	log                           *logins
	ticks                         *tickets
	creds                         *credentials

	mu   sync.Mutex // guards mail
	mail []func()   // what goroutines want done on the loop
}

// New makes an Engine; Close it.
func New(ctx context.Context, cfg Config) (*Engine, error) {
	sc := cfg.Scenario
	if cfg.Shards < 1 || cfg.Shard < 0 || cfg.Shard >= cfg.Shards {
		return nil, fmt.Errorf("shard %d of %d is none", cfg.Shard, cfg.Shards)
	}
	if sc.Users*sc.Resources/cfg.Shards > maxSessions {
		return nil, fmt.Errorf("%d accounts with %d sessions each are more than a worker keeps books of (%d): use more workers", sc.Users, sc.Resources, maxSessions)
	}
	g := people.New(sc.Users, sc.Roster.Contacts, sc.Roster.Circle, sc.Roster.Groups)
	first, end := g.Split(cfg.Shard, cfg.Shards)
	e := &Engine{cfg: cfg, sc: sc, graph: g, first: first, users: end - first, flowAt: make(map[uint64]int32),
		seen: make(map[uint64]*measure.Window), casts: make(map[uint64]cast), began: time.Now(), rbuf: make([]byte, readSize), log: &logins{}}
	e.cfg.Run += uint32(cfg.Shard)
	n := e.users * sc.Resources
	e.count()
	var err error
	if e.to, err = cfg.Target.resolve(ctx, n, sc.Login.TLS == scenario.TLSDirect); err != nil {
		return nil, err
	}
	if limit, err := sock.RaiseFiles(); err == nil && e.ableHere+32 > limit {
		return nil, fmt.Errorf("%d sessions do not fit into the %d files that a process may open: raise ulimit -n, or use -processes %d",
			e.ableHere, limit, cfg.Shards*(e.ableHere/max(limit-32, 1)+1))
	}
	if e.poll, err = sock.NewPoller(batch); err != nil {
		return nil, err
	}
	e.sess = make([]session, n)
	e.ticks = newTickets(*sc.Login.Resume)
	e.creds = newCredentials(&e.cfg.Target.Names)
	e.to.tls.ClientSessionCache = e.ticks
	e.hello = []byte("<?xml version='1.0'?><stream:stream xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams' version='1.0' to='" +
		cfg.Target.Names.Domain + "'>")
	groups := e.groupsOf()
	for i := range e.sess {
		s := &e.sess[i]
		s.fd, s.at, s.flowsIn, s.settled = -1, -1, -1, never
		s.group = groups(i)
	}
	e.seg = measure.NewSegment(nil)
	return e, nil
}

// count finds who logs in, and how many do so in the other shards.
func (e *Engine) count() {
	res, part := e.sc.Resources, e.sc.Roster.Online
	for u := range e.users {
		if !people.Online(e.first+u, part) {
			e.absent = append(e.absent, int32(u*res))
			continue
		}
		for r := range res {
			e.able = append(e.able, int32(u*res+r))
		}
	}
	e.ableBefore = people.CountOnline(0, e.first, part) * res
	e.ableHere = len(e.able)
	e.ableAll = e.sc.Sessions()
}

// groupsOf deals sessions out to the groups of the mix, so that any run of them holds nearly the right parts.
func (e *Engine) groupsOf() func(int) uint8 {
	total := 0
	for _, g := range e.sc.Mix {
		total += g.Weight
	}
	return func(i int) uint8 {
		if total == 0 {
			return 0
		}
		// A golden step through the weights spreads every group evenly, and is the same for every seed.
		at := int(uint64(i) * 0x9E3779B97F4A7C15 >> 33 % uint64(total))
		for g := range e.sc.Mix {
			if at -= e.sc.Mix[g].Weight; at < 0 {
				return uint8(g)
			}
		}
		return 0
	}
}

// Close ends all connections without a word.
func (e *Engine) Close() {
	for i := range e.sess {
		if e.sess[i].fd >= 0 {
			e.drop(int32(i), measure.Cut, true)
		}
	}
	for e.log.working > 0 { // goroutines that hold a descriptor give it back
		e.wait(e.clock() + int64(time.Second))
		e.readMail()
	}
	e.poll.Close()
}

// clock returns the time, in nanoseconds since the Engine began.
func (e *Engine) clock() int64 { return int64(time.Since(e.began)) }

// post has f done on the loop; any goroutine may call it.
func (e *Engine) post(f func()) {
	e.mu.Lock()
	e.mail = append(e.mail, f)
	first := len(e.mail) == 1
	e.mu.Unlock()
	if first {
		e.poll.Wake()
	}
}

func (e *Engine) readMail() {
	e.mu.Lock()
	mail := e.mail
	e.mail = nil
	e.mu.Unlock()
	for _, f := range mail {
		f()
	}
}

// turn is one round of the loop: what is due, what is to be sent, what has come.
func (e *Engine) turn(limit int64) error {
	e.now = e.clock()
	for n := 0; n < batch && len(e.timers) > 0 && e.timers[0].at <= e.now; n++ {
		e.due(e.timers.pop())
	}
	e.flush()
	next := limit
	if len(e.timers) > 0 {
		next = min(next, e.timers[0].at)
	}
	if err := e.wait(next); err != nil {
		return err
	}
	for _, ev := range e.evs {
		e.ready(ev)
	}
	e.flush()
	e.readMail()
	e.flush()
	return nil
}

// wait fills evs, at the latest at the time until.
func (e *Engine) wait(until int64) (err error) {
	d := max(until-e.clock(), 0)
	e.evs, err = e.poll.Wait(time.Duration(d), e.evs[:0])
	return err
}

// ready serves one event. The session may have another connection by now, to which an event too many does no harm.
func (e *Engine) ready(ev sock.Event) {
	s := &e.sess[ev.Key]
	if s.fd < 0 {
		return
	}
	if s.state == connect {
		if ev.Write {
			e.connected(ev.Key)
		}
		return
	}
	if ev.Write && s.writable {
		e.send(ev.Key)
	}
	if ev.Read && s.fd >= 0 {
		e.read(ev.Key)
	}
}

// buffer gives an empty buffer; spare takes one back.
func (e *Engine) buffer() []byte {
	if n := len(e.free); n > 0 {
		b := e.free[n-1]
		e.free = e.free[:n-1]
		return b
	}
	return make([]byte, 0, 512)
}

func (e *Engine) spare(b []byte) {
	if cap(b) > 0 && cap(b) <= keepSize && len(e.free) < keepCount {
		e.free = append(e.free, b[:0])
	}
}
