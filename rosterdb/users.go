package rosterdb

import (
	"bytes"
	"fmt"
	"slices"

	"github.com/dgraph-io/badger/v4"

	"roost/xmlstream/jid"
)

// User is everything that is stored for one address, seen in one snapshot. It is
// valid until the function that got it returns.
type User struct {
	JID        jid.JID // bare; a domain's own roster has no local part
	Account    bool
	Roster     *Roster  // nil: none is stored
	Documents  []string // namespaces of the blobs, sorted
	HasOffline bool

	db  *DB
	txn *badger.Txn
}

// Credentials are those of the account; zero without one.
func (u *User) Credentials() (Credentials, error) {
	if !u.Account {
		return Credentials{}, nil
	}
	b, err := getFrom(u.txn, userKey(kindAccount, u.JID))
	if err != nil {
		return Credentials{}, err
	}
	return u.db.credentials(u.JID, b)
}

// Document is the blob of a namespace; nil when there is none.
func (u *User) Document(namespace string) ([]byte, error) {
	if !slices.Contains(u.Documents, namespace) {
		return nil, nil
	}
	return blobFrom(u.txn, u.JID, namespace)
}

// Offline calls fn for each message that waits, oldest first; stanza is fn's to keep.
func (u *User) Offline(fn func(stanza []byte) error) error {
	if !u.HasOffline {
		return nil
	}
	prefix := partKey(kindOffline, u.JID, "")
	for key := range keysFrom(u.txn, prefix) {
		value, err := getFrom(u.txn, key)
		if err != nil {
			return err
		}
		_, stanza, err := queuedStanza(u.JID, key[len(prefix):], value)
		if err == nil {
			err = fn(stanza)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// Users calls fn for everybody of a domain of whom something is stored, in order
// of the local part; domain "" means all. An error of fn ends the walk and is
// returned. The walk sees one snapshot.
func (db *DB) Users(domain string, fn func(u *User) error) error {
	return db.view(func(txn *badger.Txn) error {
		var kinds [4]ownerWalk
		for i, kind := range []byte{kindAccount, kindRoster, kindQueue, kindBlob} {
			kinds[i].it = txn.NewIterator(badger.IteratorOptions{Prefix: domainPrefix(kind, domain)})
			defer kinds[i].it.Close()
			kinds[i].it.Rewind()
			kinds[i].look()
		}
		for {
			var next []byte
			for i := range kinds {
				if o := kinds[i].owner; o != nil && (next == nil || bytes.Compare(o, next) < 0) {
					next = o
				}
			}
			if next == nil {
				return nil
			}
			if db.closing.Load() {
				return ErrClosed
			}
			db.keep.touched()
			u, err := db.userFrom(txn, bytes.Clone(next), &kinds)
			if err == nil {
				err = fn(u)
			}
			if err != nil {
				return err
			}
		}
	})
}

// userFrom gathers what the walks have of an owner, and moves them on.
func (db *DB) userFrom(txn *badger.Txn, owner []byte, kinds *[4]ownerWalk) (*User, error) {
	j, err := keyOwner(append([]byte{0}, owner...))
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrCorrupt, err)
	}
	u := &User{JID: j, db: db, txn: txn}
	for i, kind := range []byte{kindAccount, kindRoster, kindQueue, kindBlob} {
		w := &kinds[i]
		for bytes.Equal(w.owner, owner) {
			switch kind {
			case kindAccount:
				u.Account = true
			case kindRoster:
				err = valueFrom(txn, userKey(kindRoster, j), func(b []byte) (err error) {
					u.Roster, err = decodeRoster(j, b)
					return err
				})
			case kindQueue:
				u.HasOffline = true
			case kindBlob:
				u.Documents = append(u.Documents, string(w.it.Item().Key()[1+len(owner)+1:]))
			}
			if err != nil {
				return nil, err
			}
			w.it.Next()
			w.look()
		}
	}
	return u, nil
}

// ownerWalk is a walk over the keys of one kind.
type ownerWalk struct {
	it    *badger.Iterator
	owner []byte // domain 0 local of the key that is next, a copy; nil at the end
}

func (w *ownerWalk) look() {
	if !w.it.Valid() {
		w.owner = nil
		return
	}
	key := w.it.Item().Key()[1:]
	if i := bytes.IndexByte(key, 0); i >= 0 {
		if n := bytes.IndexByte(key[i+1:], 0); n >= 0 {
			key = key[:i+1+n]
		}
	}
	w.owner = append(w.owner[:0:0], key...)
}
