package xmlstream

import "unicode/utf8"

// startTag reads the start tag whose name starts at p, up to the end of the tag when it can.
func (d *doc) startTag(b []byte, p int) (int, state) {
	if len(d.open) >= d.lim.MaxDepth {
		return d.fail(p-1, ErrTooDeep, "")
	}
	n := d.addNode()
	n.start, n.attr0 = int32(p-1), int32(len(d.attrs))
	n.inner, n.close, n.next, n.ns, n.name, n.prefix, n.parent, n.flags = 0, 0, 0, idNone, 0, 0, -1, 0
	d.nattr = 0
	d.bind0 = int32(len(d.binds))
	d.outerDef, d.outerScope = d.def, int32(len(d.scope))
	d.space, d.prefixed, d.twins, d.hashes = false, false, false, 0
	// Nearly all names are letters up to the end of the tag or a space.
	if q := letters(b, p); q > p && q < len(b) && (b[q] == '>' || b[q] == ' ' || b[q] == '/') {
		n.name = int32(q - p)
		return d.tag(b, q, stTag)
	}
	d.tok, d.colon = p, -1
	return d.tag(b, p, stName)
}

// tag reads a start tag from any place in it.
func (d *doc) tag(b []byte, p int, st state) (int, state) {
	for {
		switch st {
		case stName:
			if p, st = d.name(b, p, stName); st != stTag {
				return p, st
			}
			n := &d.nodes[len(d.nodes)-1]
			n.name = int32(p - d.tok)
			if d.colon >= 0 {
				n.prefix = int32(d.colon - d.tok)
			}
		case stTag:
			p, st = d.between(b, p)
		case stSlash:
			if p == len(b) {
				return d.short(p, stSlash)
			}
			if b[p] != '>' {
				return d.fail(p, ErrNotWellFormed, "start tag")
			}
			return d.finishTag(p+1, true)
		case stAttrName:
			if p, st = d.name(b, p, stAttrName); st != stTag {
				return p, st
			}
			a := attr{off: int32(d.tok), name: int32(p - d.tok)}
			if d.colon >= 0 {
				a.prefix = int32(d.colon - d.tok)
			}
			d.attrs = append(d.attrs, a)
			st = stEq
		case stEq, stQuote:
			if p, st = d.quoteMark(b, p, st); st != stValue {
				return p, st
			}
		case stValue:
			if p, st = d.value(b, p); st != stTag {
				return p, st
			}
		default:
			return p, st
		}
	}
}

// between reads on from a place between attributes: simple attributes, up to one that is not or to the end
// of the tag.
func (d *doc) between(b []byte, p int) (int, state) {
	space := d.space
	for {
		for p < len(b) && class[b[p]]&cSpace != 0 {
			space = true
			p++
		}
		if p == len(b) {
			d.space = space
			return d.short(p, stTag)
		}
		switch c := b[p]; {
		case class[c]&cStart != 0 || c >= 0x80:
			if !space {
				return d.fail(p, ErrNotWellFormed, "no white space before an attribute")
			}
			if d.nattr >= d.lim.MaxAttrs {
				return d.fail(p, ErrTooManyAttrs, "")
			}
			d.nattr++
			var st state
			if p, st = d.simpleAttr(b, p); st != stTag {
				return p, st
			}
			space = false
		case c == '>':
			return d.finishTag(p+1, false)
		case c == '/':
			return p + 1, stSlash
		default:
			return d.fail(p, ErrNotWellFormed, "start tag")
		}
	}
}

// simpleAttr reads the attribute at p if it is plain: a name in ASCII without a prefix, '=', and a value. Where it
// finds another name it reads nothing and returns stAttrName, and where it finds more than plain bytes in the value it
// stops there in stValue.
func (d *doc) simpleAttr(b []byte, p int) (int, state) {
	q := letters(b, p)
	for q < len(b) && class[b[q]]&cName != 0 {
		q++
	}
	if q == p || q+2 >= len(b) || b[q] != '=' || b[q+1] != '\'' && b[q+1] != '"' {
		d.tok, d.colon = p, -1
		return p, stAttrName
	}
	quote, val := b[q+1], q+2
	end := plain(b, val, quote)
	if end == len(b) || b[end] != quote {
		a := d.addAttr()
		a.off, a.name, a.prefix, a.ns = int32(p), int32(q-p), 0, idNone
		d.tok, d.quote, d.dirty = val, quote, false
		return end, stValue
	}
	if q-p == len("xmlns") && string(b[p:q]) == "xmlns" {
		if at, st := d.declare(span{}, span{int32(val), int32(end - val)}, p); st != stTag {
			return at, st
		}
		return end + 1, stTag
	}
	a := d.addAttr()
	a.off, a.name, a.prefix, a.ns = int32(p), int32(q-p), 0, idNone
	a.val.off, a.val.n = int32(val), int32(end-val)
	d.hash(b[p], b[q-1], q-p)
	return end + 1, stTag
}

// hash notes the local part of an attribute's name by its first and last byte and its length, so that
// names that all differ need not be compared.
func (d *doc) hash(first, last byte, n int) {
	h := (uint32(first)<<16 | uint32(last)<<8 | uint32(n)) * 0x85EBCA6B // parts the attributes that are common together
	bit := uint64(1) << (h >> 26)
	d.twins = d.twins || d.hashes&bit != 0
	d.hashes |= bit
}

// name reads on in a qualified name (Namespaces in XML §4 [7]) that starts at tok. It returns stTag and
// the place behind it when it is whole.
func (d *doc) name(b []byte, p int, st state) (int, state) {
	for {
		p = letters(b, p)
		for p < len(b) && class[b[p]]&cName != 0 {
			p++
		}
		if p == len(b) {
			return d.short(p, st)
		}
		switch c := b[p]; {
		case c == ':':
			if d.colon >= 0 {
				return d.fail(p, ErrNotWellFormed, "name with two colons")
			}
			if !startsName(b[d.tok:p]) {
				return d.fail(d.tok, ErrNotWellFormed, "name")
			}
			d.colon = p
			p++
		case c >= 0x80:
			n, v := wideRune(b[p:])
			if v != vOK {
				return d.wide(b, p, st)
			}
			if r, _ := utf8.DecodeRune(b[p:]); !isName(r) {
				return d.fail(p, ErrNotWellFormed, "name")
			}
			p += n
		default:
			if !startsName(b[max(d.tok, d.colon+1):p]) {
				return d.fail(max(d.tok, d.colon+1), ErrNotWellFormed, "name")
			}
			return p, stTag
		}
	}
}

// quoteMark reads '=' and the opening quote, with white space around.
func (d *doc) quoteMark(b []byte, p int, st state) (int, state) {
	for ; p < len(b); p++ {
		switch c := b[p]; {
		case class[c]&cSpace != 0:
		case st == stEq && c == '=':
			st = stQuote
		case st == stQuote && (c == '"' || c == '\''):
			d.quote, d.dirty = c, false
			d.tok = p + 1
			return p + 1, stValue
		default:
			return d.fail(p, ErrNotWellFormed, "attribute without a quoted value")
		}
	}
	return d.short(p, st)
}

// value reads on in an attribute value and takes the attribute in when it is whole.
func (d *doc) value(b []byte, p int) (int, state) {
	for {
		p = plain(b, p, d.quote)
		if p == len(b) {
			return d.short(p, stValue)
		}
		switch c := b[p]; {
		case c == d.quote:
			return d.endValue(b, p)
		case c >= 0x80:
			var st state
			if p, st = d.wide(b, p, stValue); st != stValue {
				return p, st
			}
		case c == '&':
			d.dirty = true
			d.ret = stValue
			return p, stRef
		case c == '<': // XML 1.0 §3.1, No < in Attribute Values
			return d.fail(p, ErrNotWellFormed, "'<' in an attribute value")
		case class[c]&cSpace != 0:
			d.dirty = true
			p++
		default:
			return d.fail(p, ErrNotWellFormed, "control character")
		}
	}
}

// endValue gives the last attribute its value, whose closing quote stands at p.
func (d *doc) endValue(b []byte, p int) (int, state) {
	a := &d.attrs[len(d.attrs)-1]
	if d.dirty {
		from := len(d.text)
		d.text = appendValue(d.text, b[d.tok:p])
		a.val = span{^int32(from), int32(len(d.text) - from)}
	} else {
		a.val = span{int32(d.tok), int32(p - d.tok)}
	}
	d.space = false
	if a.name >= 5 && string(b[a.off:][:5]) == "xmlns" && (a.name == 5 || a.prefix == 5) {
		var prefix span
		if a.prefix > 0 {
			prefix = span{a.off + 6, a.name - 6}
		}
		d.attrs = d.attrs[:len(d.attrs)-1]
		if at, st := d.declare(prefix, a.val, int(a.off)); st != stTag {
			return at, st
		}
		return p + 1, stTag
	}
	d.prefixed = d.prefixed || a.prefix > 0
	d.hash(b[a.off+a.name-a.localLen()], b[a.off+a.name-1], int(a.localLen()))
	return p + 1, stTag
}

// finishTag resolves the names of the start tag that ends before p, and opens its element.
func (d *doc) finishTag(p int, empty bool) (int, state) {
	i := int32(len(d.nodes) - 1)
	n := &d.nodes[i]
	n.ns = d.def
	if n.prefix > 0 {
		id, ok := d.lookup(span{n.start + 1, n.prefix})
		if !ok {
			return d.fail(int(n.start)+1, ErrNotWellFormed, "undeclared prefix")
		}
		n.ns = id
	}
	if d.prefixed || d.twins {
		if at, why := d.resolveAttrs(d.attrs[n.attr0:]); why != "" {
			return d.fail(at, ErrNotWellFormed, why)
		}
	}
	n.inner = int32(p)
	if d.mode == inHeader {
		n.close, n.next = n.inner, 1
		n.flags |= fEmpty // nothing of it but its start tag is here
		if empty {        // leave "/>" to be read as the end of the stream
			d.emptyRoot = true
			return p - 2, stDone
		}
		return p, stDone
	}
	d.push(i)
	if !empty {
		return p, stText
	}
	n.close = n.inner
	n.flags |= fEmpty
	return d.leave(p)
}

// resolveAttrs finds the namespaces of the attributes of a tag and refuses doubles. It returns the
// place of the fault and a word about it.
func (d *doc) resolveAttrs(as []attr) (at int, why string) {
	for i := range as {
		a := &as[i]
		if a.prefix > 0 { // the default namespace does not apply (Namespaces in XML §6.2)
			id, ok := d.lookup(span{a.off, a.prefix})
			if !ok {
				return int(a.off), "undeclared prefix"
			}
			a.ns = id
		}
		for j := range as[:i] {
			if d.twins && d.sameName(a, &as[j]) { // Namespaces in XML §6.3
				return int(a.off), "duplicate attribute"
			}
		}
	}
	return 0, ""
}

// sameName reports whether two attributes have one expanded name.
func (d *doc) sameName(a, b *attr) bool {
	return a.localLen() == b.localLen() &&
		string(d.attrLocal(a)) == string(d.attrLocal(b)) &&
		(a.ns == b.ns || string(d.uri(a.ns)) == string(d.uri(b.ns)))
}
