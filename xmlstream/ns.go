package xmlstream

import "unicode/utf8"

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

// declare takes in the declaration of a prefix (empty for the default namespace) by the attribute at
// the place at. It returns stTag, or the place of a fault and stFail.
func (d *doc) declare(prefix, uri span, at int) (int, state) {
	p, u := d.bytes(prefix), d.bytes(uri)
	if why := reserved(p, u); why != "" {
		return d.fail(at, ErrNotWellFormed, why)
	}
	for i := int(d.bind0); i < len(d.binds); i++ {
		if string(d.bytes(d.binds[i].prefix)) == string(p) {
			return d.fail(at, ErrNotWellFormed, "duplicate attribute")
		}
	}
	if len(d.hdr.binds)-int(idFirst)+len(d.scope) >= d.lim.MaxNamespaces {
		return d.fail(at, ErrTooManyNamespaces, "")
	}
	id := d.base + int32(len(d.binds))
	d.binds = append(d.binds, bind{prefix, uri, int32(len(d.nodes) - 1)})
	d.scope = append(d.scope, id)
	if len(p) == 0 {
		d.def = id
		if len(u) == 0 {
			d.def = idNone
		}
	}
	return at, stTag
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
	if string(p) == "xml" { // wherever it is declared, it is bound to the same
		return idXML, true
	}
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
