package rosterdb

// State is one of the nine subscription states of RFC 6121 §A.1.
type State uint8

// The nine states, as the owner of the roster sees the contact.
const (
	StNone      State = iota // None
	StNoneOut                // None + Pending Out
	StNoneIn                 // None + Pending In
	StNoneOutIn              // None + Pending Out+In
	StTo                     // To
	StToIn                   // To + Pending In
	StFrom                   // From
	StFromOut                // From + Pending Out
	StBoth                   // Both
	nStates
)

// Event is the type of a presence stanza that manages subscriptions.
type Event uint8

// The events. NoEvent is no stanza.
const (
	NoEvent Event = iota
	Subscribe
	Subscribed
	Unsubscribe
	Unsubscribed
	nEvents
)

var eventNames = [nEvents]string{Subscribe: "subscribe", Subscribed: "subscribed",
	Unsubscribe: "unsubscribe", Unsubscribed: "unsubscribed"}

// String returns the presence type, "" for NoEvent.
func (e Event) String() string {
	if e < nEvents {
		return eventNames[e]
	}
	return ""
}

// ParseEvent reads a presence type; ok is false for one that is not about subscriptions.
func ParseEvent(presenceType string) (e Event, ok bool) {
	for e := Subscribe; e < nEvents; e++ {
		if eventNames[e] == presenceType {
			return e, true
		}
	}
	return NoEvent, false
}

// Direction says whose stanza it is, seen from the owner of the roster.
type Direction uint8

// Outbound stanzas come from the owner, inbound ones from the contact.
const (
	Outbound Direction = iota
	Inbound
)

// Step is what one event does to one roster entry.
type Step struct {
	State    State
	Approved bool
	Route    bool  // outbound: the stanza goes on to the contact
	Deliver  bool  // inbound: the stanza is shown to the owner's resources
	Reply    Event // inbound: sent back to the contact in the owner's name
}

// Next applies one event (RFC 6121 §A.2 outbound, §A.3 inbound, §3.4
// pre-approval) to an entry in state s with that approved flag.
func Next(s State, approved bool, d Direction, e Event) Step {
	return Step{State: s, Approved: approved}
}

func stateOf(sub Sub, ask, pendingIn bool) State { return StNone }
