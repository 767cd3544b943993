//go:build !race

package jid

import "testing"

func TestAllocs(t *testing.T) {
	canonical := []byte("juliet@im.example.com/balcony")
	upper := []byte("Juliet@IM.example.com/balcony")
	j, err := ParseBytes(canonical)
	if err != nil {
		t.Fatal(err)
	}
	dst := make([]byte, 0, 64)
	m := map[JID]int{j.Bare(): 1}
	for _, c := range []struct {
		name string
		want float64
		run  func()
	}{
		{"ParseBorrowed canonical", 0, func() { ParseBorrowed(canonical) }},
		{"ParseBytes canonical", 1, func() { ParseBytes(canonical) }},
		{"ParseBorrowed upper case", 1, func() { ParseBorrowed(upper) }},
		{"ParseBytes upper case", 1, func() { ParseBytes(upper) }},
		{"Bare, DomainJID, parts", 0, func() { _ = j.Bare().Local() + ""; _ = j.DomainJID().Domain(); _ = j.Resource() }},
		{"AppendTo", 0, func() { dst = j.AppendTo(dst[:0]) }},
		{"map lookup of a borrowed bare", 0, func() { b, _ := ParseBorrowed(canonical); m[b.Bare()]++ }},
		{"WithResource", 1, func() { j.WithResource("chamber") }},
		{"New", 1, func() { New("juliet", "example.com", "x") }},
	} {
		if n := testing.AllocsPerRun(100, c.run); n > c.want {
			t.Errorf("%s: %v allocations, want at most %v", c.name, n, c.want)
		}
	}
}
