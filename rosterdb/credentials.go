package rosterdb

import (
	"errors"
	"fmt"
	"maps"
	"slices"

	"roost/xmlstream/jid"
)

// Credentials is what an account proves itself with, as it is carried from one
// server to another (XEP-0227): a password, or SCRAM keys.
type Credentials struct {
	// Password in clear text; of an account that was imported and not used since. "" with keys.
	Password string
	// Keys by hash: "SHA-1", "SHA-256", "SHA-512".
	Keys map[string]ScramKeys
	// Digests is how many secrets of DIGEST-MD5 the account keeps beside them; PutCredentials does not look at it.
	Digests int
}

// IsZero reports whether nobody can log in with c.
func (c Credentials) IsZero() bool { return c.Password == "" && len(c.Keys) == 0 }

// MaxIterations bounds the cost of keys that come from elsewhere: each login by password pays it.
const MaxIterations = 1_000_000

const maxSalt = 1024 // bytes of a salt from elsewhere

// keyLen is the length of the keys of a hash in bytes.
var keyLen = map[string]int{"SHA-1": 20, "SHA-256": 32, "SHA-512": 64}

// Hashes are the SCRAM hashes that an account may keep keys of.
func Hashes() []string { return slices.Clone(hashes[:]) }

// Check says what is wrong with keys that come from elsewhere.
func (k ScramKeys) Check(hash string) error {
	n, known := keyLen[hash]
	switch {
	case !known:
		return fmt.Errorf("SCRAM keys for %q are not kept", hash)
	case k.Iterations < 1 || k.Iterations > MaxIterations:
		return fmt.Errorf("SCRAM keys for %s: %d iterations; 1 to %d are allowed", hash, k.Iterations, MaxIterations)
	case len(k.Salt) == 0 || len(k.Salt) > maxSalt:
		return fmt.Errorf("SCRAM keys for %s: a salt of %d bytes; 1 to %d are allowed", hash, len(k.Salt), maxSalt)
	case len(k.StoredKey) != n || len(k.ServerKey) != n:
		return fmt.Errorf("SCRAM keys for %s: keys of %d and %d bytes; it makes %d", hash, len(k.StoredKey), len(k.ServerKey), n)
	}
	return nil
}

// PutCredentials makes an account, or replaces its secrets; the rest of the
// account stays. A password is sealed as by ImportAccounts, and keys beside it are
// not kept: the first login makes them of it. Of keys alone the digest realms of
// o cannot be made. An account with the keys of some hashes only gets the others
// when somebody logs in by password.
func (db *DB) PutCredentials(j jid.JID, c Credentials, o AccountOptions) error {
	a := account{keys: c.Keys}
	switch {
	case c.IsZero():
		return fmt.Errorf("account %s: there is neither a password nor a key", j.Bare())
	case j.IsZero() || j.Local() == "":
		return fmt.Errorf("account %q: an account is local@domain", j)
	case c.Password != "":
		if err := checkAccount(j, c.Password); err != nil {
			return err
		}
		prepared, err := db.prepare(c.Password)
		if err != nil {
			return fmt.Errorf("account %s: password: %w", j.Bare(), err)
		}
		gcm, err := db.aead(!db.o.ReadOnly)
		if err != nil {
			return err
		}
		a = account{sealed: sealPassword(gcm, j, prepared), realms: db.realms(j, c.Password, o)}
	}
	for _, hash := range slices.Sorted(maps.Keys(a.keys)) {
		if err := a.keys[hash].Check(hash); err != nil {
			return fmt.Errorf("account %s: %w", j.Bare(), err)
		}
	}
	key, rec := userKey(kindAccount, j), a.encode()
	return db.update(func(t *tx) error {
		t.set(key, rec)
		return nil
	})
}

// credentials are those of a stored record.
func (db *DB) credentials(j jid.JID, b []byte) (Credentials, error) {
	a, err := decodeAccount(b)
	if err != nil {
		return Credentials{}, fmt.Errorf("account %s: %w: %w", j.Bare(), ErrCorrupt, err)
	}
	c := Credentials{Keys: a.keys, Digests: len(a.realms)}
	if a.sealed != nil {
		c.Password, err = db.openPassword(j, a.sealed)
	}
	return c, err
}

// plainKeys are the keys that a plain password is checked with.
func (a *account) plainKeys() (hash string, k ScramKeys, ok bool) {
	if k, ok = a.keys[verifyHash]; ok {
		return verifyHash, k, true
	}
	for _, hash := range hashes {
		if k, ok = a.keys[hash]; ok {
			return hash, k, true
		}
	}
	return "", ScramKeys{}, false
}

// ErrNoKeys: the account has keys, and none for this hash.
var ErrNoKeys = errors.New("account keeps no SCRAM keys for this hash")
