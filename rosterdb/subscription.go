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

// row is one line of a table of Appendix A: where the state goes, and whether
// the stanza is passed on ("ROUTE?" in A.2, "DELIVER?" in A.3).
type row struct {
	to   State
	pass bool
}

// RFC 6121 §A.2, outbound. Subscribe and unsubscribe are always routed, so that
// two servers which disagree come together again; the answers only when there
// is something to answer.
var outbound = [nEvents][nStates]row{
	Subscribe: { // §A.2.1
		StNone:      {StNoneOut, true},
		StNoneOut:   {StNoneOut, true},
		StNoneIn:    {StNoneOutIn, true},
		StNoneOutIn: {StNoneOutIn, true},
		StTo:        {StTo, true},
		StToIn:      {StToIn, true},
		StFrom:      {StFromOut, true},
		StFromOut:   {StFromOut, true},
		StBoth:      {StBoth, true},
	},
	Unsubscribe: { // §A.2.2
		StNone:      {StNone, true},
		StNoneOut:   {StNone, true},
		StNoneIn:    {StNoneIn, true},
		StNoneOutIn: {StNoneIn, true},
		StTo:        {StNone, true},
		StToIn:      {StNoneIn, true},
		StFrom:      {StFrom, true},
		StFromOut:   {StFrom, true},
		StBoth:      {StFrom, true},
	},
	Subscribed: { // §A.2.3; pre-approval is in Next
		StNone:      {StNone, false},
		StNoneOut:   {StNoneOut, false},
		StNoneIn:    {StFrom, true},
		StNoneOutIn: {StFromOut, true},
		StTo:        {StTo, false},
		StToIn:      {StBoth, true},
		StFrom:      {StFrom, false},
		StFromOut:   {StFromOut, false},
		StBoth:      {StBoth, false},
	},
	Unsubscribed: { // §A.2.4
		StNone:      {StNone, false},
		StNoneOut:   {StNoneOut, false},
		StNoneIn:    {StNone, true},
		StNoneOutIn: {StNoneOut, true},
		StTo:        {StTo, false},
		StToIn:      {StTo, true},
		StFrom:      {StNone, true},
		StFromOut:   {StNoneOut, true},
		StBoth:      {StTo, true},
	},
}

// RFC 6121 §A.3, inbound.
var inbound = [nEvents][nStates]row{
	Subscribe: { // §A.3.1; the automatic replies are in Next
		StNone:      {StNoneIn, true},
		StNoneOut:   {StNoneOutIn, true},
		StNoneIn:    {StNoneIn, false},
		StNoneOutIn: {StNoneOutIn, false},
		StTo:        {StToIn, true},
		StToIn:      {StToIn, false},
		StFrom:      {StFrom, false},
		StFromOut:   {StFromOut, false},
		StBoth:      {StBoth, false},
	},
	Unsubscribe: { // §A.3.2
		StNone:      {StNone, false},
		StNoneOut:   {StNoneOut, false},
		StNoneIn:    {StNone, true},
		StNoneOutIn: {StNoneOut, true},
		StTo:        {StTo, false},
		StToIn:      {StTo, true},
		StFrom:      {StNone, true},
		StFromOut:   {StNoneOut, true},
		StBoth:      {StTo, true},
	},
	Subscribed: { // §A.3.3: only while we wait for it
		StNone:      {StNone, false},
		StNoneOut:   {StTo, true},
		StNoneIn:    {StNoneIn, false},
		StNoneOutIn: {StToIn, true},
		StTo:        {StTo, false},
		StToIn:      {StToIn, false},
		StFrom:      {StFrom, false},
		StFromOut:   {StBoth, true},
		StBoth:      {StBoth, false},
	},
	Unsubscribed: { // §A.3.4
		StNone:      {StNone, false},
		StNoneOut:   {StNone, true},
		StNoneIn:    {StNoneIn, false},
		StNoneOutIn: {StNoneIn, true},
		StTo:        {StNone, true},
		StToIn:      {StNoneIn, true},
		StFrom:      {StFrom, false},
		StFromOut:   {StFrom, true},
		StBoth:      {StFrom, true},
	},
}

// Next applies one event (RFC 6121 §A.2 outbound, §A.3 inbound, §3.4
// pre-approval) to an entry in state s with that approved flag. An event or
// state that does not exist changes nothing and passes nothing on.
func Next(s State, approved bool, d Direction, e Event) Step {
	if s >= nStates || e == NoEvent || e >= nEvents {
		return Step{State: s, Approved: approved}
	}
	if d == Inbound {
		return nextInbound(s, approved, e)
	}
	r := outbound[e][s]
	step := Step{State: r.to, Approved: approved, Route: r.pass}
	switch e {
	case Subscribed:
		// RFC 6121 §3.4.2: without a request, in the states that do not have the
		// contact's subscription already, it is an approval in advance.
		if s == StNone || s == StNoneOut || s == StTo {
			step.Approved = true
		}
	case Unsubscribed:
		// RFC 6121 §3.4.2, §A.2.4 note 1. A revoked subscription takes its
		// pre-approval along: else the next request would bring it back unasked.
		step.Approved = false
	}
	return step
}

func nextInbound(s State, approved bool, e Event) Step {
	if e == Subscribe {
		switch {
		case s.sub().HasFrom():
			// RFC 6121 §3.1.3, §A.3.1 note 2: subscribed already, the
			// contact's side has forgotten; do not bother the user.
			return Step{State: s, Approved: approved, Reply: Subscribed}
		case approved:
			// RFC 6121 §3.4.2, §A.3.1 note 1: answered in the user's name.
			return Step{State: s.withFrom(), Approved: true, Reply: Subscribed}
		}
	}
	r := inbound[e][s]
	return Step{State: r.to, Approved: approved, Deliver: r.pass}
}

// parts is what a state is made of.
type parts struct {
	sub     Sub
	out, in bool // pending
}

var stateParts = [nStates]parts{
	StNone:      {SubNone, false, false},
	StNoneOut:   {SubNone, true, false},
	StNoneIn:    {SubNone, false, true},
	StNoneOutIn: {SubNone, true, true},
	StTo:        {SubTo, false, false},
	StToIn:      {SubTo, false, true},
	StFrom:      {SubFrom, false, false},
	StFromOut:   {SubFrom, true, false},
	StBoth:      {SubBoth, false, false},
}

var stateNames = [nStates]string{
	StNone: "None", StNoneOut: "None + Pending Out", StNoneIn: "None + Pending In",
	StNoneOutIn: "None + Pending Out+In", StTo: "To", StToIn: "To + Pending In",
	StFrom: "From", StFromOut: "From + Pending Out", StBoth: "Both",
}

// String returns the name of RFC 6121 §A.1.
func (s State) String() string {
	if s < nStates {
		return stateNames[s]
	}
	return "no state"
}

func (s State) sub() Sub {
	if s < nStates {
		return stateParts[s].sub
	}
	return SubNone
}

// withFrom is s once the contact's request is granted.
func (s State) withFrom() State {
	p := stateParts[s]
	return stateOf(p.sub|SubFrom, p.out, false)
}

// stateOf puts a state together. A pending request in a direction that is
// subscribed already does not exist (RFC 6121 §A.1) and is left out.
func stateOf(sub Sub, out, in bool) State {
	out = out && !sub.HasTo()
	in = in && !sub.HasFrom()
	for s, p := range stateParts {
		if p == (parts{sub, out, in}) {
			return State(s)
		}
	}
	return StNone
}
