package rosterdb

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"strings"

	"roost/xmlstream/jid"
)

// Key kinds: the first byte of every key. The layout is drawn in DESIGN.md.
const (
	kindRoster  = 'r' // r domain 0 local              record (codec.go)
	kindAccount = 'a' // a domain 0 local              account (accountcodec.go)
	kindQueue   = 'q' // q domain 0 local              what lies in o (offline.go)
	kindOffline = 'o' // o domain 0 local 0 seq(8, BE)   one stanza
	kindBlob    = 'b' // b domain 0 local 0 namespace  one document
	kindStore   = 's' // s format, s versions          version of this layout, past versions (past.go)
)

// storeFormat is the value of the key "sformat".
const storeFormat = "1"

// domainPrefix is the start of the keys of one domain, of all with "".
func domainPrefix(kind byte, domain string) []byte {
	k := append([]byte{kind}, domain...)
	if domain != "" {
		k = append(k, 0)
	}
	return k
}

// userKey is the key of one account. Prepared addresses hold no NUL (RFC 7622
// §3.3.1, §3.2.1), so that no key is the start of another one's.
func userKey(kind byte, j jid.JID) []byte {
	d, l := j.Domain(), j.Local()
	k := make([]byte, 0, 2+len(d)+len(l))
	k = append(append(k, kind), d...)
	return append(append(k, 0), l...)
}

// partKey is a key below an account.
func partKey(kind byte, j jid.JID, part string) []byte {
	return append(append(userKey(kind, j), 0), part...)
}

func offlineKey(j jid.JID, seq uint64) []byte {
	return binary.BigEndian.AppendUint64(partKey(kindOffline, j, ""), seq)
}

// keyOwner reads the account back out of a userKey.
func keyOwner(key []byte) (jid.JID, error) {
	domain, local, ok := bytes.Cut(key[1:], []byte{0})
	if !ok {
		return jid.JID{}, fmt.Errorf("key %q has no owner", key)
	}
	if len(local) == 0 {
		return jid.ParseBytes(domain)
	}
	var b strings.Builder
	b.Grow(len(local) + 1 + len(domain))
	b.Write(local)
	b.WriteByte('@')
	b.Write(domain)
	return jid.Parse(b.String())
}

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// seal appends the checksum of key and value: Badger does not check what it
// reads unless it checks whole tables at each start.
func seal(key, value []byte) []byte {
	out := make([]byte, 0, len(value)+4)
	return binary.LittleEndian.AppendUint32(append(out, value...), sum(key, value))
}

// unseal checks and cuts off what seal appended.
func unseal(key, stored []byte) ([]byte, error) {
	n := len(stored) - 4
	if n < 0 {
		return nil, fmt.Errorf("key %q: %w: value of %d bytes", key, ErrCorrupt, len(stored))
	}
	if got, want := binary.LittleEndian.Uint32(stored[n:]), sum(key, stored[:n]); got != want {
		return nil, fmt.Errorf("key %q: %w: checksum %08x, want %08x", key, ErrCorrupt, got, want)
	}
	return stored[:n:n], nil
}

func sum(key, value []byte) uint32 {
	return crc32.Update(crc32.Checksum(key, castagnoli), castagnoli, value)
}
