package rosterdb

import (
	"fmt"

	"roost/xmlstream/jid"
)

// Subscribed calls fn for each entry of owner's roster that has a subscription, sorted by contact, and
// decodes nothing else of it: every broadcast of presence asks for this. fn may keep contact.
func (db *DB) Subscribed(owner jid.JID, fn func(contact jid.JID, sub Sub)) error {
	return db.read(userKey(kindRoster, owner), func(b []byte) error {
		r, err := parseRecord(b)
		if err == nil {
			err = r.subscribed(fn)
		}
		if err != nil {
			return badRoster(owner, err)
		}
		return nil
	})
}

func (r *record) subscribed(fn func(jid.JID, Sub)) error {
	area := string(r.area)
	for i := range r.n {
		e := area[r.offset(i):r.offset(i+1)]
		d := decoder{b: viewOf(e)}
		n := len(d.bytes())
		end := len(e) - len(d.b)
		sub := Sub(d.byte() & flagSub)
		if d.err != nil {
			return fmt.Errorf("entry %d: %w", i, d.err)
		}
		if sub == SubNone {
			continue
		}
		contact, err := contactOf(e[end-n : end])
		if err != nil {
			return fmt.Errorf("entry %d: %w", i, err)
		}
		fn(contact, sub)
	}
	return nil
}
