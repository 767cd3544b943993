package sasl

import (
	"errors"
	"fmt"
)

// The conditions of RFC 6120 §6.5.
const (
	Aborted              = "aborted"                // §6.5.1, for who reads <abort/>
	AccountDisabled      = "account-disabled"       // §6.5.2
	CredentialsExpired   = "credentials-expired"    // §6.5.3
	EncryptionRequired   = "encryption-required"    // §6.5.4
	IncorrectEncoding    = "incorrect-encoding"     // §6.5.5, for who decodes base64
	InvalidAuthzid       = "invalid-authzid"        // §6.5.6
	InvalidMechanism     = "invalid-mechanism"      // §6.5.7
	MalformedRequest     = "malformed-request"      // §6.5.8
	MechanismTooWeak     = "mechanism-too-weak"     // §6.5.9, for policies of who calls Start
	NotAuthorized        = "not-authorized"         // §6.5.10
	TemporaryAuthFailure = "temporary-auth-failure" // §6.5.11
)

// ErrBinding marks a Failure that no password was tried for: client and server do not agree on channel
// binding. Clients that know fewer types than they are offered fail like this with one mechanism
// after the other before they come to one that works.
var ErrBinding = errors.New("channel binding does not fit")

// A Failure is an exchange that failed.
type Failure struct {
	Condition string // RFC 6120 §6.5
	Text      string // for the peer, may be ""; tells nothing of accounts
	Err       error  // for the log, may be nil; never sent
}

func (f *Failure) Error() string {
	s := "sasl: " + f.Condition
	if f.Text != "" {
		s += ": " + f.Text
	}
	if f.Err != nil {
		s += ": " + f.Err.Error()
	}
	return s
}

func (f *Failure) Unwrap() error { return f.Err }

// badCredentials is the one text for every way of not being let in.
const badCredentials = "The user name or the password is wrong."

func malformed(format string, args ...any) error {
	return &Failure{Condition: MalformedRequest, Text: fmt.Sprintf(format, args...)}
}

func notAuthorized(err error) error {
	return &Failure{Condition: NotAuthorized, Text: badCredentials, Err: err}
}

// fromStore is the failure for the error of a Store, nil for nil.
func fromStore(err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, ErrNoUser), errors.Is(err, ErrPassword):
		return notAuthorized(err)
	case errors.Is(err, ErrDisabled):
		return &Failure{Condition: AccountDisabled, Err: err}
	case errors.Is(err, ErrExpired):
		return &Failure{Condition: CredentialsExpired, Err: err}
	}
	return &Failure{Condition: TemporaryAuthFailure, Text: "Please try again later.", Err: err}
}

// answered reports whether err of a Store is an answer about the account, so
// that credentials which came with it, or made-up ones, are to be checked.
func answered(err error) bool {
	return err == nil || errors.Is(err, ErrNoUser) || errors.Is(err, ErrDisabled) || errors.Is(err, ErrExpired)
}

// errOver is for a peer that goes on talking after the end.
var errOver = errors.New("the exchange is over")

func over() error {
	return &Failure{Condition: MalformedRequest, Err: errOver}
}
