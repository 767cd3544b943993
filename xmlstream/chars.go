package xmlstream

import (
	"encoding/binary"
	"math/bits"
	"strings"
	"unicode/utf8"
)

// Classes of the ASCII bytes, as bits of class[b].
const (
	cSpace = 1 << iota // S: space, tab, LF, CR (XML 1.0 §2.3 [3])
	cStart             // NameStartChar without ':' ([4]; Namespaces in XML [4] NCName)
	cName              // NameChar without ':' ([4a])
	cPlain             // needs no closer look, in text and in values of either quote
)

var class = func() (t [256]uint8) {
	for _, c := range " \t\n\r" {
		t[c] = cSpace
	}
	for c := range 26 {
		t['a'+c], t['A'+c] = cStart|cName, cStart|cName
	}
	t['_'] = cStart | cName
	for _, c := range "-.0123456789" {
		t[c] = cName
	}
	for c := ' '; c < 0x80; c++ {
		if !strings.ContainsRune("<&]'\"", c) {
			t[c] |= cPlain
		}
	}
	return t
}()

type runeRange struct{ lo, hi rune }

// nameStart is NameStartChar beyond ASCII, XML 1.0 (fifth edition) §2.3 [4].
var nameStart = [...]runeRange{
	{0xC0, 0xD6}, {0xD8, 0xF6}, {0xF8, 0x2FF}, {0x370, 0x37D}, {0x37F, 0x1FFF}, {0x200C, 0x200D},
	{0x2070, 0x218F}, {0x2C00, 0x2FEF}, {0x3001, 0xD7FF}, {0xF900, 0xFDCF}, {0xFDF0, 0xFFFD}, {0x10000, 0xEFFFF},
}

// nameMore is what NameChar adds beyond ASCII, [4a].
var nameMore = [...]runeRange{{0xB7, 0xB7}, {0x300, 0x36F}, {0x203F, 0x2040}}

func inRanges(r rune, t []runeRange) bool {
	for _, x := range t {
		if r <= x.hi {
			return r >= x.lo
		}
	}
	return false
}

// isNameStart and isName are for r beyond ASCII.
func isNameStart(r rune) bool { return inRanges(r, nameStart[:]) }
func isName(r rune) bool      { return inRanges(r, nameStart[:]) || inRanges(r, nameMore[:]) }

// isChar reports whether a character reference may name v: Char, XML 1.0 §2.2 [2].
func isChar(v uint32) bool {
	return v >= 0x20 && v < 0xD800 || v == '\t' || v == '\n' || v == '\r' ||
		v >= 0xE000 && v <= 0xFFFD || v >= 0x10000 && v <= utf8.MaxRune
}

const (
	ones  = 0x0101010101010101
	highs = 0x8080808080808080
)

// plain returns the place of the first byte of b at or after p that needs a closer look:
// below 0x20, beyond ASCII, '<', '&' or stop; len(b) when there is none.
//
// It looks at eight bytes at a time. For a byte x below 0x80, x^c-1 has the high bit set
// exactly if x is c, and x-0x20 exactly if x is a control character. A borrow reaches
// only bytes above one that is already marked, so the lowest mark is always true.
func plain(b []byte, p int, stop byte) int {
	s := uint64(stop) * ones
	for p+16 <= len(b) {
		x := b[p:][:16]
		if m := marks(binary.LittleEndian.Uint64(x), s); m != 0 {
			return p + bits.TrailingZeros64(m)>>3
		}
		if m := marks(binary.LittleEndian.Uint64(x[8:]), s); m != 0 {
			return p + 8 + bits.TrailingZeros64(m)>>3
		}
		p += 16
	}
	for p < len(b) {
		if c := b[p]; c < 0x20 || c >= 0x80 || c == '<' || c == '&' || c == stop {
			break
		}
		p++
	}
	return p
}

// marks sets the high bit of the bytes of w that plain stops at; s is stop eight times.
func marks(w, s uint64) uint64 {
	return (w | (w - 0x20*ones) | ((w ^ '<'*ones) - ones) | ((w ^ '&'*ones) - ones) | ((w ^ s) - ones)) & highs
}

// letters returns the place of the first byte of b at or after p that is no ASCII letter, or an earlier
// place near the end of b.
//
// Without its high bit and in lower case, a byte x reaches 0x80 with 0x80-'a' exactly if it is
// at least 'a', and with 0x7F-'z' exactly if it is above 'z'; neither sum carries over.
func letters(b []byte, p int) int {
	for p+8 <= len(b) {
		w := binary.LittleEndian.Uint64(b[p:])
		x := w&^highs | 0x20*ones
		m := (^(x + (0x80-'a')*ones) | (x + (0x7F-'z')*ones) | w) & highs
		if m != 0 {
			return p + bits.TrailingZeros64(m)>>3
		}
		p += 8
	}
	return p
}

// What wide met; see there.
type verdict uint8

const (
	vOK    verdict = iota
	vShort         // b ends inside a character
	vUTF8          // not UTF-8
	vChar          // UTF-8, but not a Char
)

// wide checks the characters beyond ASCII at p, with the plain bytes among them, and returns the place where
// others start, or the start of the first character that is refused or cut.
func wide(b []byte, p int) (int, verdict) {
	ascii := 0
	for p < len(b) {
		c := b[p]
		if c < 0x80 {
			if ascii++; ascii > 8 || class[c]&cPlain == 0 {
				break // plain is faster from here on
			}
			p++
			continue
		}
		ascii = 0
		if c >= 0xC2 && c < 0xE0 && p+1 < len(b) && b[p+1]&0xC0 == 0x80 {
			p += 2
			continue
		}
		if c > 0xE0 && c < 0xED && p+2 < len(b) && b[p+1]&0xC0 == 0x80 && b[p+2]&0xC0 == 0x80 {
			p += 3
			continue
		}
		n, v := wideRune(b[p:])
		if v != vOK {
			return p, v
		}
		p += n
	}
	return p, vOK
}

// wideRune checks one character beyond ASCII at the start of b.
func wideRune(b []byte) (int, verdict) {
	if !utf8.FullRune(b) {
		return 0, vShort
	}
	r, n := utf8.DecodeRune(b)
	switch {
	case r == utf8.RuneError && n == 1:
		return 0, vUTF8
	case r == 0xFFFE || r == 0xFFFF: // XML 1.0 §2.2 [2]
		return 0, vChar
	}
	return n, vOK
}
