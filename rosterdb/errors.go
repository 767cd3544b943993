package rosterdb

import "errors"

// Errors that callers tell apart with errors.Is. What is returned wraps one of
// them and names the account, file or limit.
var (
	ErrNoItem      = errors.New("no such roster item")
	ErrNoAccount   = errors.New("no such account")
	ErrExists      = errors.New("account exists already")
	ErrPassword    = errors.New("wrong password")
	ErrNoDigest    = errors.New("account keeps no DIGEST-MD5 secret for this realm")
	ErrRosterFull  = errors.New("roster is full")
	ErrOfflineFull = errors.New("offline messages are full")
	ErrTooBig      = errors.New("value is too big")
	ErrBadItem     = errors.New("bad roster item") // name, group or contact out of limits
	ErrNoSpace     = errors.New("no space left for the store")
	ErrReadOnly    = errors.New("store takes no changes")
	ErrLocked      = errors.New("store is in use")
	ErrCorrupt     = errors.New("store is damaged")
	ErrClosed      = errors.New("store is closed")
	// ErrDelegated: the truth is elsewhere, and cannot be changed from here.
	ErrDelegated = errors.New("the roster belongs to a web application")
)
