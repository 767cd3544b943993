package xmlstream

import "bytes"

const (
	nsXML   = "http://www.w3.org/XML/1998/namespace"
	nsXMLNS = "http://www.w3.org/2000/xmlns/"
)

// Ids of namespaces that need no declaration.
const (
	idNone int32 = iota
	idXML
	idFirst // first of those that the stream header declares
)

// header is what the stanzas of a stream inherit from its root. It is immutable, and
// shared by all streams that say the same.
type header struct {
	root  []byte  // qualified name of the root
	binds []hbind // by id; 0 is no namespace, 1 is xml
	def   int32   // id of the default namespace
	lang  []byte  // xml:lang
}

type hbind struct{ prefix, uri []byte }

// noHeader stands where nothing is inherited.
var noHeader = &header{binds: []hbind{{}, {[]byte("xml"), []byte(nsXML)}}}

// usual are the headers that practically all streams have.
var usual = [...]*header{
	usualHeader("jabber:client"),
	usualHeader("jabber:server"),
	usualHeader("jabber:server", hbind{[]byte("db"), []byte("jabber:server:dialback")}),
	usualHeader("jabber:component:accept"),
}

func usualHeader(def string, more ...hbind) *header {
	b := append(noHeader.binds[:idFirst:idFirst],
		hbind{nil, []byte(def)}, hbind{[]byte("stream"), []byte("http://etherx.jabber.org/streams")})
	return &header{root: []byte("stream:stream"), binds: append(b, more...), def: idFirst}
}

// newHeader returns the header that d, the start tag of a root, declares. It takes one of the
// usual ones if it can, and else owns what it needs.
func newHeader(d *doc) *header {
	lang := d.langOf(0)
	for _, h := range usual {
		if !h.matches(d) {
			continue
		}
		if len(lang) == 0 {
			return h
		}
		own := *h
		own.lang = bytes.Clone(lang)
		return &own
	}
	n := d.nodes[0]
	h := &header{root: bytes.Clone(d.buf[n.start+1:][:n.name]), lang: bytes.Clone(lang)}
	h.binds = append(make([]hbind, 0, int(idFirst)+len(d.binds)), noHeader.binds...)
	for _, b := range d.binds {
		if b.prefix.n == 0 {
			if b.uri.n != 0 {
				h.def = int32(len(h.binds))
			}
		}
		h.binds = append(h.binds, hbind{bytes.Clone(d.bytes(b.prefix)), bytes.Clone(d.bytes(b.uri))})
	}
	return h
}

// matches reports whether the root in d has h's name and declares the same, in any order.
func (h *header) matches(d *doc) bool {
	n := d.nodes[0]
	if len(d.binds) != len(h.binds)-int(idFirst) || !bytes.Equal(d.buf[n.start+1:][:n.name], h.root) {
		return false
	}
	for _, b := range d.binds { // no prefix is declared twice, so that each must be found once
		if !h.declares(d.bytes(b.prefix), d.bytes(b.uri)) {
			return false
		}
	}
	return true
}

func (h *header) declares(prefix, uri []byte) bool {
	for _, b := range h.binds[idFirst:] {
		if bytes.Equal(b.prefix, prefix) {
			return bytes.Equal(b.uri, uri)
		}
	}
	return false
}
