package stanza

import (
	"roost/xmlstream"
	"roost/xmlstream/jid"
)

// Header is the start tag of a stanza that we write ourselves. Zero fields are left out.
type Header struct {
	Kind     Kind
	Type     Type
	ID       []byte
	From, To jid.JID
}

// Append writes the start tag without its closing '>': the caller goes on with '>' or '/>'.
func (h Header) Append(dst []byte) []byte {
	dst = append(dst, '<')
	dst = append(dst, h.Kind.String()...)
	if !h.From.IsZero() {
		dst = appendJID(dst, " from='", h.From)
	}
	if !h.To.IsZero() {
		dst = appendJID(dst, " to='", h.To)
	}
	if t := h.Type.String(); t != "" {
		dst = append(dst, " type='"...)
		dst = append(dst, t...)
		dst = append(dst, '\'')
	}
	if len(h.ID) > 0 {
		dst = xmlstream.AppendAttr(dst, "id", h.ID)
	}
	return dst
}

func appendJID(dst []byte, open string, j jid.JID) []byte {
	dst = append(dst, open...)
	dst = xmlstream.AppendEscaped(dst, j.String())
	return append(dst, '\'')
}

func appendEnd(dst []byte, k Kind) []byte {
	dst = append(dst, "</"...)
	dst = append(dst, k.String()...)
	return append(dst, '>')
}

// AppendEnd writes the end tag of a stanza whose start tag Header.Append began.
func (h Header) AppendEnd(dst []byte) []byte { return appendEnd(dst, h.Kind) }

// AppendRelay writes st as it is passed on: from is stamped (RFC 6120 §8.1.2.1), to is replaced
// only when given, all else stays as it was sent (see AppendTail). The name of st has no prefix, as
// streams demand (§4.8.5): so its children are in the content namespace here as they were there.
func (st *Stanza) AppendRelay(dst []byte, from, to jid.JID) []byte {
	dst = append(dst, '<')
	dst = append(dst, st.Kind.String()...)
	dst = appendJID(dst, " from='", from)
	if !to.IsZero() {
		dst = appendJID(dst, " to='", to)
	} else if v, ok := st.El.Attr("to"); ok {
		dst = xmlstream.AppendAttr(dst, "to", v)
	}
	return st.AppendTail(dst)
}

// AppendTail writes what follows the addresses of a relayed stanza: the other attributes, the
// content as it was sent, and the end tag. Prefixes that only the sender's start tags declare are
// declared again (RFC 6120 §4.8.5), and the stream's language is written out (§8.1.5). A tail may
// be kept and put behind other addresses: the presence of a session is.
func (st *Stanza) AppendTail(dst []byte) []byte {
	hasLang := false
	for a := range st.El.Attrs() {
		switch {
		case len(a.Space) == 0 && (string(a.Local) == "from" || string(a.Local) == "to"):
		case len(a.Space) == 0:
			dst = appendPlainAttr(dst, a)
		case string(a.Space) == NSXML && string(a.Local) == "lang":
			hasLang = true
			dst = xmlstream.AppendAttr(dst, "xml:lang", a.Value)
		}
	}
	if lang := st.El.Lang(); !hasLang && len(lang) > 0 {
		dst = xmlstream.AppendAttr(dst, "xml:lang", lang)
	}
	return st.AppendContent(st.El.AppendInnerDecls(dst))
}

func appendPlainAttr(dst []byte, a xmlstream.Attr) []byte {
	dst = append(dst, ' ')
	dst = append(dst, a.Local...)
	dst = append(dst, "='"...)
	dst = xmlstream.AppendEscaped(dst, a.Value)
	return append(dst, '\'')
}

// AppendContent closes a start tag, writes the stanza's content as it was sent, and the end tag.
func (st *Stanza) AppendContent(dst []byte) []byte {
	inner := st.El.Inner()
	if len(inner) == 0 {
		return append(dst, "/>"...)
	}
	dst = append(dst, '>')
	dst = append(dst, inner...)
	return appendEnd(dst, st.Kind)
}
