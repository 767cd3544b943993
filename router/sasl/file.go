package sasl

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
)

// maxCached bounds the derived keys that a File keeps: about 400 octets each.
const maxCached = 4096

// A File is a Store over a flat file (file:///path), one account a line:
//
//	# comment
//	juliet:r0m30
//	romeo@example.com:juli3t
//
// A user without domain is one in every served domain, except where a line
// for user@domain says otherwise. The password is everything after the colon.
// Users and passwords are prepared when the file is loaded; SCRAM keys are made
// at login, with a salt that stays the same until the process ends.
type File struct {
	path   string
	hashed bool
	decoys *Decoys
	secret [32]byte // for comparing passwords
	now    atomic.Pointer[fileState]
	derive func(h Hash, password string, salt []byte, iterations int) (Keys, error) // counted by tests
}

// fileState is one reading of the file.
type fileState struct {
	users *index

	mu    sync.Mutex // guards cache; never held while deriving
	cache map[cacheKey]Keys
}

type cacheKey struct {
	user, domain string
	hash         Hash
}

// OpenFile reads a file of clear-text passwords. It can verify, and make the
// keys for every SCRAM hash and for DIGEST-MD5. Errors name path and line.
func OpenFile(path string) (*File, error) { return openFile(path, false) }

// OpenFileHashed reads a file that has in place of each password the
// hexadecimal MD5 of user:realm:password, where realm is the one of the
// listener. It can do DIGEST-MD5 alone. Errors name path and line.
func OpenFileHashed(path string) (*File, error) { return openFile(path, true) }

func openFile(path string, hashed bool) (*File, error) {
	f := &File{path: path, hashed: hashed, decoys: NewDecoys(nil), derive: derive}
	rand.Read(f.secret[:]) // never fails (crypto/rand)
	if err := f.Reload(); err != nil {
		return nil, err
	}
	return f, nil
}

// Reload reads the file again. On an error what was read before stays.
func (f *File) Reload() error {
	use, err := f.Fresh()
	if err == nil {
		use()
	}
	return err
}

// Fresh is the first half of Reload: it reads the file. use is the second half, for when everything else
// that changes at the same time has been read, too.
func (f *File) Fresh() (use func(), err error) {
	users, err := readIndex(f.path, f.line)
	return func() { f.now.Store(&fileState{users: users, cache: map[cacheKey]Keys{}}) }, err
}

// Len is the number of accounts in the file.
func (f *File) Len() int { return len(f.now.Load().users.at) }

// line reads "user:password" or "user@domain:password".
func (f *File) line(s string) (key, val string, err error) {
	name, password, ok := cutAccount(s)
	if !ok {
		return "", "", errors.New("there is no colon; write user:password")
	}
	if strings.Contains(name, "@") {
		var domain string
		key, domain, err = splitBare(name)
		key += "@" + domain
	} else {
		key, err = prepUser(name)
	}
	if err != nil {
		return "", "", fmt.Errorf("user %q: %w", name, err)
	}
	if password == "" {
		return "", "", fmt.Errorf("user %q has no password", name)
	}
	if f.hashed {
		raw, err := hex.DecodeString(password)
		if err != nil || len(raw) != 16 {
			return "", "", fmt.Errorf("user %q: the value is not 32 hexadecimal digits; for clear text set stored_cleartext", name)
		}
		return key, string(raw), nil
	}
	if val, err = prepPassword(password); err != nil {
		return "", "", fmt.Errorf("user %q: the password cannot be used: %w", name, err)
	}
	return key, val, nil
}

// cutAccount cuts at the first colon that is not inside an [IPv6] domain.
func cutAccount(s string) (name, rest string, ok bool) {
	start := 0
	if at := strings.Index(s, "@["); at >= 0 && at < strings.IndexByte(s, ':') {
		end := strings.IndexByte(s[at:], ']')
		if end < 0 {
			return "", "", false
		}
		start = at + end
	}
	i := strings.IndexByte(s[start:], ':')
	if i < 0 {
		return "", "", false
	}
	return s[:start+i], s[start+i+1:], true
}

// find returns what the file has for a user; both ways are always looked up.
func (st *fileState) find(user, domain string) (string, bool) {
	all, ok := st.users.find(user)
	if here, scoped := st.users.find(user + "@" + prepDomain(domain)); scoped {
		return here, true
	}
	return all, ok
}

// Can implements Store.
func (f *File) Can() Capability {
	if f.hashed {
		return CanDigest
	}
	return CanVerify | CanScramSHA1 | CanScramSHA256 | CanScramSHA512 | CanDigest
}

// Verify implements Store.
func (f *File) Verify(_ context.Context, user, domain, password string) error {
	if f.hashed {
		return errNot(f.path, "PLAIN")
	}
	given, bad := prepPassword(password)
	stored, ok := f.now.Load().find(user, domain)
	same := hmac.Equal(f.blind(given), f.blind(stored))
	switch {
	case !ok:
		return ErrNoUser
	case bad != nil || !same:
		return ErrPassword
	}
	return nil
}

// blind makes values of one length out of passwords, so that comparing them
// takes the same time whatever they are.
func (f *File) blind(s string) []byte {
	m := hmac.New(sha256.New, f.secret[:])
	m.Write([]byte(s))
	return m.Sum(nil)
}

// Salt implements Salter.
func (f *File) Salt(user, domain string, h Hash) ([]byte, int) {
	return f.decoys.Salt(user, domain, h), Iterations
}

// Scram implements Store. It derives keys for an unknown user too.
func (f *File) Scram(ctx context.Context, user, domain string, h Hash) (Keys, error) {
	if f.hashed {
		return Keys{}, errNot(f.path, "SCRAM")
	}
	if err := ctx.Err(); err != nil {
		return Keys{}, err
	}
	st := f.now.Load()
	at := cacheKey{user, domain, h}
	password, known := st.find(user, domain)
	salt, iterations := f.Salt(user, domain, h)
	if k, ok := st.cached(at); ok {
		k.pay = func() { f.derive(h, password, salt, iterations) } // for its time only
		return k, nil
	}
	k, err := f.derive(h, password, salt, iterations)
	if err != nil {
		return Keys{}, err
	}
	if !known {
		return f.decoys.Keys(user, domain, h, iterations), ErrNoUser
	}
	st.keep(at, k)
	return k, nil
}

func (st *fileState) cached(at cacheKey) (Keys, bool) {
	st.mu.Lock()
	defer st.mu.Unlock()
	k, ok := st.cache[at]
	return k, ok
}

// keep adds k, in place of any other when the cache is full.
func (st *fileState) keep(at cacheKey, k Keys) {
	at.user, at.domain = strings.Clone(at.user), strings.Clone(at.domain)
	st.mu.Lock()
	defer st.mu.Unlock()
	if len(st.cache) >= maxCached {
		for old := range st.cache {
			delete(st.cache, old)
			break
		}
	}
	st.cache[at] = k
}

// Digest implements Store.
func (f *File) Digest(_ context.Context, user, domain, realm string) (sum [16]byte, err error) {
	stored, ok := f.now.Load().find(user, domain)
	if f.hashed {
		copy(sum[:], stored)
	} else {
		sum = ha1(user, realm, stored)
	}
	if !ok {
		return [16]byte{}, ErrNoUser
	}
	return sum, nil
}

func errNot(path, what string) error {
	return fmt.Errorf("%s holds hashes for DIGEST-MD5, which %s cannot use", path, what)
}
