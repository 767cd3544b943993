package main

import (
	"context"
	"crypto/rand"
	"errors"
	"slices"
	"sync/atomic"

	"roost/rosterdb"
	"roost/router"
	"roost/router/sasl"
	"roost/xmlstream/jid"
)

// hashes maps the names that the store uses to those of SASL.
var hashes = map[string]sasl.Hash{"SHA-1": sasl.SHA1, "SHA-256": sasl.SHA256, "SHA-512": sasl.SHA512}

// deriveScram is what the store calls to make the keys of a password.
func deriveScram(hash, password string, salt []byte, iterations int) (stored, server []byte, err error) {
	k, err := sasl.DeriveScram(hashes[hash], password, salt, iterations)
	return k.StoredKey, k.ServerKey, err
}

// iterations is the cost of PBKDF2 for accounts of the embedded store, and for the keys that are made
// up for names that are none.
const iterations = 10000

// accountStore is accounts://, the accounts of the embedded store, as SASL sees them.
type accountStore struct {
	db     rosterdb.Accounts
	decoys *sasl.Decoys // salts for names that are no accounts, the same after a restart
}

// asSASL maps the store's errors. An account without a DIGEST-MD5 secret, or without the keys of a hash,
// is one that cannot log in that way.
func asSASL(err error) error {
	switch {
	case errors.Is(err, rosterdb.ErrNoAccount), errors.Is(err, rosterdb.ErrNoDigest), errors.Is(err, rosterdb.ErrNoKeys):
		return errors.Join(sasl.ErrNoUser, err)
	case errors.Is(err, rosterdb.ErrPassword):
		return errors.Join(sasl.ErrPassword, err)
	}
	return err
}

// Verify implements sasl.Store.
func (a *accountStore) Verify(_ context.Context, user, domain, password string) error {
	j, err := jid.New(user, domain, "")
	if err != nil {
		return errors.Join(sasl.ErrNoUser, err)
	}
	return asSASL(a.db.VerifyPassword(j, password))
}

// Scram implements sasl.Store.
func (a *accountStore) Scram(_ context.Context, user, domain string, h sasl.Hash) (sasl.Keys, error) {
	j, err := jid.New(user, domain, "")
	if err == nil {
		var k rosterdb.ScramKeys
		if k, err = a.db.ScramKeys(j, h.String()); err == nil {
			return sasl.Keys{Salt: k.Salt, StoredKey: k.StoredKey, ServerKey: k.ServerKey, Iterations: k.Iterations}, nil
		}
		err = asSASL(err)
	}
	return a.decoys.Keys(user, domain, h, iterations), err
}

// Digest implements sasl.Store.
func (a *accountStore) Digest(_ context.Context, user, domain, realm string) ([16]byte, error) {
	j, err := jid.New(user, domain, "")
	if err != nil {
		return [16]byte{}, errors.Join(sasl.ErrNoUser, err)
	}
	sum, err := a.db.DigestHA1(j, realm)
	return sum, asSASL(err)
}

// Can implements sasl.Store.
func (a *accountStore) Can() sasl.Capability {
	return sasl.CanVerify | sasl.CanScramSHA1 | sasl.CanScramSHA256 | sasl.CanScramSHA512 | sasl.CanDigest
}

// fileUsers is a password file, as far as it tells who exists.
type fileUsers interface {
	Has(user, domain string) bool
}

// existence answers for every store that somebody may log in from.
type existence struct {
	db    rosterdb.Accounts
	files atomic.Pointer[[]fileUsers] // of the configuration in use
}

// inFile reports whether a password file names user.
func (e *existence) inFile(user jid.JID) bool {
	return slices.ContainsFunc(*e.files.Load(), func(f fileUsers) bool { return f.Has(user.Local(), user.Domain()) })
}

// Exists implements router.Accounts.
func (e *existence) Exists(user jid.JID) (bool, error) {
	if e.inFile(user) {
		return true, nil
	}
	return e.db.AccountExists(user)
}

// offlineStore is the embedded store as the router sees it.
type offlineStore struct {
	db     rosterdb.Offline
	limits func(domain string) (rosterdb.OfflineLimits, bool) // false: the domain keeps nothing
}

// keepOffline are the limits of a domain.
func (s *Server) keepOffline(domain string) (rosterdb.OfflineLimits, bool) {
	limits, keeps := s.now.Load().offline[domain]
	return limits, keeps
}

// Add implements router.Offline.
func (o *offlineStore) Add(user jid.JID, stanza []byte) error {
	limits, keeps := o.limits(user.Domain())
	if !keeps {
		return router.ErrFull
	}
	return asRouter(o.db.AddOffline(user, stanza, limits))
}

// asRouter maps the store's errors to those that the router knows.
func asRouter(err error) error {
	switch {
	case errors.Is(err, rosterdb.ErrOfflineFull), errors.Is(err, rosterdb.ErrTooBig):
		return errors.Join(router.ErrFull, err)
	case errors.Is(err, rosterdb.ErrNoSpace), errors.Is(err, rosterdb.ErrReadOnly):
		return errors.Join(router.ErrNoSpace, err)
	}
	return err
}

// blobStore is the embedded store as features see it that keep one document for each account.
type blobStore struct{ db rosterdb.Blobs }

// Blob gives nil when there is none.
func (b blobStore) Blob(owner jid.JID, namespace string) ([]byte, error) {
	v, err := b.db.Blob(owner, namespace)
	return v, asRouter(err)
}

// SetBlob stores a copy of value; an empty one deletes.
func (b blobStore) SetBlob(owner jid.JID, namespace string, value []byte, maxSize int) error {
	return asRouter(b.db.SetBlob(owner, namespace, value, maxSize))
}

// Take implements router.Offline. What was handed over is removed only afterwards: a crash in
// between delivers twice rather than never.
func (o *offlineStore) Take(user jid.JID, deliver func([]byte) error) error {
	var last uint64
	var n int
	err := o.db.Offline(user, func(seq uint64, stanza []byte) error {
		if err := deliver(stanza); err != nil {
			return err
		}
		last, n = seq, n+1
		return nil
	})
	if n == 0 {
		return err
	}
	_, dropErr := o.db.DropOffline(user, last)
	return errors.Join(err, dropErr)
}

// ha1 is what the store keeps for DIGEST-MD5. A password that cannot be prepared has been refused
// before; if one came through, nobody could log in with it.
func ha1(user, realm, password string) (sum [16]byte) {
	sum, err := sasl.HA1(user, realm, password)
	if err != nil {
		rand.Read(sum[:])
	}
	return sum
}
