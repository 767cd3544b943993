package rosterdb

import (
	"fmt"
	"slices"
	"testing"
	"time"
)

// A roster that is kept elsewhere remembers its past as one in the store does.
func TestSucceed(t *testing.T) {
	items := func(names ...string) (out []Item) {
		for _, n := range names {
			it := Item{Contact: mustJID(t, n[:1]+"@x"), Name: n, Listed: true, Sub: SubBoth}
			out = append(out, it)
		}
		return out
	}
	at := time.Unix(1_800_000_000, 0)
	past := func(r *Roster, ver uint64) string {
		es, ok := r.Since(ver)
		if !ok {
			return "all"
		}
		s := ""
		for _, e := range es {
			sign := "+"
			if e.Removed {
				sign = "-"
			}
			s += fmt.Sprint(sign, e.Item.Contact.Local(), e.Item.Ver, " ")
		}
		return s
	}
	next := func(r *Roster, names ...string) *Roster {
		t.Helper()
		was := slices.Clone(r.Items)
		n, err := r.Succeed(items(names...), at)
		if err != nil {
			t.Fatal(err)
		}
		if !slices.EqualFunc(was, r.Items, func(a, b Item) bool { return a.Ver == b.Ver && sameView(a, b) }) {
			t.Error("the old roster was changed")
		}
		return n
	}
	first := First(100, items("a", "b", "c"))
	same := next(first, "a", "b", "c")
	second := next(same, "a", "bb", "d")
	third := next(second, "a", "bb", "c")
	if same.Ver != 100 || second.Ver != 103 || third.Ver != 105 {
		t.Error(same.Ver, second.Ver, third.Ver)
	}
	for _, c := range []struct {
		r    *Roster
		ver  uint64
		want string
	}{
		{first, 100, ""}, {first, 99, "all"}, {first, 101, "all"},
		{second, 100, "-c101 +b102 +d103 "}, {second, 101, "+b102 +d103 "}, {second, 99, "all"},
		{third, 100, "+b102 -d104 +c105 "}, {third, 103, "-d104 +c105 "}, {third, 105, ""},
	} {
		if got := past(c.r, c.ver); got != c.want {
			t.Errorf("since %d: %s, want %s", c.ver, got, c.want)
		}
	}
	if third.PastSize() == 0 || first.PastSize() != 0 {
		t.Error(third.PastSize(), first.PastSize())
	}
	empty := First(7, nil)
	if n := next(empty); n.Ver != 7 {
		t.Error(n.Ver)
	}
	long := third
	for i := range 600 {
		long = next(long, "a", []string{"d", "e"}[i%2])
		at = at.Add(time.Hour)
	}
	if past(long, 100) != "all" && long.PastSize() > maxTombstoneBytes {
		t.Error(long.PastSize())
	}
}
