package jid

import (
	"cmp"
	"net/netip"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/net/idna"
)

// maxLabel is the longest label in octets, in its ASCII form (RFC 5890 §2.3.1).
const maxLabel = 63

// lookup maps (case, width, NFC) and validates as RFC 5895 and UTS 46 say, ß
// and final sigma kept (RFC 7622 §3.2.1 and §3.5 example 7).
var lookup = idna.New(idna.MapForLookup(), idna.Transitional(false), idna.BidiRule())

// prepDomain is s prepared as a domain, s itself when it is so already
// (RFC 7622 §3.2).
func prepDomain(s string) (string, error) {
	if s == "" {
		return "", fail(PartDomain, s, whyNoDomain)
	}
	ok, folds := plain(s, domainOK)
	if !ok {
		return prepDomainSlow(s)
	}
	out := s
	if len(out) > 1 && out[len(out)-1] == '.' {
		out = out[:len(out)-1] // RFC 7622 §3.2: the final dot is stripped
	}
	if len(out) > MaxPart {
		return "", fail(PartDomain, s, whyLong)
	}
	if folds {
		out = strings.ToLower(out)
	}
	ace, why := checkASCII(out)
	if why != "" {
		return "", fail(PartDomain, s, why)
	}
	if ace {
		return prepDomainSlow(out)
	}
	return out, nil
}

// checkASCII walks the labels of letters, digits, hyphens and dots.
// ace: one of them is an A-label. why: what is wrong, or "".
func checkASCII(s string) (ace bool, why string) {
	for start := 0; start <= len(s); {
		end := len(s)
		if i := strings.IndexByte(s[start:], '.'); i >= 0 {
			end = start + i
		}
		label := s[start:end]
		switch {
		case label == "":
			return false, "has an empty label"
		case len(label) > maxLabel:
			return false, "has a label longer than 63 octets"
		case label[0] == '-' || label[len(label)-1] == '-':
			return false, "has a label with a hyphen at its start or end" // RFC 5891 §4.2.3.1
		case len(label) >= 4 && label[2] == '-' && label[3] == '-':
			if label[0]|0x20 != 'x' || label[1]|0x20 != 'n' {
				return false, `has a reserved label ("--" as third and fourth character)` // RFC 5890 §2.3.1
			}
			ace = true
		}
		start = end + 1
	}
	return ace, ""
}

// prepDomainSlow is prepDomain for IP literals, A-labels and non-ASCII.
func prepDomainSlow(s string) (string, error) {
	if len(s) > maxInput {
		return "", fail(PartDomain, s, whyLong)
	}
	if s[0] == '[' {
		return prepIPLiteral(s)
	}
	if !utf8.ValidString(s) {
		return "", fail(PartDomain, s, whyUTF8)
	}
	out, err := lookup.ToUnicode(s)
	if err != nil {
		return "", fail(PartDomain, s, whyIDNA) // err may have all of s in it
	}
	out = strings.TrimSuffix(out, ".") // also U+3002 and its kin, mapped by now
	if out == "" {
		return "", fail(PartDomain, s, whyNoDomain)
	}
	if len(out) > MaxPart {
		return "", fail(PartDomain, s, whyLong)
	}
	if why := checkLabels(out); why != "" {
		return "", fail(PartDomain, s, why)
	}
	if again, err := lookup.ToUnicode(out); err != nil || again != out {
		return "", fail(PartDomain, s, whyUnstable)
	}
	return out, nil
}

// checkLabels is checkASCII for U-labels. why: what is wrong, or "".
func checkLabels(s string) (why string) {
	for label := range strings.SplitSeq(s, ".") {
		if isASCII(label) {
			if ace, why := checkASCII(label); why != "" || ace {
				return cmp.Or(why, "has an A-label that does not stand for a U-label")
			}
			continue
		}
		for _, r := range label {
			if !idna2008(r) {
				return "has " + string(r) + ", which IDNA2008 does not allow"
			}
		}
		ascii, err := idna.Punycode.ToASCII(label)
		if err != nil {
			return whyIDNA
		}
		if len(ascii) > maxLabel {
			return "has a label longer than 63 octets in its ASCII form"
		}
	}
	return ""
}

// idna2008 reports whether r is a letter, digit or mark that RFC 5892 lets into
// a U-label, or one of its exceptions. UTS 46, which package idna implements,
// lets symbols pass too. What is unstable under mapping never gets here.
func idna2008(r rune) bool {
	switch r {
	case '-', 0x00B7, 0x0375, 0x05F3, 0x05F4, 0x30FB, 0x200C, 0x200D, // RFC 5892 Appendix A
		0x06FD, 0x06FE, 0x0F0B, 0x3007: // RFC 5892 §2.6
		return true
	}
	return unicode.In(r, unicode.Ll, unicode.Lo, unicode.Lm, unicode.Mn, unicode.Mc, unicode.Nd)
}

// prepIPLiteral is "[IPv6]" in the form of RFC 5952 (RFC 7622 §3.2, RFC 3986
// §3.2.2). IPv4 addresses need nothing special: they are labels of digits.
func prepIPLiteral(s string) (string, error) {
	if s[len(s)-1] != ']' {
		return "", fail(PartDomain, s, "has no ] at its end")
	}
	a, err := netip.ParseAddr(s[1 : len(s)-1])
	if err != nil || !a.Is6() || a.Zone() != "" {
		return "", fail(PartDomain, s, "is not [IPv6 address]")
	}
	if out := "[" + a.String() + "]"; out != s {
		return out, nil
	}
	return s, nil
}
