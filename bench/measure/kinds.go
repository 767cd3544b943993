// Package measure holds what a load run measures: latencies in HDR histograms by kind, what became of
// every stanza, and both by the second. Workers fill it, one goroutine each; what they hand over can be
// merged in any order.
package measure

import (
	"fmt"
	"slices"
	"strconv"
)

// Kind is something whose time is taken.
type Kind uint8

// The kinds, in the order of a session's life.
const (
	Connect   Kind = iota // TCP connection
	TLS                   // handshake, from the ClientHello on
	Auth                  // SASL, from <auth/> to <success/>
	Bind                  // resource binding and what goes with it
	RosterGet             // roster request to result
	Login                 // all of it, from connect to roster and presence sent
	Message               // message, from sender to receiver
	Presence              // presence, from sender to each receiver
	Ping                  // XEP-0199 to the server, request to answer
	RosterSet             // roster set to result
	Register              // XEP-0077 and XEP-0133: account made
	Lag                   // the load tester's own: how late it came to what it meant to do
	nKinds
)

var kindNames = [nKinds]string{"connect", "tls", "auth", "bind", "roster-get", "login", "message", "presence", "ping",
	"roster-set", "register", "lag"}

// String is the kind's name in scenarios and results.
func (k Kind) String() string {
	if k >= nKinds {
		return "kind " + strconv.Itoa(int(k))
	}
	return kindNames[k]
}

// Kinds lists all of them.
func Kinds() []Kind {
	ks := make([]Kind, nKinds)
	for i := range ks {
		ks[i] = Kind(i)
	}
	return ks
}

// MarshalText and UnmarshalText write a Kind by its name.
func (k Kind) MarshalText() ([]byte, error) { return []byte(k.String()), nil }

// UnmarshalText implements encoding.TextUnmarshaler.
func (k *Kind) UnmarshalText(b []byte) error {
	i := slices.Index(kindNames[:], string(b))
	if i < 0 {
		return fmt.Errorf("there is no kind %q", b)
	}
	*k = Kind(i)
	return nil
}

// Class is a stanza that is accounted for.
type Class uint8

// The classes of the account.
const (
	Messages  Class = iota // each message that was sent, to the session it was sent to
	Presences              // each broadcast, once for every session that must see it
	IQs                    // each request, to its answer
	nClasses
)

var classNames = [nClasses]string{"message", "presence", "iq"}

// String is the class's name.
func (c Class) String() string { return classNames[c] }

// Classes lists all of them.
func Classes() []Class { return []Class{Messages, Presences, IQs} }

// MarshalText writes a Class by its name.
func (c Class) MarshalText() ([]byte, error) { return []byte(c.String()), nil }

// UnmarshalText implements encoding.TextUnmarshaler.
func (c *Class) UnmarshalText(b []byte) error {
	i := slices.Index(classNames[:], string(b))
	if i < 0 {
		return fmt.Errorf("there is no class %q", b)
	}
	*c = Class(i)
	return nil
}
