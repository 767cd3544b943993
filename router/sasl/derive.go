package sasl

import (
	"crypto/hmac"
	"crypto/md5"
	"crypto/pbkdf2"
	"crypto/rand"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/binary"
	"errors"
	"fmt"
	"hash"
	"sync"
)

// The habits of the stores here, and of made-up keys.
const (
	// Iterations of PBKDF2: the least that RFC 5802 §5.1 and RFC 7677 §4 allow.
	Iterations = 4096
	// SaltSize in octets.
	SaltSize = 16
)

// MaxIterations bounds what DeriveScram will compute.
const MaxIterations = 10_000_000

// hashes is indexed by Hash.
var hashes = [...]struct {
	name string
	size int
	new  func() hash.Hash
	can  Capability
}{
	SHA1:   {"SHA-1", sha1.Size, sha1.New, CanScramSHA1},
	SHA256: {"SHA-256", sha256.Size, sha256.New, CanScramSHA256},
	SHA512: {"SHA-512", sha512.Size, sha512.New, CanScramSHA512},
}

// String is the name as in mechanism names: "SHA-256".
func (h Hash) String() string {
	if int(h) >= len(hashes) {
		return fmt.Sprintf("Hash(%d)", uint8(h))
	}
	return hashes[h].name
}

// Size is the length of keys in octets; 0 for an unknown hash.
func (h Hash) Size() int {
	if int(h) >= len(hashes) {
		return 0
	}
	return hashes[h].size
}

// DeriveScram prepares password (OpaqueString, RFC 8265 §4.2) and computes the
// keys for it (RFC 5802 §3). salt is kept in the result. It fails for a
// password that cannot be prepared, an unknown hash, an empty salt and for
// iterations outside 1 … MaxIterations.
func DeriveScram(h Hash, password string, salt []byte, iterations int) (Keys, error) {
	p, err := prepPassword(password)
	if err != nil {
		return Keys{}, fmt.Errorf("%w: %w", errPass, err)
	}
	return derive(h, p, salt, iterations)
}

// derive is DeriveScram for a prepared password.
func derive(h Hash, password string, salt []byte, iterations int) (Keys, error) {
	switch {
	case h.Size() == 0:
		return Keys{}, fmt.Errorf("scram: unknown hash %s", h)
	case len(salt) == 0:
		return Keys{}, errors.New("scram: the salt is empty")
	case iterations < 1 || iterations > MaxIterations:
		return Keys{}, fmt.Errorf("scram: iteration count %d is not in 1 to %d", iterations, MaxIterations)
	}
	salted, err := pbkdf2.Key(hashes[h].new, password, salt, iterations, h.Size())
	if err != nil {
		return Keys{}, fmt.Errorf("scram: %w", err)
	}
	client := mac(h, salted, "Client Key")
	stored := hashes[h].new()
	stored.Write(client)
	return Keys{
		Salt:       salt,
		StoredKey:  stored.Sum(nil),
		ServerKey:  mac(h, salted, "Server Key"),
		Iterations: iterations,
	}, nil
}

// HA1 is what DIGEST-MD5 keeps of a password: MD5(user ":" realm ":" password),
// each of them in ISO 8859-1 when all of it fits there (RFC 2831 §2.1.2.1). The
// password is prepared first; the error says that it cannot be.
func HA1(user, realm, password string) ([16]byte, error) {
	p, err := prepPassword(password)
	if err != nil {
		return [16]byte{}, fmt.Errorf("%w: %w", errPass, err)
	}
	return ha1(user, realm, p), nil
}

func ha1(user, realm, password string) [16]byte {
	return md5.Sum([]byte(latin1(user) + ":" + latin1(realm) + ":" + latin1(password)))
}

// latin1 is s in ISO 8859-1, or s itself when it does not fit.
func latin1(s string) string {
	b := make([]byte, 0, len(s))
	for _, r := range s {
		if r > 0xFF {
			return s
		}
		b = append(b, byte(r))
	}
	return string(b)
}

// Decoys makes up credentials for names that have none, the same ones for the
// same name at any time.
type Decoys struct{ secret []byte }

// NewDecoys uses secret, which nobody else may know; nil: a random one. A store
// whose salts outlive the process keeps the secret with them.
func NewDecoys(secret []byte) *Decoys {
	if secret == nil {
		secret = make([]byte, 32)
		rand.Read(secret) // never fails (crypto/rand)
	}
	return &Decoys{secret: append([]byte(nil), secret...)}
}

// Salt is 16 octets.
func (d *Decoys) Salt(user, domain string, h Hash) []byte {
	return d.sum(fmt.Sprintf("salt %s", h), user, domain)[:SaltSize]
}

// Keys are keys that no password fits.
func (d *Decoys) Keys(user, domain string, h Hash, iterations int) Keys {
	stored, server := d.sum("stored", user, domain), d.sum("server", user, domain)
	return Keys{
		Salt:       d.Salt(user, domain, h),
		StoredKey:  append([]byte(nil), stored[:h.Size()]...),
		ServerKey:  append([]byte(nil), server[:h.Size()]...),
		Iterations: iterations,
	}
}

// HA1 is a value that no password fits.
func (d *Decoys) HA1(user, domain, realm string) (ha1 [16]byte) {
	copy(ha1[:], d.sum("ha1", user, domain, realm))
	return ha1
}

// sum is 64 octets that depend on the secret and every part.
func (d *Decoys) sum(parts ...string) []byte {
	m := hmac.New(sha512.New, d.secret)
	var n [4]byte
	for _, p := range parts {
		binary.BigEndian.PutUint32(n[:], uint32(len(p)))
		m.Write(n[:])
		m.Write([]byte(p))
	}
	return m.Sum(nil)
}

// processDecoys covers for stores that have no Decoys of their own.
var processDecoys = sync.OnceValue(func() *Decoys { return NewDecoys(nil) })

func mac(h Hash, key []byte, s string) []byte {
	m := hmac.New(hashes[h].new, key)
	m.Write([]byte(s))
	return m.Sum(nil)
}
