package rosterdb

import (
	"bytes"
	"crypto/md5"
	"crypto/rand"
	"crypto/subtle"
	"errors"
	"fmt"
	"iter"

	"roost/xmlstream/jid"
)

// importChunk is how many accounts one change of an import holds.
const importChunk = 1000

// maxPassword bounds a password in bytes, before it costs anything.
const maxPassword = 1024

var errNoDerive = errors.New("store was opened without Options.Derive")

// CreateAccount implements Store.
func (db *DB) CreateAccount(j jid.JID, password string, o AccountOptions) error {
	return db.putAccount(j, password, o, func(exists bool) error {
		if exists {
			return fmt.Errorf("account %s: %w", j.Bare(), ErrExists)
		}
		return nil
	})
}

// SetPassword implements Store.
func (db *DB) SetPassword(j jid.JID, password string, o AccountOptions) error {
	return db.putAccount(j, password, o, func(exists bool) error {
		if !exists {
			return noAccount(j)
		}
		return nil
	})
}

func noAccount(j jid.JID) error { return fmt.Errorf("account %s: %w", j.Bare(), ErrNoAccount) }

// putAccount derives the keys first: that is slow, and the committer is not to wait.
func (db *DB) putAccount(j jid.JID, password string, o AccountOptions, check func(exists bool) error) error {
	if err := checkAccount(j, password); err != nil {
		return err
	}
	key := userKey(kindAccount, j)
	was, err := db.get(key)
	if err == nil {
		err = check(was != nil) // before the work; again below
	}
	if err != nil {
		return err
	}
	keys, err := db.derive(password)
	if err != nil {
		return fmt.Errorf("account %s: %w", j.Bare(), err)
	}
	rec := (&account{keys: keys, realms: db.realms(j, password, o)}).encode()
	return db.update(func(t *tx) error {
		was, err := t.get(key)
		if err == nil {
			err = check(was != nil)
		}
		if err == nil {
			t.set(key, rec)
		}
		return err
	})
}

func checkAccount(j jid.JID, password string) error {
	switch {
	case j.IsZero() || j.Local() == "":
		return fmt.Errorf("account %q: an account is local@domain", j)
	case password == "":
		return fmt.Errorf("account %s: the password is empty", j.Bare())
	case len(password) > maxPassword:
		return fmt.Errorf("account %s: %w: password of %d bytes, the limit is %d", j.Bare(), ErrTooBig, len(password), maxPassword)
	}
	return nil
}

// derive makes the keys for all hashes, each with a salt of its own.
func (db *DB) derive(password string) (map[string]ScramKeys, error) {
	if db.o.Derive == nil {
		return nil, errNoDerive
	}
	keys := make(map[string]ScramKeys, len(hashes))
	for _, hash := range hashes {
		k := ScramKeys{Salt: make([]byte, 16), Iterations: db.o.Iterations}
		rand.Read(k.Salt)
		var err error
		if k.StoredKey, k.ServerKey, err = db.o.Derive(hash, password, k.Salt, k.Iterations); err != nil {
			return nil, fmt.Errorf("password: %w", err)
		}
		keys[hash] = k
	}
	return keys, nil
}

func (db *DB) realms(j jid.JID, password string, o AccountOptions) []realmHA1 {
	var out []realmHA1
	for _, realm := range o.DigestRealms {
		out = append(out, realmHA1{realm, db.ha1(j.Local(), realm, password)})
	}
	return out
}

func (db *DB) ha1(user, realm, password string) [16]byte {
	if db.o.HA1 != nil {
		return db.o.HA1(user, realm, password)
	}
	return md5.Sum([]byte(user + ":" + realm + ":" + password)) // RFC 2831 §2.1.2.1
}

// ImportAccounts implements Store. The passwords are sealed with account.key
// and derived at the first login: three PBKDF2 for each would take minutes.
func (db *DB) ImportAccounts(seq iter.Seq2[jid.JID, string], o AccountOptions) (n int, err error) {
	gcm, err := db.aead(!db.o.ReadOnly)
	if err != nil {
		return 0, err
	}
	type entry struct{ key, rec []byte }
	chunk := make([]entry, 0, importChunk)
	flush := func() error {
		err := db.update(func(t *tx) error {
			for _, e := range chunk {
				t.set(e.key, e.rec)
			}
			return nil
		})
		if err == nil {
			n += len(chunk)
			chunk = chunk[:0]
		}
		return err
	}
	size := 0
	for j, password := range seq {
		if err := checkAccount(j, password); err != nil {
			return n, err
		}
		prepared, err := db.prepare(password)
		if err != nil {
			return n, fmt.Errorf("account %s: password: %w", j.Bare(), err)
		}
		a := account{sealed: sealPassword(gcm, j, prepared), realms: db.realms(j, password, o)}
		e := entry{userKey(kindAccount, j), a.encode()}
		if len(chunk) == importChunk || size+len(e.key)+len(e.rec)+opOverhead > maxBatchBytes/2 {
			if err := flush(); err != nil {
				return n, err
			}
			size = 0
		}
		chunk = append(chunk, e)
		size += len(e.key) + len(e.rec) + opOverhead
	}
	if len(chunk) == 0 {
		return n, nil
	}
	err = flush()
	return n, err
}

func (db *DB) prepare(password string) (string, error) {
	if db.o.Prepare == nil {
		return password, nil
	}
	return db.o.Prepare(password)
}

// DeleteAccount implements Store.
func (db *DB) DeleteAccount(j jid.JID) (old *Roster, err error) {
	j = j.Bare()
	err = db.update(func(t *tx) error {
		old = nil
		key := userKey(kindAccount, j)
		was, err := t.get(key)
		if err != nil {
			return err
		}
		if was == nil {
			return noAccount(j)
		}
		t.del(key)
		t.del(userKey(kindQueue, j))
		for _, kind := range []byte{kindOffline, kindBlob} {
			for _, k := range t.keys(partKey(kind, j, "")) {
				t.del([]byte(k))
			}
		}
		old, err = t.dropRoster(j, userKey(kindRoster, j))
		return err
	})
	if err != nil {
		return nil, err
	}
	return old, nil
}

// AccountExists implements Store.
func (db *DB) AccountExists(j jid.JID) (bool, error) {
	b, err := db.get(userKey(kindAccount, j))
	return b != nil, err
}

// Accounts implements Store. Domain "" means all.
func (db *DB) Accounts(domain string, fn func(j jid.JID) error) error {
	return db.walk(domainPrefix(kindAccount, domain), func(key, _ []byte) error {
		j, err := keyOwner(key)
		if err != nil {
			return fmt.Errorf("%w: %w", ErrCorrupt, err)
		}
		return fn(j)
	})
}

// load reads an account and its stored bytes.
func (db *DB) load(j jid.JID) (*account, []byte, error) {
	b, err := db.get(userKey(kindAccount, j))
	if err != nil {
		return nil, nil, err
	}
	if b == nil {
		return nil, nil, noAccount(j)
	}
	a, err := decodeAccount(b)
	if err != nil {
		return nil, nil, fmt.Errorf("account %s: %w: %w", j.Bare(), ErrCorrupt, err)
	}
	return a, b, nil
}

// VerifyPassword implements Store.
func (db *DB) VerifyPassword(j jid.JID, password string) error {
	if len(password) > maxPassword {
		return fmt.Errorf("account %s: %w", j.Bare(), ErrPassword)
	}
	a, b, err := db.load(j)
	if errors.Is(err, ErrNoAccount) {
		return errors.Join(err, db.waste(password))
	}
	if err != nil {
		return err
	}
	if a.sealed != nil {
		return db.verifySealed(j, a, b, password)
	}
	hash, k, ok := a.plainKeys()
	if !ok {
		return errors.Join(fmt.Errorf("account %s: %w", j.Bare(), ErrPassword), db.waste(password))
	}
	if db.o.Derive == nil {
		return errNoDerive
	}
	stored, _, err := db.o.Derive(hash, password, k.Salt, k.Iterations)
	if err != nil || len(k.StoredKey) == 0 || subtle.ConstantTimeCompare(stored, k.StoredKey) != 1 {
		return fmt.Errorf("account %s: %w", j.Bare(), ErrPassword)
	}
	if len(a.keys) < len(hashes) { // it came from a server that keeps fewer
		_, err = db.settle(j, a, b, password)
		return err
	}
	return nil
}

// verifySealed compares with an imported password; the right one replaces it by keys.
func (db *DB) verifySealed(j jid.JID, a *account, stored []byte, password string) error {
	want, err := db.openPassword(j, a.sealed)
	if err != nil {
		return err
	}
	got, err := db.prepare(password)
	if err != nil || subtle.ConstantTimeCompare([]byte(got), []byte(want)) != 1 {
		return errors.Join(fmt.Errorf("account %s: %w", j.Bare(), ErrPassword), db.waste(password))
	}
	_, err = db.settle(j, a, stored, want)
	return err
}

// waste does the work of one check, so that the time tells nobody whether an
// account is there (RFC 6120 §13.11). Its error is that of the set-up.
func (db *DB) waste(password string) error {
	if db.o.Derive == nil {
		return errNoDerive
	}
	var salt [16]byte
	// A password that Derive refuses is a wrong one, like any other.
	_, _, _ = db.o.Derive(verifyHash, password, salt[:], db.o.Iterations)
	return nil
}

// settle derives the keys of a password that is known now and stores them in the
// place of what there was, unless the record changed meanwhile. When the store takes no changes the keys
// are good for this login all the same.
func (db *DB) settle(j jid.JID, a *account, stored []byte, password string) (*account, error) {
	keys, err := db.derive(password)
	if err != nil {
		return nil, fmt.Errorf("account %s: %w", j.Bare(), err)
	}
	now := &account{keys: keys, realms: a.realms}
	rec, key := now.encode(), userKey(kindAccount, j)
	err = db.update(func(t *tx) error {
		b, err := t.get(key)
		if err == nil && bytes.Equal(b, stored) {
			t.set(key, rec)
		}
		return err
	})
	if err != nil {
		db.log.Warn("the keys of an imported account are not kept", "account", j.Bare().String(), "error", err)
	}
	return now, nil
}

// ScramKeys implements Store.
func (db *DB) ScramKeys(j jid.JID, hash string) (ScramKeys, error) {
	a, b, err := db.load(j)
	if err != nil {
		return ScramKeys{}, err
	}
	if a.sealed != nil {
		password, err := db.openPassword(j, a.sealed)
		if err != nil {
			return ScramKeys{}, err
		}
		if a, err = db.settle(j, a, b, password); err != nil {
			return ScramKeys{}, err
		}
	}
	k, ok := a.keys[hash]
	if !ok {
		return ScramKeys{}, fmt.Errorf("account %s, %q: %w", j.Bare(), hash, ErrNoKeys)
	}
	return k, nil
}

// DigestHA1 implements Store.
func (db *DB) DigestHA1(j jid.JID, realm string) ([16]byte, error) {
	a, _, err := db.load(j)
	if err != nil {
		return [16]byte{}, err
	}
	for _, r := range a.realms {
		if r.realm == realm {
			return r.ha1, nil
		}
	}
	return [16]byte{}, fmt.Errorf("account %s, realm %q: %w", j.Bare(), realm, ErrNoDigest)
}
