package jid

import "testing"

func BenchmarkParse(b *testing.B) {
	for _, c := range []struct{ name, in string }{
		{"canonical", "juliet@im.example.com/balcony"},
		{"long", "f6a52cc4-0000-4d2a-9d6e-2b1b7a3d1c55@conference.muc.example.com/gajim.ZK4UAXQ1-some-long-resource-name"},
		{"domain", "example.com"},
		{"upper", "Juliet@im.example.com/balcony"},
		{"unicode", "\u03c0@b\u00fccher.example/\u265a"},
	} {
		b.Run(c.name, func(b *testing.B) {
			in := []byte(c.in)
			b.ReportAllocs()
			b.SetBytes(int64(len(in)))
			for b.Loop() {
				if _, err := ParseBorrowed(in); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
