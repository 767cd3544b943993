package netio

import (
	"context"
	"errors"
)

// An Engine owns loops, listeners and connections.
type Engine struct{}

// New starts an Engine.
func New(cfg Config) (*Engine, error) { return &Engine{}, nil }

// Listen opens a listening socket. accept runs on the loop of each new Conn and
// returns its Handler; nil refuses the connection. The Conn may be used in it
// already (Send, SetTimer, StartTLS).
func (e *Engine) Listen(o ListenOptions, accept func(*Conn) Handler) (*Listener, error) {
	return nil, errors.ErrUnsupported
}

// Shutdown closes the listeners, closes every Conn, and aborts what is left
// when ctx ends, in which case it returns ctx's error. No goroutine, descriptor
// or buffer remains.
func (e *Engine) Shutdown(ctx context.Context) error { return nil }

// Stats is a snapshot of an Engine's counters.
type Stats struct {
	Conns            int    // open now
	Accepted         uint64 // handed to an accept function
	Refused          uint64 // closed at once: over MaxConns, or a nil Handler
	RefusedFiles     uint64 // closed at once: out of descriptors
	BytesIn          uint64 // read from sockets
	BytesOut         uint64 // written to sockets
	Handshakes       uint64 // finished in order
	HandshakesFailed uint64
	HandshakesOpen   int    // running or waiting now
	Overflows        uint64 // connections cut because they did not read
	Panics           uint64 // recovered in Handlers
}

// Stats adds up the loops' counters.
func (e *Engine) Stats() Stats { return Stats{} }
