package rosterdb

import (
	"errors"
	"slices"
	"time"
)

// ErrAway: the truth is elsewhere, and cannot be had at the moment. Whoever returns it has told the
// log why.
var ErrAway = errors.New("the roster cannot be had at the moment")

// First makes a roster of items, sorted, that is kept elsewhere than in the store. All of them have
// the version ver, at least 1; no older one is known.
func First(ver uint64, items []Item) *Roster {
	r := &Roster{Ver: ver, base: ver - 1, floor: ver, Items: slices.Clone(items)}
	for i := range r.Items {
		r.Items[i].Ver = ver
	}
	return r
}

// Succeed makes the roster with items, sorted, that follows r, which First or Succeed has made: with
// a version for every difference that clients see, and the tombstones for Since, bounded as those in
// the store by default are. When clients see none, the version is that of r. r stays as it is.
func (r *Roster) Succeed(items []Item, at time.Time) (*Roster, error) {
	rec := record{ver: r.Ver, base: r.base, floor: r.floor, past: []byte(r.past)}
	now := &Roster{Items: slices.Clone(items)}
	o := Options{Tombstones: defaultTombstones, TombstoneAge: defaultTombstoneAge, Now: func() time.Time { return at }}
	if err := rec.renumber(r, now, &o); err != nil {
		return nil, err
	}
	now.Ver, now.base, now.floor, now.past = rec.ver, rec.base, rec.floor, string(rec.past)
	return now, nil
}

// PastSize is how many bytes r keeps of what was removed.
func (r *Roster) PastSize() int { return len(r.past) }
