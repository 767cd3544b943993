package xmlstream

import "unicode/utf8"

// AppendText appends s as text content: '&', '<' and '>' (which might end a "]]>") are escaped, and CR, which a
// reader would take for a line end. What XML cannot carry (XML 1.0 §2.2: other control characters,
// U+FFFE, U+FFFF; invalid UTF-8) becomes U+FFFD.
func AppendText[T ~string | ~[]byte](dst []byte, s T) []byte {
	return appendEscaped(dst, s, false)
}

// AppendEscaped appends s so that it may stand in text and in an attribute value of either quote: as
// AppendText does, and quotes, tabs and line feeds are escaped, too.
func AppendEscaped[T ~string | ~[]byte](dst []byte, s T) []byte {
	return appendEscaped(dst, s, true)
}

// AppendAttr appends ` name='value'`, with the value escaped.
func AppendAttr[T ~string | ~[]byte](dst []byte, name string, value T) []byte {
	dst = append(dst, ' ')
	dst = append(dst, name...)
	dst = append(dst, "='"...)
	return append(appendEscaped(dst, value, true), '\'')
}

// escape tells how a byte is written: 0 as it is.
const (
	escAlways = iota + 1 // escaped everywhere
	escQuoted            // escaped in attribute values
	escNever             // no Char
	escWide              // beyond ASCII: to be looked at
)

var escapes = func() (t [256]uint8) {
	for c := range t {
		switch {
		case c == '&' || c == '<' || c == '>' || c == '\r':
			t[c] = escAlways
		case c == '\'' || c == '"' || c == '\t' || c == '\n':
			t[c] = escQuoted
		case c < 0x20:
			t[c] = escNever
		case c >= utf8.RuneSelf:
			t[c] = escWide
		}
	}
	return t
}()

var escapeOf = [64]string{
	'&': "&amp;", '<': "&lt;", '>': "&gt;", '\'': "&apos;", '"': "&quot;",
	'\t': "&#9;", '\n': "&#10;", '\r': "&#13;",
}

const replacement = "\uFFFD"

func appendEscaped[T ~string | ~[]byte](dst []byte, s T, quoted bool) []byte {
	from := 0 // of what is not yet copied
	for p := 0; p < len(s); {
		k := escapes[s[p]]
		if k == 0 || k == escQuoted && !quoted {
			p++
			continue
		}
		n, with := 1, replacement
		switch k {
		case escAlways, escQuoted:
			with = escapeOf[s[p]]
		case escWide:
			var v verdict
			if n, v = wideRune([]byte(s[p:min(len(s), p+utf8.UTFMax)])); v == vOK {
				p += n
				continue
			} else if v == vChar {
				n = 3
			} else {
				n = 1
			}
		}
		dst = append(dst, s[from:p]...)
		dst = append(dst, with...)
		p += n
		from = p
	}
	return append(dst, s[from:]...)
}
