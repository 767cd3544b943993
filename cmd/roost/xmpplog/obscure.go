package xmpplog

import (
	"bytes"
	"unicode/utf8"
)

// appendObscured appends the stanza raw, escaped as a value, with each character inside of an
// element named body or subject replaced by a star. Tags stay as they are. raw has been through the
// tokenizer: it is well-formed, without comments and processing instructions. The walk keeps a
// count and no stack, so depth costs nothing.
func appendObscured(dst, raw []byte) []byte {
	hidden := 0 // elements that are open at and below the one whose text is hidden
	for len(raw) > 0 {
		switch {
		case bytes.HasPrefix(raw, cdataOpen):
			end := bytes.Index(raw, cdataClose)
			if end < 0 {
				return dst
			}
			inner, whole := raw[len(cdataOpen):end], raw[:end+len(cdataClose)]
			if hidden > 0 {
				dst = appendStars(dst, utf8.RuneCount(inner))
			} else {
				dst = appendValue(dst, whole)
			}
			raw = raw[len(whole):]
		case raw[0] == '<':
			n := tagLen(raw)
			hidden += openedBy(raw[:n], hidden > 0)
			dst = appendValue(dst, raw[:n])
			raw = raw[n:]
		default:
			n := bytes.IndexByte(raw, '<')
			if n < 0 {
				n = len(raw)
			}
			if hidden > 0 {
				dst = appendStars(dst, characters(raw[:n]))
			} else {
				dst = appendValue(dst, raw[:n])
			}
			raw = raw[n:]
		}
	}
	return dst
}

var (
	cdataOpen  = []byte("<![CDATA[")
	cdataClose = []byte("]]>")
)

// tagLen is the length of the tag that b begins with; a > inside of a quoted value does not end it.
func tagLen(b []byte) int {
	var quote byte
	for i, c := range b {
		switch {
		case quote != 0:
			if c == quote {
				quote = 0
			}
		case c == '\'' || c == '"':
			quote = c
		case c == '>':
			return i + 1
		}
	}
	return len(b)
}

// openedBy is how many hidden elements a tag opens: 1, -1, or 0.
func openedBy(tag []byte, hidden bool) int {
	switch {
	case len(tag) < 3 || tag[len(tag)-2] == '/':
		return 0
	case tag[1] == '/':
		if hidden {
			return -1
		}
		return 0
	case hidden:
		return 1
	}
	name := tag[1:]
	if i := bytes.IndexAny(name, " \t\r\n>"); i >= 0 {
		name = name[:i]
	}
	if i := bytes.IndexByte(name, ':'); i >= 0 {
		name = name[i+1:]
	}
	if string(name) == "body" || string(name) == "subject" {
		return 1
	}
	return 0
}

// characters counts the characters of character data; a reference is one.
func characters(b []byte) (n int) {
	for len(b) > 0 {
		size := 1
		if b[0] == '&' {
			if end := bytes.IndexByte(b, ';'); end >= 0 {
				size = end + 1
			}
		} else {
			_, size = utf8.DecodeRune(b)
		}
		n++
		b = b[size:]
	}
	return n
}

func appendStars(dst []byte, n int) []byte {
	for range n {
		dst = append(dst, '*')
	}
	return dst
}

// AppendWithoutText appends the stanza raw with all that stands between its tags hidden, whatever element it is
// in; raw is as for a log record.
func AppendWithoutText(dst, raw []byte) []byte {
	for len(raw) > 0 {
		n := bytes.IndexByte(raw, '<')
		switch {
		case bytes.HasPrefix(raw, cdataOpen):
			if n = bytes.Index(raw, cdataClose); n < 0 {
				return dst
			}
			n += len(cdataClose)
			dst = append(dst, "***"...)
		case n == 0:
			n = tagLen(raw)
			dst = append(dst, raw[:n]...)
		default:
			if n < 0 {
				n = len(raw)
			}
			if len(bytes.TrimSpace(raw[:n])) > 0 {
				dst = append(dst, "***"...)
			}
		}
		raw = raw[n:]
	}
	return dst
}
