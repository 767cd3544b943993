package xmlstream

import (
	"bytes"
	"slices"
)

// Clone returns an owned deep copy of e with all that it inherits: its namespaces, and xml:lang. Of
// what e lives in it keeps only the stream header's declarations.
func (e Element) Clone() Element {
	d := e.use()
	if d == nil {
		return Element{}
	}
	c := cloner{from: d, shift: d.nodes[e.i].start, first: e.i}
	c.to = &doc{owned: true, hdr: d.hdr, base: d.base, outerUsed: d.outerUsed || e.i > 0}
	if e.i == 0 {
		c.to.lang = bytes.Clone(d.lang)
	} else {
		c.to.lang = bytes.Clone(d.langOf(e.i))
	}
	c.to.buf = bytes.Clone(e.Raw())
	c.copyOuter()
	c.copyInner()
	c.copyNodes()
	return c.to.element(0)
}

// cloner moves the subtree of node first, whose bytes start at shift, into a doc of its own.
type cloner struct {
	from, to *doc
	first    int32
	shift    int32
	outer    []int32 // ids of the bindings in scope around the subtree, ascending; at most MaxNamespaces
	inner    int32   // id of the first binding in the subtree
}

// copyOuter copies the bindings that the elements around declare. They come first, as bindings of node -1.
func (c *cloner) copyOuter() {
	d := c.from
	for at := d.nodes[c.first].parent; ; at = d.nodes[at].parent {
		for i := d.firstBind(at+1) - 1; i >= 0 && d.binds[i].node == at; i-- {
			c.outer = append(c.outer, d.base+i)
		}
		if at < 0 {
			break
		}
	}
	slices.Reverse(c.outer)
	for _, id := range c.outer {
		b := d.binds[id-d.base]
		c.to.binds = append(c.to.binds, bind{c.text(d.bytes(b.prefix)), c.text(d.bytes(b.uri)), -1})
	}
}

// copyInner copies the bindings that the subtree declares.
func (c *cloner) copyInner() {
	d := c.from
	from, to := d.firstBind(c.first), d.firstBind(d.nodes[c.first].next)
	c.inner = d.base + from
	for _, b := range d.binds[from:to] {
		c.to.binds = append(c.to.binds, bind{c.span(b.prefix), c.span(b.uri), b.node - c.first})
	}
}

// firstBind returns the index of the first binding that node i or a later one declares.
func (d *doc) firstBind(i int32) int32 {
	at, _ := slices.BinarySearchFunc(d.binds, i, func(b bind, n int32) int { return int(b.node - n) })
	return int32(at)
}

// id returns what a namespace of the old doc is called in the new one.
func (c *cloner) id(id int32) int32 {
	switch {
	case id < c.from.base:
		return id
	case id >= c.inner:
		return c.to.base + int32(len(c.outer)) + id - c.inner
	}
	at, _ := slices.BinarySearch(c.outer, id)
	return c.to.base + int32(at)
}

// text puts b into the new scratch.
func (c *cloner) text(b []byte) span {
	from := len(c.to.text)
	c.to.text = append(c.to.text, b...)
	return span{^int32(from), int32(len(b))}
}

// span moves a piece of the subtree.
func (c *cloner) span(s span) span {
	if s.off < 0 {
		return c.text(c.from.bytes(s))
	}
	if s.n == 0 {
		return span{}
	}
	return span{s.off - c.shift, s.n}
}

func (c *cloner) copyNodes() {
	d := c.from
	nodes := d.nodes[c.first:d.nodes[c.first].next]
	attr0 := nodes[0].attr0
	c.to.nodes = make([]node, len(nodes))
	for i, n := range nodes {
		n.start -= c.shift
		n.inner -= c.shift
		n.close -= c.shift
		n.next -= c.first
		n.parent = max(n.parent-c.first, -1)
		n.attr0 -= attr0
		n.ns = c.id(n.ns)
		c.to.nodes[i] = n
		for _, a := range d.attrsOf(c.first + int32(i)) {
			a.off -= c.shift
			a.ns = c.id(a.ns)
			a.val = c.span(a.val)
			c.to.attrs = append(c.to.attrs, a)
		}
	}
}

// ParseElement reads one element, with white space around it allowed, out of complete bytes. The result owns a
// copy of b. The error is a *SyntaxError; bytes that end too early are ErrNotWellFormed.
func ParseElement(b []byte, l *Limits) (Element, error) {
	trimmed := bytes.TrimLeft(b, " \t\r\n")
	skipped := len(b) - len(trimmed)
	if len(trimmed) == 0 || trimmed[0] != '<' {
		return Element{}, &SyntaxError{int64(skipped), ErrNotWellFormed, "no element"}
	}
	d := new(doc)
	d.begin(noHeader, alone)
	d.lim = l.resolve()
	in := trimmed[:min(len(trimmed), d.lim.MaxStanza)]
	end, st := d.run(bytes.Clone(in))
	switch {
	case st == stShort && len(in) < len(trimmed):
		return Element{}, &SyntaxError{int64(skipped + len(in)), ErrStanzaTooBig, ""}
	case st == stShort:
		return Element{}, &SyntaxError{int64(len(b)), ErrNotWellFormed, "the element does not end"}
	case st == stFail:
		return Element{}, &SyntaxError{int64(skipped + d.failOffset), d.failErr, d.failWhy}
	}
	if rest := bytes.TrimLeft(trimmed[end:], " \t\r\n"); len(rest) > 0 {
		return Element{}, &SyntaxError{int64(len(b) - len(rest)), ErrNotWellFormed, "bytes after the element"}
	}
	d.buf = d.buf[:end:end]
	d.owned = true
	d.open, d.scope = nil, nil
	return d.element(0), nil
}
