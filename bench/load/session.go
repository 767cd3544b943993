package load

import (
	"roost/bench/measure"
	"roost/xmlstream"
)

// state is where a session stands.
type state uint8

const (
	off       state = iota // no connection
	connect                // the socket connects
	header                 // our header is sent; the peer's comes
	feature                // <stream:features/> come
	startTLS               // <proceed/> comes
	handshake              // a goroutine holds the TLS handshake
	salting                // a goroutine computes for SCRAM
	auth                   // challenges, <success/> or <failure/> come
	regist                 // the answer to a registration comes
	bind                   // the answer to resource binding comes
	legacy                 // the answer to a session request comes (RFC 3921 §3)
	roster                 // the first roster comes
	online                 // stanzas
	leaving                // </stream:stream> is sent; the peer's comes
	nStates
)

// A session is one client. It is kept in a slice, so that twenty thousand of them are one object to the collector,
// and holds buffers only while something is under way.
type session struct {
	fd       int32
	state    state
	queued   bool // in Engine.dirty
	writable bool // epoll watches for room to write
	secure   bool
	authed   bool
	attempts uint8
	group    uint8 // of the scenario's mix
	restart  bool  // the next header begins a new stream
	old      bool  // the server wants RFC 3921's session
	serial   uint32
	tok      xmlstream.Tokenizer
	in       []byte // input that is not whole; nil or from Engine.free
	out      []byte // to be sent, not yet sealed; likewise
	tls      *link
	sasl     *exchange
	jid      string // the full JID, when the server chose another than was asked for
	asked    []request
	begun    int64 // when this connection was begun
	wanted   int64 // when it was meant to begin; negative: it was not scheduled
	step     int64 // when the present step began
	settled  int64 // since when all presence of contacts must come; never is maxInt64
	ids      uint32
	at       int32 // place in Engine.online; -1
	flowsIn  int32 // first flow to this session; -1
	casts    uint32
	presDue  uint32 // broadcasts that must arrive here
	presGot  uint32
	presLost uint32 // of which given up
}

// never is a time that does not come.
const never = int64(^uint64(0) >> 1)

// A request is an IQ that waits for its answer.
type request struct {
	id       uint32
	kind     measure.Kind
	load     int16 // the closed loop it belongs to; -1
	intended int64
	sent     int64
}

// A flow is what one session sends another, with what the account needs.
type flow struct {
	measure.Flow
	from, to int32
	next     int32 // flow to the same receiver; -1
	load     int16 // the closed loop it belongs to; -1
}

// user returns the user whose session i is, by the number in the graph.
func (e *Engine) user(i int32) int { return e.first + int(i)/e.sc.Resources }

// sessionOf returns the first session of a user.
func (e *Engine) sessionOf(user int) int32 { return int32((user - e.first) * e.sc.Resources) }

// resource is what session i asks to be called.
func (e *Engine) resource(i int32) byte { return 'a' + byte(int(i)%e.sc.Resources%26) }

// appendJID appends the full JID of session i.
func (e *Engine) appendJID(b []byte, i int32) []byte {
	if j := e.sess[i].jid; j != "" {
		return append(b, j...)
	}
	return e.appendAsked(b, i)
}

// appendAsked appends the full JID that session i asks for.
func (e *Engine) appendAsked(b []byte, i int32) []byte {
	b = append(e.cfg.Target.Names.AppendBare(b, e.user(i)), '/')
	return e.appendResource(b, i)
}

// appendResource appends the resource of session i: rb-a, …, and for more than 26 rb-a1.
func (e *Engine) appendResource(b []byte, i int32) []byte {
	b = append(b, 'r', 'b', '-', e.resource(i))
	if r := int(i) % e.sc.Resources / 26; r > 0 {
		b = append(b, '0'+byte(r))
	}
	return b
}

// flowTo returns the flow from one session to another, which is made at its first use.
func (e *Engine) flowTo(from, to int32, load int16) *flow {
	key := uint64(uint32(from))<<32 | uint64(uint32(to))
	i, ok := e.flowAt[key]
	if !ok {
		i = int32(len(e.flows))
		e.flows = append(e.flows, flow{from: from, to: to, next: e.sess[to].flowsIn})
		e.sess[to].flowsIn = i
		e.flowAt[key] = i
	}
	f := &e.flows[i]
	f.load = load
	return f
}

// known returns the flow from one session to another, nil if there is none.
func (e *Engine) known(from, to uint32) *flow {
	i, ok := e.flowAt[uint64(from)<<32|uint64(to)]
	if !ok {
		return nil
	}
	return &e.flows[i]
}
