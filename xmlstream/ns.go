package xmlstream

import "unicode/utf8"

func decodeRune(b []byte) (rune, int) { return utf8.DecodeRune(b) }

// startsName reports whether b, which consists of NameChars, is not empty and starts with a NameStartChar.
func startsName(b []byte) bool {
	if len(b) == 0 {
		return false
	}
	if b[0] < 0x80 {
		return class[b[0]]&cStart != 0
	}
	r, _ := utf8.DecodeRune(b)
	return isNameStart(r)
}

// localLen returns the length of the local part of an attribute's name.
func (a *attr) localLen() int32 {
	if a.prefix > 0 {
		return a.name - a.prefix - 1
	}
	return a.name
}

func (d *doc) attrLocal(a *attr) []byte {
	return d.buf[a.off+a.name-a.localLen():][:a.localLen():a.localLen()]
}

// declare turns the last attribute, xmlns or xmlns:p, into a binding. Its value ends before p.
func (d *doc) declare(p int) (int, state) {
	a := d.attrs[len(d.attrs)-1]
	d.attrs = d.attrs[:len(d.attrs)-1]
	b := bind{uri: a.val, node: int32(len(d.nodes) - 1)}
	if a.prefix > 0 {
		b.prefix = span{a.off + 6, a.name - 6}
	}
	prefix, uri := d.bytes(b.prefix), d.bytes(b.uri)
	if why := reserved(prefix, uri); why != "" {
		return d.fail(int(a.off), ErrNotWellFormed, why)
	}
	for _, o := range d.binds[d.bind0:] {
		if string(d.bytes(o.prefix)) == string(prefix) {
			return d.fail(int(a.off), ErrNotWellFormed, "duplicate attribute")
		}
	}
	if len(d.hdr.binds)-int(idFirst)+len(d.scope) >= d.lim.MaxNamespaces {
		return d.fail(int(a.off), ErrTooManyNamespaces, "")
	}
	id := d.base + int32(len(d.binds))
	d.binds = append(d.binds, b)
	d.scope = append(d.scope, id)
	if len(prefix) == 0 {
		d.def = id
		if len(uri) == 0 {
			d.def = idNone
		}
	}
	return p + 1, stTag
}

// reserved tells why a prefix must not be bound to a namespace (Namespaces in XML §3, §2.2), or
// nothing. The prefix is empty for the default namespace.
func reserved(prefix, uri []byte) string {
	switch {
	case string(prefix) == "xmlns":
		return "declaration of the prefix xmlns"
	case (string(prefix) == "xml") != (string(uri) == nsXML):
		return "prefix xml and its namespace belong together"
	case string(uri) == nsXMLNS:
		return "declaration of the namespace of xmlns"
	case len(prefix) > 0 && len(uri) == 0: // §5: allowed in version 1.1 only
		return "prefix undeclared"
	}
	return ""
}

// lookup finds the namespace that a prefix of the start tag in hand is bound to.
func (d *doc) lookup(prefix span) (id int32, ok bool) {
	p := d.bytes(prefix)
	for i := len(d.scope) - 1; i >= 0; i-- {
		id = d.scope[i]
		if string(d.bytes(d.binds[id-d.base].prefix)) == string(p) {
			return id, true
		}
	}
	for i := len(d.hdr.binds) - 1; i > 0; i-- { // 1 is xml, 0 is no namespace
		if string(d.hdr.binds[i].prefix) == string(p) {
			d.outerUsed = d.outerUsed || int32(i) >= idFirst
			return int32(i), true
		}
	}
	return 0, false
}
