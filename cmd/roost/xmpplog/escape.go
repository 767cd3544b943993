package xmpplog

import "unicode/utf8"

const hexDigits = "0123456789abcdef"

// appendValue appends the value of a macro, escaped as the package says.
func appendValue(dst, v []byte) []byte {
	from := 0 // of what is not yet copied
	for i := 0; i < len(v); {
		n := 1
		switch c := v[i]; {
		case c >= utf8.RuneSelf:
			r, size := utf8.DecodeRune(v[i:])
			if n = size; !breaksLine(r, size) {
				i += n
				continue
			}
		case c >= ' ' && c != '+' && c != '\\' && c != 0x7F:
			i++
			continue
		}
		dst = append(dst, v[from:i]...)
		dst = appendEscapes(dst, v[i:i+n])
		i += n
		from = i
	}
	return append(dst, v[from:]...)
}

// breaksLine reports whether r, beyond ASCII and of that size, must not stand in a line: what some
// program takes for a line end or a command to the terminal, and what is no UTF-8.
func breaksLine(r rune, size int) bool {
	return r == utf8.RuneError && size <= 1 || r < 0xA0 || r == '\u2028' || r == '\u2029'
}

func appendEscapes(dst, v []byte) []byte {
	for _, c := range v {
		switch c {
		case '\\':
			dst = append(dst, '\\', '\\')
		case '\n':
			dst = append(dst, '\\', 'n')
		case '\r':
			dst = append(dst, '\\', 'r')
		case '\t':
			dst = append(dst, '\\', 't')
		default:
			dst = append(dst, '\\', 'x', hexDigits[c>>4], hexDigits[c&15])
		}
	}
	return dst
}
