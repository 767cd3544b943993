package rosterdb

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"roost/xmlstream/jid"
)

// pastStore is a store in memory whose clock is set.
func pastStore(t *testing.T, o Options) (*DB, *time.Time) {
	t.Helper()
	now := time.Unix(1_800_000_000, 0)
	o.InMemory, o.NoSync, o.Now = true, true, func() time.Time { return now }
	db, err := Open(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	return db, &now
}

// come and go are a contact that is added, and one that is removed.
func come(t *testing.T, db *DB, contact string) uint64 {
	t.Helper()
	c, err := db.SetItem(mustJID(t, "ann@x"), mustJID(t, contact), "", nil, Limits{})
	if err != nil {
		t.Fatal(err)
	}
	return c.Ver
}

func comeAndGo(t *testing.T, db *DB, contact string) uint64 {
	t.Helper()
	come(t, db, contact)
	out, err := db.Remove(mustJID(t, "ann@x"), mustJID(t, contact), false)
	if err != nil {
		t.Fatal(err)
	}
	return out.Ver
}

// edits are the changes since ver; "all" when they are not known.
func edits(t *testing.T, db *DB, ver uint64) string {
	t.Helper()
	r, err := db.Roster(mustJID(t, "ann@x"))
	if err != nil {
		t.Fatal(err)
	}
	es, ok := r.Since(ver)
	if !ok {
		return "all"
	}
	var out []string
	for _, e := range es {
		out = append(out, strings.TrimSuffix(e.Item.Contact.String(), "@x"))
	}
	return strings.Join(out, " ")
}

func TestTombstoneLimits(t *testing.T) {
	day := 24 * time.Hour
	long := strings.Repeat("l", 1000)
	for _, c := range []struct {
		name         string
		o            Options
		n            int
		contact      string
		wait         time.Duration // after each removal
		known, first int           // tombstones, and the first that is left
	}{
		{"default number", Options{}, 260, "%d@x", 0, 256, 4},
		{"number", Options{Tombstones: 3}, 10, "%d@x", 0, 3, 7},
		{"none", Options{Tombstones: -1}, 3, "%d@x", 0, 0, 3},
		{"default age", Options{}, 40, "%d@x", day, 31, 9},
		{"age", Options{TombstoneAge: 2 * day}, 10, "%d@x", day, 3, 7},
		{"no age", Options{TombstoneAge: -1}, 3, "%d@x", 0, 0, 3},
		{"bytes", Options{}, 40, "%d" + long + "@x", 0, 16, 24},
	} {
		t.Run(c.name, func(t *testing.T) {
			db, now := pastStore(t, c.o)
			vers := []uint64{come(t, db, "stays@x")}
			for i := range c.n {
				vers = append(vers, comeAndGo(t, db, fmt.Sprintf(c.contact, i)))
				if i < c.n-1 {
					*now = now.Add(c.wait)
				}
			}
			for i, ver := range vers { // vers[i] knows of the removals before i
				got := edits(t, db, ver)
				switch {
				case i < c.first && got != "all":
					t.Errorf("version %d, which is too old: %.80s", i, got)
				case i >= c.first && len(strings.Fields(got)) != c.n-i:
					t.Errorf("version %d of %d: %.80s", i, c.n, got)
				}
			}
			if c.n-c.first != c.known {
				t.Errorf("the test is wrong")
			}
		})
	}
}

// A replacement drops more than may be kept, and what is kept is right.
func TestReplaceTombstones(t *testing.T) {
	db, _ := pastStore(t, Options{Tombstones: 5})
	ann := mustJID(t, "ann@x")
	r := &Roster{}
	for i := range 2000 {
		r.Items = append(r.Items, Item{Contact: mustJID(t, fmt.Sprintf("%04d@x", i))})
	}
	_, now, err := db.ReplaceRoster(ann, r, nil)
	if err != nil {
		t.Fatal(err)
	}
	first := now.Ver
	if _, now, err = db.ReplaceRoster(ann, &Roster{Items: r.Items[:1]}, nil); err != nil {
		t.Fatal(err)
	}
	if now.Ver != first+1999 || edits(t, db, first) != "all" || edits(t, db, now.Ver-6) != "all" {
		t.Errorf("version %d after %d", now.Ver, first)
	}
	if got := edits(t, db, now.Ver-5); got != "1995 1996 1997 1998 1999" {
		t.Error(got)
	}
}

// Tombstones never refuse an entry its place.
func TestTombstonesMakeRoom(t *testing.T) {
	db, _ := pastStore(t, Options{})
	ann := mustJID(t, "ann@x")
	var ver uint64
	for i := range 10 {
		ver = comeAndGo(t, db, fmt.Sprint(i)+strings.Repeat("l", 1000)+"@x")
	}
	group := strings.Repeat("g", 1000)
	big := Limits{MaxName: maxRecord}
	for n := maxRecord - 10_200; ; n += 100 { // until a byte too many
		_, err := db.SetItem(ann, mustJID(t, "big@x"), strings.Repeat("n", n), []string{group}, big)
		if errors.Is(err, ErrRosterFull) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if got := edits(t, db, ver); got != "all" {
		t.Errorf("since %d: %s", ver, got)
	}
	r, err := db.Roster(ann)
	if err != nil || len(r.past) > 0 || r.floor <= ver {
		t.Errorf("%d bytes of tombstones, known since %d of %d, %v", len(r.past), r.floor, r.Ver, err)
	}
	if _, _, err := db.ReplaceRoster(ann, r, nil); err != nil {
		t.Error(err)
	}
}

// A store whose rosters are of version 1: what was before the upgrade is not
// known, what comes after it is.
func TestUpgradeStore(t *testing.T) {
	db, _ := pastStore(t, Options{})
	ann := mustJID(t, "ann@x")
	b := goldenFile(t, "roster.v1.hex")
	if err := db.update(func(t *tx) error { t.set(userKey(kindRoster, ann), bytes.Clone(b)); return nil }); err != nil {
		t.Fatal(err)
	}
	old := goldenRoster(t)
	if got := edits(t, db, old.Ver-1) + edits(t, db, old.Ver); got != "all" {
		t.Error(got)
	}
	come(t, db, "new@x")
	if _, err := db.Remove(ann, mustJID(t, "bob@example.org"), false); err != nil {
		t.Fatal(err)
	}
	if got := edits(t, db, old.Ver-1); got != "all" {
		t.Error(got)
	}
	if got := edits(t, db, old.Ver); got != "new bob@example.org" {
		t.Error(got)
	}
	r, err := db.Roster(ann)
	if err != nil || len(r.Items) != len(old.Items) {
		t.Fatalf("%+v, %v", r, err)
	}
	for i, was := range old.Items {
		if is, ok := r.Find(was.Contact); was.Contact.Local() != "bob" && (!ok || !sameRecord(was, is) || was.Ver != is.Ver) {
			t.Errorf("entry %d: %+v, was %+v", i, is, was)
		}
	}
}

// A clock that goes back, and a deletion on another day, repeat no version.
func TestClockGoesBack(t *testing.T) {
	db, now := pastStore(t, Options{})
	ann := mustJID(t, "ann@x")
	last := uint64(0)
	for range 5 {
		for range 3 {
			ver := comeAndGo(t, db, "bob@x")
			if ver <= last {
				t.Fatalf("version %d after %d", ver, last)
			}
			last = ver
		}
		if _, err := db.DeleteRoster(ann); err != nil {
			t.Fatal(err)
		}
		*now = now.Add(-time.Hour)
	}
	// nor for somebody else, who never had one
	if _, err := db.SetItem(mustJID(t, "eve@x"), ann, "", nil, Limits{}); err != nil {
		t.Fatal(err)
	}
}

// A damaged past costs a client the whole roster, not its roster.
func TestDamagedPast(t *testing.T) {
	for _, past := range []string{"\x05", "\x01", "\x01x", "\x01x\x01", "\x02@@\x05\x00"} {
		r := &Roster{Ver: 20, base: 5, floor: 6, past: past, Items: []Item{{Contact: jid.JID{}, Listed: true, Ver: 20}}}
		if es, ok := r.Since(7); ok {
			t.Errorf("%q: %+v", past, es)
		}
	}
}
