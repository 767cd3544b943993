package delegated

import (
	"fmt"

	"roost/rosterdb"
	"roost/xmlstream/jid"
)

// Reasons why a roster could not be had: Error.Reason.
const (
	ReasonTimeout = "timeout"     // no answer in time
	ReasonConnect = "connect"     // no connection, or it broke
	ReasonStatus  = "status"      // another status than 200
	ReasonTooBig  = "too-big"     // an answer beyond Options.MaxBody
	ReasonAnswer  = "bad-answer"  // not the JSON of a roster
	ReasonPaused  = "unavailable" // not asked: the application failed too often just now
	ReasonBusy    = "busy"        // not asked: too many wait already
	ReasonName    = "bad-name"    // not asked: no name of an account
	ReasonClosed  = "stopping"    // the server stops
)

// Error says why a roster could not be had from the application.
type Error struct {
	Owner  jid.JID
	Reason string // one of the constants
	Code   int    // HTTP status; 0 when there was no answer
	Err    error
}

func (e *Error) Error() string { return fmt.Sprintf("roster of %s: %v", e.Owner, e.Err) }

func (e *Error) Unwrap() error { return e.Err }

// Is reports that the roster is away: the log has been told why.
func (e *Error) Is(target error) bool { return target == rosterdb.ErrAway }

// outage reports whether the application as a whole seems to be in trouble.
func (e *Error) outage() bool {
	switch e.Reason {
	case ReasonTimeout, ReasonConnect:
		return true
	case ReasonStatus:
		return e.Code >= 500 || e.Code == 429
	}
	return false
}

// passing reports whether the same request may well succeed soon.
func (e *Error) passing() bool {
	return e.Reason == ReasonConnect || e.Code == 429 || e.Code >= 502 && e.Code <= 504
}

// refused is the error of everything that would change a roster from here.
func refused(owner jid.JID) error {
	return fmt.Errorf("roster of %s: %w: change it in the web application", owner, rosterdb.ErrDelegated)
}
