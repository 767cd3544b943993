package rosterdb

import (
	"fmt"
	"slices"

	"github.com/dgraph-io/badger/v4"

	"roost/xmlstream/jid"
)

// ReplaceRoster implements Store.
func (db *DB) ReplaceRoster(owner jid.JID, r *Roster, check func(old *Roster) error) (old, now *Roster, err error) {
	var items []Item
	if r != nil {
		if items, err = checkItems(owner, r.Items); err != nil {
			return nil, nil, err
		}
	}
	key := userKey(kindRoster, owner)
	err = db.update(func(t *tx) error {
		b, err := t.get(key)
		if err != nil {
			return err
		}
		if old, err = decodeRoster(owner, b); err != nil {
			return err
		}
		if check != nil {
			if err := check(old); err != nil {
				return err
			}
		}
		if r == nil {
			now, err = t.dropped(owner, key, old)
			return err
		}
		now, err = t.replaced(owner, key, b, old, items)
		return err
	})
	if err != nil {
		return nil, nil, err
	}
	return old, now, nil
}

// dropped deletes a record, if there is one.
func (t *tx) dropped(owner jid.JID, key []byte, old *Roster) (now *Roster, err error) {
	if old.Ver == 0 {
		return &Roster{}, nil
	}
	if _, err := t.dropRoster(owner, key); err != nil {
		return nil, err
	}
	return &Roster{Ver: old.Ver + 1}, nil
}

// replaced writes items over the record b. Entries that clients see unchanged keep their versions.
func (t *tx) replaced(owner jid.JID, key, b []byte, old *Roster, items []Item) (now *Roster, err error) {
	head, err := parseRecord(b)
	if err != nil {
		return nil, badRoster(owner, err)
	}
	head.advance(t.db.o.Now())
	now = &Roster{Ver: head.ver, Items: slices.Clone(items)}
	for i := range now.Items {
		it := &now.Items[i]
		it.Ver = head.ver
		if was, ok := old.Find(it.Contact); ok && sameView(was, *it) {
			it.Ver = was.Ver
		}
	}
	rec := encodeRoster(head.ver, head.base, now.Items, head.tail)
	if len(rec) > maxRecord {
		return nil, fmt.Errorf("roster of %s: %w: %d bytes, the limit is %d", owner, ErrTooBig, len(rec), maxRecord)
	}
	t.set(key, rec)
	return now, nil
}

// RosterOwners implements Store. Domain "" means all.
func (db *DB) RosterOwners(domain string, after jid.JID, n int) (owners []jid.JID, err error) {
	prefix := domainPrefix(kindRoster, domain)
	from := prefix
	if !after.IsZero() {
		from = append(userKey(kindRoster, after), 0) // the next key that can be
	}
	err = db.view(func(txn *badger.Txn) error {
		it := txn.NewIterator(badger.IteratorOptions{Prefix: prefix})
		defer it.Close()
		for it.Seek(from); it.Valid() && len(owners) < n; it.Next() {
			owner, err := keyOwner(it.Item().KeyCopy(nil))
			if err != nil {
				return fmt.Errorf("%w: %w", ErrCorrupt, err)
			}
			owners = append(owners, owner)
		}
		return nil
	})
	return owners, err
}
