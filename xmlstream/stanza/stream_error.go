package stanza

// StreamCondition is a stream error condition of RFC 6120 §4.9.3.
type StreamCondition string

const (
	StreamBadFormat              StreamCondition = "bad-format"               // §4.9.3.1
	StreamBadNamespacePrefix     StreamCondition = "bad-namespace-prefix"     // §4.9.3.2
	StreamConflict               StreamCondition = "conflict"                 // §4.9.3.3
	StreamConnectionTimeout      StreamCondition = "connection-timeout"       // §4.9.3.4
	StreamHostGone               StreamCondition = "host-gone"                // §4.9.3.5
	StreamHostUnknown            StreamCondition = "host-unknown"             // §4.9.3.6
	StreamImproperAddressing     StreamCondition = "improper-addressing"      // §4.9.3.7
	StreamInternalServerError    StreamCondition = "internal-server-error"    // §4.9.3.8
	StreamInvalidFrom            StreamCondition = "invalid-from"             // §4.9.3.9
	StreamInvalidNamespace       StreamCondition = "invalid-namespace"        // §4.9.3.10
	StreamInvalidXML             StreamCondition = "invalid-xml"              // §4.9.3.11
	StreamNotAuthorized          StreamCondition = "not-authorized"           // §4.9.3.12
	StreamNotWellFormed          StreamCondition = "not-well-formed"          // §4.9.3.13
	StreamPolicyViolation        StreamCondition = "policy-violation"         // §4.9.3.14
	StreamRemoteConnectionFailed StreamCondition = "remote-connection-failed" // §4.9.3.15
	StreamReset                  StreamCondition = "reset"                    // §4.9.3.16
	StreamResourceConstraint     StreamCondition = "resource-constraint"      // §4.9.3.17
	StreamRestrictedXML          StreamCondition = "restricted-xml"           // §4.9.3.18
	StreamSeeOtherHost           StreamCondition = "see-other-host"           // §4.9.3.19
	StreamSystemShutdown         StreamCondition = "system-shutdown"          // §4.9.3.20
	StreamUndefinedCondition     StreamCondition = "undefined-condition"      // §4.9.3.21
	StreamUnsupportedEncoding    StreamCondition = "unsupported-encoding"     // §4.9.3.22
	StreamUnsupportedFeature     StreamCondition = "unsupported-feature"      // §4.9.3.23
	StreamUnsupportedStanzaType  StreamCondition = "unsupported-stanza-type"  // §4.9.3.24
	StreamUnsupportedVersion     StreamCondition = "unsupported-version"      // §4.9.3.25
)

// StreamConditions lists every condition of §4.9.3 in the RFC's order.
var StreamConditions = [...]StreamCondition{
	StreamBadFormat, StreamBadNamespacePrefix, StreamConflict, StreamConnectionTimeout, StreamHostGone,
	StreamHostUnknown, StreamImproperAddressing, StreamInternalServerError, StreamInvalidFrom,
	StreamInvalidNamespace, StreamInvalidXML, StreamNotAuthorized, StreamNotWellFormed,
	StreamPolicyViolation, StreamRemoteConnectionFailed, StreamReset, StreamResourceConstraint,
	StreamRestrictedXML, StreamSeeOtherHost, StreamSystemShutdown, StreamUndefinedCondition,
	StreamUnsupportedEncoding, StreamUnsupportedFeature, StreamUnsupportedStanzaType,
	StreamUnsupportedVersion,
}

// StreamError ends a stream (RFC 6120 §4.9.1.1). Only router/stream writes it to a peer; Err is for
// our own log.
type StreamError struct {
	Condition StreamCondition
	Text      string // for people; may be empty
	Host      string // see-other-host: where to go
	App       string // serialized application-specific condition element; may be empty
	Err       error
}

// New makes the error of a condition without text.
func (c StreamCondition) New() *StreamError { return &StreamError{Condition: c} }

// With makes the error of a condition with a text for people.
func (c StreamCondition) With(text string) *StreamError {
	return &StreamError{Condition: c, Text: text}
}

// Error makes StreamError an error.
func (e *StreamError) Error() string {
	s := "stream error " + string(e.Condition)
	if e.Text != "" {
		s += ": " + e.Text
	}
	if e.Err != nil {
		s += ": " + e.Err.Error()
	}
	return s
}

// Unwrap gives the cause.
func (e *StreamError) Unwrap() error { return e.Err }

// Append writes the <stream:error/> element (RFC 6120 §4.9.2) for a stream whose header bound the
// prefix stream.
func (e *StreamError) Append(dst []byte) []byte {
	dst = appendCondition(append(dst, "<stream:error>"...), string(e.Condition), NSStreams, e.Host)
	dst = appendErrorText(dst, NSStreams, e.Text)
	dst = append(dst, e.App...)
	return append(dst, "</stream:error>"...)
}
