package netio

import "sync/atomic"

// Stats is a snapshot of an Engine's counters.
type Stats struct {
	Loops             int    // event loops
	Conns             int    // open now
	Accepted          uint64 // handed to an accept function
	Dialed            uint64 // connected to
	Refused           uint64 // closed at once: over MaxConns, shutting down, or a nil Handler
	RefusedFiles      uint64 // closed at once: out of descriptors
	Rests             uint64 // times that a listening socket was left alone for a tick because of its Gate
	BytesIn           uint64 // read from sockets
	BytesOut          uint64 // written to sockets
	Reads, Writes     uint64 // the system calls that took
	Handshakes        uint64 // finished in order
	HandshakesFailed  uint64 // wrong, too late, or cut off
	HandshakesDropped uint64 // of those: waited for their peers when others needed their places
	HandshakesOpen    int    // begun and not over
	Secured           int    // connections with TLS: open now, their handshakes finished
	Crowded           int    // connections that read more slowly than others send to them
	Overflows         uint64 // connections cut because they did not read
	Panics            uint64 // recovered in Handlers
}

// counters belong to one loop, which adds once per batch of bytes; anybody may
// read them.
type counters struct {
	accepted, dialed             atomic.Uint64
	refused, refusedFiles, rests atomic.Uint64
	bytesIn, bytesOut            atomic.Uint64
	reads, writes                atomic.Uint64
	handshakes, handshakesFailed atomic.Uint64
	handshakesDropped            atomic.Uint64
	overflows, panics            atomic.Uint64
	handshakesOpen, secured      atomic.Int64
	buffers                      atomic.Int64 // pooled buffers in use
}

// Stats adds up the loops' counters.
func (e *Engine) Stats() Stats {
	s := Stats{Loops: len(e.loops), Conns: int(e.open.Load()), Crowded: int(e.crowds.Load())}
	for _, l := range e.loops {
		c := &l.count
		s.Accepted += c.accepted.Load()
		s.Dialed += c.dialed.Load()
		s.Refused += c.refused.Load()
		s.RefusedFiles += c.refusedFiles.Load()
		s.Rests += c.rests.Load()
		s.BytesIn += c.bytesIn.Load()
		s.BytesOut += c.bytesOut.Load()
		s.Reads += c.reads.Load()
		s.Writes += c.writes.Load()
		s.Handshakes += c.handshakes.Load()
		s.HandshakesFailed += c.handshakesFailed.Load()
		s.HandshakesDropped += c.handshakesDropped.Load()
		s.Secured += int(c.secured.Load())
		s.HandshakesOpen += int(c.handshakesOpen.Load())
		s.Overflows += c.overflows.Load()
		s.Panics += c.panics.Load()
	}
	return s
}
