package rosterdb

import (
	"fmt"
	"strings"

	"github.com/dgraph-io/badger/v4"

	"roost/xmlstream/jid"
)

// maxValue is the longest stanza or document: what fits into one transaction
// with its key and checksum.
const maxValue = 1000 << 10

// maxBlobs bounds the documents of one account.
const maxBlobs = 1000

const (
	blobV1       = 1
	maxNamespace = 1024
)

func blobKey(owner jid.JID, namespace string) ([]byte, error) {
	if namespace == "" || len(namespace) > maxNamespace || strings.ContainsRune(namespace, 0) {
		return nil, fmt.Errorf("document of %s: namespace %.80q must have 1 to %d bytes and no NUL", owner.Bare(), namespace, maxNamespace)
	}
	return partKey(kindBlob, owner, namespace), nil
}

// Blob implements Store.
func (db *DB) Blob(owner jid.JID, namespace string) (b []byte, err error) {
	err = db.view(func(txn *badger.Txn) error {
		b, err = blobFrom(txn, owner, namespace)
		return err
	})
	return b, err
}

func blobFrom(txn *badger.Txn, owner jid.JID, namespace string) ([]byte, error) {
	key, err := blobKey(owner, namespace)
	if err != nil {
		return nil, err
	}
	b, err := getFrom(txn, key)
	if err != nil || b == nil {
		return nil, err
	}
	if len(b) == 0 || b[0] != blobV1 {
		return nil, fmt.Errorf("document %s of %s: %w: it was written by another version", namespace, owner.Bare(), ErrCorrupt)
	}
	return b[1:], nil
}

// SetBlob implements Store. At most 1000 documents per account, at most 1000
// KiB each whatever maxSize says.
func (db *DB) SetBlob(owner jid.JID, namespace string, value []byte, maxSize int) error {
	key, err := blobKey(owner, namespace)
	if err != nil {
		return err
	}
	if limit := min(maxSize, maxValue); len(value) > limit {
		return fmt.Errorf("document %s of %s: %w: %d bytes, the limit is %d", namespace, owner.Bare(), ErrTooBig, len(value), limit)
	}
	stored := append([]byte{blobV1}, value...)
	return db.update(func(t *tx) error {
		was, err := t.get(key)
		if err != nil {
			return err
		}
		switch {
		case len(value) == 0 && was == nil:
		case len(value) == 0:
			t.del(key)
		default:
			if was == nil {
				if n := len(t.keys(partKey(kindBlob, owner, ""))); n >= maxBlobs {
					return fmt.Errorf("documents of %s: %w: there are %d, which is the limit", owner.Bare(), ErrTooBig, n)
				}
			}
			t.set(key, stored)
		}
		return nil
	})
}
