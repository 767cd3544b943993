// Package contact tells how the people who run the server are reached (XEP-0157).
package contact

import (
	"fmt"
	"net/url"

	"roost/router"
)

// FormType is the FORM_TYPE of the form that disco#info shows.
const FormType = "http://jabber.org/network/serverinfo"

// MaxAddresses is how many addresses one purpose may have.
const MaxAddresses = 32

// Addresses are URIs by purpose: mailto:, xmpp:, https: and the like.
type Addresses struct {
	Abuse, Admin, Feedback, Sales, Security, Status, Support []string
}

// Register shows a on the server's disco#info; without any address it does nothing. An error names
// the address that is no URI.
func Register(r *router.Router, a Addresses) error {
	f := router.Form{Type: FormType}
	for _, p := range [...]struct {
		name string
		uris []string
	}{
		{"abuse", a.Abuse}, {"admin", a.Admin}, {"feedback", a.Feedback}, {"sales", a.Sales},
		{"security", a.Security}, {"status", a.Status}, {"support", a.Support},
	} {
		if len(p.uris) == 0 {
			continue
		}
		if len(p.uris) > MaxAddresses {
			return fmt.Errorf("contact: %d %s addresses; give at most %d", len(p.uris), p.name, MaxAddresses)
		}
		for _, s := range p.uris {
			// XEP-0157 §3: values are valid URIs
			if u, err := url.Parse(s); err != nil || !u.IsAbs() || u.Opaque == "" && u.Host == "" {
				return fmt.Errorf("contact: %s address %q is no URI; write it like mailto:%s@example.org or xmpp:%s@example.org", p.name, s, p.name, p.name)
			}
		}
		f.Fields = append(f.Fields, router.Field{Var: p.name + "-addresses", Type: "list-multi", Values: p.uris})
	}
	if len(f.Fields) > 0 {
		r.AddForm(router.ToServer, f)
	}
	return nil
}
