package stanza

import (
	"roost/xmlstream"
	"roost/xmlstream/jid"
)

// Condition is a stanza error condition of RFC 6120 §8.3.3.
type Condition string

const (
	BadRequest            Condition = "bad-request"             // §8.3.3.1
	Conflict              Condition = "conflict"                // §8.3.3.2
	FeatureNotImplemented Condition = "feature-not-implemented" // §8.3.3.3
	Forbidden             Condition = "forbidden"               // §8.3.3.4
	Gone                  Condition = "gone"                    // §8.3.3.5
	InternalServerError   Condition = "internal-server-error"   // §8.3.3.6
	ItemNotFound          Condition = "item-not-found"          // §8.3.3.7
	JIDMalformed          Condition = "jid-malformed"           // §8.3.3.8
	NotAcceptable         Condition = "not-acceptable"          // §8.3.3.9
	NotAllowed            Condition = "not-allowed"             // §8.3.3.10
	NotAuthorized         Condition = "not-authorized"          // §8.3.3.11
	PolicyViolation       Condition = "policy-violation"        // §8.3.3.12
	RecipientUnavailable  Condition = "recipient-unavailable"   // §8.3.3.13
	Redirect              Condition = "redirect"                // §8.3.3.14
	RegistrationRequired  Condition = "registration-required"   // §8.3.3.15
	RemoteServerNotFound  Condition = "remote-server-not-found" // §8.3.3.16
	RemoteServerTimeout   Condition = "remote-server-timeout"   // §8.3.3.17
	ResourceConstraint    Condition = "resource-constraint"     // §8.3.3.18
	ServiceUnavailable    Condition = "service-unavailable"     // §8.3.3.19
	SubscriptionRequired  Condition = "subscription-required"   // §8.3.3.20
	UndefinedCondition    Condition = "undefined-condition"     // §8.3.3.21
	UnexpectedRequest     Condition = "unexpected-request"      // §8.3.3.22
)

// errorTypes gives each condition the error type that RFC 6120 §8.3.3 recommends for it.
var errorTypes = map[Condition]string{
	BadRequest: "modify", Conflict: "cancel", FeatureNotImplemented: "cancel", Forbidden: "auth",
	Gone: "cancel", InternalServerError: "cancel", ItemNotFound: "cancel", JIDMalformed: "modify",
	NotAcceptable: "modify", NotAllowed: "cancel", NotAuthorized: "auth", PolicyViolation: "modify",
	RecipientUnavailable: "wait", Redirect: "modify", RegistrationRequired: "auth",
	RemoteServerNotFound: "cancel", RemoteServerTimeout: "wait", ResourceConstraint: "wait",
	ServiceUnavailable: "cancel", SubscriptionRequired: "auth", UndefinedCondition: "modify",
	UnexpectedRequest: "wait",
}

// StanzaError is what is wrong with one stanza; the stream goes on. It is rendered by AppendError.
type StanzaError struct {
	Condition Condition
	Type      string // auth, cancel, continue, modify, wait; empty: the condition's own
	Text      string // for people; may be empty
	URI       string // §8.3.3.5 gone and §8.3.3.14 redirect: the new address
	App       string // serialized application-specific condition element; may be empty
}

// New makes the error of a condition without text.
func (c Condition) New() *StanzaError { return &StanzaError{Condition: c} }

// With makes the error of a condition with a text for people.
func (c Condition) With(text string) *StanzaError { return &StanzaError{Condition: c, Text: text} }

// Error makes StanzaError an error.
func (e *StanzaError) Error() string {
	if e.Text == "" {
		return string(e.Condition)
	}
	return string(e.Condition) + ": " + e.Text
}

// Append writes the <error/> element (RFC 6120 §8.3.2).
func (e *StanzaError) Append(dst []byte) []byte {
	typ := e.Type
	if typ == "" {
		typ = errorTypes[e.Condition]
	}
	dst = append(dst, "<error type='"...)
	dst = append(dst, typ...)
	dst = appendCondition(append(dst, "'>"...), string(e.Condition), NSStanzas, e.URI)
	dst = appendErrorText(dst, NSStanzas, e.Text)
	dst = append(dst, e.App...)
	return append(dst, "</error>"...)
}

// appendCondition writes the element of a condition, with its character data where it has some.
func appendCondition(dst []byte, name, space, value string) []byte {
	dst = append(append(dst, '<'), name...)
	dst = append(append(append(dst, " xmlns='"...), space...), '\'')
	if value == "" {
		return append(dst, "/>"...)
	}
	dst = xmlstream.AppendText(append(dst, '>'), value)
	dst = append(append(dst, "</"...), name...)
	return append(dst, '>')
}

func appendErrorText(dst []byte, space, text string) []byte {
	if text == "" {
		return dst
	}
	dst = append(dst, "<text xmlns='"...)
	dst = append(dst, space...)
	dst = append(dst, "' xml:lang='en'>"...)
	dst = xmlstream.AppendText(dst, text)
	return append(dst, "</text>"...)
}

// AppendError writes the error answer to st as it goes back to its sender (RFC 6120 §8.3.1): the
// kind and id of st, type error, from whom st was sent to. The caller has asked st.Wants.
func (st *Stanza) AppendError(dst []byte, from, to jid.JID, e *StanzaError) []byte {
	dst = Header{Kind: st.Kind, Type: Error, ID: st.ID, From: from, To: to}.Append(dst)
	dst = e.Append(append(dst, '>'))
	return appendEnd(dst, st.Kind)
}
