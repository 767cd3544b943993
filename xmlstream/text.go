package xmlstream

import "bytes"

const (
	cdataIntro = "<![CDATA["
	cdataOutro = "]]>"
)

// appendContent appends the character data in b, checked content without elements: references
// are replaced, CDATA sections opened, and line ends made LF (XML 1.0 §2.11).
func appendContent(dst, b []byte) []byte {
	for len(b) > 0 {
		n := 0
		for n < len(b) && b[n] != '&' && b[n] != '\r' && b[n] != '<' {
			n++
		}
		dst = append(dst, b[:n]...)
		if b = b[n:]; len(b) == 0 {
			return dst
		}
		switch b[0] {
		case '&':
			dst, n = appendRef(dst, b)
		case '\r':
			dst = append(dst, '\n')
			n = lineEnd(b)
		default:
			n = bytes.Index(b, []byte(cdataOutro))
			dst = appendLines(dst, b[len(cdataIntro):n])
			n += len(cdataOutro)
		}
		b = b[n:]
	}
	return dst
}

// lineEnd returns the length of the line end at the start of b, which is a CR.
func lineEnd(b []byte) int {
	if len(b) > 1 && b[1] == '\n' {
		return 2
	}
	return 1
}

// appendLines appends b with its line ends made LF.
func appendLines(dst, b []byte) []byte {
	for {
		n := bytes.IndexByte(b, '\r')
		if n < 0 {
			return append(dst, b...)
		}
		dst = append(append(dst, b[:n]...), '\n')
		b = b[n+lineEnd(b[n:]):]
	}
}

// appendValue appends the attribute value b, which has been checked, normalised as CDATA
// (XML 1.0 §3.3.3): each white space character, or CR LF, becomes one space; what a
// reference stands for is kept as it is.
func appendValue(dst, b []byte) []byte {
	for len(b) > 0 {
		n := 1
		switch c := b[0]; {
		case c == '&':
			dst, n = appendRef(dst, b)
		case c == '\r':
			dst = append(dst, ' ')
			n = lineEnd(b)
		case c < 0x20:
			dst = append(dst, ' ')
		default:
			for n < len(b) && b[n] >= 0x20 && b[n] != '&' {
				n++
			}
			dst = append(dst, b[:n]...)
		}
		b = b[n:]
	}
	return dst
}

// Text returns e's own character data, decoded, without that of its children; nil when there is none. It is
// a piece of the stanza's bytes where it stands there as one plain run, and else stands in the
// scratch, with the lifetime of e.
func (e Element) Text() []byte {
	d := e.use()
	if d == nil {
		return nil
	}
	if run, ok := d.plainText(e.i); ok {
		return run
	}
	if d.owned { // shared between goroutines: leave its scratch alone
		return d.appendText(nil, e.i)
	}
	from := len(d.text)
	d.text = d.appendText(d.text, e.i)
	return d.text[from:len(d.text):len(d.text)]
}

// AppendText appends what Text returns.
func (e Element) AppendText(dst []byte) []byte {
	d := e.use()
	if d == nil {
		return dst
	}
	return d.appendText(dst, e.i)
}

// plainText returns the text of node i if it is one run of bytes that needs no decoding.
func (d *doc) plainText(i int32) (run []byte, ok bool) {
	n := &d.nodes[i]
	if n.flags&fDirty != 0 {
		return nil, false
	}
	if n.next == i+1 && n.inner < n.close { // no children
		return d.buf[n.inner:n.close:n.close], true
	}
	for gap := range d.gaps(i) {
		if run != nil {
			return nil, false
		}
		run = gap
	}
	return run, true
}

func (d *doc) appendText(dst []byte, i int32) []byte {
	dirty := d.nodes[i].flags&fDirty != 0
	for gap := range d.gaps(i) {
		if dirty {
			dst = appendContent(dst, gap)
		} else {
			dst = append(dst, gap...)
		}
	}
	return dst
}

// gaps yields what stands between the tags of node i and around its children, without empty pieces.
func (d *doc) gaps(i int32) func(yield func([]byte) bool) {
	return func(yield func([]byte) bool) {
		n := &d.nodes[i]
		from := n.inner
		for c := i + 1; c < n.next; c = d.nodes[c].next {
			if to := d.nodes[c].start; to > from && !yield(d.buf[from:to:to]) {
				return
			}
			from = d.end(c)
		}
		if n.close > from {
			yield(d.buf[from:n.close:n.close])
		}
	}
}

// end returns the place behind node i.
func (d *doc) end(i int32) int32 {
	n := &d.nodes[i]
	if n.flags&fEmpty != 0 {
		return n.inner
	}
	p := n.close + 2 + n.name
	for d.buf[p] != '>' {
		p++
	}
	return p + 1
}
