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

// replaced writes items over the record b. Entries that clients see unchanged
// keep their versions; every other one, and every one that clients do not see
// any more, gets its own.
func (t *tx) replaced(owner jid.JID, key, b []byte, old *Roster, items []Item) (now *Roster, err error) {
	rec, err := parseRecord(b)
	if err != nil {
		return nil, badRoster(owner, err)
	}
	now = &Roster{Items: slices.Clone(items)}
	if err := t.renumber(&rec, old, now); err != nil {
		return nil, badRoster(owner, err)
	}
	value := rec.encode(now.Items)
	if len(value) > maxRecord {
		rec.forget()
		value = rec.encode(now.Items)
	}
	if len(value) > maxRecord {
		return nil, fmt.Errorf("roster of %s: %w: %d bytes, the limit is %d", owner, ErrTooBig, len(value), maxRecord)
	}
	now.Ver, now.base, now.floor, now.past = rec.ver, rec.base, rec.floor, string(rec.past)
	t.set(key, value)
	return now, nil
}

// renumber gives now's items their versions and brings rec's up to date.
func (t *tx) renumber(rec *record, old, now *Roster) error {
	if rec.ver == 0 {
		if err := t.advance(rec); err != nil {
			return err
		}
		rec.ver = rec.base // the first item takes the first version
	}
	return rec.renumber(old, now, &t.db.o)
}

// renumber numbers first the removals, then the rest, each in the order of the contacts.
func (r *record) renumber(old, now *Roster, o *Options) error {
	for was := range old.Visible() {
		if is, _ := now.Find(was.Contact); !is.Visible() {
			r.ver++
			r.bury(was.Contact, r.ver, o.Now())
		}
	}
	for i := range now.Items {
		it := &now.Items[i]
		if was, ok := old.Find(it.Contact); ok && sameView(was, *it) {
			it.Ver = was.Ver
			continue
		}
		if it.Visible() {
			r.ver++
		}
		it.Ver = r.ver
	}
	r.ver = max(r.ver, r.base+1)
	if err := r.unbury(func(c []byte) bool { return visibleIn(now.Items, string(c)) }); err != nil {
		return err
	}
	return r.prune(o)
}

// visibleIn reports whether clients see contact among items.
func visibleIn(items []Item, contact string) bool {
	i, ok := findItem(items, contact)
	return ok && items[i].Visible()
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
