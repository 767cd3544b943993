package xmpplog

import "errors"

// errEscape is what unescape says of a field that no logger wrote.
var errEscape = errors.New("xmpplog: not an escaped value")

// unescape gives back the value that stands escaped in a field of a line.
func unescape(field []byte) ([]byte, error) {
	out := make([]byte, 0, len(field))
	for i := 0; i < len(field); i++ {
		if field[i] != '\\' {
			out = append(out, field[i])
			continue
		}
		if i++; i == len(field) {
			return nil, errEscape
		}
		switch field[i] {
		case '\\':
			out = append(out, '\\')
		case 'n':
			out = append(out, '\n')
		case 'r':
			out = append(out, '\r')
		case 't':
			out = append(out, '\t')
		case 'x':
			if i+2 >= len(field) {
				return nil, errEscape
			}
			hi, ok1 := unhex(field[i+1])
			lo, ok2 := unhex(field[i+2])
			if !ok1 || !ok2 {
				return nil, errEscape
			}
			out = append(out, hi<<4|lo)
			i += 2
		default:
			return nil, errEscape
		}
	}
	return out, nil
}

func unhex(c byte) (byte, bool) {
	switch {
	case c >= '0' && c <= '9':
		return c - '0', true
	case c >= 'a' && c <= 'f':
		return c - 'a' + 10, true
	}
	return 0, false
}
