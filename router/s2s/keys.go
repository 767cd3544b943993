package s2s

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
)

// keyLen is the length of a dialback key, in bytes.
const keyLen = 2 * sha256.Size

// A Secret is what dialback keys are made with: the hash of the words that the configuration has.
type Secret [keyLen]byte

// NewSecret makes the Secret behind words; without any it is random, and good for this process.
func NewSecret(words string) (s Secret) {
	if words == "" {
		words = rand.Text() + rand.Text()
	}
	sum := sha256.Sum256([]byte(words))
	hex.Encode(s[:], sum[:])
	return s
}

// Key is the dialback key for a stream (XEP-0185 §3): HMAC-SHA256, in hexadecimal, over the receiving
// domain, the originating domain and the stream id that the receiving server gave.
func (s *Secret) Key(receiving, originating, id string) string {
	m := hmac.New(sha256.New, s[:])
	m.Write([]byte(receiving + " " + originating + " " + id))
	return hex.EncodeToString(m.Sum(nil))
}

// Holds reports whether key is the one for that stream. The time it takes does not depend on where
// they differ.
func (s *Secret) Holds(key, receiving, originating, id string) bool {
	return hmac.Equal([]byte(key), []byte(s.Key(receiving, originating, id)))
}
