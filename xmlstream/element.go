package xmlstream

import "iter"

// Element is a small value that looks at one element: either borrowed from a Tokenizer, and valid as
// Next says, or owned (Clone, ParseElement), and then immutable and safe for any number
// of goroutines. The slices that its methods return share that lifetime and must not be written to.
// Every method of the zero value returns nothing.
type Element struct {
	d   *doc
	i   int32
	gen uint32
}

// Attr is one attribute; its value is normalised. Namespace declarations are not among attributes.
type Attr struct{ Space, Local, Value []byte }

func (d *doc) element(i int32) Element { return Element{d, i, d.gen} }

// use returns e's doc, nil for the zero value. In race builds it panics when e has outlived its stanza.
func (e Element) use() *doc {
	if checked && e.d != nil && e.d.gen != e.gen {
		panic("xmlstream: use of an Element after the call that ended it; Clone it to keep it")
	}
	return e.d
}

// IsZero reports whether e is the zero value: no element.
func (e Element) IsZero() bool { return e.d == nil }

// Local returns the local part of e's name.
func (e Element) Local() []byte {
	d := e.use()
	if d == nil {
		return nil
	}
	return d.local(e.i)
}

func (d *doc) local(i int32) []byte {
	n := &d.nodes[i]
	from, to := n.start+1, n.start+1+n.name
	if n.prefix > 0 {
		from += n.prefix + 1
	}
	return d.buf[from:to:to]
}

// Prefix returns the prefix of e's name, nil when it has none.
func (e Element) Prefix() []byte {
	d := e.use()
	if d == nil {
		return nil
	}
	n := &d.nodes[e.i]
	if n.prefix == 0 {
		return nil
	}
	return d.buf[n.start+1:][:n.prefix:n.prefix]
}

// Space returns the name of e's namespace, nil when it is in none.
func (e Element) Space() []byte {
	d := e.use()
	if d == nil {
		return nil
	}
	return d.uri(d.nodes[e.i].ns)
}

// Is reports whether e is the element local of the namespace space; "" is no namespace. It is false for the zero value.
func (e Element) Is(space, local string) bool {
	d := e.use()
	return d != nil && d.is(e.i, space, local)
}

func (d *doc) is(i int32, space, local string) bool {
	return string(d.local(i)) == local && string(d.uri(d.nodes[i].ns)) == space
}

// attrsOf returns the attributes of node i.
func (d *doc) attrsOf(i int32) []attr {
	from, to := d.nodes[i].attr0, int32(len(d.attrs))
	if int(i)+1 < len(d.nodes) {
		to = d.nodes[i+1].attr0
	}
	return d.attrs[from:to]
}

// Attr returns the value of the attribute local that is in no namespace.
func (e Element) Attr(local string) (value []byte, ok bool) {
	d := e.use()
	if d == nil {
		return nil, false
	}
	as := d.attrsOf(e.i)
	for i := range as {
		a := &as[i]
		if a.prefix == 0 && string(d.buf[a.off:][:a.name]) == local {
			return d.bytes(a.val), true
		}
	}
	return nil, false
}

// AttrNS returns the value of the attribute local of the namespace space; "" is no namespace.
func (e Element) AttrNS(space, local string) (value []byte, ok bool) {
	d := e.use()
	if d == nil {
		return nil, false
	}
	return d.attrNS(e.i, space, local)
}

func (d *doc) attrNS(i int32, space, local string) (value []byte, ok bool) {
	as := d.attrsOf(i)
	for i := range as {
		a := &as[i]
		if string(d.attrLocal(a)) == local && string(d.uri(a.ns)) == space {
			return d.bytes(a.val), true
		}
	}
	return nil, false
}

// Attrs yields e's attributes in document order.
func (e Element) Attrs() iter.Seq[Attr] {
	return func(yield func(Attr) bool) {
		d := e.use()
		if d == nil {
			return
		}
		as := d.attrsOf(e.i)
		for i := range as {
			a := &as[i]
			if !yield(Attr{d.uri(a.ns), d.attrLocal(a), d.bytes(a.val)}) {
				return
			}
		}
	}
}

// Children yields e's child elements in document order.
func (e Element) Children() iter.Seq[Element] {
	return func(yield func(Element) bool) {
		d := e.use()
		if d == nil {
			return
		}
		for c := e.i + 1; c < d.nodes[e.i].next; c = d.nodes[c].next {
			if !yield(Element{d, c, e.gen}) {
				return
			}
		}
	}
}

// First returns e's first child element, zero when it has none.
func (e Element) First() Element {
	d := e.use()
	if d == nil || d.nodes[e.i].next == e.i+1 {
		return Element{}
	}
	return Element{d, e.i + 1, e.gen}
}

// Child returns e's first child with that name, zero when it has none; "" is no namespace.
func (e Element) Child(space, local string) Element {
	d := e.use()
	if d == nil {
		return Element{}
	}
	for c := e.i + 1; c < d.nodes[e.i].next; c = d.nodes[c].next {
		if d.is(c, space, local) {
			return Element{d, c, e.gen}
		}
	}
	return Element{}
}

// Raw returns e's bytes as they are on the wire, from '<' to '>'. For the stream header that
// is the start tag.
func (e Element) Raw() []byte {
	d := e.use()
	if d == nil {
		return nil
	}
	end := d.end(e.i)
	return d.buf[d.nodes[e.i].start:end:end]
}

// Inner returns the bytes between e's tags as they are on the wire, nil when there are none.
func (e Element) Inner() []byte {
	d := e.use()
	if d == nil {
		return nil
	}
	n := &d.nodes[e.i]
	if n.inner >= n.close {
		return nil
	}
	return d.buf[n.inner:n.close:n.close]
}

// Lang returns the xml:lang in scope: e's own, or that of the nearest ancestor, the stream header
// included; nil when nobody says. RFC 6120 §8.1.5.
func (e Element) Lang() []byte {
	d := e.use()
	if d == nil {
		return nil
	}
	return d.langOf(e.i)
}

// langOf looks from node i upwards.
func (d *doc) langOf(i int32) []byte {
	for ; i >= 0; i = d.nodes[i].parent {
		if v, ok := d.attrNS(i, nsXML, "lang"); ok {
			return v
		}
	}
	return d.lang
}

// AppendDecls appends a declaration ` xmlns:p='…'` for each prefix that names in e and below use, but that
// is declared outside of e, so that a copy of e's bytes with them in its start tag stands
// alone. The default namespace is not among them.
func (e Element) AppendDecls(dst []byte) []byte {
	d := e.use()
	if d == nil || e.i == 0 && !d.outerUsed {
		return dst
	}
	return d.appendDecls(dst, e.i, d.nodes[e.i].next)
}

// appendDecls declares what the nodes from first up to end use and what is bound outside of first.
func (d *doc) appendDecls(dst []byte, first, end int32) []byte {
	var room [8]int32
	seen := room[:0]
	add := func(id int32) {
		if !d.outside(id, first) {
			return
		}
		for _, s := range seen {
			if s == id {
				return
			}
		}
		seen = append(seen, id)
		dst = append(dst, " xmlns:"...)
		dst = append(dst, d.prefixOf(id)...)
		dst = append(dst, "='"...)
		dst = append(AppendEscaped(dst, d.uri(id)), '\'')
	}
	for i := first; i < end; i++ {
		if d.nodes[i].prefix > 0 {
			add(d.nodes[i].ns)
		}
		as := d.attrsOf(i)
		for j := range as {
			if as[j].prefix > 0 {
				add(as[j].ns)
			}
		}
	}
	return dst
}

// outside reports whether the namespace with that id is bound by an ancestor of node i.
func (d *doc) outside(id, i int32) bool {
	if id >= d.base {
		return d.binds[id-d.base].node < i
	}
	return id >= idFirst
}

func (d *doc) prefixOf(id int32) []byte {
	if id < d.base {
		return d.hdr.binds[id].prefix
	}
	return d.bytes(d.binds[id-d.base].prefix)
}
