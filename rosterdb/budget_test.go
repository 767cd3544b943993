//go:build !race

package rosterdb_test

import (
	"testing"

	"roost/rosterdb"
)

// Reading a roster allocates for the roster, not for its entries.
func TestReadAllocations(t *testing.T) {
	db := openStore(t, options(""))
	ann, bob := addr(t, "ann@example.org"), addr(t, "contact0050@example.org")
	_, err := db.PutRoster(ann, rosterOf(t, 100))
	must(t, err)
	var r *rosterdb.Roster
	for name, c := range map[string]struct {
		limit float64
		fn    func()
	}{
		"Roster": {22, func() { r, _ = db.Roster(ann) }},
		"Item":   {20, func() { _, _, _ = db.Item(ann, bob) }},
	} {
		if n := testing.AllocsPerRun(100, c.fn); n > c.limit {
			t.Errorf("%s: %v allocations, want at most %v", name, n, c.limit)
		}
	}
	if len(r.Items) != 100 {
		t.Errorf("%d entries", len(r.Items))
	}
}
