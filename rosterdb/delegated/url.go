package delegated

import (
	"errors"
	"fmt"
	"net/url"
	"strings"

	"roost/xmlstream/jid"
)

// target is the URL of a roster: %s stands for the user's name, %h for the domain.
type target string

// CheckURL says what is wrong with the URL of a web application.
func CheckURL(s string) error {
	u, err := url.Parse(target(s).expand("user", "example.org"))
	switch {
	case err != nil:
		return errors.New(`not a URL; write one such as "https://app.example.org/contacts/%s"`)
	case u.Scheme != "http" && u.Scheme != "https", u.Host == "":
		return errors.New(`write a URL that begins with http:// or https:// and a host, such as "https://app.example.org/contacts/%s"`)
	case u.Fragment != "":
		return errors.New("a URL with a # asks for nothing behind it; take it out")
	case !strings.Contains(s, "%s"):
		return errors.New("the URL has no %s, which stands for the user's name")
	}
	return nil
}

// of gives the URL of one account. The names "." and ".." would mean another place on the
// application (RFC 3986 §5.2.4), whatever their encoding: no application is asked for them.
func (t target) of(owner jid.JID) (string, error) {
	if l := owner.Local(); l == "" || l == "." || l == ".." {
		return "", fmt.Errorf("%q is no name that a URL can hold", owner)
	}
	return t.expand(owner.Local(), owner.Domain()), nil
}

func (t target) expand(user, host string) string {
	return strings.NewReplacer("%s", escape(user), "%h", escape(host)).Replace(string(t))
}

// escape leaves only the unreserved characters (RFC 3986 §2.3): what comes out may stand in a path
// and in a query.
func escape(s string) string { return strings.ReplaceAll(url.QueryEscape(s), "+", "%20") }
