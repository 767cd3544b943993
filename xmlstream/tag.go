package xmlstream

// startName opens a node for the start tag whose name starts at p.
func (d *doc) startName(p int) (int, state) {
	if len(d.open) >= d.lim.MaxDepth {
		return d.fail(p-1, ErrTooDeep, "")
	}
	d.nodes = append(d.nodes, node{start: int32(p - 1), attr0: int32(len(d.attrs))})
	d.tok, d.colon, d.nattr = p, -1, 0
	d.bind0 = int32(len(d.binds))
	d.space = false
	d.outerDef = d.def
	d.outerScope = int32(len(d.scope))
	return p, stName
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
			for p < len(b) && class[b[p]]&cSpace != 0 {
				d.space = true
				p++
			}
			if p == len(b) {
				return d.short(p, stTag)
			}
			switch c := b[p]; {
			case c == '>':
				return d.finishTag(p+1, false)
			case c == '/':
				p++
				st = stSlash
			case class[c]&cStart == 0 && c < 0x80:
				return d.fail(p, ErrNotWellFormed, "start tag")
			case !d.space:
				return d.fail(p, ErrNotWellFormed, "no white space before an attribute")
			case d.nattr >= d.lim.MaxAttrs:
				return d.fail(p, ErrTooManyAttrs, "")
			default:
				d.nattr++
				d.tok, d.colon = p, -1
				st = stAttrName
			}
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

// name reads on in a qualified name (Namespaces in XML §4 [7]) that starts at tok. It returns stTag and
// the place behind it when it is whole.
func (d *doc) name(b []byte, p int, st state) (int, state) {
	for {
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
			if r, _ := decodeRune(b[p:]); !isName(r) {
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
		return d.declare(p)
	}
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
	if at, why := d.resolveAttrs(d.attrs[n.attr0:]); why != "" {
		return d.fail(at, ErrNotWellFormed, why)
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
	d.open = append(d.open, frame{node: i, def: d.outerDef, scope: d.outerScope})
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
			if d.sameName(a, &as[j]) { // Namespaces in XML §6.3
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
