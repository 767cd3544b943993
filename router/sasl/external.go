package sasl

import (
	"context"
	"errors"
	"slices"
	"strings"
	"unicode/utf8"
)

// external is RFC 4422 Appendix A with client certificates (XEP-0178 §2).
type external struct {
	env   *Env
	user  string
	asked bool
	done  bool
}

var errNoAddress = errors.New("the certificate has no address of this domain")

func newExternal(e *Env, _ *row) Exchange { return &external{env: e} }

func (x *external) User() string { return x.user }

func (x *external) Next(_ context.Context, response []byte) ([]byte, bool, error) {
	switch {
	case x.done:
		return nil, false, over()
	case response == nil && !x.asked:
		x.asked = true
		return []byte{}, false, nil
	}
	x.done = true
	user, err := x.env.external(response)
	if err != nil {
		return nil, false, err
	}
	x.user = user
	return nil, true, nil
}

// external finds the user for an authorization identity.
func (e *Env) external(authzid []byte) (string, error) {
	// RFC 4422 Appendix A.1: 1*UTF8 without NUL.
	if len(authzid) > MaxResponse || !utf8.Valid(authzid) || slices.Contains(authzid, 0) {
		return "", malformed("The authorization identity is not a text.")
	}
	users := e.certUsers()
	if len(users) == 0 {
		return "", &Failure{Condition: NotAuthorized, Err: errNoAddress}
	}
	if len(authzid) == 0 {
		if len(users) == 1 {
			return users[0], nil
		}
		// XEP-0178 §2: more than one address and none chosen
		return "", &Failure{Condition: InvalidAuthzid, Text: "The certificate has several addresses; name one."}
	}
	user, domain, err := splitBare(string(authzid))
	if err != nil || domain != prepDomain(e.Domain) || !slices.Contains(users, user) {
		return "", &Failure{Condition: InvalidAuthzid, Text: "The certificate does not have that address."}
	}
	return user, nil
}

// certUsers are the prepared local parts of the certificate's addresses at the
// served domain, each once. What is not an address there does not count.
func (e *Env) certUsers() []string {
	var users []string
	own := prepDomain(e.Domain)
	for _, s := range e.CertJIDs {
		bare, _, _ := strings.Cut(s, "/")
		user, domain, err := splitBare(bare)
		if err == nil && domain == own && !slices.Contains(users, user) {
			users = append(users, user)
		}
	}
	return users
}
