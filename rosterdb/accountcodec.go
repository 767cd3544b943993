package rosterdb

import (
	"encoding/binary"
	"fmt"
)

// hashes are the SCRAM hashes that an account keeps keys for; the index + 1 is
// their number in the record. New ones go to the end.
var hashes = [...]string{"SHA-1", "SHA-256", "SHA-512"}

// verifyHash is the one that a plain password is checked with.
const verifyHash = "SHA-256"

// account is a decoded account record. Version 1:
//
//	byte    1              version
//	byte    kind           1 keys, 2 sealed
//	string  sealed         kind 2: nonce and AES-GCM of the password
//	number  n              kind 1: keys; each: number hash, number iterations,
//	                       string salt, string stored key, string server key
//	number  n              realms; each: string realm, 16 bytes HA1
type account struct {
	sealed []byte               // nil when there are keys
	keys   map[string]ScramKeys // by hash
	realms []realmHA1
}

type realmHA1 struct {
	realm string
	ha1   [16]byte
}

const (
	accountV1     = 1
	accountKeys   = 1
	accountSealed = 2
)

func (a *account) encode() []byte {
	b := []byte{accountV1, accountKeys}
	if a.sealed != nil {
		b[1] = accountSealed
		b = appendString(b, a.sealed)
	} else {
		b = binary.AppendUvarint(b, uint64(len(a.keys)))
		for i, hash := range hashes {
			k, ok := a.keys[hash]
			if !ok {
				continue
			}
			b = binary.AppendUvarint(b, uint64(i+1))
			b = binary.AppendUvarint(b, uint64(k.Iterations))
			b = appendString(b, k.Salt)
			b = appendString(b, k.StoredKey)
			b = appendString(b, k.ServerKey)
		}
	}
	b = binary.AppendUvarint(b, uint64(len(a.realms)))
	for _, r := range a.realms {
		b = appendString(b, r.realm)
		b = append(b, r.ha1[:]...)
	}
	return b
}

// decodeAccount reads a record; the result owns its memory.
func decodeAccount(b []byte) (*account, error) {
	d := decoder{b: b}
	if v := d.byte(); v != accountV1 {
		return nil, fmt.Errorf("account record version %d, this program knows 1", v)
	}
	a := &account{}
	switch kind := d.byte(); kind {
	case accountSealed:
		a.sealed = append([]byte{}, d.bytes()...)
	case accountKeys:
		a.keys = map[string]ScramKeys{}
		for n := d.number(); n > 0 && d.err == nil; n-- {
			hash := d.number()
			k := ScramKeys{Iterations: int(min(d.number(), 1<<31-1)), Salt: d.owned(), StoredKey: d.owned(), ServerKey: d.owned()}
			if hash >= 1 && hash <= uint64(len(hashes)) {
				a.keys[hashes[hash-1]] = k
			}
		}
	default:
		return nil, fmt.Errorf("account record of kind %d", kind)
	}
	for n := d.number(); n > 0 && d.err == nil; n-- {
		r := realmHA1{realm: string(d.bytes())}
		copy(r.ha1[:], d.take(16))
		a.realms = append(a.realms, r)
	}
	if d.err != nil {
		return nil, d.err
	}
	if len(d.b) != 0 {
		return nil, fmt.Errorf("%d bytes too many in an account record", len(d.b))
	}
	return a, nil
}
