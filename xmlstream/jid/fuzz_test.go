package jid

import (
	"errors"
	"testing"
)

// FuzzParse: what is accepted prints to something that parses to the same and
// obeys the rules of check; the three ways to parse agree.
func FuzzParse(f *testing.F) {
	for _, c := range accepted {
		f.Add(c.in)
	}
	for _, c := range refused {
		f.Add(c.in)
	}
	f.Fuzz(func(t *testing.T, s string) {
		j, err := Parse(s)
		owned, err1 := ParseBytes([]byte(s))
		borrowed, err2 := ParseBorrowed([]byte(s))
		if owned != j || borrowed != j || (err1 == nil) != (err == nil) || (err2 == nil) != (err == nil) {
			t.Fatalf("%q: %q %v, %q %v, %q %v", s, j, err, owned, err1, borrowed, err2)
		}
		if err != nil {
			if _, ok := errors.AsType[*Error](err); !ok || !j.IsZero() {
				t.Fatalf("%q: %q, %v", s, j, err)
			}
			return
		}
		check(t, j)
		made, err := New(j.Local(), j.Domain(), j.Resource())
		if err != nil || made != j {
			t.Errorf("%q: New gives %q, %v", j, made, err)
		}
	})
}

// FuzzFast: the short way for ASCII says the same as the Unicode profiles.
func FuzzFast(f *testing.F) {
	for _, c := range accepted {
		f.Add(c.local)
		f.Add(c.domain)
		f.Add(c.resource)
	}
	f.Add("A_b")
	f.Add("a-.b")
	f.Add("aB--c.d")
	f.Fuzz(func(t *testing.T, s string) {
		if s == "" || len(s) > maxInput || !isASCII(s) {
			return
		}
		for _, p := range []struct {
			part       string
			fast, slow func(string) (string, error)
		}{
			{PartLocal, prepLocal, prepLocalSlow},
			{PartDomain, prepDomain, prepDomainSlow},
			{PartResource, prepResource, prepResourceSlow},
		} {
			a, err1 := p.fast(s)
			b, err2 := p.slow(s)
			if (err1 == nil) != (err2 == nil) || a != b {
				t.Errorf("%s %q: %q %v, by the profile %q %v", p.part, s, a, err1, b, err2)
			}
		}
	})
}
