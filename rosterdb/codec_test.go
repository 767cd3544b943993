package rosterdb

import (
	"bytes"
	"encoding/hex"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"roost/xmlstream/jid"
)

var update = flag.Bool("update", false, "write the golden files of the newest version anew")

func mustJID(t testing.TB, s string) jid.JID {
	t.Helper()
	j, err := jid.Parse(s)
	if err != nil {
		t.Fatal(err)
	}
	return j
}

// goldenBase is where the versions of goldenRoster begin.
const goldenBase = 0x6a000000 << 16

// goldenRoster has every field of an entry in use.
func goldenRoster(t testing.TB) *Roster {
	const base = goldenBase
	r := &Roster{Ver: base + 900, Items: []Item{
		{Contact: mustJID(t, "bob@example.org"), Name: "Bob", Groups: []string{"Work", "Freunde – alle"}, Sub: SubBoth, Listed: true, Ver: base + 1},
		{Contact: mustJID(t, "dan@far.example"), PendingIn: true, Request: []byte("<presence from='dan@far.example' type='subscribe'/>"), Ver: base + 3},
		{Contact: mustJID(t, "eve@example.org"), Sub: SubTo, PendingIn: true, Listed: true, Ver: base + 300},
		{Contact: mustJID(t, "example.net"), Sub: SubFrom, Ask: true, Listed: true, Ver: base + 900},
		{Contact: mustJID(t, "zoë@example.org"), Approved: true, Listed: true, Ver: base + 2, Extra: []byte(`{"x":1}`), ExtraPending: []byte(`{"y":[2]}`)},
	}}
	if err := sortItems(r.Items); err != nil {
		t.Fatal(err)
	}
	return r
}

// golden compares b with a file of hexadecimal digits, and returns the file's bytes.
func golden(t *testing.T, name string, b []byte) []byte {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		var text strings.Builder
		for line := range slices.Chunk(b, 32) {
			fmt.Fprintf(&text, "%x\n", line)
		}
		if err := os.WriteFile(path, []byte(text.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want := goldenFile(t, name)
	if !bytes.Equal(b, want) {
		t.Errorf("%s: encoded as\n%x\nthe file has\n%x", name, b, want)
	}
	return want
}

// goldenFile reads a file of hexadecimal digits.
func goldenFile(t *testing.T, name string) []byte {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	b, err := hex.DecodeString(strings.Join(strings.Fields(string(text)), ""))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// pastOf are some tombstones, as version 2 writes them.
func pastOf(t testing.TB) []byte {
	r := record{base: goldenBase}
	r.bury(mustJID(t, "gone@example.org"), goldenBase+500, time.Unix(1_800_000_000, 0))
	r.bury(mustJID(t, "far.example"), goldenBase+899, time.Unix(1_800_003_600, 0))
	return r.past
}

// recordOf is what encodes a roster of tests.
func recordOf(r *Roster, base uint64) *record {
	return &record{ver: r.Ver, base: base, floor: base + 1, tail: []byte("tail")}
}

// A record of today's version is what the file says.
func TestGoldenRoster(t *testing.T) {
	r := goldenRoster(t)
	r.base, r.floor, r.past = goldenBase, goldenBase+400, string(pastOf(t))
	rec := &record{ver: r.Ver, base: r.base, floor: r.floor, past: pastOf(t), tail: []byte("tail")}
	checkGolden(t, golden(t, "roster.v2.hex", rec.encode(r.Items)), r)
}

// A record that version 1 wrote is read forever, and becomes version 2 with a
// past that begins then.
func TestGoldenRosterV1(t *testing.T) {
	r := goldenRoster(t)
	r.base, r.floor = goldenBase, r.Ver
	b := goldenFile(t, "roster.v1.hex")
	checkGolden(t, b, r)
	rec, err := parseRecord(b)
	if err != nil {
		t.Fatal(err)
	}
	for i := range rec.n { // the entries are as they were
		it, err := rec.item(i)
		if err != nil {
			t.Fatal(err)
		}
		b := rec.splice(i, true, &it)
		if b[0] != recordV2 {
			t.Fatalf("version %d", b[0])
		}
		checkGolden(t, b, r)
	}
}

func checkGolden(t *testing.T, b []byte, r *Roster) {
	t.Helper()
	rec, err := parseRecord(b)
	if err != nil {
		t.Fatal(err)
	}
	got, err := rec.roster()
	if err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(got, r) {
		t.Errorf("decoded %+v\nwant    %+v", got, r)
	}
	if string(rec.tail) != "tail" {
		t.Errorf("tail %q", rec.tail)
	}
}

func TestGoldenAccount(t *testing.T) {
	keys := &account{keys: map[string]ScramKeys{}, realms: []realmHA1{{"example.org", [16]byte{1, 2, 3}}}}
	for i, h := range hashes {
		keys.keys[h] = ScramKeys{Salt: []byte{byte(i), 1}, StoredKey: []byte(h + " stored"), ServerKey: []byte(h + " server"), Iterations: 10000 + i}
	}
	sealed := &account{sealed: []byte("nonce and text"), realms: []realmHA1{{"", [16]byte{9}}}}
	for name, a := range map[string]*account{"account-keys.v1.hex": keys, "account-sealed.v1.hex": sealed} {
		got, err := decodeAccount(golden(t, name, a.encode()))
		if err != nil || !reflect.DeepEqual(got, a) {
			t.Errorf("%s: %+v, %v; want %+v", name, got, err, a)
		}
	}
}

func TestGoldenQueue(t *testing.T) {
	q := queue{next: 1000, msgs: []queued{{3, 10}, {900, 70000}}, size: 70010}
	got, err := decodeQueue(golden(t, "queue.v1.hex", q.encode()))
	if err != nil || !reflect.DeepEqual(got, q) {
		t.Errorf("%+v, %v; want %+v", got, err, q)
	}
}

// Keys and checksums are part of the layout too.
func TestGoldenKeys(t *testing.T) {
	ann := mustJID(t, "ann@example.org/res")
	var b []byte
	for _, k := range [][]byte{userKey(kindRoster, ann), userKey(kindAccount, ann), userKey(kindQueue, ann), offlineKey(ann, 258),
		partKey(kindBlob, ann, "vcard-temp"), userKey(kindRoster, mustJID(t, "example.org")), formatKey(), seal([]byte("key"), []byte("value"))} {
		b = appendString(b, k)
	}
	golden(t, "keys.v1.hex", b)
	if owner, err := keyOwner(userKey(kindRoster, ann)); err != nil || owner != ann.Bare() {
		t.Errorf("owner %v, %v", owner, err)
	}
	if owner, err := keyOwner(userKey(kindRoster, mustJID(t, "example.org"))); err != nil || owner.String() != "example.org" {
		t.Errorf("owner %v, %v", owner, err)
	}
}

func TestSeal(t *testing.T) {
	s := seal([]byte("k"), []byte("v"))
	if v, err := unseal([]byte("k"), s); err != nil || string(v) != "v" {
		t.Fatalf("%q, %v", v, err)
	}
	for i := range s {
		bad := bytes.Clone(s)
		bad[i] ^= 1
		if _, err := unseal([]byte("k"), bad); !errors.Is(err, ErrCorrupt) {
			t.Errorf("byte %d changed: %v", i, err)
		}
	}
	for _, c := range []struct{ k, v []byte }{{[]byte("j"), s}, {[]byte("k"), s[:3]}, {[]byte("k"), nil}} {
		if _, err := unseal(c.k, c.v); !errors.Is(err, ErrCorrupt) {
			t.Errorf("%q, %q: %v", c.k, c.v, err)
		}
	}
}

// Every edit by splicing gives what encoding the whole list gives.
func TestSplice(t *testing.T) {
	for _, long := range []int{0, 70000} { // offsets of two and of four bytes
		var rec record
		rec.ver, rec.base, rec.floor, rec.width = 20, 5, 6, 2
		rec.bury(mustJID(t, "gone@x"), 7, time.Unix(0, 0))
		var items []Item
		put := func(contact string, it *Item) {
			i, ok, err := rec.find(contact)
			if err != nil {
				t.Fatal(err)
			}
			at, found := slices.BinarySearchFunc(items, contact, func(a Item, k string) int { return strings.Compare(a.Contact.String(), k) })
			if at != i || found != ok {
				t.Fatalf("find %s: %d %v, want %d %v", contact, i, ok, at, found)
			}
			b := rec.splice(i, ok, it)
			switch {
			case it == nil:
				items = slices.Delete(items, at, at+1)
			case ok:
				items[at] = *it
			default:
				items = slices.Insert(items, at, *it)
			}
			if want := rec.encode(items); !bytes.Equal(b, want) {
				t.Fatalf("%s: spliced\n%x\nwant\n%x", contact, b, want)
			}
			if rec, err = parseRecord(b); err != nil {
				t.Fatal(err)
			}
		}
		for i, c := range []string{"m@x", "a@x", "z@x", "b@x", "m@x", "y@x"} {
			put(c, &Item{Contact: mustJID(t, c), Name: strings.Repeat("n", i*7+long), Listed: true, Ver: uint64(5 + i)})
		}
		for _, c := range []string{"m@x", "a@x", "z@x", "b@x", "y@x"} {
			put(c, nil)
		}
		if rec.n != 0 || len(rec.area) != 0 || len(rec.past) == 0 {
			t.Errorf("%d entries, %d bytes left", rec.n, len(rec.area))
		}
	}
}

func TestUsage(t *testing.T) {
	r := goldenRoster(t)
	r.Items[1].Name = "both" // request and text
	r.Items[1].Groups = []string{"a", "b"}
	rec, err := parseRecord(recordOf(r, 1).encode(r.Items))
	if err != nil {
		t.Fatal(err)
	}
	u, err := rec.usage()
	if want := (usage{4, 1, len(r.Items[1].Request)}); err != nil || u != want {
		t.Errorf("%+v, %v; want %+v", u, err, want)
	}
}

func TestDecodeErrors(t *testing.T) {
	r := goldenRoster(t)
	rec := recordOf(r, 1)
	rec.tail = nil
	good := rec.encode(r.Items)
	decode := func(b []byte) error {
		rec, err := parseRecord(b)
		if err == nil {
			_, err = rec.roster()
		}
		return err
	}
	for n := 1; n < len(good); n++ {
		if decode(good[:n]) == nil {
			t.Errorf("cut to %d bytes: no error", n)
		}
	}
	items := slices.Clone(r.Items)
	slices.Reverse(items)
	for name, b := range map[string][]byte{
		"version": append([]byte{3}, good[1:]...),
		"width":   {1, 1, 1, 1, 3, 0, 0, 0},
		"order":   rec.encode(items),
		"twice":   rec.encode([]Item{r.Items[0], r.Items[0]}),
		"count":   {1, 1, 1, 255, 255, 255, 255, 255, 255, 255, 255, 255, 1, 2},
		"ver":     {1, 0, 1, 0, 2},
		"past":    {2, 9, 1, 0, 2, 5, 0},
		"no past": {2, 9, 1, 0, 2, 0},
		"floor":   {2, 9, 1, 0, 2, 1, 9},
	} {
		if decode(b) == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

func FuzzDecodeRoster(f *testing.F) {
	r := goldenRoster(f)
	rec := &record{ver: r.Ver, base: goldenBase, floor: goldenBase + 400, past: pastOf(f), tail: []byte("tail")}
	f.Add(rec.encode(r.Items))
	f.Add((&record{ver: 1, base: 1}).encode(nil))
	f.Add([]byte{1, 1, 1, 1, 2, 3, 0, 1, 'x', 0})
	f.Add([]byte{2, 9, 1, 0, 2, 8, 0, 1, 'x', 3, 0, 1, 'y', 8})
	f.Fuzz(func(t *testing.T, b []byte) {
		rec, err := parseRecord(b)
		if err != nil {
			return
		}
		_, _ = rec.usage()
		for i := range rec.n {
			_, _ = rec.item(i)
		}
		for _, c := range []string{"", "bob@example.org", "\xff"} {
			if i, ok, err := rec.find(c); err == nil {
				_ = rec.splice(i, ok, nil)
				_ = rec.splice(i, ok, &r.Items[0])
			}
		}
		fuzzPast(t, rec)
		out, err := rec.roster()
		if err != nil || rec.n == 0 {
			return
		}
		again, err := parseRecord(rec.encode(out.Items))
		if err != nil {
			t.Fatal(err)
		}
		got, err := again.roster()
		if err != nil || !reflect.DeepEqual(got, out) {
			t.Fatalf("%+v, %v; want %+v", got, err, out)
		}
	})
}

// fuzzPast does to a past all that can be done.
func fuzzPast(t *testing.T, rec record) {
	r, err := rec.roster()
	if err != nil {
		return
	}
	for _, since := range []uint64{0, rec.floor, rec.base + 1, rec.ver - 1, rec.ver, rec.ver + 1} {
		edits, ok := r.Since(since)
		for i, e := range edits {
			if !ok || e.Item.Ver <= since || e.Item.Ver > r.Ver || i > 0 && e.Item.Ver < edits[i-1].Item.Ver {
				t.Fatalf("since %d of %d: %+v, %v", since, r.Ver, edits, ok)
			}
		}
	}
	before := len(rec.past)
	if rec.unbury(func(c []byte) bool { return len(c)%2 == 0 }) == nil && len(rec.past) > before {
		t.Fatalf("%d bytes of past became %d", before, len(rec.past))
	}
	o := Options{Tombstones: 3, TombstoneAge: time.Hour, Now: func() time.Time { return time.Unix(1_800_003_600, 0) }}
	rec.bury(jid.JID{}, rec.ver, o.Now())
	if rec.prune(&o) == nil && (rec.floor < rec.base || rec.floor > rec.ver) {
		t.Fatalf("floor %d, base %d, version %d", rec.floor, rec.base, rec.ver)
	}
}

func FuzzDecodeOther(f *testing.F) {
	f.Add((&account{sealed: []byte("x"), realms: []realmHA1{{"r", [16]byte{}}}}).encode())
	f.Add((&account{keys: map[string]ScramKeys{"SHA-1": {Salt: []byte("s")}}}).encode())
	f.Add((&queue{next: 9, msgs: []queued{{1, 2}}}).encode())
	f.Fuzz(func(t *testing.T, b []byte) {
		if a, err := decodeAccount(b); err == nil {
			if _, err := decodeAccount(a.encode()); err != nil {
				t.Fatal(err)
			}
		}
		if q, err := decodeQueue(b); err == nil {
			if got, err := decodeQueue(q.encode()); err != nil || !reflect.DeepEqual(got, q) {
				t.Fatalf("%+v, %v; want %+v", got, err, q)
			}
		}
		if len(b) > 1 {
			_, _ = keyOwner(b)
		}
	})
}
