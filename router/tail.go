package router

import (
	"hash/maphash"
	"sync/atomic"

	"roost/xmlstream"
	"roost/xmlstream/jid"
	"roost/xmlstream/stanza"
)

// A tail is what follows the addresses of a presence stanza. Sessions keep that of their last one, and
// most of them say the same as many others: nothing, or the capabilities of a client program.

// tails remembers tails that were shown of late, so that sessions share the memory of equal ones. A
// place holds the last one with its hash: what few show comes and goes, and what many show is in a
// session's memory by itself only when something else has just taken its place. So nothing has to be
// counted or given back.
type tails struct {
	seed maphash.Seed
	last [4096]atomic.Pointer[string]
}

// maxShared is the longest tail that is remembered, in bytes; it bounds what sessions that are gone
// leave behind to 4 MiB.
const maxShared = 1024

// keep gives the tail of st.
func (t *tails) keep(st *stanza.Stanza) *string {
	b := st.AppendTail(make([]byte, 0, maxShared)) // on the stack
	if len(b) > maxShared {
		own := string(b)
		return &own
	}
	place := &t.last[maphash.Bytes(t.seed, b)%uint64(len(t.last))]
	if have := place.Load(); have != nil && *have == string(b) {
		return have
	}
	own := string(b)
	place.Store(&own)
	return &own
}

// presenceFrame puts addresses in front of a tail.
func presenceFrame(from, to jid.JID, tail string) *stanza.Frame {
	f := stanza.NewFrame()
	dst := stanza.Header{Kind: stanza.Presence, From: from, To: to}.Append(f.Buf())
	f.Set(append(dst, tail...))
	return f
}

// unavailableTail is the presence that the server makes for a session that went without a word.
const unavailableTail = " type='unavailable'/>"

// reasonTail is unavailableTail with a status text.
func reasonTail(status string) string {
	if status == "" {
		return unavailableTail
	}
	dst := xmlstream.AppendText([]byte(" type='unavailable'><status>"), status)
	return string(append(dst, "</status></presence>"...))
}

// statusOf reads the status text out of a tail that we keep or made.
func statusOf(tail string) string {
	el, err := xmlstream.ParseElement(append([]byte("<presence xmlns='"+stanza.NSClient+"'"), tail...), nil)
	if err != nil {
		return ""
	}
	return string(el.Child(stanza.NSClient, "status").Text())
}
