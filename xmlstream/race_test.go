//go:build race

package xmlstream

import "testing"

// TestStaleElement: in race builds an element that was kept too long is found out.
func TestStaleElement(t *testing.T) {
	tok := opened(t, nil)
	_, el, _, err := tok.Next([]byte("<a/>"))
	if err != nil {
		t.Fatal(err)
	}
	tok.Release()
	defer func() {
		if recover() == nil {
			t.Error("an element outlives its stanza unnoticed")
		}
	}()
	el.Local()
}
