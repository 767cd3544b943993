package conf

import (
	"errors"
	"fmt"
	"net/netip"
	"net/url"
	"path/filepath"
	"strconv"
	"strings"

	"roost/cmd/internal/ecconf"
	"roost/rosterdb/delegated"
)

// maxDomain is the longest domainpart of an address (RFC 7622 §3.2), in bytes.
const maxDomain = 1023

// domainName checks what can be checked of a domain name without the tables
// of IDNA, and returns it in lower case without a final dot (RFC 7622 §3.2).
func domainName(s string) (string, error) {
	name := strings.ToLower(strings.TrimSuffix(s, "."))
	switch {
	case name == "":
		return "", errors.New("the domain name is empty")
	case len(name) > maxDomain:
		return "", fmt.Errorf("a domain name has at most %d bytes", maxDomain)
	}
	if ip, err := netip.ParseAddr(strings.Trim(name, "[]")); err == nil && ip.Is6() == strings.HasPrefix(name, "[") {
		return name, nil
	}
	for label := range strings.SplitSeq(name, ".") {
		if label == "" || strings.HasPrefix(label, "-") || strings.HasSuffix(label, "-") {
			return "", errors.New("not a domain name; write one such as chat.example.org")
		}
		for _, r := range label {
			if r < 0x80 && r != '-' && r != '_' && (r < '0' || r > '9') && (r < 'a' || r > 'z') {
				return "", fmt.Errorf("a domain name cannot hold %q; write one such as chat.example.org", r)
			}
		}
	}
	return name, nil
}

const domainPrefix = "#xmpp#"

// splitDomain reads the instance name of a domain stanza: #xmpp#NAME, or
// #xmpp#NAME#decoration, where the decoration is for people only.
func splitDomain(s string) (name, label string, err error) {
	switch {
	case len(s) > 1 && strings.HasPrefix(s, "/") && strings.HasSuffix(s, "/"):
		return "", "", errors.New("domains given by a regular expression are not yet supported; write one stanza per name")
	case !strings.HasPrefix(s, "#"):
		return "", "", fmt.Errorf(`this is the name of a mail domain; for XMPP write domain "%s%s"`, domainPrefix, s)
	case len(s) < len(domainPrefix) || !strings.EqualFold(s[:len(domainPrefix)], domainPrefix):
		return "", "", fmt.Errorf(`the protocol of the domain is not xmpp; write domain "%sNAME"`, domainPrefix)
	}
	name, label, _ = strings.Cut(s[len(domainPrefix):], "#")
	name, err = domainName(name)
	return name, label, err
}

func domainKey(s string) (key, note string, err error) {
	key, _, err = splitDomain(s)
	return key, "", err
}

// listenKey makes the two spellings of an IPv6 address one stanza. ":5222" and
// "*:5222" stay two: the rule against two stanzas for one endpoint finds them.
func listenKey(s string) (key, note string, err error) {
	a, err := ParseAddress(s)
	if err != nil {
		return "", "", err
	}
	if !a.IsUnix() && a.IP.Addr().IsUnspecified() {
		return strings.ToLower(s), "", nil
	}
	return a.Text, "", nil
}

func controlKey(s string) (key, note string, err error) {
	a, err := ParseAddress(s)
	if err == nil && !a.IsUnix() {
		err = errors.New("a control listener on TCP is not yet supported; write the path of a Unix socket")
	}
	return a.Text, "", err
}

func peerKey(s string) (key, note string, err error) {
	p, exact, err := ecconf.ParsePrefix(s)
	if err != nil {
		return "", "", err
	}
	if !exact {
		note = "the address has bits set behind the prefix length; taken as " + p.String()
	}
	return p.String(), note, nil
}

// filePath returns the path of a file:// or digest:// URI.
func filePath(scheme, rest string) (string, error) {
	if !filepath.IsAbs(rest) {
		return "", fmt.Errorf("%s:// takes an absolute path; write %s:///path", scheme, scheme)
	}
	return filepath.Clean(rest), nil
}

// checkAuthURI knows the schemes; those of a later release are refused by the row.
func checkAuthURI(v ecconf.Value) error {
	scheme, rest, err := ecconf.SplitURI(v.Text)
	if err != nil {
		return err
	}
	switch scheme {
	case "file", "digest":
		_, err = filePath(scheme, rest)
		return err
	case "accounts":
		if rest != "" {
			return errors.New("the embedded store takes no path; write accounts://")
		}
		return nil
	case "http", "https":
		return nil
	}
	return fmt.Errorf("the store %s:// is not yet supported; use file:///path, digest:///path or accounts://", scheme)
}

func checkDomainName(v ecconf.Value) error {
	_, err := domainName(v.Text)
	return err
}

func checkRoute(v ecconf.Value) error {
	_, err := parseRoute(v.Text)
	return err
}

func checkNotEmpty(v ecconf.Value) error {
	if v.Text == "" {
		return errors.New("the value is empty")
	}
	return nil
}

// checkFileMode wants a mode that lets somebody in: without a write bit nobody can connect (unix(7)).
func checkFileMode(v ecconf.Value) error {
	if mode, err := strconv.ParseUint(v.Text, 8, 32); err == nil && mode&0o222 == 0 {
		return errors.New("nobody could connect: one of the write bits must be set, as in 0660")
	}
	return nil
}

// checkContact wants an absolute URI (XEP-0157 §3), such as mailto: or xmpp:.
func checkContact(v ecconf.Value) error {
	u, err := url.Parse(v.Text)
	if err != nil || u.Scheme == "" || u.Opaque == "" && u.Host == "" && u.Path == "" {
		return errors.New(`not a URI; write one such as "mailto:admin@example.org" or "xmpp:admin@example.org"`)
	}
	return nil
}

// checkToken wants a literal, or a file:// URI whose file holds the token.
func checkToken(v ecconf.Value) error {
	if err := checkNotEmpty(v); err != nil {
		return err
	}
	scheme, rest, err := ecconf.SplitURI(v.Text)
	if err != nil || scheme != "file" {
		return nil
	}
	_, err = filePath(scheme, rest)
	return err
}

// checkRosterURL wants a URL with a place for the user's name.
func checkRosterURL(v ecconf.Value) error { return delegated.CheckURL(v.Text) }

// presenceScript and bootScript are the sources that scripts may name.
const (
	presenceScript = "msys.xmpp.presence"
	bootScript     = "msys.boot"
)

// scriptSource returns a source with dots as separators.
func scriptSource(s string) string { return strings.ReplaceAll(s, "/", ".") }

func checkSource(v ecconf.Value) error {
	switch scriptSource(v.Text) {
	case presenceScript, bootScript:
		return nil
	}
	return errors.New("not yet supported; the only script that runs here is " + presenceScript)
}
