package sasl

import (
	"bytes"
	"context"
	"errors"
	"unicode/utf8"
)

// plain is RFC 4616.
type plain struct {
	env  *Env
	user string
	step plainStep
}

type plainStep uint8

const (
	plainInitial plainStep = iota // no message yet
	plainAsked                    // empty challenge sent
	plainOver
)

func newPlain(e *Env, _ *row) Exchange { return &plain{env: e} }

func (p *plain) User() string { return p.user }

func (p *plain) Next(ctx context.Context, response []byte) ([]byte, bool, error) {
	switch {
	case p.step == plainOver:
		return nil, false, over()
	case p.step == plainInitial && response == nil:
		p.step = plainAsked // RFC 4422 §3: the mechanism is client-first
		return []byte{}, false, nil
	}
	p.step = plainOver
	authzid, user, password, err := parsePlain(response)
	if err != nil {
		return nil, false, err
	}
	if p.user, err = prepUser(user); err != nil {
		return nil, false, notAuthorized(errors.Join(errAuthid, err))
	}
	if err := p.env.checkAuthzid(authzid, p.user); err != nil {
		return nil, false, err
	}
	err = fromStore(p.env.Store.Verify(ctx, p.user, p.env.Domain, password))
	return nil, err == nil, err
}

// parsePlain takes [authzid] NUL authcid NUL passwd apart (RFC 4616 §2).
func parsePlain(b []byte) (authzid, user, password string, err error) {
	switch {
	case len(b) > MaxResponse:
		return "", "", "", malformed("The message is too long.")
	case !utf8.Valid(b):
		return "", "", "", malformed("The message is not UTF-8.")
	case bytes.Count(b, []byte{0}) != 2:
		return "", "", "", malformed("PLAIN takes three fields.")
	}
	f := bytes.SplitN(b, []byte{0}, 3)
	if len(f[1]) == 0 || len(f[2]) == 0 {
		return "", "", "", malformed("The user name or the password is empty.")
	}
	return string(f[0]), string(f[1]), string(f[2]), nil
}
