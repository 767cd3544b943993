package rosterdb

import (
	"testing"

	"roost/xmlstream/jid"
)

// TestSubscribed: what Subscribed tells is what the whole roster says.
func TestSubscribed(t *testing.T) {
	db := openTest(t, Options{})
	ann := mustJID(t, "ann@x")
	for _, want := range []*Roster{{}, goldenRoster(t)} {
		if _, err := db.PutRoster(ann, want); err != nil {
			t.Fatal(err)
		}
		var got []Item
		if err := db.Subscribed(ann, func(contact jid.JID, sub Sub) { got = append(got, Item{Contact: contact, Sub: sub}) }); err != nil {
			t.Fatal(err)
		}
		for _, it := range want.Items {
			if it.Sub == SubNone {
				continue
			}
			if len(got) == 0 || got[0].Contact != it.Contact || got[0].Sub != it.Sub {
				t.Fatalf("got %v in place of %v", got, it.Contact)
			}
			got = got[1:]
		}
		if len(got) != 0 {
			t.Errorf("%v too many", got)
		}
	}
}

// TestSubscribedDamaged: a record that is cut or changed anywhere gives an error or contacts that can
// be addressed.
func TestSubscribedDamaged(t *testing.T) {
	whole := (&record{width: 2, ver: goldenBase + 900, base: goldenBase}).encode(goldenRoster(t).Items)
	check := func(b []byte) {
		r, err := parseRecord(b)
		if err == nil {
			_ = r.subscribed(func(contact jid.JID, sub Sub) {
				if !contact.IsBare() || sub == SubNone || sub > SubBoth {
					t.Errorf("%q, %v", contact, sub)
				}
			})
		}
	}
	for i := range whole {
		check(whole[:i])
		for _, c := range []byte{0, 1, 0x7f, 0xff} {
			b := append([]byte(nil), whole...)
			b[i] = c
			check(b)
		}
	}
}
