package stanza

import (
	"bytes"

	"roost/xmlstream"
	"roost/xmlstream/jid"
)

// Kind says which of the three stanzas it is (RFC 6120 §8.2).
type Kind uint8

const (
	NotStanza Kind = iota
	Message
	Presence
	IQ
)

var kindNames = [...]string{"", "message", "presence", "iq"}

// String is the element's local name.
func (k Kind) String() string { return kindNames[k] }

// Type is the value of the type attribute, for all three kinds in one enum.
type Type uint8

const (
	NoType  Type = iota // attribute absent: presence "available"
	Unknown             // a value that the RFC does not define for this kind
	Error
	// Message (RFC 6121 §5.2.2); an absent or unknown type is Normal.
	Normal
	Chat
	Groupchat
	Headline
	// Presence (RFC 6121 §4.7.1).
	Unavailable
	Subscribe
	Subscribed
	Unsubscribe
	Unsubscribed
	Probe
	// IQ (RFC 6120 §8.2.3).
	Get
	Set
	Result
)

var typeNames = [...]string{"", "", "error", "normal", "chat", "groupchat", "headline", "unavailable",
	"subscribe", "subscribed", "unsubscribe", "unsubscribed", "probe", "get", "set", "result"}

// String is the attribute's value; empty for NoType and Unknown.
func (t Type) String() string { return typeNames[t] }

// IsSubscription reports whether t manages a subscription (RFC 6121 §3).
func (t Type) IsSubscription() bool { return t >= Subscribe && t <= Unsubscribed }

// typesOf lists what each kind may carry.
var typesOf = [...][]Type{
	Message:  {Normal, Chat, Groupchat, Headline, Error},
	Presence: {Unavailable, Subscribe, Subscribed, Unsubscribe, Unsubscribed, Probe, Error},
	IQ:       {Get, Set, Result, Error},
}

func typeOf(k Kind, v []byte) Type {
	for _, t := range typesOf[k] {
		if string(v) == typeNames[t] {
			return t
		}
	}
	return Unknown
}

// Stanza is a view of one stanza: everything in it, the addresses too, is borrowed from the buffer
// that its Element was cut from. Clone it to keep it.
type Stanza struct {
	Kind Kind
	Type Type
	// Bad is set when the stanza as a whole cannot be processed and the sender is owed this error
	// (an address that is none, an IQ without id or with an unknown type).
	Bad  *StanzaError
	ID   []byte
	From jid.JID
	To   jid.JID // zero when absent or malformed
	El   xmlstream.Element
	// Timer, when it is not nil, goes with the Frame that the stanza is relayed in.
	Timer *Timer
}

// KindOf tells the kind of a complete element by its local name, without looking at its namespace.
func KindOf(local []byte) Kind {
	for k := Message; k <= IQ; k++ {
		if string(local) == kindNames[k] {
			return k
		}
	}
	return NotStanza
}

// Parse reads the envelope in place. An element that is not one of the three in space (NSClient or
// NSServer) gives Kind NotStanza; what it means is the stream's business.
func Parse(el xmlstream.Element, space string) Stanza {
	st := Stanza{El: el}
	if string(el.Space()) != space {
		return st
	}
	if st.Kind = KindOf(el.Local()); st.Kind == NotStanza {
		return st
	}
	st.ID, _ = el.Attr("id")
	st.readType()
	if v, ok := el.Attr("from"); ok {
		st.From, st.Bad = address(v, st.Bad, "from")
	}
	if v, ok := el.Attr("to"); ok {
		st.To, st.Bad = address(v, st.Bad, "to")
	}
	return st
}

func (st *Stanza) readType() {
	v, ok := st.El.Attr("type")
	if ok {
		st.Type = typeOf(st.Kind, v)
	}
	switch st.Kind {
	case Message:
		// RFC 6121 §5.2.2: absent or unknown means normal.
		if st.Type == NoType || st.Type == Unknown {
			st.Type = Normal
		}
	case Presence:
		if st.Type == Unknown { // RFC 6121 §4.7.1
			st.Bad = BadRequest.With("unknown presence type \"" + string(v) + "\"")
		}
	case IQ:
		st.checkIQ()
	}
}

// checkIQ obeys RFC 6120 §8.2.3: id and type are required, get and set carry exactly one child.
func (st *Stanza) checkIQ() {
	switch {
	case st.Type == NoType || st.Type == Unknown:
		st.Bad = BadRequest.With("an iq needs type get, set, result or error")
	case len(st.ID) == 0:
		st.Bad = BadRequest.With("an iq needs an id")
	case st.Type == Get || st.Type == Set:
		n := 0
		for range st.El.Children() {
			n++
		}
		if n != 1 {
			st.Bad = BadRequest.With("an iq of type get or set needs exactly one child element")
		}
	}
}

func address(v []byte, bad *StanzaError, attr string) (jid.JID, *StanzaError) {
	j, err := jid.ParseBorrowed(v)
	if err != nil { // RFC 6120 §8.3.3.8
		return jid.JID{}, JIDMalformed.With("attribute " + attr + ": " + err.Error())
	}
	return j, bad
}

// Clone copies the stanza so that it outlives the buffer.
func (st *Stanza) Clone() *Stanza {
	c := *st
	c.ID = bytes.Clone(st.ID)
	c.From, c.To = st.From.Clone(), st.To.Clone()
	c.El = st.El.Clone()
	return &c
}

// Payload is the first child element: what an IQ is about.
func (st *Stanza) Payload() xmlstream.Element { return st.El.First() }

// Wants reports whether the stanza is one that may be answered with an error: RFC 6120 §8.3.1
// forbids answering an error, §8.2.3 a result.
func (st *Stanza) Wants() bool { return st.Type != Error && st.Type != Result }
