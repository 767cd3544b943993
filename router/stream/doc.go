// Package stream is what client and server streams share: the stream header and its rules
// (RFC 6120 §4.7, §4.8), STARTTLS elements (§5.4), and the end of a stream (§4.4, §4.9). It is the
// only writer of <stream:error/>, and it moves no stanza.
package stream

import (
	"crypto/rand"
	"encoding/base64"
)

// NewID makes a stream id: 128 random bits, unguessable and unique (RFC 6120 §4.7.3).
func NewID() string {
	var b [16]byte
	rand.Read(b[:])
	return base64.RawURLEncoding.EncodeToString(b[:])
}
