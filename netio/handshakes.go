package netio

import (
	"container/list"
	"errors"
	"net/netip"
	"sync"
)

// ErrHandshakeDropped is what OnTLS and OnClose get when a handshake had to make
// room for another.
var ErrHandshakeDropped = errors.New("netio: the TLS handshake waited for its peer when others needed its place")

// handshakes runs handshakes, each on a goroutine of its own from when its
// peer's first record is complete: silent connections hold none.
//
// Computing needs one of as many tokens as there are processors, so that a storm
// of handshakes leaves room for the loops, and no more begin than can soon have
// one: the others queue by origin, and origins take turns. A handshake that
// waits for its peer holds no token, only its goroutine. Those are capped, too:
// beyond most of them whoever begins has the oldest one dropped that waits for
// its peer. Silence cannot keep others out, and an origin that has more than its
// share loses its own first.
type handshakes struct {
	most, share int           // handshakes that have begun: of all, of one origin when all are taken
	cpu         chan struct{} // tokens
	wg          sync.WaitGroup

	mu      sync.Mutex // guards what follows, and a handshake's fields that say so. Taken without library.mu
	running int        // goroutines that have a token or wait for one
	begun   list.List  // of *handshake, oldest first
	turns   list.List  // of *origin that have a queue; the first is next
	origins map[netip.Prefix]*origin
	heavy   map[*origin]struct{} // those with more than share
}

// An origin is where handshakes come from: an IPv4 address or an IPv6 network of
// 64 bits, which is what one customer of a provider has.
type origin struct {
	from  netip.Prefix
	open  int           // handshakes, in queue or begun or dropped, that are not over
	queue list.List     // of *handshake that have not begun, first come first served
	begun list.List     // of *handshake, oldest first
	turn  *list.Element // in handshakes.turns; nil without a queue
}

func (h *handshakes) init(most, processors int) {
	h.most, h.share = most, max(most/8, 1)
	h.cpu = make(chan struct{}, processors)
	h.origins = make(map[netip.Prefix]*origin)
	h.heavy = make(map[*origin]struct{})
}

// originOf returns the origin's key of an address.
func originOf(a netip.Addr) netip.Prefix {
	a = a.Unmap().WithZone("")
	p, _ := a.Prefix(min(a.BitLen(), 64)) // no error: the length fits
	return p
}

// start begins a handshake, or queues it until it is its turn.
func (h *handshakes) start(hs *handshake) {
	from := originOf(hs.lib.c.RemoteAddr().Addr())
	h.mu.Lock()
	o := h.origins[from]
	if o == nil {
		o = &origin{from: from}
		h.origins[from] = o
	}
	o.open++
	hs.from = o
	hs.queued = o.queue.PushBack(hs)
	if o.turn == nil {
		o.turn = h.turns.PushBack(o)
	}
	victim := h.fill()
	h.mu.Unlock()
	victim.giveUp()
}

// fill begins handshakes while they would soon have a token, and returns the one
// that has to go for that, nil if none. mu is held. At most one begins: each call
// follows the end or the coming of one.
func (h *handshakes) fill() (victim *handshake) {
	if h.running >= 2*cap(h.cpu) || h.turns.Len() == 0 {
		return nil
	}
	o := h.turns.Front().Value.(*origin)
	hs := o.queue.Front().Value.(*handshake)
	h.unqueue(hs)
	if o.turn != nil {
		h.turns.MoveToBack(o.turn)
	}
	if h.begun.Len() >= h.most {
		if victim = h.victim(); victim != nil {
			h.unlist(victim)
		}
	}
	hs.age, hs.share = h.begun.PushBack(hs), o.begun.PushBack(hs)
	if o.begun.Len() > h.share {
		h.heavy[o] = struct{}{}
	}
	h.running++
	h.wg.Add(1)
	go h.work(hs)
	return victim
}

// victim returns the oldest handshake that waits for its peer: of the origin
// that has most, when one has more than its share, else of all. mu is held.
func (h *handshakes) victim() *handshake {
	from := &h.begun
	most := h.share
	for o := range h.heavy { // fewer than most/share
		if n := o.begun.Len(); n > most {
			from, most = &o.begun, n
		}
	}
	for at := from.Front(); at != nil; at = at.Next() {
		if hs := at.Value.(*handshake); hs.waits {
			return hs
		}
	}
	return nil
}

// unqueue takes hs out of its origin's queue. mu is held.
func (h *handshakes) unqueue(hs *handshake) {
	o := hs.from
	o.queue.Remove(hs.queued)
	hs.queued = nil
	if o.queue.Len() == 0 {
		h.turns.Remove(o.turn)
		o.turn = nil
	}
}

// unlist takes hs out of those that have begun. mu is held.
func (h *handshakes) unlist(hs *handshake) {
	if hs.age == nil {
		return
	}
	o := hs.from
	h.begun.Remove(hs.age)
	o.begun.Remove(hs.share)
	hs.age, hs.share = nil, nil
	if o.begun.Len() <= h.share {
		delete(h.heavy, o)
	}
}

// over forgets hs. mu is held.
func (h *handshakes) over(hs *handshake) {
	if o := hs.from; o.open == 1 {
		delete(h.origins, o.from)
	} else {
		o.open--
	}
	hs.from = nil
}

// work runs one handshake.
func (h *handshakes) work(hs *handshake) {
	defer h.wg.Done()
	hs.lib.handshake(h)
	h.mu.Lock()
	h.running--
	h.unlist(hs)
	h.over(hs)
	victim := h.fill()
	h.mu.Unlock()
	victim.giveUp()
}

// await waits for hs's peer, without a token.
func (h *handshakes) await(hs *handshake) {
	<-h.cpu
	h.mu.Lock()
	h.running--
	hs.waits = true
	victim := h.fill()
	h.mu.Unlock()
	victim.giveUp()
	<-hs.ready
	h.mu.Lock()
	h.running++
	hs.waits = false
	h.mu.Unlock()
	h.cpu <- struct{}{}
}

// giveUp ends a handshake that had to go.
func (hs *handshake) giveUp() {
	if hs == nil {
		return
	}
	lib := hs.lib
	lib.mu.Lock()
	hs.cancel(ErrHandshakeDropped)
	lib.mu.Unlock()
	e := lib.c.loop.e
	e.throttle.warn(e.cfg.Log, "netio: as many TLS handshakes wait for their peers as may be open, the oldest are dropped", nil,
		"limit", e.cfg.Handshakes)
}

// forget takes hs out of the queue and says whether it was there.
func (h *handshakes) forget(hs *handshake) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	if hs.queued == nil {
		return false
	}
	h.unqueue(hs)
	h.over(hs)
	return true
}
