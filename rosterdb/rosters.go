package rosterdb

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"unicode/utf8"

	"roost/xmlstream/jid"
)

// maxRequests bounds the bytes of waiting subscribe stanzas in one roster, so
// that strangers cannot fill it; beyond it only the fact is kept.
const maxRequests = 128 << 10

func (l Limits) withDefaults() Limits {
	def := func(v *int, d int) {
		if *v == 0 {
			*v = d
		}
	}
	def(&l.MaxItems, 2000)
	def(&l.MaxPending, 200)
	def(&l.MaxGroups, 64)
	def(&l.MaxName, 1023)
	def(&l.MaxRequest, 4096)
	return l
}

// Roster implements Store.
func (db *DB) Roster(owner jid.JID) (r *Roster, err error) {
	err = db.read(userKey(kindRoster, owner), func(b []byte) error {
		r, err = decodeRoster(owner, b)
		return err
	})
	return r, err
}

func decodeRoster(owner jid.JID, b []byte) (*Roster, error) {
	r, err := parseRecord(b)
	if err == nil {
		var out *Roster
		if out, err = r.roster(); err == nil {
			return out, nil
		}
	}
	return nil, badRoster(owner, err)
}

func badRoster(owner jid.JID, err error) error {
	return fmt.Errorf("roster of %s: %w: %w", owner.Bare(), ErrCorrupt, err)
}

// Item implements Store.
func (db *DB) Item(owner, contact jid.JID) (it Item, ok bool, err error) {
	err = db.read(userKey(kindRoster, owner), func(b []byte) error {
		r, err := parseRecord(b)
		if err != nil {
			return badRoster(owner, err)
		}
		i, found, err := r.find(contact.Bare().String())
		if err == nil && found {
			it, err = r.item(i)
		}
		if err != nil {
			return badRoster(owner, err)
		}
		ok = found
		return nil
	})
	return it, ok, err
}

// Rosters implements Store. Domain "" means all.
func (db *DB) Rosters(domain string, fn func(owner jid.JID, r *Roster) error) error {
	return db.walk(domainPrefix(kindRoster, domain), func(key, value []byte) error {
		owner, err := keyOwner(key)
		if err != nil {
			return fmt.Errorf("%w: %w", ErrCorrupt, err)
		}
		r, err := decodeRoster(owner, value)
		if err != nil {
			return err
		}
		return fn(owner, r)
	})
}

// PutRoster implements Store.
func (db *DB) PutRoster(owner jid.JID, r *Roster) (old *Roster, err error) {
	old, _, err = db.ReplaceRoster(owner, r, nil)
	return old, err
}

// checkItems copies, sorts and normalises what a caller wants to store.
func checkItems(owner jid.JID, items []Item) ([]Item, error) {
	out := make([]Item, 0, len(items))
	for _, it := range items {
		it.Contact = it.Contact.Bare()
		if it.Contact.IsZero() || it.Contact == owner.Bare() {
			return nil, fmt.Errorf("roster of %s: %w: contact %q", owner, ErrBadItem, it.Contact)
		}
		p := stateParts[it.State()]
		it.Sub, it.Ask, it.PendingIn = p.sub, p.out, p.in
		if !it.PendingIn {
			it.Request = nil
		}
		it.Listed = it.Listed || listedByContent(it)
		var err error
		if it.Extra, err = compact(it.Extra); err == nil {
			it.ExtraPending, err = compact(it.ExtraPending)
		}
		if err != nil {
			return nil, fmt.Errorf("roster of %s, contact %s: %w: %w", owner, it.Contact, ErrBadItem, err)
		}
		out = append(out, it)
	}
	return out, sortItems(out)
}

// compact is the JSON object b without white space; nil when it has no members.
func compact(b []byte) ([]byte, error) {
	if len(b) == 0 {
		return nil, nil
	}
	var out bytes.Buffer
	if err := json.Compact(&out, b); err != nil {
		return nil, err
	}
	if out.Bytes()[0] != '{' {
		return nil, fmt.Errorf("%.40q is no JSON object", out.Bytes())
	}
	if out.Len() == 2 {
		return nil, nil
	}
	return out.Bytes(), nil
}

// DeleteRoster implements Store.
func (db *DB) DeleteRoster(owner jid.JID) (old *Roster, err error) {
	old, _, err = db.ReplaceRoster(owner, nil, nil)
	return old, err
}

func (t *tx) dropRoster(owner jid.JID, key []byte) (*Roster, error) {
	b, err := t.get(key)
	if err != nil {
		return nil, err
	}
	old, err := decodeRoster(owner, b)
	if err != nil || b == nil {
		return old, err
	}
	t.del(key)
	return old, t.retire(old.Ver + 1) // the one that dropped gives
}

// editor is one roster in a change.
type editor struct {
	t      *tx
	owner  jid.JID
	key    []byte
	rec    record
	stored bool
}

func (t *tx) edit(owner jid.JID) (*editor, error) {
	e := &editor{t: t, owner: owner.Bare(), key: userKey(kindRoster, owner)}
	b, err := t.get(e.key)
	if err != nil {
		return nil, err
	}
	if e.rec, err = parseRecord(b); err != nil {
		return nil, badRoster(owner, err)
	}
	e.stored = b != nil
	return e, nil
}

// item looks contact up; without an entry the result has only its contact set.
func (e *editor) item(contact jid.JID) (it Item, ok bool, err error) {
	i, ok, err := e.rec.find(contact.Bare().String())
	if err == nil && ok {
		it, err = e.rec.item(i)
	}
	if err != nil {
		return Item{}, false, badRoster(e.owner, err)
	}
	if !ok {
		it = Item{Contact: contact.Bare()}
	}
	return it, ok, nil
}

// put stores next in place of the entry of its contact, or takes it out. A
// change that clients see gets a new version; put reports whether it did and
// returns what is stored now.
func (e *editor) put(before, next Item, gone bool) (after Item, visible bool, err error) {
	i, ok, err := e.rec.find(next.Contact.String())
	if err != nil {
		return Item{}, false, badRoster(e.owner, err)
	}
	if gone {
		next = Item{}
	}
	if gone && !ok {
		return Item{}, false, nil
	}
	visible = !sameView(before, next)
	if visible || e.rec.ver == 0 {
		if err := e.t.advance(&e.rec); err != nil {
			return Item{}, false, err
		}
	}
	if visible {
		if err := e.remember(before, next); err != nil {
			return Item{}, false, badRoster(e.owner, err)
		}
	}
	stored := &next
	if gone {
		stored = nil
	} else if visible || next.Ver == 0 {
		next.Ver = e.rec.ver
	}
	b := e.rec.splice(i, ok, stored)
	if len(b) > maxRecord {
		e.rec.forget()
		b = e.rec.splice(i, ok, stored)
	}
	if len(b) > maxRecord {
		return Item{}, false, fmt.Errorf("roster of %s: %w: %d bytes, the limit is %d", e.owner, ErrRosterFull, len(b), maxRecord)
	}
	e.t.set(e.key, b)
	if e.rec, err = parseRecord(b); err != nil {
		return Item{}, false, badRoster(e.owner, err)
	}
	return next, visible, nil
}

// remember keeps the tombstones right when an entry changes from before to next.
func (e *editor) remember(before, next Item) error {
	switch {
	case before.Visible() && !next.Visible():
		e.rec.bury(before.Contact, e.rec.ver, e.t.db.o.Now())
	case next.Visible() && !before.Visible() && len(e.rec.past) > 0:
		contact := next.Contact.String()
		if err := e.rec.unbury(func(c []byte) bool { return string(c) == contact }); err != nil {
			return err
		}
	}
	return e.rec.prune(&e.t.db.o)
}

// SetItem implements Store.
func (db *DB) SetItem(owner, contact jid.JID, name string, groups []string, l Limits) (Change, error) {
	l = l.withDefaults()
	owner, contact = owner.Bare(), contact.Bare()
	if err := checkSet(owner, contact, name, groups, l); err != nil {
		return Change{}, err
	}
	groups = slices.Clone(groups)
	var c Change
	err := db.update(func(t *tx) error {
		c = Change{}
		e, err := t.edit(owner)
		if err != nil {
			return err
		}
		it, ok, err := e.item(contact)
		if err != nil {
			return err
		}
		c.Existed = ok && it.Listed
		if ok {
			c.Before = it
		}
		if !c.Existed {
			if err := e.room(true, l); err != nil {
				return err
			}
		}
		next := it
		next.Name, next.Groups, next.Listed = name, groups, true
		if ok && sameRecord(it, next) {
			c.After, c.Ver = it, e.rec.ver
			return nil
		}
		c.After, _, err = e.put(c.Before, next, false)
		c.Changed, c.Ver = true, e.rec.ver
		return err
	})
	if err != nil {
		return Change{}, err
	}
	return c, nil
}

// room reports ErrRosterFull when one more entry, visible or of a stranger, is too many.
func (e *editor) room(visible bool, l Limits) error {
	u, err := e.rec.usage()
	if err != nil {
		return badRoster(e.owner, err)
	}
	n, limit := u.strangers, l.MaxPending
	if visible {
		n, limit = u.visible, l.MaxItems
	}
	if n >= limit {
		return fmt.Errorf("roster of %s: %w: %d of %d entries", e.owner, ErrRosterFull, n, limit)
	}
	return nil
}

func checkSet(owner, contact jid.JID, name string, groups []string, l Limits) error {
	bad := func(format string, args ...any) error {
		return fmt.Errorf("roster of %s, contact %q: %w: %s", owner, contact, ErrBadItem, fmt.Sprintf(format, args...))
	}
	switch {
	case contact.IsZero() || contact == owner:
		return bad("the contact is the account itself or nobody")
	case len(name) > l.MaxName:
		return bad("name of %d bytes, the limit is %d", len(name), l.MaxName)
	case !utf8.ValidString(name):
		return bad("name is not UTF-8")
	case len(groups) > l.MaxGroups:
		return bad("%d groups, the limit is %d", len(groups), l.MaxGroups)
	}
	for i, g := range groups {
		switch {
		case g == "":
			return bad("group %d is empty", i+1) // RFC 6121 §2.3.3
		case len(g) > l.MaxName:
			return bad("group of %d bytes, the limit is %d", len(g), l.MaxName)
		case !utf8.ValidString(g):
			return bad("group %d is not UTF-8", i+1)
		case slices.Contains(groups[:i], g):
			return bad("group %q is there twice", g) // RFC 6121 §2.1.2.6
		}
	}
	return nil
}
