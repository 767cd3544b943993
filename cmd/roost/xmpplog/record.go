package xmpplog

import (
	"net/netip"
	"strconv"
	"sync"
	"time"

	"roost/cmd/roost/conf"
	"roost/xmlstream"
	"roost/xmlstream/stanza"
)

// subject is what one record is about. All of it is borrowed.
type subject struct {
	now  int64 // Unix time, seconds
	kind string
	el   xmlstream.Element // zero in an M record
	from []byte            // when it is known better than el says
	env  *envelope         // in the place of el, when only that is shown
	peer netip.AddrPort
}

// appendRecord appends one line.
func appendRecord(dst []byte, format []conf.Piece, s *subject) []byte {
	for i := range format {
		switch p := &format[i]; p.Macro {
		case conf.Literal:
			dst = append(dst, p.Text...)
		case conf.MacroTime:
			dst = strconv.AppendInt(dst, s.now, 10)
		case conf.MacroKind:
			dst = append(dst, s.kind...)
		case conf.MacroRaw:
			dst = appendValue(dst, s.el.Raw())
		case conf.MacroObscured:
			dst = appendObscured(dst, s.el.Raw())
		case conf.MacroHost:
			dst = appendPeer(dst, s.peer)
		default:
			dst = appendValue(dst, s.value(p.Macro))
		}
	}
	return append(dst, '\n')
}

// value is the attribute that a macro stands for.
func (s *subject) value(m conf.Macro) []byte {
	if m == conf.MacroFrom && len(s.from) > 0 {
		return s.from
	}
	if s.env != nil {
		return s.env.value(m)
	}
	v, _ := s.el.Attr(attributeOf(m))
	return v
}

// attributeOf names the attribute that a macro stands for.
func attributeOf(m conf.Macro) string {
	switch m {
	case conf.MacroFrom:
		return "from"
	case conf.MacroTo:
		return "to"
	case conf.MacroID:
		return "id"
	case conf.MacroType:
		return "type"
	}
	return ""
}

// appendPeer writes an address; the name of an IPv6 zone may hold anything.
func appendPeer(dst []byte, a netip.AddrPort) []byte {
	switch {
	case !a.IsValid():
		return dst
	case a.Addr().Zone() == "":
		return a.AppendTo(dst)
	}
	return appendValue(dst, []byte(a.String()))
}

// kindOf is %st of an element in a client's stream.
func kindOf(el xmlstream.Element) string {
	switch k := stanza.KindOf(el.Local()); {
	case k != stanza.NotStanza && el.Is(stanza.NSClient, k.String()):
		return k.String()
	case el.Is(stanza.NSStream, "error"):
		return "error"
	}
	return "stream"
}

// scratch is what making a record needs, borrowed from a pool for one stanza.
type scratch struct {
	line []byte
	from []byte
	tok  xmlstream.Tokenizer // in a client's stream, between two stanzas; unused until ready
	open bool                // tok has seen the stream's header
}

// maxKeptLine bounds the buffers in the pool, in bytes.
const maxKeptLine = 64 << 10

var scratches = sync.Pool{New: func() any { return new(scratch) }}

func (x *scratch) release() {
	if cap(x.line) > maxKeptLine {
		x.line = nil
	}
	scratches.Put(x)
}

// What we deliver is ours: only what the tokenizer can count bounds it.
var anything = xmlstream.Limits{MaxStanza: 1 << 30, MaxDepth: 1 << 20, MaxAttrs: 1 << 20, MaxNamespaces: 1 << 20}

const clientHeader = "<stream:stream xmlns='" + stanza.NSClient + "' xmlns:stream='" + stanza.NSStream + "'>"

// elements calls fn for each element in b, which is the end of a stream's header or behind it. The
// elements are borrowed.
func (x *scratch) elements(b []byte, fn func(xmlstream.Element)) error {
	for {
		if !x.open {
			x.tok.Reset(&anything)
			if _, _, _, err := x.tok.Next([]byte(clientHeader)); err != nil {
				return err
			}
			x.open = true
		}
		ev, el, n, err := x.tok.Next(b)
		if err == xmlstream.ErrShort && n == len(b) {
			return nil
		}
		if err != nil || ev != xmlstream.Complete {
			x.open = false
			return err
		}
		fn(el)
		b = b[n:]
	}
}

func unixNow() int64 { return time.Now().Unix() }
