package load

import (
	"encoding/base64"
	"encoding/binary"
	"hash/crc32"
)

// A stamp is what a message or a presence carries in front of its text: enough for the receiver to know what it has got.
// On the wire it is 48 letters of base64: 36 bytes, big-endian, the last four a CRC-32C over the others and the text behind.
type stamp struct {
	run      uint32
	sender   uint32 // session, by its number in the Engine
	receiver uint32 // likewise; everybody for a broadcast
	seq      uint32 // of the flow, or of the sender's broadcasts
	intended int64  // nanoseconds since the Engine began; negative: it was not scheduled
	sent     int64
}

const (
	everybody = ^uint32(0)
	stampRaw  = 36
	stampText = stampRaw / 3 * 4
)

// base64 without letters that XML or URLs escape.
var letters = base64.URLEncoding

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// filler is the text behind a stamp, from some letter on, over and over.
const filler = "The quick roost keeps a million sleeping birds and wakes the one that is called by its name. "

// rawStamp is room for a stamp's bytes: the CRC's assembly would move a local one to the heap.
type rawStamp [stampRaw]byte

// appendBody appends st and text up to size bytes.
func (st *stamp) appendBody(b []byte, size int, raw *rawStamp) []byte {
	binary.BigEndian.PutUint32(raw[0:], st.run)
	binary.BigEndian.PutUint32(raw[4:], st.sender)
	binary.BigEndian.PutUint32(raw[8:], st.receiver)
	binary.BigEndian.PutUint32(raw[12:], st.seq)
	binary.BigEndian.PutUint64(raw[16:], uint64(st.intended))
	binary.BigEndian.PutUint64(raw[24:], uint64(st.sent))
	at := len(b)
	for range stampText {
		b = append(b, 0)
	}
	from := int(st.seq) % len(filler)
	for n := size - stampText; n > 0; from = 0 {
		part := filler[from:min(len(filler), from+n)]
		b = append(b, part...)
		n -= len(part)
	}
	sum := crc32.Update(crc32.Checksum(raw[:stampRaw-4], castagnoli), castagnoli, b[at+stampText:])
	binary.BigEndian.PutUint32(raw[stampRaw-4:], sum)
	letters.Encode(b[at:at+stampText], raw[:])
	return b
}

// A reading says what a text turned out to be.
type reading uint8

const (
	isOurs   reading = iota // whole, and of this run
	isBroken                // not as anybody has sent it
	isForeign
)

// read reads a body: isForeign for a whole stamp of another run.
func (st *stamp) read(body []byte, run uint32, raw *rawStamp) reading {
	if len(body) < stampText {
		return isBroken
	}
	if n, err := letters.Decode(raw[:], body[:stampText]); err != nil || n != stampRaw {
		return isBroken
	}
	sum := crc32.Update(crc32.Checksum(raw[:stampRaw-4], castagnoli), castagnoli, body[stampText:])
	if sum != binary.BigEndian.Uint32(raw[stampRaw-4:]) {
		return isBroken
	}
	st.run = binary.BigEndian.Uint32(raw[0:])
	st.sender = binary.BigEndian.Uint32(raw[4:])
	st.receiver = binary.BigEndian.Uint32(raw[8:])
	st.seq = binary.BigEndian.Uint32(raw[12:])
	st.intended = int64(binary.BigEndian.Uint64(raw[16:]))
	st.sent = int64(binary.BigEndian.Uint64(raw[24:]))
	if st.run != run {
		return isForeign
	}
	return isOurs
}
