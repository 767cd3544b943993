package router

import (
	"hash/maphash"
	"strings"
	"testing"

	"roost/xmlstream"
	"roost/xmlstream/stanza"
)

// TestTails: sessions that show the same share its memory, and what nobody else will show is not kept.
func TestTails(t *testing.T) {
	ts := tails{seed: maphash.MakeSeed()}
	keep := func(text string) *string {
		t.Helper()
		el, err := xmlstream.ParseElement([]byte(text), nil)
		if err != nil {
			t.Fatal(err)
		}
		st := stanza.Parse(el, stanza.NSClient)
		return ts.keep(&st)
	}
	const open = "<presence xmlns='jabber:client'"
	away := open + "><show>away</show></presence>"
	first := keep(away)
	if *first != "><show>away</show></presence>" {
		t.Errorf("kept %q", *first)
	}
	if again := keep(away); again != first {
		t.Error("the same presence is kept twice")
	}
	if other := keep(open + "/>"); *other != "/>" {
		t.Errorf("kept %q", *other)
	}
	long := open + "><status>" + strings.Repeat("x", maxShared) + "</status></presence>"
	if first := keep(long); first == keep(long) {
		t.Error("a long presence stays in memory after its session")
	}
}
