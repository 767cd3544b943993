package sasl

import "strings"

// Has reports whether the file names user, for domain or for every domain.
func (f *File) Has(user, domain string) bool {
	_, ok := f.now.Load().find(user, domain)
	return ok
}

// Has reports whether the file has a line that counts for user in domain.
func (f *DigestFile) Has(user, _ string) bool {
	x := f.now.Load()
	i := x.from(user + "\x00")
	return i < len(x.at) && strings.HasPrefix(x.key(x.at[i]), user+"\x00")
}

// PreparePassword is a password as it is compared and hashed: by the OpaqueString profile
// (RFC 8265 §4.2).
func PreparePassword(s string) (string, error) { return prepPassword(s) }
