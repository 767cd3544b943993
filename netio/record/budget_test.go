//go:build !race

package record

import (
	"crypto/tls"
	"testing"
)

// A record costs no allocation in either direction while the ciphers are there.
func TestAllocations(t *testing.T) {
	for _, su := range suites {
		a, b := ends(t, su.id)
		buf := make([]byte, 1000)
		n := testing.AllocsPerRun(100, func() {
			if data, err := b.Open(a.Seal(buf[:HeaderLen+300])); err != nil || len(data) != 300 {
				t.Fatal(len(data), err)
			}
		})
		if n > 0 {
			t.Errorf("%s: %v allocations per record, want none", tls.CipherSuiteName(su.id), n)
		}
	}
}

func BenchmarkSealOpen(b *testing.B) {
	for _, su := range suites {
		b.Run(tls.CipherSuiteName(su.id), func(b *testing.B) {
			one, other := ends(b, su.id)
			buf := make([]byte, 1000)
			b.ReportAllocs()
			for b.Loop() {
				if _, err := other.Open(one.Seal(buf[:HeaderLen+300])); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkCold is what a record costs after a rest: one cipher.
func BenchmarkCold(b *testing.B) {
	for _, su := range suites {
		b.Run(tls.CipherSuiteName(su.id), func(b *testing.B) {
			one, _ := ends(b, su.id)
			buf := make([]byte, 1000)
			b.ReportAllocs()
			for b.Loop() {
				one.Cool()
				one.Seal(buf[:HeaderLen+300])
			}
		})
	}
}
