package xmpplog

import (
	"bytes"

	"roost/cmd/roost/conf"
	"roost/xmlstream/stanza"
)

// envelope is what most formats show of a delivered stanza. All of it is borrowed.
type envelope struct {
	kind              string
	from, to, id, typ []byte
}

// readEnvelope reads the start tag of one serialized stanza. It is false for anything else, also for
// several, and for what only a tokenizer can read: references and line ends in a value that is shown. The
// bytes are well-formed: the tokenizer has passed what is relayed, the rest is made here.
func readEnvelope(b []byte) (e envelope, ok bool) {
	name, rest, ok := cutName(b)
	k := stanza.KindOf(name)
	if !ok || k == stanza.NotStanza {
		return e, false
	}
	e.kind = k.String()
	for {
		rest = bytes.TrimLeft(rest, " ")
		if len(rest) == 0 {
			return e, false
		}
		if rest[0] == '>' {
			return e, endsWith(rest, e.kind)
		}
		if rest[0] == '/' {
			return e, len(rest) == len("/>")
		}
		eq := bytes.IndexByte(rest, '=')
		if eq < 1 || eq+2 > len(rest) || rest[eq+1] != '\'' && rest[eq+1] != '"' {
			return e, false
		}
		name, value := rest[:eq], rest[eq+2:]
		end := bytes.IndexByte(value, rest[eq+1])
		if end < 0 {
			return e, false
		}
		value, rest = value[:end], value[end+1:]
		if !e.set(name, value) {
			return e, false
		}
	}
}

// endsWith reports whether the first end tag of that name is the last one, too.
func endsWith(b []byte, name string) bool {
	for {
		i := bytes.Index(b, []byte("</"))
		if i < 0 {
			return false
		}
		if b = b[i+2:]; len(b) > len(name) && string(b[:len(name)]) == name && b[len(name)] == '>' {
			return len(b) == len(name)+1
		}
	}
}

// cutName cuts off "<name".
func cutName(b []byte) (name, rest []byte, ok bool) {
	if len(b) < 2 || b[0] != '<' {
		return nil, nil, false
	}
	end := bytes.IndexAny(b, " />")
	if end < 0 {
		return nil, nil, false
	}
	return b[1:end], b[end:], true
}

// set notes an attribute. It is false when its value does not stand there as it is, or when the stanza may
// not be in the namespace of its stream.
func (e *envelope) set(name, value []byte) bool {
	var to *[]byte
	switch string(name) {
	case "from":
		to = &e.from
	case "to":
		to = &e.to
	case "id":
		to = &e.id
	case "type":
		to = &e.typ
	case "xmlns":
		return false
	default:
		return !bytes.ContainsAny(name, " \t\r\n")
	}
	*to = value
	return !bytes.ContainsAny(value, "&\t\r\n")
}

// value gives what a macro of a record stands for.
func (e *envelope) value(m conf.Macro) []byte {
	switch m {
	case conf.MacroFrom:
		return e.from
	case conf.MacroTo:
		return e.to
	case conf.MacroID:
		return e.id
	case conf.MacroType:
		return e.typ
	}
	return nil
}

// showsBody reports whether a format shows more of a stanza than its envelope.
func showsBody(format []conf.Piece) bool {
	for i := range format {
		if m := format[i].Macro; m == conf.MacroRaw || m == conf.MacroObscured {
			return true
		}
	}
	return false
}
