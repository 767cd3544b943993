package sasl

import (
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"

	"golang.org/x/net/idna"
	"golang.org/x/text/secure/precis"
)

// maxPart is the longest part of an address in octets (RFC 7622 §3).
const maxPart = 1023

var (
	errUTF8   = errors.New("not UTF-8")
	errEmpty  = errors.New("empty")
	errLong   = errors.New("longer than 1023 octets")
	errAuthid = errors.New("the user name is no local part")
	errPass   = errors.New("the password cannot be prepared")
)

// prepUser is s as a local part (RFC 7622 §3.3), the form in which a Store
// knows users.
func prepUser(s string) (string, error) {
	if s == "" {
		return "", errEmpty
	}
	if len(s) > 4*maxPart {
		return "", errLong
	}
	if !utf8.ValidString(s) {
		return "", errUTF8
	}
	out, err := stable(precis.UsernameCaseMapped, s)
	if err != nil {
		return "", err
	}
	switch {
	case out == "":
		return "", errEmpty
	case len(out) > maxPart:
		return "", errLong
	}
	if i := strings.IndexAny(out, `"&'/:<>@`); i >= 0 { // RFC 7622 §3.3.1
		return "", fmt.Errorf("has %q", out[i:i+1])
	}
	return out, nil
}

// prepPassword is s by the OpaqueString profile (RFC 8265 §4.2).
func prepPassword(s string) (string, error) {
	if !utf8.ValidString(s) {
		return "", errUTF8
	}
	return stable(precis.OpaqueString, s)
}

// stable applies p and refuses what would change again.
func stable(p *precis.Profile, s string) (string, error) {
	out, err := p.String(s)
	if err != nil {
		return "", err
	}
	if again, err := p.String(out); err != nil || again != out {
		return "", errors.New("changes when it is prepared a second time")
	}
	return out, nil
}

// domains maps as RFC 7622 §3.2 asks; what it refuses is compared as it is.
var domains = idna.New(idna.MapForLookup(), idna.Transitional(false), idna.BidiRule())

// prepDomain is s in a form in which equal domains are equal bytes.
func prepDomain(s string) string {
	if out, err := domains.ToUnicode(s); err == nil {
		s = out
	}
	return strings.TrimSuffix(strings.ToLower(s), ".")
}

// splitBare takes a bare address local@domain apart and prepares both.
func splitBare(s string) (user, domain string, err error) {
	user, domain, ok := strings.Cut(s, "@")
	if !ok {
		return "", "", errors.New("is not user@domain")
	}
	if user, err = prepUser(user); err != nil {
		return "", "", err
	}
	if domain == "" || strings.ContainsAny(domain, "@/") || len(domain) > maxPart || !utf8.ValidString(domain) {
		return "", "", errors.New("has no valid domain")
	}
	return user, prepDomain(domain), nil
}

// checkAuthzid lets the empty authorization identity pass and user's own bare
// address (RFC 6120 §6.3.8); nobody may act for somebody else.
func (e *Env) checkAuthzid(authzid, user string) error {
	if authzid == "" {
		return nil
	}
	u, d, err := splitBare(authzid)
	if err == nil && u == user && d == prepDomain(e.Domain) {
		return nil
	}
	return &Failure{Condition: InvalidAuthzid, Text: "You can only be authorized as yourself."}
}
