package xmlstream

import (
	"errors"
	"strconv"
)

// ErrShort says that buf ends before the event does: keep the bytes that were not
// used and call Next again when more have come. It is a state, not a failure.
var ErrShort = errors.New("xmlstream: more bytes needed")

// What a SyntaxError wraps; test with errors.Is. The stream error of RFC 6120 §4.9.3
// that each calls for stands behind it.
var (
	ErrNotWellFormed     = errors.New("not well-formed")                 // §4.9.3.13 not-well-formed
	ErrRestricted        = errors.New("restricted XML")                  // §4.9.3.18 restricted-xml
	ErrEncoding          = errors.New("not UTF-8")                       // §4.9.3.22 unsupported-encoding
	ErrStrayText         = errors.New("text between stanzas")            // §4.9.3.1 bad-format
	ErrStanzaTooBig      = errors.New("element over the size limit")     // §4.9.3.14 policy-violation
	ErrTooDeep           = errors.New("element nested too deep")         // §4.9.3.14 policy-violation
	ErrTooManyAttrs      = errors.New("too many attributes")             // §4.9.3.14 policy-violation
	ErrTooManyNamespaces = errors.New("too many namespace declarations") // §4.9.3.14 policy-violation
)

// SyntaxError tells where a stream stopped being acceptable, and why. After one, the
// Tokenizer returns the same error until Reset.
type SyntaxError struct {
	Offset int64  // bytes since Reset, before the offending one
	Err    error  // one of the sentinels above
	Why    string // what was found, for a person; may be empty
}

func (e *SyntaxError) Error() string {
	s := "xmlstream: byte " + strconv.FormatInt(e.Offset, 10) + ": " + e.Err.Error()
	if e.Why != "" {
		s += ": " + e.Why
	}
	return s
}

func (e *SyntaxError) Unwrap() error { return e.Err }
