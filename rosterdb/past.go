package rosterdb

import (
	"cmp"
	"encoding/binary"
	"slices"
	"time"

	"roost/xmlstream/jid"
)

// Bounds of the tombstones of one roster, beside Options.Tombstones and
// Options.TombstoneAge. What is dropped only costs a client that was away for
// long the whole roster.
const (
	defaultTombstones   = 256
	defaultTombstoneAge = 30 * 24 * time.Hour
	maxTombstoneBytes   = 16 << 10 // of one roster: contacts may be of 2047 bytes
)

// Edit is one entry that has changed, as a client is told of it (RFC 6121 §2.6.3).
type Edit struct {
	Item    Item // of a removed one only Contact and Ver
	Removed bool // it is gone, or clients may not see it any more
}

// Since gives what a client that has the version ver lacks: of every visible
// entry that was changed, added or removed after it the final state, in the
// order of the changes; Item.Ver is the version that the client has with that
// one, and of the last one r.Ver (RFC 6121 §2.6.3). ok is false when that cannot
// be told, because ver is not of this roster or too old: then the client needs
// the whole roster. The result shares r's strings.
func (r *Roster) Since(ver uint64) (edits []Edit, ok bool) {
	if ver == r.Ver {
		return nil, true
	}
	if r.floor == 0 || ver < r.floor || ver > r.Ver {
		return nil, false
	}
	for it := range r.Visible() {
		if it.Ver > ver {
			edits = append(edits, Edit{Item: it})
		}
	}
	d := decoder{b: viewOf(r.past)}
	for len(d.b) > 0 {
		ts := d.tombstone()
		if d.err != nil {
			return nil, false
		}
		if r.base+ts.ver <= ver {
			continue
		}
		contact, err := jid.ParseBytes(ts.contact)
		if err != nil {
			return nil, false
		}
		edits = append(edits, Edit{Item{Contact: contact, Ver: r.base + ts.ver}, true})
	}
	slices.SortFunc(edits, func(a, b Edit) int { return cmp.Compare(a.Item.Ver, b.Item.Ver) })
	if len(edits) == 0 || edits[len(edits)-1].Item.Ver != r.Ver {
		return nil, false // the client would not come to r.Ver
	}
	return edits, true
}

// tombstone is what is left of an entry that clients have seen.
type tombstone struct {
	contact []byte // a view
	ver     uint64 // minus the record's base
	hour    uint64 // of the removal, since 1970
}

// tombstone reads the next one.
func (d *decoder) tombstone() tombstone {
	return tombstone{contact: d.bytes(), ver: d.number(), hour: d.number()}
}

// bury notes that clients do not see contact any more since version ver.
func (r *record) bury(contact jid.JID, ver uint64, now time.Time) {
	b := appendString(r.past, contact.Bare().String()) // past has no room of others behind it: take
	b = binary.AppendUvarint(b, ver-r.base)
	r.past = binary.AppendUvarint(b, hourOf(now))
}

// unbury drops the tombstones of contacts that clients see again.
func (r *record) unbury(visible func(contact []byte) bool) error {
	var kept []byte
	d := decoder{b: r.past}
	for len(d.b) > 0 {
		from := d.b
		ts := d.tombstone()
		if d.err != nil {
			return d.err
		}
		if !visible(ts.contact) {
			kept = append(kept, from[:len(from)-len(d.b)]...)
		}
	}
	r.past = kept
	return nil
}

// prune drops the oldest tombstones beyond the limits of o: in number, age and
// bytes. Versions before that of a dropped one need the whole roster.
func (r *record) prune(o *Options) error {
	n := 0
	for d := (decoder{b: r.past}); len(d.b) > 0; n++ {
		if d.tombstone(); d.err != nil {
			return d.err
		}
	}
	oldest := hourOf(o.Now().Add(-o.TombstoneAge))
	for ; n > 0; n-- {
		d := decoder{b: r.past}
		ts := d.tombstone()
		if n <= o.Tombstones && ts.hour >= oldest && len(r.past) <= maxTombstoneBytes {
			break
		}
		r.past, r.floor = d.b, min(max(r.floor, r.base+ts.ver), r.ver)
	}
	return nil
}

// forget drops all tombstones.
func (r *record) forget() { r.past, r.floor = nil, r.ver }

func hourOf(t time.Time) uint64 { return uint64(max(t.Unix(), 0)) / 3600 }

// Versions of rosters that were deleted must not come again. The key "sversions"
// holds the highest of them, 8 bytes, big endian; it is not there before the
// first deletion.

func versionsKey() []byte { return append([]byte{kindStore}, "versions"...) }

// usedVersions is the highest version of all deleted rosters.
func (t *tx) usedVersions() (uint64, error) {
	b, err := t.get(versionsKey())
	if err != nil || len(b) != 8 {
		return 0, err
	}
	return binary.BigEndian.Uint64(b), nil
}

// retire notes that clients know versions up to ver of a roster that goes.
func (t *tx) retire(ver uint64) error {
	used, err := t.usedVersions()
	if err == nil && ver > used {
		t.set(versionsKey(), binary.BigEndian.AppendUint64(nil, ver))
	}
	return err
}

// advance takes the next version. The first one of a record comes from the
// clock, and is above those of all deleted rosters, so that one that was deleted
// and made again does not repeat the versions that clients remember (RFC 6121
// §2.6).
func (t *tx) advance(r *record) error {
	if r.ver == 0 {
		used, err := t.usedVersions()
		if err != nil {
			return err
		}
		r.base = max(uint64(max(t.db.o.Now().UnixMicro(), 1)), used)
		r.ver, r.floor = r.base, r.base
	}
	r.ver++
	return nil
}
