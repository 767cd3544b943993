package xmlstream

import "unicode/utf8"

// predefined are the entities of XML 1.0 §4.6, the only ones that there are (RFC 6120 §11.1).
var predefined = [...]struct {
	name string // with the ';'
	char byte
}{{"lt;", '<'}, {"gt;", '>'}, {"amp;", '&'}, {"apos;", '\''}, {"quot;", '"'}}

// reference reads the reference whose '&' stands at p, or its start if it is numeric.
func (d *doc) reference(b []byte, p int) (int, state) {
	rest := b[p+1:]
	if len(rest) == 0 {
		return d.short(p, stRef)
	}
	if rest[0] == '#' {
		if len(rest) == 1 {
			return d.short(p, stRef)
		}
		d.tok2, d.num, d.digits = p, 0, false
		if d.hex = rest[1] == 'x'; d.hex {
			return p + 3, stNum
		}
		return p + 2, stNum
	}
	common := 0
	for _, e := range predefined {
		n := 0
		for n < len(rest) && n < len(e.name) && rest[n] == e.name[n] {
			n++
		}
		if n == len(e.name) {
			return p + 1 + n, d.ret
		}
		common = max(common, n)
	}
	if common == len(rest) {
		return d.short(p, stRef)
	}
	// The byte that differs decides: it goes on with the name of an entity that nobody
	// declared, or it is none.
	c := rest[common]
	if class[c]&cStart != 0 || c >= 0x80 || common > 0 && (class[c]&cName != 0 || c == ';') {
		return d.fail(p, ErrRestricted, "undeclared entity")
	}
	return d.fail(p, ErrNotWellFormed, "'&' that starts no reference")
}

// digit reads the digits of a character reference, and its ';'.
func (d *doc) digit(b []byte, p int) (int, state) {
	for ; p < len(b); p++ {
		c := b[p]
		var v uint32
		switch {
		case c >= '0' && c <= '9':
			v = uint32(c - '0')
		case d.hex && c|0x20 >= 'a' && c|0x20 <= 'f':
			v = uint32(c|0x20-'a') + 10
		case c == ';' && d.digits && isChar(d.num):
			return p + 1, d.ret
		default: // XML 1.0 §4.1, Legal Character
			return d.fail(d.tok2, ErrNotWellFormed, "character reference")
		}
		d.digits = true
		if d.hex {
			d.num = d.num<<4 | v
		} else {
			d.num = d.num*10 + v
		}
		if d.num > utf8.MaxRune {
			return d.fail(d.tok2, ErrNotWellFormed, "character reference")
		}
	}
	return d.short(p, stNum)
}

// appendRef appends what the reference at the start of b, which has been checked, stands for, and
// returns its length.
func appendRef(dst, b []byte) ([]byte, int) {
	if b[1] != '#' {
		for _, e := range predefined {
			if n := len(e.name) + 1; len(b) >= n && string(b[1:n]) == e.name {
				return append(dst, e.char), n
			}
		}
		return dst, 1 // not reached
	}
	p, v, base := 2, uint32(0), uint32(10)
	if b[p] == 'x' {
		p, base = 3, 16
	}
	for ; b[p] != ';'; p++ {
		c := uint32(b[p])
		if c > '9' {
			c = (c | 0x20) - 'a' + '0' + 10
		}
		v = v*base + c - '0'
	}
	return utf8.AppendRune(dst, rune(v)), p + 1
}
