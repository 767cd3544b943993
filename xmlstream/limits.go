package xmlstream

// Defaults of Limits, taken for a field that is zero or negative.
const (
	DefaultMaxStanza     = 262144 // bytes
	DefaultMaxDepth      = 64     // levels
	DefaultMaxAttrs      = 64     // attributes of one element
	DefaultMaxNamespaces = 64     // bindings in scope
)

// Ceilings of Limits: a larger value counts as this one. Offsets are kept in
// 32 bits, and the test for duplicate attributes compares each one with the others.
const (
	ceilMaxStanza = 1 << 30
	ceilMaxAttrs  = 256
)

// Limits bound what one element may cost. A Limits is shared by many streams
// and must not be changed while any of them uses it. A field that is zero or negative
// means its default.
type Limits struct {
	MaxStanza     int // bytes of one child of the root, or of the stream header; ErrStanzaTooBig
	MaxDepth      int // levels of nesting, the stanza itself being level 1; ErrTooDeep
	MaxAttrs      int // attributes of one element, namespace declarations included; ErrTooManyAttrs
	MaxNamespaces int // bindings in scope, those of the stream header included; ErrTooManyNamespaces
}

// resolve returns l with defaults and ceilings applied; l may be nil.
func (l *Limits) resolve() Limits {
	if l == nil {
		return Limits{DefaultMaxStanza, DefaultMaxDepth, DefaultMaxAttrs, DefaultMaxNamespaces}
	}
	r := *l
	if r.MaxStanza <= 0 {
		r.MaxStanza = DefaultMaxStanza
	}
	if r.MaxDepth <= 0 {
		r.MaxDepth = DefaultMaxDepth
	}
	if r.MaxAttrs <= 0 {
		r.MaxAttrs = DefaultMaxAttrs
	}
	if r.MaxNamespaces <= 0 {
		r.MaxNamespaces = DefaultMaxNamespaces
	}
	r.MaxStanza = min(r.MaxStanza, ceilMaxStanza)
	r.MaxAttrs = min(r.MaxAttrs, ceilMaxAttrs)
	return r
}
