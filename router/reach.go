package router

import (
	"errors"

	"roost/xmlstream/jid"
	"roost/xmlstream/stanza"
)

// What the router needs of others. Everything that may block says so; such calls are made only
// where Route was told that it may block.

// Errors that a store may wrap. All others become internal-server-error.
var (
	ErrFull    = errors.New("the user's storage is full")
	ErrNoSpace = errors.New("the server's disk is full")
	ErrAway    = errors.New("what is asked for is elsewhere, and cannot be had") // whoever returns it has told the log
)

// Accounts tells who exists here. It may block.
type Accounts interface {
	Exists(user jid.JID) (bool, error)
}

// Offline keeps messages for users who have no resource to take them (XEP-0160). It may block.
type Offline interface {
	// Add stores one serialized stanza; stanza is borrowed. ErrFull when the user's share is used up.
	Add(user jid.JID, stanza []byte) error
	// Take hands over all stored stanzas, oldest first, and then forgets those that were handed
	// over without an error. The bytes are borrowed during the call.
	Take(user jid.JID, deliver func(stanza []byte) error) error
}

// Contact is one roster entry as far as presence is concerned.
type Contact struct {
	JID  jid.JID // bare
	From bool    // the contact sees the user's presence (From, Both)
	To   bool    // the user sees the contact's presence (To, Both)
}

// Rosters answers for subscriptions. It may block. A nil Rosters in Config switches roster and
// presence off.
type Rosters interface {
	// Contacts lists the entries of user's roster that have any subscription.
	Contacts(user jid.JID) ([]Contact, error)
	// Sees reports whether user's roster lets who see user's presence (From, Both).
	Sees(user, who jid.JID) (bool, error)
	// Pending hands over the complete subscribe stanzas that wait for user's answer.
	Pending(user jid.JID, deliver func(stanza []byte)) error
	// Subscription handles a presence stanza of type subscribe, subscribed, unsubscribe or
	// unsubscribed that from (bare) sends to to (bare). A returned error goes back to the sender.
	Subscription(from, to jid.JID, st *stanza.Stanza) *stanza.StanzaError
}

// Fetching is implemented by Rosters of which some are fetched from afar.
type Fetching interface {
	// AtHand reports whether Sees answers for user without waiting. It does for whoever is available.
	AtHand(user jid.JID) bool
	// Fetch waits until user's roster is at hand: Contacts, Sees and Pending then answer at once.
	Fetch(user jid.JID) error
}

// Federation is the way to domains that are not ours. Send never blocks; it takes over one
// reference of f. A returned error goes back to the sender.
type Federation interface {
	Send(from, to jid.JID, f *stanza.Frame) *stanza.StanzaError
}

// Outlet is the stream behind a Session.
type Outlet interface {
	// Deliver queues f for the peer and takes over one reference. It never blocks. The result is
	// false when the stream is ending and f was not queued.
	Deliver(f *stanza.Frame) bool
	// End closes the stream with an error; nil closes it without one. It never blocks.
	End(e *stanza.StreamError)
}
