package router

import (
	"hash/maphash"
	"log/slog"
	"sync"
	"sync/atomic"

	"roost/xmlstream/jid"
	"roost/xmlstream/stanza"
)

// Limits of one user.
type Limits struct {
	MaxSessions int // resources bound at once; default 32
	MaxDirected int // entities that directed presence is remembered for, per session; default 256
}

func (l Limits) withDefaults() Limits {
	if l.MaxSessions == 0 {
		l.MaxSessions = 32
	}
	if l.MaxDirected == 0 {
		l.MaxDirected = 256
	}
	return l
}

// Config wires a Router. Accounts and Log are required; a nil Rosters switches roster and presence
// off, a nil Offline bounces what cannot be delivered, a nil Federation refuses other domains.
type Config struct {
	Domains    []string // served, prepared
	Accounts   Accounts
	Offline    Offline
	Federation Federation
	Limits     Limits
	Log        *slog.Logger
}

// Router routes the stanzas of all sessions of one server. All methods are safe for concurrent use.
type Router struct {
	cfg     Config
	rosters Rosters
	served  atomic.Pointer[serving]
	users   table
	sights  sights
	tails   tails
	iq      registry
	hooks   hooks

	count struct{ bound, available atomic.Int64 } // sessions

	seed  maphash.Seed
	turns stripes // what a user's sessions show, and that they end, happens in one order
	inbox stripes // storing for a user and emptying the store exclude each other
}

// stripes are locks by bare JID.
type stripes [256]sync.Mutex

// New makes a Router. Register rows and SetRosters before the first Route.
func New(cfg Config) *Router {
	cfg.Limits = cfg.Limits.withDefaults()
	seed := maphash.MakeSeed()
	r := &Router{cfg: cfg, users: newTable(seed), seed: seed}
	r.tails.seed = r.seed
	r.SetDomains(cfg.Domains)
	return r
}

// SetRosters switches roster and presence on.
func (r *Router) SetRosters(rs Rosters) { r.rosters = rs }

// Sees reports whether who may know of user's presence: the account itself, and those whom its
// roster lets see it. Addresses may be full. With presence switched off nobody else does. It may
// block; an account that does not exist lets nobody see it.
func (r *Router) Sees(user, who jid.JID) (bool, error) {
	user, who = user.Bare(), who.Bare()
	if user == who {
		return true, nil
	}
	if r.rosters == nil {
		return false, nil
	}
	return r.rosters.Sees(user, who)
}

// serving is what we serve at a time.
type serving struct {
	list []string
	set  map[string]bool
}

// SetDomains changes what is served. The caller ends the sessions of a domain that is left out; one that
// is bound meanwhile ends by itself.
func (r *Router) SetDomains(domains []string) {
	s := &serving{list: domains, set: map[string]bool{}}
	for _, d := range domains {
		s.set[d] = true
	}
	r.served.Store(s)
}

// Serves reports whether domain is ours.
func (r *Router) Serves(domain string) bool { return r.served.Load().set[domain] }

// Domains lists what we serve.
func (r *Router) Domains() []string { return r.served.Load().list }

// Route handles one stanza of session s; st is borrowed. Stanzas of one session must be routed one
// after the other (RFC 6120 §10.1). When the work would block and mayBlock is false, nothing has
// been done and the result is false: the caller clones st and calls again, from where it may block.
func (r *Router) Route(s *Session, st *stanza.Stanza, mayBlock bool) (done bool) {
	st.From = s.JID
	if st.Bad != nil {
		r.bounce(s, st, st.Bad)
		return true
	}
	switch st.Kind {
	case stanza.Message:
		return r.message(s, st, mayBlock)
	case stanza.Presence:
		return r.presence(s, st, mayBlock)
	default:
		return r.routeIQ(s, st, mayBlock)
	}
}

// bounce answers st with e, unless st is itself an error or a result (RFC 6120 §8.3.1).
func (r *Router) bounce(s *Session, st *stanza.Stanza, e *stanza.StanzaError) {
	if !st.Wants() {
		return
	}
	f := stanza.NewFrame()
	f.Set(st.AppendError(f.Buf(), st.To, st.From, e))
	r.back(s, st, f)
}

// back gives an answer to the sender of st: its session, or, where s is nil, another domain.
func (r *Router) back(s *Session, st *stanza.Stanza, f *stanza.Frame) {
	if s != nil {
		s.Deliver(f)
		return
	}
	r.sendAbroad(st.To, st.From, f) // nobody is told that an answer was lost
}

// relay makes the one copy of st that all its receivers share.
func relay(st *stanza.Stanza, from jid.JID) *stanza.Frame {
	f := stanza.NewFrame()
	f.Set(st.AppendRelay(f.Buf(), from, jid.JID{}))
	f.Timed(st.Timer)
	return f
}

// abroad passes st on to another domain, stamped with from.
func (r *Router) abroad(s *Session, st *stanza.Stanza, from jid.JID) {
	if e := r.sendAbroad(from, st.To, relay(st, from)); e != nil {
		r.bounce(s, st, e)
	}
}

func (r *Router) sendAbroad(from, to jid.JID, f *stanza.Frame) *stanza.StanzaError {
	if r.cfg.Federation == nil {
		f.Release()
		// RFC 6120 §8.3.3.16
		return stanza.RemoteServerNotFound.With("this server has no way to " + to.Domain())
	}
	return r.cfg.Federation.Send(from, to, f)
}

// Send delivers a frame that the server itself made to the full or bare JID to: to the session, to
// every available session, or abroad. It takes over one reference of f.
func (r *Router) Send(from, to jid.JID, f *stanza.Frame) {
	if !r.Serves(to.Domain()) {
		r.sendAbroad(from, to, f) // an undeliverable frame of the server's own has no sender to tell
		return
	}
	give(r.present(to), f)
}

// Sessions is a snapshot of the sessions of a bare JID, best first.
func (r *Router) Sessions(bare jid.JID) []*Session {
	if u := r.users.get(bare); u != nil {
		return u.snapshot(nil)
	}
	return nil
}

// Available is a snapshot of the sessions of a bare JID that have sent presence, best first.
func (r *Router) Available(bare jid.JID) []*Session {
	if u := r.users.get(bare); u != nil {
		return u.snapshot(isAvailable)
	}
	return nil
}

// EachSession calls fn for every session that is bound at about this moment.
func (r *Router) EachSession(fn func(*Session)) {
	r.users.all(func(u *User) {
		for _, s := range u.snapshot(nil) {
			fn(s)
		}
	})
}

// stripe is the lock of a bare JID.
func (r *Router) stripe(of *stripes, bare jid.JID) *sync.Mutex {
	return &of[maphash.String(r.seed, bare.String())%uint64(len(of))]
}
