package record

import (
	"encoding/binary"
	"fmt"
	"io"
	"math"
)

// Handshake messages that may follow a handshake (RFC 8446 §4.6).
const (
	newSessionTicket = 4
	keyUpdate        = 24
)

// Size returns the length of the record that b begins with, header included: 0
// when b is shorter than a header. The error, an *Error, is for a header that
// must not come after a handshake.
func Size(b []byte) (int, error) {
	if len(b) < HeaderLen {
		return 0, nil
	}
	// RFC 8446 §5, §5.2: all records are protected now; a change_cipher_spec, too,
	// is unexpected after Finished.
	if b[0] != kindData {
		return 0, &Error{UnexpectedMessage, fmt.Sprintf("a record of type %d outside of the encryption", b[0])}
	}
	if b[1] != 3 || b[2] != 3 {
		return 0, &Error{ProtocolVersion, fmt.Sprintf("a record of version %d.%d, want 3.3", b[1], b[2])}
	}
	n := int(binary.BigEndian.Uint16(b[3:]))
	if n > maxPayload {
		return 0, &Error{RecordOverflow, fmt.Sprintf("a record of %d bytes, want at most %d", n, maxPayload)}
	}
	return HeaderLen + n, nil
}

// Open opens rec, one whole record, in place. data is its application data, a
// view of rec; it is empty when there is none. The error is io.EOF after the
// peer's close_notify, a *PeerError after another alert of its, or an *Error.
// After any of them Open must not be called again.
func (s *State) Open(rec []byte) (data []byte, err error) {
	if s.in.seq == math.MaxUint64 {
		// RFC 8446 §5.3: it must not wrap.
		return nil, &Error{InternalError, "the peer has used up its sequence numbers"}
	}
	if len(rec) < HeaderLen+TrailerLen {
		return nil, badMAC(s.in.seq)
	}
	d := s.opener()
	b, err := d.aead.Open(rec[HeaderLen:HeaderLen], d.nonceOf(s.in.seq), rec[HeaderLen:], rec[:HeaderLen])
	if err != nil {
		return nil, badMAC(s.in.seq)
	}
	s.in.seq++
	if s.in.seq == rekeyAfter {
		s.flags |= fAsk // the peer ought to have done it by itself
	}
	// RFC 8446 §5.2: content and type have at most 2^14+1 bytes, padding included.
	if len(b) > MaxPlaintext+1 {
		return nil, &Error{RecordOverflow, fmt.Sprintf("a record with %d bytes in it, want at most %d", len(b), MaxPlaintext+1)}
	}
	// §5.4: the type is the last byte that is not zero.
	end := len(b) - 1
	for end >= 0 && b[end] == 0 {
		end--
	}
	if end < 0 {
		return nil, &Error{UnexpectedMessage, "a record without a content type"}
	}
	return s.content(b[end], b[:end])
}

func badMAC(seq uint64) error {
	return &Error{BadRecordMAC, fmt.Sprintf("record %d is not authentic", seq)}
}

// content serves what was in a record.
func (s *State) content(kind byte, b []byte) ([]byte, error) {
	// RFC 8446 §5.1: nothing stands between the parts of a handshake message.
	if kind != kindHandshake && (s.have > 0 || s.skip > 0) {
		return nil, &Error{UnexpectedMessage, fmt.Sprintf("a record of type %d inside a handshake message", kind)}
	}
	switch kind {
	case kindData:
		if len(b) == 0 { // §5.1 allows it
			return nil, s.noData()
		}
		s.useless = 0
		s.earn(len(b))
		return b, nil
	case kindHandshake:
		if len(b) == 0 { // §5.1
			return nil, &Error{UnexpectedMessage, "a handshake record without content"}
		}
		return nil, s.handshake(b)
	case kindAlert:
		return nil, s.alert(b)
	}
	return nil, &Error{UnexpectedMessage, fmt.Sprintf("a record of type %d", kind)}
}

// noData counts a record that brings nothing.
func (s *State) noData() error {
	if s.useless++; s.useless > maxUseless {
		return &Error{UnexpectedMessage, fmt.Sprintf("more than %d records without data", maxUseless)}
	}
	return nil
}

// earn lets n bytes of data pay for KeyUpdates.
func (s *State) earn(n int) {
	if s.updates == 0 {
		return
	}
	n += int(s.earned)
	s.updates -= uint8(min(n/updateBytes, int(s.updates)))
	s.earned = uint16(n % updateBytes)
}

// alert reads an alert, whose level says nothing (RFC 8446 §6).
func (s *State) alert(b []byte) error {
	if len(b) != 2 { // §5.1: one whole alert to a record
		return &Error{UnexpectedMessage, fmt.Sprintf("an alert of %d bytes, want 2", len(b))}
	}
	switch a := Alert(b[1]); a {
	case closeNotify:
		return io.EOF
	case userCanceled: // §6.1: a close_notify follows
		return s.noData()
	default: // §6.2: nothing is sent after it
		s.flags |= fDead
		return &PeerError{a}
	}
}

// handshake reads a record's worth of handshake messages, which may be cut
// anywhere (RFC 8446 §5.1).
func (s *State) handshake(b []byte) error {
	for len(b) > 0 {
		if s.skip > 0 {
			n := min(len(b), int(s.skip))
			s.skip -= uint32(n)
			b = b[n:]
			continue
		}
		s.msg[s.have] = b[0]
		s.have++
		b = b[1:]
		if err := s.message(len(b) > 0); err != nil {
			return err
		}
	}
	return nil
}

// message looks at the message that s.msg begins. more: the record goes on
// behind it.
func (s *State) message(more bool) error {
	if s.have < 4 {
		return nil
	}
	n := int(s.msg[1])<<16 | int(binary.BigEndian.Uint16(s.msg[2:]))
	switch kind := s.msg[0]; {
	case kind == keyUpdate && n != 1:
		return &Error{DecodeError, fmt.Sprintf("a KeyUpdate of %d bytes, want 1", n)}
	case kind == keyUpdate && s.have < 5:
		return nil
	case kind == keyUpdate:
		s.have = 0
		if more { // §5.1: no record spans a change of keys
			return &Error{UnexpectedMessage, "a KeyUpdate that does not end its record"}
		}
		return s.updated(s.msg[4])
	case kind == newSessionTicket && s.flags&fClient != 0: // §4.6.1; nothing is resumed here
		if n > maxMessage {
			return &Error{IllegalParameter, fmt.Sprintf("a session ticket of %d bytes, want at most %d", n, maxMessage)}
		}
		s.have, s.skip = 0, uint32(n)
		return s.noData()
	default: // §4.6.2 needs an offer that was not made; §4.1.2 forbids renegotiation
		return &Error{UnexpectedMessage, fmt.Sprintf("a handshake message of type %d after the handshake", kind)}
	}
}

// updated serves a KeyUpdate (RFC 8446 §4.6.3).
func (s *State) updated(request byte) error {
	if request > 1 {
		return &Error{IllegalParameter, fmt.Sprintf("a KeyUpdate that requests %d, want 0 or 1", request)}
	}
	if s.updates++; s.updates > maxUpdates {
		return &Error{UnexpectedMessage, fmt.Sprintf("more than %d KeyUpdates for %d bytes of data", maxUpdates, updateBytes)}
	}
	s.next(&s.in, &s.hot.in)
	s.flags &^= fAsk
	if request == 1 {
		s.flags |= fOwed
	}
	return nil
}
