package measure

import (
	"encoding/json"
	"testing"
)

func overJSON(t *testing.T, s *Segment) *Segment {
	t.Helper()
	b, err := json.Marshal(s)
	if err != nil {
		t.Fatal(err)
	}
	back := NewSegment(nil)
	if err := json.Unmarshal(b, back); err != nil {
		t.Fatalf("%v: %s", err, b)
	}
	return back
}

// TestHistRefusesJunk: a worker that sends something else is an error, not a panic.
func TestHistRefusesJunk(t *testing.T) {
	for _, s := range []string{`"x"`, `"AAAA"`, `3`, `"HISTFAAAAAA="`, `"HISTFAAAABB42pNpmSzMwMDAxwABXDAGABB9AQA="`} {
		var h Hist
		if err := json.Unmarshal([]byte(s), &h); err == nil && h.Count() != 0 {
			t.Errorf("%s gives %d times", s, h.Count())
		}
	}
}
