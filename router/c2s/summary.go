package c2s

import (
	"crypto/tls"
	"log/slog"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"roost/router/sasl"
	"roost/xmlstream/stanza"
)

// summary is what the log tells of a session when it has ended. It is kept for every session: 16 bytes,
// which is why names are numbers.
type summary struct {
	since     uint32        // Unix time in seconds when the resource was bound; 32 bits last until 2106
	in        uint32        // stanzas that the client has sent since; both start again at 2^32
	out       atomic.Uint32 // stanzas that were queued for it
	mechanism uint8         // sasl.Number
	tls       uint8         // tlsNumber
	end       uint8         // why the stream has ended: endNone, endClient, or endError and the index of a condition
}

const (
	endNone   uint8 = iota // the connection ended without a word
	endClient              // the client has closed its stream
	endError               // and beyond: a stream error of ours
)

// begun fills what is known when the session begins.
func (u *summary) begun(n *negotiation) {
	u.since = uint32(time.Now().Unix())
	u.mechanism = sasl.Number(n.mechanism)
	u.tls = n.tls
}

// ended notes what the last word was; nil is the answer to the client's.
func (u *summary) ended(e *stanza.StreamError) {
	if e == nil {
		u.end = endClient
		return
	}
	if i := slices.Index(stanza.StreamConditions[:], e.Condition); i >= 0 {
		u.end = endError + uint8(i)
	}
}

// reason words the end of a session for the log; err is the connection's.
func (u *summary) reason(err error) string {
	why := ""
	switch {
	case u.end >= endError:
		why = string(stanza.StreamConditions[u.end-endError])
	case u.end == endClient:
		why = "closed by the client"
	case err == nil:
		return "closed"
	}
	if err == nil {
		return why
	}
	if why != "" {
		why += "; "
	}
	return why + err.Error()
}

// attrs are the summary for the log.
func (u *summary) attrs(err error) []slog.Attr {
	lasted := max(time.Now().Unix()-int64(u.since), 0)
	return []slog.Attr{slog.String("mechanism", sasl.Name(u.mechanism)), slog.String("tls", tlsName(u.tls)),
		slog.Duration("duration", time.Duration(lasted)*time.Second),
		slog.Uint64("in", uint64(u.in)), slog.Uint64("out", uint64(u.out.Load())), slog.String("reason", u.reason(err))}
}

// tlsNumber is the version of TLS in a byte: its minor number, which starts at 1; 0 is none.
func tlsNumber(st *tls.ConnectionState) uint8 { return uint8(st.Version) }

// tlsName is the version as people write it: 1.3, or none.
func tlsName(n uint8) string {
	if n == 0 {
		return "none"
	}
	return strings.TrimPrefix(tls.VersionName(tls.VersionTLS10&^0xff|uint16(n)), "TLS ")
}
