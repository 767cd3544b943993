// Package xmlstream cuts the XML of an XMPP stream into whole stanzas, in place.
package xmlstream

// Event says what Next found.
type Event uint8

const (
	Open     Event = iota + 1 // the stream header: the start tag of the root
	Complete                  // one whole child element of the root
	Close                     // the end tag of the root
)

// Tokenizer reads one XML stream. The zero value is ready, with default limits.
type Tokenizer struct {
	lim *Limits
	doc *doc
}

// Reset makes t ready for a new stream.
func (t *Tokenizer) Reset(l *Limits) { *t = Tokenizer{lim: l} }

// SetLimits changes the limits from here on.
func (t *Tokenizer) SetLimits(l *Limits) { t.lim = l }

// Next returns the next event.
func (t *Tokenizer) Next(buf []byte) (ev Event, el Element, used int, err error) {
	return 0, Element{}, 0, ErrShort
}

// Release gives scratch back.
func (t *Tokenizer) Release() { t.doc = nil }
