package tlsconf

import (
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"net/netip"
	"slices"
	"strings"
	"unicode/utf8"

	"golang.org/x/net/idna"
)

var (
	oidSAN      = asn1.ObjectIdentifier{2, 5, 29, 17}
	oidXMPPAddr = asn1.ObjectIdentifier{1, 3, 6, 1, 5, 5, 7, 8, 5} // id-on-xmppAddr, RFC 6120 §13.7.1.4
	oidSRVName  = asn1.ObjectIdentifier{1, 3, 6, 1, 5, 5, 7, 8, 7} // id-on-dnsSRV, RFC 4985 §2
)

// maxOtherNames bounds how many names of one kind are taken out of a certificate.
const maxOtherNames = 256

// XMPPAddrs returns the id-on-xmppAddr names of cert, in its order and as written: addresses of clients
// (juliet@example.com) or servers (example.com). They are not prepared, and not to be trusted before the certificate is
// verified. Nil when there are none or the extension is malformed.
func XMPPAddrs(cert *x509.Certificate) []string { return otherNames(cert, oidXMPPAddr) }

// SRVNames returns the id-on-dnsSRV names of cert, such as _xmpp-server.example.com.
func SRVNames(cert *x509.Certificate) []string { return otherNames(cert, oidSRVName) }

// otherName is the type of that name in RFC 5280 §4.2.1.6.
type otherName struct {
	ID    asn1.ObjectIdentifier
	Value asn1.RawValue // [0] EXPLICIT around the value
}

// otherNames returns the values of one kind of otherName.
func otherNames(cert *x509.Certificate, kind asn1.ObjectIdentifier) []string {
	if cert == nil {
		return nil
	}
	i := slices.IndexFunc(cert.Extensions, func(e pkix.Extension) bool { return e.Id.Equal(oidSAN) })
	if i < 0 {
		return nil
	}
	var names asn1.RawValue // GeneralNames, a SEQUENCE
	rest, err := asn1.Unmarshal(cert.Extensions[i].Value, &names)
	if err != nil || len(rest) > 0 || !names.IsCompound || names.Tag != asn1.TagSequence || names.Class != asn1.ClassUniversal {
		return nil
	}
	var out []string
	for rest = names.Bytes; len(rest) > 0; {
		var n asn1.RawValue
		if rest, err = asn1.Unmarshal(rest, &n); err != nil {
			return nil
		}
		if n.Class != asn1.ClassContextSpecific || n.Tag != 0 {
			continue
		}
		var o otherName
		if tail, err := asn1.UnmarshalWithParams(n.FullBytes, &o, "tag:0"); err != nil || len(tail) > 0 {
			return nil
		}
		if s, ok := o.text(); ok && o.ID.Equal(kind) && len(out) < maxOtherNames {
			out = append(out, s)
		}
	}
	return out
}

// text returns the value when it is a string. RFC 6120 wants UTF8String and RFC 4985 IA5String; authorities mix them up.
func (o otherName) text() (string, bool) {
	var v asn1.RawValue
	if o.Value.Class != asn1.ClassContextSpecific || o.Value.Tag != 0 || !o.Value.IsCompound {
		return "", false
	}
	if rest, err := asn1.Unmarshal(o.Value.Bytes, &v); err != nil || len(rest) > 0 {
		return "", false
	}
	if v.Class != asn1.ClassUniversal || v.IsCompound {
		return "", false
	}
	switch v.Tag {
	case asn1.TagUTF8String, asn1.TagIA5String, asn1.TagPrintableString:
	default:
		return "", false
	}
	// A NUL would cut the name short for whoever reads it as a C string.
	if len(v.Bytes) == 0 || !utf8.Valid(v.Bytes) || slices.Contains(v.Bytes, 0) {
		return "", false
	}
	return string(v.Bytes), true
}

// MatchDomain reports whether cert speaks for the XMPP domain (RFC 9525 §6 with RFC 6120 §13.7.1.2): by a dNSName, which may
// have '*' for the whole of its left-most label, by an SRVName for _xmpp-server, or by an xmppAddr that is just the
// domain. A domain that is an address literal matches an iPAddress only. The subject's common name counts for nothing.
// Whether the certificate is valid is another question.
func MatchDomain(cert *x509.Certificate, domain string) bool {
	if cert == nil || domain == "" {
		return false
	}
	if a, err := netip.ParseAddr(strings.Trim(domain, "[]")); err == nil {
		for _, ip := range cert.IPAddresses {
			if b, ok := netip.AddrFromSlice(ip); ok && b.Unmap() == a.Unmap() {
				return true
			}
		}
		return false
	}
	want := ascii(domain)
	if want == "" {
		return false
	}
	for _, n := range cert.DNSNames {
		if matches(n, want) {
			return true
		}
	}
	for _, n := range SRVNames(cert) {
		const service = "_xmpp-server." // RFC 9525 §6.4: the service is compared without regard to case
		if len(n) > len(service) && strings.EqualFold(n[:len(service)], service) && matches(n[len(service):], want) {
			return true
		}
	}
	return slices.ContainsFunc(domainsOf(XMPPAddrs(cert)), func(d string) bool { return ascii(d) == want })
}

// matches compares a presented name with a wanted one, which is ASCII in lower case.
func matches(presented, want string) bool {
	if rest, ok := strings.CutPrefix(presented, "*."); ok {
		// RFC 9525 §6.3: the wildcard stands for one label, and for all of it.
		_, tail, found := strings.Cut(want, ".")
		rest = ascii(rest)
		return found && rest != "" && rest == tail
	}
	return !strings.Contains(presented, "*") && ascii(presented) == want
}

// domainsOf keeps those addresses that are a domain.
func domainsOf(addrs []string) []string {
	var out []string
	for _, a := range addrs {
		if !strings.ContainsAny(a, "@/*") {
			out = append(out, a)
		}
	}
	return out
}

// servicesOf returns the domains of SRVNames of the XMPP services.
func servicesOf(names []string) []string {
	var out []string
	for _, n := range names {
		service, domain, _ := strings.Cut(n, ".")
		switch strings.ToLower(service) {
		case "_xmpp-client", "_xmpp-server", "_xmpps-client", "_xmpps-server":
			out = append(out, domain)
		}
	}
	return out
}

// maxName bounds a domain name in bytes, also one in Unicode (RFC 7622 §3.2).
const maxName = 1023

// ascii returns a domain name in the form that is compared: A-labels, lower case, without the final dot. It returns ""
// for what cannot be one.
func ascii(name string) string {
	name = strings.TrimSuffix(name, ".")
	if len(name) > maxName { // strangers choose the name, and punycode takes quadratic time
		return ""
	}
	for i := range len(name) {
		if name[i] >= utf8.RuneSelf {
			a, err := idna.Lookup.ToASCII(name)
			if err != nil || !utf8.ValidString(name) {
				return ""
			}
			return a
		}
	}
	if len(name) > 253 { // RFC 1035 §2.3.4, without the root label
		return ""
	}
	return strings.ToLower(name)
}
