package xmlstream

import "bytes"

// state is what the byte at doc.pos belongs to.
type state uint8

const (
	stText    state = iota // content
	stLT                   // behind '<'
	stEnd                  // in the name of an end tag, which starts at tok
	stEndTail              // behind it
	stBang                 // behind "<!"
	stCData                // in a CDATA section

	stName     // in the name of a start tag, which starts at tok
	stTag      // between attributes
	stSlash    // behind the '/' of an empty-element tag
	stAttrName // in the name of an attribute, which starts at tok
	stEq       // behind it
	stQuote    // behind '='
	stValue    // in a value, which starts at tok

	stRef // at the '&' of a reference
	stNum // in the digits of a character reference

	stShort // out of bytes; the state to go on in is in doc.st
	stFail  // refused; see doc.failErr
	stDone  // the element, the header or the root's end tag is whole
)

// run goes on with the element in b, whose first d.pos bytes it has seen in earlier calls. It returns
// stDone and the length of the element, stShort or stFail.
func (d *doc) run(b []byte) (int, state) {
	d.buf = b
	if d.pos > len(b) {
		return 0, stShort // fewer bytes than before: there is nothing new in them
	}
	p, st := d.pos, d.st
	for {
		switch {
		case st <= stCData:
			p, st = d.content(b, p, st)
		case st <= stValue:
			p, st = d.tag(b, p, st)
		case st == stRef:
			p, st = d.reference(b, p)
		case st == stNum:
			p, st = d.digit(b, p)
		default:
			return p, st
		}
	}
}

// short keeps the place to go on.
func (d *doc) short(p int, st state) (int, state) {
	d.pos, d.st = p, st
	return p, stShort
}

func (d *doc) fail(p int, err error, why string) (int, state) {
	d.failOffset, d.failErr, d.failWhy = p, err, why
	return p, stFail
}

// content reads text, CDATA sections and end tags, up to the name of a start tag.
func (d *doc) content(b []byte, p int, st state) (int, state) {
	for {
		switch st {
		case stText:
			if p == len(b) || b[p] != '<' {
				if p = plain(b, p, ']'); p == len(b) {
					return d.short(p, stText)
				}
			}
			if b[p] != '<' {
				if p, st = d.special(b, p); st != stText {
					return p, st
				}
				continue
			}
			p++
			st = stLT
		case stLT:
			if p == len(b) {
				return d.short(p, stLT)
			}
			switch c := b[p]; {
			case c == '/':
				p++
				if end := d.simpleEnd(b, p); end > p {
					if p, st = d.leave(end); st != stText {
						return p, st
					}
					continue
				}
				d.tok = p
				st = stEnd
				if d.mode != inStream && len(d.open) == 0 {
					return d.fail(p-2, ErrNotWellFormed, "end tag without a start tag")
				}
			case class[c]&cStart != 0 || c >= 0x80:
				if p, st = d.startTag(b, p); st != stText {
					return p, st
				}
			case c == '!':
				p++
				st = stBang
			case c == '?': // RFC 6120 §11.1: no processing instructions
				return d.fail(p-1, ErrRestricted, "processing instruction")
			default:
				return d.fail(p, ErrNotWellFormed, "'<' that starts no tag")
			}
		case stEnd, stEndTail:
			if p, st = d.endTag(b, p, st); st != stText {
				return p, st
			}
		case stBang:
			if p, st = d.bang(b, p); st != stCData {
				return p, st
			}
		case stCData:
			if p, st = d.cdata(b, p); st != stText {
				return p, st
			}
		default:
			return p, st
		}
	}
}

// special looks at the byte of text, not '<', at which plain has stopped.
func (d *doc) special(b []byte, p int) (int, state) {
	switch c := b[p]; {
	case c >= 0x80:
		return d.wide(b, p, stText)
	case c == '&':
		d.top().flags |= fDirty
		d.ret = stText
		return p, stRef
	case c == ']':
		switch n, end := cdataEnd(b[p:]); {
		case end && n == 3: // XML 1.0 §2.4: "]]>" must not stand in text
			return d.fail(p, ErrNotWellFormed, `"]]>" in text`)
		case end:
			return d.short(p, stText)
		}
		return p + 1, stText
	case c == '\r':
		d.top().flags |= fDirty
		return p + 1, stText
	case c == '\n' || c == '\t':
		return p + 1, stText
	}
	return d.fail(p, ErrNotWellFormed, "control character")
}

// cdataEnd compares b with "]]>": it returns how many bytes there were to compare, at most 3, and whether
// they are equal.
func cdataEnd(b []byte) (int, bool) {
	const end = "]]>"
	n := min(len(b), len(end))
	return n, string(b[:n]) == end[:n]
}

// wide passes characters beyond ASCII at p, in state st.
func (d *doc) wide(b []byte, p int, st state) (int, state) {
	p, v := wide(b, p)
	switch v {
	case vShort:
		return d.short(p, st)
	case vUTF8:
		return d.fail(p, ErrEncoding, "invalid UTF-8") // RFC 6120 §11.6
	case vChar:
		return d.fail(p, ErrNotWellFormed, "U+FFFE or U+FFFF")
	}
	return p, st
}

// bang tells a CDATA section from what RFC 6120 §11.1 forbids.
func (d *doc) bang(b []byte, p int) (int, state) {
	const intro = "[CDATA["
	rest := b[p:]
	n := min(len(rest), len(intro))
	switch {
	case n == 0:
		return d.short(p, stBang)
	case rest[0] == '-':
		return d.fail(p-2, ErrRestricted, "comment")
	case rest[0] >= 'A' && rest[0] <= 'Z':
		return d.fail(p-2, ErrRestricted, "document type definition")
	case rest[0] == '[' && len(d.open) == 0 && d.mode == inStream: // however it goes on
		return d.fail(p-2, ErrStrayText, "CDATA section")
	case rest[0] == '[' && len(d.open) == 0:
		return d.fail(p-2, ErrNotWellFormed, "CDATA section outside of the root")
	case string(rest[:n]) != intro[:n]:
		return d.fail(p-2, ErrNotWellFormed, `"<!" that starts nothing known`)
	case n < len(intro):
		return d.short(p, stBang)
	}
	d.top().flags |= fDirty
	return p + n, stCData
}

// cdata reads on in a CDATA section.
func (d *doc) cdata(b []byte, p int) (int, state) {
	for {
		p = plain(b, p, ']')
		if p == len(b) {
			return d.short(p, stCData)
		}
		switch c := b[p]; {
		case c >= 0x80:
			var st state
			if p, st = d.wide(b, p, stCData); st != stCData {
				return p, st
			}
		case c == ']':
			switch n, end := cdataEnd(b[p:]); {
			case end && n == 3:
				return p + n, stText
			case end:
				return d.short(p, stCData)
			}
			p++
		case c < 0x20 && class[c]&cSpace == 0:
			return d.fail(p, ErrNotWellFormed, "control character")
		default:
			p++
		}
	}
}

// simpleEnd returns the place behind the end tag whose name starts at p, if it is the right one and all there
// without white space; else p.
func (d *doc) simpleEnd(b []byte, p int) int {
	if len(d.open) == 0 {
		return p
	}
	n := d.top()
	end := p + int(n.name)
	if end >= len(b) || b[end] != '>' || string(b[p:end]) != string(b[n.start+1:][:n.name]) {
		return p
	}
	n.close = int32(p - 2)
	return end + 1
}

// endTag compares the name of an end tag with that of its start tag and closes the element. The bytes
// from tok up to p are known to be equal.
func (d *doc) endTag(b []byte, p int, st state) (int, state) {
	var want []byte
	if len(d.open) > 0 {
		n := d.top()
		want = b[n.start+1:][:n.name]
	} else {
		want = d.hdr.root
	}
	if st == stEnd {
		seen := p - d.tok
		n := min(len(b)-p, len(want)-seen)
		if !bytes.Equal(b[p:][:n], want[seen:][:n]) {
			return d.fail(d.tok, ErrNotWellFormed, "end tag that does not match its start tag")
		}
		p += n
		if seen+n < len(want) {
			return d.short(p, stEnd)
		}
	}
	for p < len(b) && class[b[p]]&cSpace != 0 {
		p++
	}
	switch {
	case p == len(b):
		return d.short(p, stEndTail)
	case b[p] != '>':
		return d.fail(p, ErrNotWellFormed, "end tag that does not match its start tag")
	case len(d.open) == 0:
		return p + 1, stDone
	}
	d.top().close = int32(d.tok - 2)
	return d.leave(p + 1)
}

// top returns the innermost open element.
func (d *doc) top() *node { return &d.nodes[d.open[len(d.open)-1].node] }

// leave closes the innermost open element, which ends before p.
func (d *doc) leave(p int) (int, state) {
	f := &d.open[len(d.open)-1]
	d.open = d.open[:len(d.open)-1]
	d.nodes[f.node].next = int32(len(d.nodes))
	d.def = f.def
	d.scope = d.scope[:f.scope]
	if len(d.open) == 0 {
		return p, stDone
	}
	return p, stText
}
