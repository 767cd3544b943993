// Package scenario reads what a load is to be like from one YAML file, checks it, and says it in words. It opens no
// connections; package load makes the load.
package scenario

import (
	"time"

	"roost/bench/people"
)

// A Scenario is a whole run. README.md beside this folder is the reference of the file's form; the
// yaml tags are its keys.
type Scenario struct {
	Name      string            `yaml:"name" json:"name"`
	About     string            `yaml:"about" json:"about,omitempty"`
	Seed      uint64            `yaml:"seed" json:"seed"`
	Vars      map[string]string `yaml:"vars" json:"vars,omitempty"`
	Users     int               `yaml:"users" json:"users"`         // accounts
	Resources int               `yaml:"resources" json:"resources"` // sessions of each
	Login     Login             `yaml:"login" json:"login"`
	Roster    Roster            `yaml:"roster" json:"roster"`
	Mix       []Group           `yaml:"mix" json:"mix,omitempty"`
	Phases    []Phase           `yaml:"phases" json:"phases"`
	Allow     Allow             `yaml:"allow" json:"allow"`
}

// TLSMode says when TLS begins.
type TLSMode string

// The modes.
const (
	TLSNone   TLSMode = "none"
	TLSStart  TLSMode = "starttls"
	TLSDirect TLSMode = "direct" // XEP-0368
)

// Login is how sessions come on line.
type Login struct {
	TLS        TLSMode       `yaml:"tls" json:"tls"`
	Resume     *bool         `yaml:"resume" json:"resume"`         // TLS sessions are resumed
	Mechanisms []string      `yaml:"mechanisms" json:"mechanisms"` // the first that the server offers is used
	Roster     *bool         `yaml:"roster" json:"roster"`         // the roster is fetched
	Presence   *bool         `yaml:"presence" json:"presence"`     // initial presence is sent
	Timeout    time.Duration `yaml:"timeout" json:"timeout"`       // for a login, and for its every step
	Retries    int           `yaml:"retries" json:"retries"`       // of a login that failed
}

// Roster is the shape of the society: see package people.
type Roster struct {
	Contacts int     `yaml:"contacts" json:"contacts"`
	Circle   int     `yaml:"circle" json:"circle"`
	Groups   int     `yaml:"groups" json:"groups"`
	Online   float64 `yaml:"online" json:"online"` // the part of the users who ever log in
}

// A Group is a part of the sessions, by weight, that Loads can be confined to.
type Group struct {
	Name   string `yaml:"name" json:"name"`
	Weight int    `yaml:"weight" json:"weight"`
}

// PhaseKind says what a phase does.
type PhaseKind string

// The kinds of phases.
const (
	Ramp  PhaseKind = "ramp"  // log sessions in, to a number
	Hold  PhaseKind = "hold"  // keep them for a time, under load or idle
	Storm PhaseKind = "storm" // cut sessions all at once, and let them come back
	Drain PhaseKind = "drain" // log sessions out, to a number

	Register PhaseKind = "register" // make the accounts of all users (XEP-0077)
	Befriend PhaseKind = "befriend" // let those on line fill their rosters with each other (RFC 6121 §3)
)

// A Phase is one part of a run, after the one before.
type Phase struct {
	Name     string        `yaml:"name" json:"name"`
	Kind     PhaseKind     `yaml:"kind" json:"kind"`
	Sessions int           `yaml:"sessions" json:"sessions"` // ramp, drain: on line at the end; storm: how many are cut
	From     int           `yaml:"from" json:"from"`         // ramp in steps: where the first one ends
	Steps    int           `yaml:"steps" json:"steps"`       // ramp: a stop after each, for the memory of a session
	Quiet    time.Duration `yaml:"quiet" json:"quiet"`       // ramp: silence at the end of each step, before memory is read
	Rate     float64       `yaml:"rate" json:"rate"`         // logins or logouts a second; 0 is at once
	Arrival  Arrival       `yaml:"arrival" json:"arrival"`
	Window   int           `yaml:"window" json:"window"`   // logins under way at a time
	For      time.Duration `yaml:"for" json:"for"`         // hold
	Clean    bool          `yaml:"clean" json:"clean"`     // storm: with </stream:stream>; else with a reset
	Settle   time.Duration `yaml:"settle" json:"settle"`   // how long to wait at the end for what is under way
	WarmUp   time.Duration `yaml:"warm-up" json:"warm-up"` // hold: load before the measured part
	Load     []Load        `yaml:"load" json:"load,omitempty"`
}

// Arrival is how things follow each other in an open loop.
type Arrival string

// The arrivals.
const (
	Poisson  Arrival = "poisson"
	Constant Arrival = "constant"
)

// Action is what a Load does.
type Action string

// The actions.
const (
	DoMessage    Action = "message"
	DoPresence   Action = "presence"
	DoPing       Action = "ping"
	DoRosterGet  Action = "roster-get"
	DoRosterSet  Action = "roster-set"
	DoDisconnect Action = "disconnect"
)

// Receiver is who gets a message.
type Receiver string

// The receivers.
const (
	ToPair    Receiver = "pair"    // users 0 and 1, 2 and 3 …; the even ones talk
	ToContact Receiver = "contact" // anybody in the roster who is on line
	ToRandom  Receiver = "random"  // anybody in the circle who is on line
	ToOffline Receiver = "offline" // somebody who never logs in
	ToSelf    Receiver = "self"
)

// A Load is one stream of actions in a phase. Exactly one of Rate, Every, Think and Window says how many: the first three are
// open loops, which do not wait for answers; Window is a closed one.
type Load struct {
	Do       Action        `yaml:"do" json:"do"`
	Group    string        `yaml:"group" json:"group,omitempty"`       // only these; else all
	Sessions int           `yaml:"sessions" json:"sessions,omitempty"` // only the first so many; 0 is all
	Rate     float64       `yaml:"rate" json:"rate,omitempty"`         // a second, over all sessions
	Arrival  Arrival       `yaml:"arrival" json:"arrival,omitempty"`   // of a Rate
	Every    time.Duration `yaml:"every" json:"every,omitempty"`       // each session, regularly
	Think    time.Duration `yaml:"think" json:"think,omitempty"`       // each session, after exponential pauses of this mean
	Window   int           `yaml:"window" json:"window,omitempty"`     // each session keeps so many under way
	To       Receiver      `yaml:"to" json:"to,omitempty"`
	Size     Sizes         `yaml:"size" json:"size,omitempty"`   // of a message's body
	Clean    *bool         `yaml:"clean" json:"clean,omitempty"` // disconnect
	Away     time.Duration `yaml:"away" json:"away,omitempty"`   // disconnect: for how long
}

// Open reports whether the load is an open loop.
func (l *Load) Open() bool { return l.Window == 0 }

// A Size is one length of body and how often it comes.
type Size struct {
	Bytes  int `yaml:"bytes" json:"bytes"`
	Upto   int `yaml:"upto" json:"upto,omitempty"` // evenly between Bytes and this
	Weight int `yaml:"weight" json:"weight,omitempty"`
}

// Sizes is a distribution; in the file it may be a single number.
type Sizes []Size

// UnmarshalYAML takes a number or a list.
func (s *Sizes) UnmarshalYAML(decode func(any) error) error {
	var n int
	if decode(&n) == nil {
		*s = Sizes{{Bytes: n}}
		return nil
	}
	return decode((*[]Size)(s))
}

// Allow says what may happen without failing the run.
type Allow struct {
	Errors     int64 `yaml:"errors" json:"errors"` // logins and requests that fail
	Lost       int64 `yaml:"lost" json:"lost"`
	Duplicated int64 `yaml:"duplicated" json:"duplicated"`
	Reordered  int64 `yaml:"reordered" json:"reordered"`
	Refused    int64 `yaml:"refused" json:"refused"`
}

// Sessions returns how many sessions there are at most: those of all users who ever log in.
func (s *Scenario) Sessions() int { return s.OnlineUsers() * s.Resources }

// OnlineUsers returns how many users ever log in.
func (s *Scenario) OnlineUsers() int {
	return people.CountOnline(0, min(s.Users, maxUsers), s.Roster.Online)
}

// yes gives a switch that was not set its default.
func yes(b *bool) *bool {
	if b == nil {
		t := true
		return &t
	}
	return b
}
