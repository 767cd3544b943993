package xmlstream

// Namespace returns the name that prefix is bound to where e stands, nil when it is bound to none.
// The empty prefix asks for the default namespace. It is borrowed as e is.
func (e Element) Namespace(prefix string) []byte {
	d := e.use()
	if d == nil {
		return nil
	}
	for i := len(d.binds) - 1; i >= 0; i-- {
		b := d.binds[i]
		if b.node <= e.i && (b.node < 0 || e.i < d.nodes[b.node].next) && string(d.bytes(b.prefix)) == prefix {
			return d.bytes(b.uri)
		}
	}
	if prefix == "" {
		return d.uri(d.hdr.def)
	}
	for _, b := range d.hdr.binds[idXML:] {
		if string(b.prefix) == prefix {
			return b.uri
		}
	}
	return nil
}

// AppendInnerDecls appends a declaration ` xmlns:p='…'` for each prefix that names inside e use,
// but that is declared by e's own start tag or outside of it, so that Inner with them in a start
// tag of the caller's stands alone. The default namespace is not among them.
func (e Element) AppendInnerDecls(dst []byte) []byte {
	d := e.use()
	if d == nil || !d.outerUsed && (len(d.binds) == 0 || d.binds[0].node > e.i) {
		return dst
	}
	return d.appendDecls(dst, e.i+1, d.nodes[e.i].next)
}
