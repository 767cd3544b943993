package xmlstream

import (
	"slices"
	"sync"
)

// A doc is the scratch in which one stanza takes shape: a tape of flat slices that hold
// offsets into the stanza's bytes, counted from its '<'. No pointer into the bytes is
// kept between calls, so they may move and grow; see DESIGN.md.
type doc struct {
	buf   []byte  // the stanza's bytes as of this call, borrowed (owned when owned is set)
	nodes []node  // elements in document order
	attrs []attr  // attributes in document order, without namespace declarations
	binds []bind  // namespace declarations in document order
	text  []byte  // decoded values; only appended to
	open  []frame // elements whose end tag is still to come
	scope []int32 // ids of binds in scope, innermost last

	hdr  *header // what the stream header declared; never nil while in use
	base int32   // id of binds[0]: ids below it belong to hdr
	gen  uint32  // counts uses, so that race builds catch a view that outlived its stanza
	lim  Limits  // resolved

	// The place where the scan goes on.
	pos        int    // next byte to look at
	tok        int    // start of the name or value in hand
	colon      int    // place of the ':' in the name in hand, -1 when there is none
	nattr      int    // attributes of the tag in hand, declarations included
	def        int32  // id of the default namespace
	bind0      int32  // first of binds that the tag in hand declares
	outerDef   int32  // default namespace outside of the tag in hand
	outerScope int32  // length of scope outside of it
	tok2       int    // start of the reference in hand
	hashes     uint64 // of the names of the tag's attributes; see hash
	num        uint32 // value of its digits so far
	st         state
	ret        state // state to go on in after a reference
	mode       mode
	quote      byte
	hex        bool
	digits     bool // the character reference in hand has at least one digit
	space      bool // white space stands before the place in the tag
	prefixed   bool // an attribute of the tag in hand has a prefix
	twins      bool // two of them have one hash
	dirty      bool // the value in hand needs decoding

	owned      bool // result of Clone or ParseElement: shared freely, so never written again
	outerUsed  bool // a prefix that only the stream header declares was used
	emptyRoot  bool // the stream header is an empty-element tag
	lang       []byte
	failOffset int
	failErr    error
	failWhy    string
}

// span is a piece of buf, or of text when off is negative (then it starts at ^off).
type span struct{ off, n int32 }

type node struct {
	start  int32 // '<' of the start tag
	inner  int32 // first byte behind the start tag
	close  int32 // '<' of the end tag; equal to inner when the element is empty
	next   int32 // index of the first node behind the subtree
	attr0  int32 // first attribute; they end where those of the next node start
	ns     int32 // id of the namespace
	name   int32 // length of the qualified name, which stands at start+1
	prefix int32 // length of the prefix, 0 when there is none
	parent int32 // index of the element around, -1 when there is none
	flags  nodeFlags
}

type nodeFlags uint8

const (
	fEmpty nodeFlags = 1 << iota // empty-element tag
	fDirty                       // own text has references, CDATA or CR: it needs decoding
)

type attr struct {
	off    int32 // place of the qualified name
	name   int32 // its length
	prefix int32 // length of its prefix, 0 when there is none
	ns     int32 // id of the namespace
	val    span
}

type bind struct {
	prefix span  // empty for the default namespace
	uri    span  // empty when the default namespace is undeclared
	node   int32 // the element that declares it; ascending, -1 for what a clone was taken out of
}

type frame struct {
	node  int32
	def   int32 // default namespace outside
	scope int32 // length of scope outside
}

// mode says where the element in hand stands.
type mode uint8

const (
	inStream mode = iota // a child of the root, or the root's end tag
	inHeader             // the root's start tag
	alone                // ParseElement
)

func (d *doc) bytes(s span) []byte {
	if s.off < 0 {
		return d.text[^s.off:][:s.n:s.n]
	}
	return d.buf[s.off:][:s.n:s.n]
}

// addNode and addAttr make room for one more and return it with what was there before. They are filled
// field by field: a literal would be built beside and copied, which the processor is slow at.
func (d *doc) addNode() *node {
	n := len(d.nodes)
	if n == cap(d.nodes) {
		d.nodes = slices.Grow(d.nodes, 1)
	}
	d.nodes = d.nodes[:n+1]
	return &d.nodes[n]
}

func (d *doc) addAttr() *attr {
	n := len(d.attrs)
	if n == cap(d.attrs) {
		d.attrs = slices.Grow(d.attrs, 1)
	}
	d.attrs = d.attrs[:n+1]
	return &d.attrs[n]
}

// push opens the element i, the last one.
func (d *doc) push(i int32) {
	n := len(d.open)
	if n > 0 {
		d.nodes[i].parent = d.open[n-1].node
	}
	if n == cap(d.open) {
		d.open = slices.Grow(d.open, 1)
	}
	d.open = d.open[:n+1]
	f := &d.open[n]
	f.node, f.def, f.scope = i, d.outerDef, d.outerScope
}

// uri returns the name of the namespace with that id, nil for none.
func (d *doc) uri(id int32) []byte {
	if id < d.base {
		return d.hdr.binds[id].uri
	}
	return d.bytes(d.binds[id-d.base].uri)
}

// begin makes d ready for an element.
func (d *doc) begin(h *header, m mode) {
	d.clear()
	d.hdr, d.base, d.def = h, int32(len(h.binds)), h.def
	d.lang = h.lang
	d.mode = m
	d.st, d.pos = stLT, 1
}

// clear forgets the element and keeps the room. Views of it are void from here on.
func (d *doc) clear() {
	d.gen++
	d.buf, d.lang = nil, nil
	d.nodes, d.attrs, d.binds = d.nodes[:0], d.attrs[:0], d.binds[:0]
	d.text, d.open, d.scope = d.text[:0], d.open[:0], d.scope[:0]
	d.outerUsed, d.emptyRoot = false, false
}

// keepScratch is the most room, in bytes, that a doc may have and still go back to the pool. It
// fits a roster of more than a thousand items; what a rare giant needed is left to the collector.
const keepScratch = 512 << 10

func (d *doc) room() int {
	return cap(d.nodes)*40 + cap(d.attrs)*24 + cap(d.binds)*20 + cap(d.text) + cap(d.open)*12 + cap(d.scope)*4
}

var scratch = sync.Pool{New: func() any {
	return &doc{nodes: make([]node, 0, 16), attrs: make([]attr, 0, 16), open: make([]frame, 0, 8)}
}}

func getDoc() *doc { return scratch.Get().(*doc) }

func putDoc(d *doc) {
	d.clear()
	d.hdr = nil
	scribble(d)
	if d.room() <= keepScratch {
		scratch.Put(d)
	}
}
