package jid

import (
	"strings"
	"unicode/utf8"

	"golang.org/x/text/secure/precis"
)

// maxInput bounds the text that is prepared at all, in octets. Preparation can
// shorten (three octets of a fullwidth letter become one), so it is larger than
// MaxPart; what is longer cannot come from an address that anybody shows.
const maxInput = 4 * MaxPart

// class says what an ASCII octet is in each part.
type class uint8

const (
	localOK    class = 1 << iota // may be in a local part
	domainOK                     // may be in a domain
	resourceOK                   // may be in a resource, and stays as it is
	upper                        // becomes lower case in local part and domain
)

// classes has 0 for what needs the long way or is refused: controls,
// everything from 0x80 up.
var classes = makeClasses()

func makeClasses() (t [256]class) {
	for c := ' '; c <= '~'; c++ {
		t[c] = resourceOK // FreeformClass: RFC 8264 §4.3
		if c > ' ' && !strings.ContainsRune(excluded, c) {
			t[c] |= localOK // IdentifierClass: RFC 8264 §4.2, RFC 7622 §3.3.1
		}
	}
	for c := 'A'; c <= 'Z'; c++ {
		t[c] |= domainOK | upper
		t[c+'a'-'A'] |= domainOK
	}
	for c := '0'; c <= '9'; c++ {
		t[c] |= domainOK
	}
	t['-'] |= domainOK
	t['.'] |= domainOK
	return t
}

// excluded are the code points that a local part may not have although the
// IdentifierClass has them (RFC 7622 §3.3.1).
const excluded = `"&'/:<>@`

// plain reports whether every octet of s is of class ok, and whether one is
// upper.
func plain(s string, ok class) (all, folds bool) {
	some, every := class(0), ok
	for i := range len(s) {
		c := classes[s[i]]
		some |= c
		every &= c
	}
	return every != 0, some&upper != 0
}

// prepLocal is s prepared as a local part, s itself when it is so already
// (RFC 7622 §3.3).
func prepLocal(s string) (string, error) {
	ok, folds := plain(s, localOK)
	if !ok {
		return prepLocalSlow(s)
	}
	if len(s) > MaxPart {
		return "", fail(PartLocal, s, whyLong)
	}
	if folds {
		return strings.ToLower(s), nil
	}
	return s, nil
}

func prepLocalSlow(s string) (string, error) {
	out, err := enforce(precis.UsernameCaseMapped, PartLocal, s)
	if err != nil {
		return "", err
	}
	// After the mapping: U+FF20 FULLWIDTH COMMERCIAL AT becomes "@".
	if i := strings.IndexAny(out, excluded); i >= 0 {
		return "", fail(PartLocal, s, "has "+out[i:i+1]+", which RFC 7622 §3.3.1 excludes")
	}
	return out, nil
}

// prepResource is s prepared as a resource, s itself when it is so already
// (RFC 7622 §3.4).
func prepResource(s string) (string, error) {
	if s == "" {
		return "", fail(PartResource, s, whyEmpty)
	}
	if ok, _ := plain(s, resourceOK); !ok {
		return prepResourceSlow(s)
	}
	if len(s) > MaxPart {
		return "", fail(PartResource, s, whyLong)
	}
	return noLeadingSpace(s, s)
}

func prepResourceSlow(s string) (string, error) {
	out, err := enforce(precis.OpaqueString, PartResource, s)
	if err != nil {
		return "", err
	}
	return noLeadingSpace(out, s)
}

// noLeadingSpace refuses example 18 of RFC 7622 §3.5, Table 2. (Erratum 4560
// says that OpaqueString alone would let it pass.)
func noLeadingSpace(out, s string) (string, error) {
	if out[0] == ' ' {
		return "", fail(PartResource, s, "starts with a space")
	}
	return out, nil
}

// enforce applies p to s and checks that the result is stable and fits.
func enforce(p *precis.Profile, part, s string) (string, error) {
	if len(s) > maxInput {
		return "", fail(part, s, whyLong)
	}
	if !utf8.ValidString(s) {
		return "", fail(part, s, whyUTF8)
	}
	out, err := p.String(s)
	if err != nil {
		return "", fail(part, s, err.Error())
	}
	if out == "" {
		return "", fail(part, s, whyEmpty)
	}
	if len(out) > MaxPart {
		return "", fail(part, s, whyLong)
	}
	// RFC 8264 §7 does not promise that one application is enough; an address
	// that would change again is no map key.
	if again, err := p.String(out); err != nil || again != out {
		return "", fail(part, s, whyUnstable)
	}
	return out, nil
}

func isASCII(s string) bool {
	for i := range len(s) {
		if s[i] >= utf8.RuneSelf {
			return false
		}
	}
	return true
}
