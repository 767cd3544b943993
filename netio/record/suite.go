package record

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/sha256"
	"crypto/sha512"
	"crypto/tls"
	"encoding/binary"

	"golang.org/x/crypto/chacha20poly1305"
)

// A suite is a row of RFC 8446 appendix B.4.
type suite struct {
	id     uint16
	keyLen int
	hash   int // bytes of the hash, hence of the secrets
	expand func(secret []byte, info string, n int) ([]byte, error)
	aead   func(key []byte) (cipher.AEAD, error)
}

var suites = []suite{
	{tls.TLS_AES_128_GCM_SHA256, 16, sha256.Size, expandSHA256, newGCM},
	{tls.TLS_AES_256_GCM_SHA384, 32, sha512.Size384, expandSHA384, newGCM},
	{tls.TLS_CHACHA20_POLY1305_SHA256, 32, sha256.Size, expandSHA256, chacha20poly1305.New},
}

// Of every suite (RFC 8446 §5.3, RFC 5116 §5, RFC 8439 §2.8).
const (
	ivLen  = 12
	tagLen = 16
)

func expandSHA256(secret []byte, info string, n int) ([]byte, error) {
	return hkdf.Expand(sha256.New, secret, info, n)
}

func expandSHA384(secret []byte, info string, n int) ([]byte, error) {
	return hkdf.Expand(sha512.New384, secret, info, n)
}

func newGCM(key []byte) (cipher.AEAD, error) {
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, err
	}
	return cipher.NewGCM(block)
}

// expandLabel is HKDF-Expand-Label with an empty context (RFC 8446 §7.1).
func (su *suite) expandLabel(secret []byte, label string, n int) ([]byte, error) {
	info := make([]byte, 0, 32)
	info = binary.BigEndian.AppendUint16(info, uint16(n))
	info = append(info, byte(len("tls13 ")+len(label)))
	info = append(append(info, "tls13 "...), label...)
	info = append(info, 0)
	return su.expand(secret, string(info), n)
}

// A direction is the cipher of one direction, with the memory that its calls
// would otherwise allocate.
type direction struct {
	aead  cipher.AEAD // nil: not made yet
	iv    [ivLen]byte
	nonce [ivLen]byte
}

// begin makes the cipher for a traffic secret (RFC 8446 §7.3).
func (d *direction) begin(su *suite, secret []byte) error {
	key, err := su.expandLabel(secret, "key", su.keyLen)
	if err != nil {
		return err
	}
	iv, err := su.expandLabel(secret, "iv", ivLen)
	if err != nil {
		return err
	}
	copy(d.iv[:], iv)
	d.aead, err = su.aead(key)
	clear(key)
	return err
}

// nonceOf returns the nonce of a record (RFC 8446 §5.3), valid until the next
// call.
func (d *direction) nonceOf(seq uint64) []byte {
	d.nonce = d.iv
	tail := d.nonce[ivLen-8:]
	binary.BigEndian.PutUint64(tail, binary.BigEndian.Uint64(tail)^seq)
	return d.nonce[:]
}
