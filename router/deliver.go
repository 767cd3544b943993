package router

import "roost/xmlstream/stanza"

// where is the situation of the addressee (RFC 6121 §8.5).
type where uint8

const (
	nobody      where = iota // §8.5.1: no such account
	bareOnline               // §8.5.2.1: bare JID, an available resource takes messages
	bareOffline              // §8.5.2.2: bare JID, none does
	fullHere                 // §8.5.3.1: full JID that is bound
	fullGone                 // §8.5.3.2: full JID that is not
	nWhere
)

// action is what becomes of the stanza.
type action uint8

const (
	drop      action = iota
	bounce           // <service-unavailable/> to the sender
	toOne            // the resource that was addressed
	toSharing        // the same, when it shares its presence with the sender; else bounce
	toBest           // the most available resources: all that share the highest priority ≥ 0
	toAll            // every available resource with priority ≥ 0
	toPresent        // every available resource
	keep             // store for later, else bounce (XEP-0160)
	answer           // the server answers for the account, never the user
	asBare           // as if the bare JID had been addressed
)

// row is one line of the RFC's tables.
type row struct {
	kind stanza.Kind
	typ  stanza.Type
	at   [nWhere]action // nobody, bareOnline, bareOffline, fullHere, fullGone
}

// rows is RFC 6121 §8.5 as a table. Subscriptions and probes do not pass it: presence.go handles
// them by §3 and §4.3. A type that is not here is dropped.
var rows = [...]row{
	{stanza.Message, stanza.Normal, [nWhere]action{bounce, toBest, keep, toOne, bounce}},
	{stanza.Message, stanza.Chat, [nWhere]action{bounce, toBest, keep, toOne, asBare}},
	{stanza.Message, stanza.Groupchat, [nWhere]action{bounce, bounce, bounce, toOne, bounce}},
	{stanza.Message, stanza.Headline, [nWhere]action{drop, toAll, drop, toOne, drop}},
	{stanza.Message, stanza.Error, [nWhere]action{drop, drop, drop, toOne, drop}},
	{stanza.Presence, stanza.NoType, [nWhere]action{drop, toPresent, toPresent, toOne, drop}},
	{stanza.Presence, stanza.Unavailable, [nWhere]action{drop, toPresent, toPresent, toOne, drop}},
	{stanza.Presence, stanza.Error, [nWhere]action{drop, drop, drop, toOne, drop}},
	{stanza.IQ, stanza.Get, [nWhere]action{bounce, answer, answer, toSharing, bounce}},
	{stanza.IQ, stanza.Set, [nWhere]action{bounce, answer, answer, toSharing, bounce}},
	{stanza.IQ, stanza.Result, [nWhere]action{drop, drop, drop, toOne, drop}},
	{stanza.IQ, stanza.Error, [nWhere]action{drop, drop, drop, toOne, drop}},
}

// actions is rows by kind and type, for the hot path.
var actions = index(rows[:])

func index(rows []row) (t [stanza.IQ + 1][stanza.Result + 1][nWhere]action) {
	for _, r := range rows {
		t[r.kind][r.typ] = r.at
	}
	return t
}

// maxTargets bounds the sessions that are collected on the stack before any is delivered to.
const maxTargets = 8

// targets picks the sessions of u for act, best first; for toBest giveBest chooses among them. The
// caller holds u.mu.
func (u *User) targets(act action, into []*Session) []*Session {
	for s := u.best; s != nil; s = s.next {
		switch {
		case !s.available:
			return into // the rest is not available either
		case act == toPresent:
		case s.prio < 0:
			return into // RFC 6121 §4.7.2.3: negative priority takes nothing that was sent to the bare JID
		}
		into = append(into, s)
	}
	return into
}

// takesMessages reports whether a bare JID's messages have a taker. The caller holds u.mu.
func (u *User) takesMessages() bool {
	return u.best != nil && u.best.available && u.best.prio >= 0
}
