package sasl

import "slices"

// want is a set of facts about a stream.
type want uint8

const (
	tlsOn   want = 1 << iota // Env.Secure
	exposed                  // no TLS, and the operator does not allow PLAIN without
	bound                    // there is channel-binding data
	certOK                   // a verified certificate with an address here
)

// A row is a mechanism: it is offered when every fact of needs holds and none
// of forbids, and the store behind it has all of can.
type row struct {
	name    string
	needs   want
	forbids want
	can     Capability // of Env.Digest when CanDigest is in it, else of Env.Store
	start   func(e *Env, r *row) Exchange
	hash    Hash // SCRAM
	plus    bool // SCRAM
}

// rows has the mechanisms, strongest first; this order is offered. A verified
// certificate is stronger than a password; channel binding stronger than none
// (RFC 5802 §6); then by hash.
var rows = []row{
	{name: "EXTERNAL", needs: tlsOn | certOK, start: newExternal},
	{name: "SCRAM-SHA-512-PLUS", needs: tlsOn | bound, can: CanScramSHA512, start: newScram, hash: SHA512, plus: true},
	{name: "SCRAM-SHA-256-PLUS", needs: tlsOn | bound, can: CanScramSHA256, start: newScram, hash: SHA256, plus: true},
	{name: "SCRAM-SHA-1-PLUS", needs: tlsOn | bound, can: CanScramSHA1, start: newScram, hash: SHA1, plus: true},
	{name: "SCRAM-SHA-512", can: CanScramSHA512, start: newScram, hash: SHA512},
	{name: "SCRAM-SHA-256", can: CanScramSHA256, start: newScram, hash: SHA256},
	{name: "SCRAM-SHA-1", can: CanScramSHA1, start: newScram, hash: SHA1},
	{name: "DIGEST-MD5", can: CanDigest, start: newDigestMD5},
	{name: "PLAIN", forbids: exposed, can: CanVerify, start: newPlain},
}

// Number is a small number for the name of a mechanism, to be kept in its place for as long as the process
// lives; 0 is a name that is not known. Name gives the name back.
func Number(name string) uint8 {
	return uint8(slices.IndexFunc(rows, func(r row) bool { return r.name == name }) + 1)
}

// Name is the mechanism with a Number; "none" for 0.
func Name(number uint8) string {
	if number == 0 || int(number) > len(rows) {
		return "none"
	}
	return rows[number-1].name
}

// facts are what holds for e.
func (e *Env) facts() want {
	var w want
	if e.Secure {
		w |= tlsOn
	}
	if !e.Secure && !e.AllowPlain {
		w |= exposed
	}
	if len(e.Bindings) > 0 {
		w |= bound
	}
	if e.CertVerified && len(e.certUsers()) > 0 {
		w |= certOK
	}
	return w
}

// can reports whether the store that r asks has what r needs.
func (e *Env) can(r *row) bool {
	s := e.Store
	if r.can&CanDigest != 0 {
		s = e.Digest
	}
	return r.can == 0 || s != nil && s.Can()&r.can == r.can
}

// Offer lists the mechanisms for e, strongest first (RFC 6120 §6.3.3).
func Offer(e *Env) []string {
	var names []string
	facts := e.facts()
	for i := range rows {
		if r := &rows[i]; facts&r.needs == r.needs && facts&r.forbids == 0 && e.can(r) {
			names = append(names, r.name)
		}
	}
	return names
}

// BindingTypes lists the channel-binding types for e (XEP-0440), in the order
// of Env.Bindings; none when no -PLUS mechanism is offered.
func BindingTypes(e *Env) []string {
	if !e.offersPlus() {
		return nil
	}
	types := make([]string, len(e.Bindings))
	for i, b := range e.Bindings {
		types[i] = b.Type
	}
	return types
}

// offersPlus reports whether Offer has a -PLUS mechanism.
func (e *Env) offersPlus() bool {
	const scram = CanScramSHA1 | CanScramSHA256 | CanScramSHA512
	return e.Secure && len(e.Bindings) > 0 && e.Store != nil && e.Store.Can()&scram != 0
}

// Start begins an exchange of the mechanism name. The error is a *Failure:
// invalid-mechanism for a name that is not offered, encryption-required when
// it would be with TLS. Names are upper case (RFC 4422 §3.1).
func Start(e *Env, name string) (Exchange, error) {
	facts := e.facts()
	for i := range rows {
		r := &rows[i]
		if r.name != name || !e.can(r) {
			continue
		}
		wrong := r.needs&^facts | r.forbids&facts
		if wrong == 0 {
			return r.start(e, r), nil
		}
		if wrong&(tlsOn|exposed) != 0 { // RFC 6120 §6.5.4
			return nil, &Failure{Condition: EncryptionRequired, Text: name + " needs TLS."}
		}
	}
	return nil, &Failure{Condition: InvalidMechanism}
}
