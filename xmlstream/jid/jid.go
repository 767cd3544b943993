package jid

import (
	"strings"
	"unsafe"
)

// MaxPart is the longest part in octets, after preparation (RFC 7622 §3.2,
// §3.3, §3.4).
const MaxPart = 1023

// A JID is a prepared address. The zero value is no address. Two JIDs are the
// same address exactly when they are ==.
type JID struct {
	s     string // canonical text: [local "@"] domain ["/" resource]
	local uint16 // octets of the local part; 0: none
	bare  uint16 // octets of [local "@"] domain
}

// Parse prepares s. The result may share the memory of s.
// The error is an *Error.
func Parse(s string) (JID, error) {
	j, _, err := parse(s)
	return j, err
}

// ParseBytes prepares b. The result owns its memory. The error is an *Error.
func ParseBytes(b []byte) (JID, error) {
	j, same, err := parse(view(b))
	if same {
		j.s = strings.Clone(j.s)
	}
	return j, err
}

// ParseBorrowed prepares b without a copy where it can: when b is canonical
// ASCII the result is a view of b and is valid, as a map key too, only until b
// is reused; Clone it to keep it. Any other result owns its memory. The error
// is an *Error and never refers to b.
func ParseBorrowed(b []byte) (JID, error) {
	j, _, err := parse(view(b))
	return j, err
}

// New prepares the parts and puts them together. An empty local or resource
// means that there is none. The error is an *Error.
func New(local, domain, resource string) (JID, error) {
	var err error
	if local != "" {
		if local, err = prepLocal(local); err != nil {
			return JID{}, err
		}
	}
	if domain, err = prepDomain(domain); err != nil {
		return JID{}, err
	}
	if resource != "" {
		if resource, err = prepResource(resource); err != nil {
			return JID{}, err
		}
	}
	return join(local, domain, resource, false), nil
}

// WithResource is j with the resource r, prepared, in place of its own. It
// does not share memory with j. The error is an *Error.
func (j JID) WithResource(r string) (JID, error) {
	if j.IsZero() {
		return JID{}, fail(PartDomain, "", whyNoDomain)
	}
	r, err := prepResource(r)
	if err != nil {
		return JID{}, err
	}
	return JID{s: j.s[:j.bare] + "/" + r, local: j.local, bare: j.bare}, nil
}

// Clone is j with its own memory.
func (j JID) Clone() JID {
	j.s = strings.Clone(j.s)
	return j
}

// String is the canonical text; "" for the zero JID.
func (j JID) String() string { return j.s }

// AppendTo appends the canonical text.
func (j JID) AppendTo(dst []byte) []byte { return append(dst, j.s...) }

// Local is the local part, "" when there is none. It shares the memory of j.
func (j JID) Local() string { return j.s[:j.local] }

// Domain is the domain part. It shares the memory of j.
func (j JID) Domain() string { return j.s[j.domainAt():j.bare] }

// Resource is the resource part, "" when there is none. It shares the memory
// of j.
func (j JID) Resource() string {
	if !j.IsFull() {
		return ""
	}
	return j.s[j.bare+1:]
}

// Bare is j without its resource. It shares the memory of j.
func (j JID) Bare() JID {
	j.s = j.s[:j.bare]
	return j
}

// DomainJID is the domain of j alone. It shares the memory of j.
func (j JID) DomainJID() JID {
	d := j.Domain()
	return JID{s: d, bare: uint16(len(d))}
}

// IsZero reports whether j is no address.
func (j JID) IsZero() bool { return j.s == "" }

// IsBare reports whether j has no resource: local@domain, or a domain alone.
func (j JID) IsBare() bool { return j.s != "" && len(j.s) == int(j.bare) }

// IsDomain reports whether j is a domain alone.
func (j JID) IsDomain() bool { return j.local == 0 && j.IsBare() }

// IsFull reports whether j has a resource (RFC 6120 §1.4 calls an address with
// local part, domain and resource a full JID; domain/resource counts here too).
func (j JID) IsFull() bool { return len(j.s) > int(j.bare) }

// domainAt is where the domain starts in j.s.
func (j JID) domainAt() int {
	if j.local == 0 {
		return 0
	}
	return int(j.local) + 1
}

// parse cuts s and prepares the parts. same says that j.s is s itself.
func parse(s string) (j JID, same bool, err error) {
	local, domain, resource, err := cut(s)
	if err != nil {
		return JID{}, false, err
	}
	if ok, folds := quick(local, domain, resource); ok {
		if d := strings.TrimSuffix(domain, "."); folds || len(d) != len(domain) {
			return join(local, d, resource, folds), false, nil
		}
		return place(s, local, domain), true, nil
	}
	j, err = New(local, domain, resource)
	return j, false, err
}

// quick reports whether the parts are plain ASCII and right, except that a
// final dot may have to go, and capitals where folds says so. It explains
// nothing: what it does not accept, New decides.
func quick(local, domain, resource string) (ok, folds bool) {
	l, f1 := plain(local, localOK)
	d, f2 := plain(domain, domainOK)
	r, _ := plain(resource, resourceOK)
	if !l || !d || !r || max(len(local), len(domain), len(resource)) > MaxPart {
		return false, false
	}
	if resource != "" && resource[0] == ' ' {
		return false, false
	}
	ace, why := checkASCII(strings.TrimSuffix(domain, "."))
	return !ace && why == "", f1 || f2
}

// cut takes s apart (RFC 7622 §3.1: the resource is what follows the first
// "/", the local part what stands before the first "@" of the rest). A part
// that is announced but empty is an error.
func cut(s string) (local, domain, resource string, err error) {
	domain = s
	if i := strings.IndexByte(domain, '/'); i >= 0 {
		domain, resource = domain[:i], domain[i+1:]
		if resource == "" {
			return "", "", "", fail(PartResource, s, whyEmpty)
		}
	}
	if i := strings.IndexByte(domain, '@'); i >= 0 {
		local, domain = domain[:i], domain[i+1:]
		if local == "" {
			return "", "", "", fail(PartLocal, s, whyEmpty)
		}
	}
	if domain == "" {
		return "", "", "", fail(PartDomain, s, whyNoDomain)
	}
	return local, domain, resource, nil
}

// total is the length of the parts put together.
func total(local, domain, resource string) int {
	n := len(domain)
	if local != "" {
		n += len(local) + 1
	}
	if resource != "" {
		n += 1 + len(resource)
	}
	return n
}

// join puts prepared parts together in new memory, in one allocation; fold
// makes small letters of the capitals A to Z outside the resource.
func join(local, domain, resource string, fold bool) JID {
	b := make([]byte, 0, total(local, domain, resource))
	if local != "" {
		b = append(append(b, local...), '@')
	}
	b = append(b, domain...)
	if fold {
		for i, c := range b {
			if 'A' <= c && c <= 'Z' {
				b[i] = c | 0x20
			}
		}
	}
	if resource != "" {
		b = append(append(b, '/'), resource...)
	}
	return place(view(b), local, domain)
}

// place is the JID whose canonical text is s.
func place(s, local, domain string) JID {
	j := JID{s: s, local: uint16(len(local))}
	j.bare = uint16(j.domainAt() + len(domain))
	return j
}

// view is b as a string, without a copy.
func view(b []byte) string { return unsafe.String(unsafe.SliceData(b), len(b)) }
