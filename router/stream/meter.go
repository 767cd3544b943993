package stream

import (
	"sync/atomic"
	"time"

	"roost/xmlstream/stanza"
)

// Meter counts the stanzas that streams receive and deliver, and times some of them. Its counters are
// striped, so that loops do not wait for each other's cache lines. All methods are safe for concurrent use,
// and a nil Meter counts nothing.
type Meter struct {
	stripes [stripes]stripe
	took    func(time.Duration)
}

const (
	stripes = 16 // a power of two
	// timedOf is how many stanzas there are to one that is timed; a power of two.
	timedOf = 64
)

// stripe is one cache line.
type stripe struct {
	in, out [stanza.IQ]atomic.Uint64 // by kind, from Message on
	_       [64 - 2*3*8]byte
}

// Counts are numbers of stanzas by kind; index 0 is unused.
type Counts [stanza.IQ + 1]uint64

// NewMeter makes a Meter that tells took how long stanzas took through the server; took must not block.
func NewMeter(took func(time.Duration)) *Meter { return &Meter{took: took} }

// Received counts a stanza. by is any number that is the same for one connection and differs between most.
// The result is nil for a stanza that is not timed.
func (m *Meter) Received(by uint, k stanza.Kind) *stanza.Timer {
	if m == nil {
		return nil
	}
	if n := m.stripes[by%stripes].in[k-1].Add(1); n%timedOf != 0 || k == stanza.Presence {
		return nil
	}
	return stanza.StartTimer(m.took)
}

// Delivered counts a stanza; what is none is not counted.
func (m *Meter) Delivered(by uint, k stanza.Kind) {
	if m != nil && k != stanza.NotStanza {
		m.stripes[by%stripes].out[k-1].Add(1)
	}
}

// KindOf tells the kind of a serialized stanza by its first letter. Anything else that a stream says of its
// own (stream headers, SASL, stream errors) is none.
func KindOf(b []byte) stanza.Kind {
	if len(b) < 2 {
		return stanza.NotStanza
	}
	switch b[1] {
	case 'm':
		return stanza.Message
	case 'p':
		return stanza.Presence
	case 'i':
		return stanza.IQ
	}
	return stanza.NotStanza
}

// Counts adds the stripes up.
func (m *Meter) Counts() (in, out Counts) {
	for i := range m.stripes {
		s := &m.stripes[i]
		for k := range s.in {
			in[k+1] += s.in[k].Load()
			out[k+1] += s.out[k].Load()
		}
	}
	return in, out
}
