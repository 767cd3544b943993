package record

import (
	"encoding/binary"
	"slices"
)

// Owes says that AppendUpdate has something to append: the peer has asked for
// it, or a key has done its work.
func (s *State) Owes() bool {
	return s.flags&fDead == 0 && (s.flags&(fOwed|fAsk) != 0 || s.out.seq >= rekeyAfter)
}

// AppendUpdate appends a KeyUpdate to dst when one is due, and moves on to the
// next key. It must have been called before a batch of records: of less than
// 2^23, for the limits' sake. However many requests have come, one answer does
// (RFC 8446 §4.6.3).
func (s *State) AppendUpdate(dst []byte) []byte {
	if !s.Owes() {
		return dst
	}
	var request byte
	if s.flags&fAsk != 0 {
		request = 1
	}
	dst = s.append(dst, kindHandshake, keyUpdate, 0, 0, 1, request)
	s.flags &^= fOwed | fAsk
	s.next(&s.out, &s.hot.out)
	return dst
}

// Levels of alerts (RFC 8446 §6).
const (
	warning = 1
	fatal   = 2
)

// AppendAlert appends the alert of an *Error. Nothing may follow it.
func (s *State) AppendAlert(dst []byte, a Alert) []byte { return s.appendAlert(dst, fatal, a) }

// AppendClose appends a close_notify, after which this end sends no more
// (RFC 8446 §6.1). After an alert there is none.
func (s *State) AppendClose(dst []byte) []byte { return s.appendAlert(dst, warning, closeNotify) }

func (s *State) appendAlert(dst []byte, level byte, a Alert) []byte {
	if s.flags&fDead != 0 {
		return dst
	}
	dst = s.append(dst, kindAlert, level, byte(a))
	s.flags |= fDead
	return dst
}

// Dead says that an alert was appended: nothing may be sealed any more.
func (s *State) Dead() bool { return s.flags&fDead != 0 }

// Seal makes a record of application data in place and returns it: b is
// HeaderLen bytes of room, at most MaxPlaintext bytes of data, and TrailerLen
// bytes of capacity more.
func (s *State) Seal(b []byte) []byte { return s.seal(b, kindData) }

func (s *State) append(dst []byte, kind byte, content ...byte) []byte {
	at := len(dst)
	dst = slices.Grow(dst, HeaderLen+len(content)+TrailerLen)
	dst = append(dst[:at+HeaderLen], content...)
	return dst[:at+len(s.seal(dst[at:], kind))]
}

func (s *State) seal(b []byte, kind byte) []byte {
	d := s.sealer()
	b = append(b, kind)
	b[0], b[1], b[2] = kindData, 3, 3 // RFC 8446 §5.2
	binary.BigEndian.PutUint16(b[3:], uint16(len(b)-HeaderLen+tagLen))
	b = d.aead.Seal(b[:HeaderLen], d.nonceOf(s.out.seq), b[HeaderLen:], b[:HeaderLen])
	s.out.seq++
	return b
}
