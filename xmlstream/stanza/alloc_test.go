//go:build !race

package stanza

import (
	"testing"

	"roost/xmlstream/jid"
)

const chat = "<message from='alice@example.org/phone' to='bob@example.org/desk' type='chat' id='a1'><body>Shall we meet at six?</body></message>"

// TestAllocations: reading an envelope and passing a stanza on cost no memory of their own.
func TestAllocations(t *testing.T) {
	el := element(t, "xml:lang='en'", chat)
	from := address1(t, "alice@example.org/phone")
	if n := testing.AllocsPerRun(1000, func() {
		if st := Parse(el, NSClient); st.Kind != Message || st.To.IsZero() {
			t.Fatal("not read")
		}
	}); n > 0 {
		t.Errorf("Parse: %v allocations, want 0", n)
	}
	st := Parse(el, NSClient)
	if n := testing.AllocsPerRun(1000, func() {
		f := NewFrame()
		f.Set(st.AppendRelay(f.Buf(), from, jid.JID{}))
		f.Release()
	}); n > 0 {
		t.Errorf("relay into a Frame: %v allocations, want 0", n)
	}
}

func BenchmarkParse(b *testing.B) {
	el := element(b, "", chat)
	b.ReportAllocs()
	for b.Loop() {
		Parse(el, NSClient)
	}
}

func BenchmarkRelay(b *testing.B) {
	st := cut(b, "", chat)
	from := address1(b, "alice@example.org/phone")
	b.ReportAllocs()
	for b.Loop() {
		f := NewFrame()
		f.Set(st.AppendRelay(f.Buf(), from, jid.JID{}))
		f.Release()
	}
}
