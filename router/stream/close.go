package stream

import (
	"errors"
	"strings"

	"roost/xmlstream"
	"roost/xmlstream/stanza"
)

// End is the closing tag of a stream (RFC 6120 §4.4).
const End = "</stream:stream>"

// AppendLast writes the last words of a stream: the error, when there is one, and the end tag.
func AppendLast(dst []byte, e *stanza.StreamError) []byte {
	if e != nil {
		dst = e.Append(dst)
	}
	return append(dst, End...)
}

// maxClip is how much of what a peer sent it is told again in a text, or is logged: bytes.
const maxClip = 100

// Clip is b for a text, cut when it is long.
func Clip[T ~string | ~[]byte](b T) string {
	if len(b) <= maxClip {
		return string(b)
	}
	return strings.ToValidUTF8(string(b[:maxClip]), "") + "…"
}

// tooMuch are the limits of xmlstream.Limits; exceeding one is a violation of policy (§4.9.3.14).
var tooMuch = []error{xmlstream.ErrStanzaTooBig, xmlstream.ErrTooDeep, xmlstream.ErrTooManyAttrs,
	xmlstream.ErrTooManyNamespaces}

// FromXML maps what the tokenizer refuses to the stream error that says so.
func FromXML(err error) *stanza.StreamError {
	if se, ok := errors.AsType[*stanza.StreamError](err); ok {
		return se
	}
	e := &stanza.StreamError{Err: err}
	switch {
	case errors.Is(err, xmlstream.ErrRestricted): // §4.9.3.18, §11.1
		e.Condition = stanza.StreamRestrictedXML
	case errors.Is(err, xmlstream.ErrEncoding): // §4.9.3.22, §11.6
		e.Condition = stanza.StreamUnsupportedEncoding
	case errors.Is(err, xmlstream.ErrStrayText): // §4.9.3.1
		e.Condition = stanza.StreamBadFormat
	default: // §4.9.3.13
		e.Condition = stanza.StreamNotWellFormed
	}
	for _, limit := range tooMuch {
		if errors.Is(err, limit) {
			e.Condition, e.Text = stanza.StreamPolicyViolation, limit.Error()
			if limit == xmlstream.ErrStanzaTooBig {
				e.App = "<stanza-too-big xmlns='" + stanza.NSErrors + "'/>"
			}
		}
	}
	return e
}
