package sasl

import (
	"context"
	"crypto/hmac"
	"crypto/md5"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
)

// A DigestFile is a Store over a file as htdigest writes it (digest:///path),
// one line for each user and realm:
//
//	# comment
//	juliet:example.com:0e3d1e1c6a2bd9a5d1c1d3bb6ab6a6c4
//
// the last field being the MD5 of user:realm:password. It can do DIGEST-MD5,
// and PLAIN by computing the same. A user's line counts in every served domain
// unless there is one whose realm is that domain; then only that one does.
type DigestFile struct {
	path string
	now  atomic.Pointer[index] // user NUL realm → 16 octets
}

// OpenDigest reads the file. Errors name path and line.
func OpenDigest(path string) (*DigestFile, error) {
	f := &DigestFile{path: path}
	if err := f.Reload(); err != nil {
		return nil, err
	}
	return f, nil
}

// Reload reads the file again. On an error what was read before stays.
func (f *DigestFile) Reload() error {
	use, err := f.Fresh()
	if err == nil {
		use()
	}
	return err
}

// Fresh is the first half of Reload, as that of File.
func (f *DigestFile) Fresh() (use func(), err error) {
	x, err := readIndex(f.path, digestLine)
	return func() { f.now.Store(x) }, err
}

// Len is the number of lines that count.
func (f *DigestFile) Len() int { return len(f.now.Load().at) }

// digestLine reads "user:realm:HEX". A realm may have colons.
func digestLine(s string) (key, val string, err error) {
	user, rest, _ := strings.Cut(s, ":")
	i := strings.LastIndexByte(rest, ':')
	if i < 0 {
		return "", "", errors.New("write user:realm:HEX, as htdigest does")
	}
	realm, sum := rest[:i], rest[i+1:]
	if key, err = prepUser(user); err != nil {
		return "", "", fmt.Errorf("user %q: %w", user, err)
	}
	raw, err := hex.DecodeString(strings.TrimSpace(sum))
	if err != nil || len(raw) != 16 {
		return "", "", fmt.Errorf("user %q: the last field is not 32 hexadecimal digits", user)
	}
	if strings.IndexByte(realm, 0) >= 0 {
		return "", "", fmt.Errorf("user %q: the realm has a NUL", user)
	}
	return key + "\x00" + realm, string(raw), nil
}

// Can implements Store.
func (f *DigestFile) Can() Capability { return CanVerify | CanDigest }

// Digest implements Store.
func (f *DigestFile) Digest(_ context.Context, user, _, realm string) (sum [16]byte, err error) {
	val, ok := f.now.Load().find(user + "\x00" + realm)
	copy(sum[:], val)
	if !ok {
		return [16]byte{}, ErrNoUser
	}
	return sum, nil
}

// Verify implements Store.
func (f *DigestFile) Verify(_ context.Context, user, domain, password string) error {
	x := f.now.Load()
	given, bad := prepPassword(password)
	if val, ok := x.find(user + "\x00" + domain); ok {
		return verdict(fits(user, domain, given, val) && bad == nil)
	}
	known, fit := false, false
	prefix := user + "\x00"
	for i := x.from(prefix); i < len(x.at); i++ {
		realm, ok := strings.CutPrefix(x.key(x.at[i]), prefix)
		if !ok {
			break
		}
		known = true
		if fits(user, realm, given, x.val(x.at[i])) {
			fit = true
		}
	}
	if !known {
		fits(user, domain, given, "") // the same work as for one line
		return ErrNoUser
	}
	return verdict(fit && bad == nil)
}

func verdict(right bool) error {
	if right {
		return nil
	}
	return ErrPassword
}

// fits reports whether sum is the one for a prepared password. Tools hash what
// the terminal gives, mostly UTF-8, and RFC 2831 says ISO 8859-1: both count.
func fits(user, realm, password, sum string) bool {
	a := ha1(user, realm, password)
	b := md5.Sum([]byte(user + ":" + realm + ":" + password))
	asRFC, asTyped := hmac.Equal(a[:], []byte(sum)), hmac.Equal(b[:], []byte(sum))
	return asRFC || asTyped
}

// Scram implements Store; there is nothing to make keys of.
func (f *DigestFile) Scram(context.Context, string, string, Hash) (Keys, error) {
	return Keys{}, errNot(f.path, "SCRAM")
}
