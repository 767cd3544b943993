package record

import (
	"crypto/tls"
	"strings"
)

// An Alert is the description of an alert (RFC 8446 §6).
type Alert = tls.AlertError

// The alerts that this package sends or looks for.
const (
	closeNotify       Alert = 0
	UnexpectedMessage Alert = 10
	BadRecordMAC      Alert = 20
	RecordOverflow    Alert = 22
	IllegalParameter  Alert = 47
	DecodeError       Alert = 50
	ProtocolVersion   Alert = 70
	InternalError     Alert = 80
	userCanceled      Alert = 90
)

// An Error is what a peer has done wrong. It is for good: send Alert, and end
// the connection (RFC 8446 §6.2).
type Error struct {
	Alert  Alert
	Reason string
}

func (e *Error) Error() string { return e.Reason + " (alert sent: " + text(e.Alert) + ")" }

// A PeerError is the alert with which the peer has ended the connection.
type PeerError struct{ Alert Alert }

func (e *PeerError) Error() string {
	return "the peer ended the connection with the alert " + text(e.Alert)
}

func text(a Alert) string { return strings.TrimPrefix(a.Error(), "tls: ") }
