package s2s

import (
	"context"
	"log/slog"
	"maps"
	"net/netip"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"roost/netio"
	"roost/router"
	"roost/router/stream"
	"roost/xmlstream/jid"
	"roost/xmlstream/stanza"
)

// Tap watches stanzas. Its methods must not block and must not keep what they get.
type Tap interface {
	Received(peer netip.AddrPort, st *stanza.Stanza)
	Delivered(peer netip.AddrPort, b []byte)
}

// Config of a Server. Engine, Resolver, Domains, Work and Log are required.
type Config struct {
	Engine   *netio.Engine
	Resolver Resolver
	Rules

	MaxQueue int          // bytes that wait for one stream to be made; default 256 KiB
	Local    netip.Addr   // to connect from; the zero value leaves it to the kernel
	Work     *stream.Pool // for what waits: stores
	Log      *slog.Logger

	Now func() time.Time // default time.Now
	// After runs fn later, on another goroutine. With nil the next place is tried when the one before has
	// failed, and not beside it.
	After func(d time.Duration, fn func())
}

const (
	defaultMaxStreams = 20000
	defaultMaxQueue   = 256 << 10
	maxResolving      = 64   // names that are looked up at the same time
	maxHolds          = 4096 // domains whose failure is remembered
	firstHold         = time.Second
)

// Server is the federation of one server. It is safe for concurrent use.
type Server struct {
	Router *router.Router // set before the first stream

	c      Config
	log    *slog.Logger
	rules  atomic.Pointer[rules]
	tap    atomic.Pointer[Tap]
	names  *stream.Pool // looks up names
	ctx    context.Context
	cancel context.CancelFunc
	in     atomic.Int64 // incoming streams

	mu sync.Mutex // guards what follows
	// outs are the streams that we make, in use or in the making, and bidi those of others on which
	// we may send, by pair.
	outs      map[Pair]*Out
	bidi      map[Pair]*In
	proven    map[incoming]time.Time // on streams of others, and since when
	perRemote map[string]int         // of outs
	holds     map[Pair]hold          // without Local: of a whole domain
	closed    bool
}

// hold is a domain that could not be reached, or has refused a pair: until then nobody tries again.
type hold struct {
	until time.Time
	delay time.Duration
	why   *stanza.StanzaError
}

// New makes a Server. Its Router is set afterwards: the two need each other.
func New(c Config) *Server {
	if c.MaxQueue == 0 {
		c.MaxQueue = defaultMaxQueue
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	s := &Server{c: c, log: c.Log, names: stream.NewPool(maxResolving),
		outs: map[Pair]*Out{}, bidi: map[Pair]*In{}, proven: map[incoming]time.Time{}, perRemote: map[string]int{}, holds: map[Pair]hold{}}
	s.rules.Store(c.Rules.complete())
	s.ctx, s.cancel = context.WithCancel(context.Background())
	return s
}

// seconds is the clock of idle times.
func (s *Server) seconds() int64 { return s.c.Now().Unix() }

// Send implements router.Federation.
func (s *Server) Send(from, to jid.JID, f *stanza.Frame) *stanza.StanzaError {
	p := Pair{from.Domain(), to.Domain()} // borrowed
	if !s.speaks(p) {
		f.Release()
		return unlisted(p)
	}
	for {
		s.mu.Lock()
		in := s.bidi[p]
		s.mu.Unlock()
		if in != nil {
			if in.pass(in.conn, f) {
				return nil
			}
			s.withdraw(p, in)
		}
		o, fresh, e := s.stream(p, false)
		if e != nil {
			f.Release()
			return e
		}
		taken, e := o.send(f)
		if fresh {
			o.begin()
		}
		if taken || e != nil {
			return e
		}
		o.ended()
	}
}

// stream gives the stream that we make for a pair. A fresh one is to begin, once it was given its
// first work. urgent: that an earlier attempt failed does not matter.
func (s *Server) stream(p Pair, urgent bool) (o *Out, fresh bool, e *stanza.StanzaError) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if o := s.outs[p]; o != nil {
		return o, false, nil
	}
	r, _ := s.remote(p.Remote)
	if s.closed {
		return nil, false, stanza.RemoteServerTimeout.With("this server is shutting down")
	}
	if e := s.held(p); e != nil && !urgent {
		return nil, false, e
	}
	if len(s.outs) >= s.rules.Load().maxStreams || s.perRemote[p.Remote] >= r.MaxStreams {
		return nil, false, stanza.ResourceConstraint.With("too many streams to " + strings.Clone(p.Remote) + " are open")
	}
	p = Pair{strings.Clone(p.Local), strings.Clone(p.Remote)}
	o = newOut(s, p, r)
	s.outs[p] = o
	s.perRemote[p.Remote]++
	return o, true, nil
}

// forget takes a stream out that has ended.
func (s *Server) forget(o *Out) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.outs[o.pair] != o {
		return
	}
	delete(s.outs, o.pair)
	if s.perRemote[o.pair.Remote]--; s.perRemote[o.pair.Remote] <= 0 {
		delete(s.perRemote, o.pair.Remote)
	}
}

// accept lets us send on a stream that another server has made (XEP-0288).
func (s *Server) accept(p Pair, in *In) {
	s.mu.Lock()
	defer s.mu.Unlock()
	// Never two ways for one pair: order would be lost.
	if o := s.outs[p]; !s.closed && s.bidi[p] == nil && (o == nil || o.yield(true)) {
		s.bidi[p] = in
	}
}

// withdraw ends that.
func (s *Server) withdraw(p Pair, in *In) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.bidi[p] != in {
		return
	}
	delete(s.bidi, p)
	if o := s.outs[p]; o != nil {
		o.yield(false)
	}
}

// held is why there is no stream for a pair at the moment: its domain could not be reached, or has
// refused the pair. s.mu is held.
func (s *Server) held(p Pair) *stanza.StanzaError {
	now := s.c.Now()
	for _, key := range [...]Pair{{Remote: p.Remote}, p} {
		if h, ok := s.holds[key]; ok && now.Before(h.until) {
			return h.why
		}
	}
	return nil
}

// putOff notes that a domain could not be reached (a Pair without Local), or that it has refused a
// pair. Each failure doubles the wait; one long after the last begins anew.
func (s *Server) putOff(key Pair, longest time.Duration, why *stanza.StanzaError) {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.c.Now()
	h := s.holds[key]
	if now.Sub(h.until) > longest {
		h.delay = 0
	}
	h.delay = min(max(2*h.delay, firstHold), longest)
	h.until, h.why = now.Add(h.delay), why
	if len(s.holds) >= maxHolds {
		maps.DeleteFunc(s.holds, func(_ Pair, h hold) bool { return !now.Before(h.until) })
	}
	if len(s.holds) < maxHolds {
		s.holds[key] = h
	}
}

// reached ends the wait: the domain is there, and, where key has a Local, takes its stanzas.
func (s *Server) reached(key Pair) {
	s.mu.Lock()
	_, held := s.holds[key]
	delete(s.holds, key)
	s.mu.Unlock()
	if held && key.Local == "" {
		s.c.Work.Go(func() { s.Router.DomainFound(key.Remote) })
	}
}

// verify asks the authoritative server of a pair whether a key is its own, on a stream of ours. done
// is called once, from any goroutine.
func (s *Server) verify(p Pair, id, key string, done func(verdict)) {
	for {
		o, fresh, e := s.stream(p, true)
		if e != nil {
			done(verdict{err: e})
			return
		}
		taken := o.ask(&inquiry{id: id, key: key, done: done})
		if fresh {
			o.begin()
		}
		if taken {
			return
		}
		o.ended()
	}
}

// doubt makes sure that a domain is still there after a stream with it broke: if it is not, those
// who saw its users learn of it.
func (s *Server) doubt(p Pair) {
	o, fresh, e := s.stream(p, true)
	if e == nil && fresh {
		o.begin()
	}
}

// Stats is a snapshot for the console and for metrics.
type Stats struct {
	In, Out int // streams that others, and that we, have made
	Held    int // domains that could not be reached
}

// Stats takes the snapshot.
func (s *Server) Stats() Stats {
	s.mu.Lock()
	defer s.mu.Unlock()
	return Stats{int(s.in.Load()), len(s.outs), len(s.holds)}
}

// Close ends what is not a connection yet and begins nothing more. Streams are ended by whoever
// ends the engine. It returns when no name is being looked up any more.
func (s *Server) Close() {
	s.mu.Lock()
	s.closed = true
	var all []*Out
	for _, o := range s.outs {
		all = append(all, o)
	}
	s.mu.Unlock()
	s.cancel()
	for _, o := range all {
		o.End(stanza.StreamSystemShutdown.New())
	}
	s.names.Wait()
}
