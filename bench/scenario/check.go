package scenario

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// MinBody is the shortest body of a message: it carries who has sent it, when, and a sum.
const MinBody = 48

// Bounds of a scenario: beyond them a number is a slip of the pen.
const (
	maxUsers     = 100_000_000
	maxResources = 100
	maxBody      = 1 << 20
	maxSteps     = 1000
	maxWindow    = 1 << 20
	maxRate      = 1e7
	maxFor       = 30 * 24 * time.Hour
)

// A Problem is something wrong at one place, which is a path such as $.phases[0].rate.
type Problem struct{ Path, Text string }

type checker struct{ all []Problem }

func (c *checker) add(path, format string, args ...any) {
	c.all = append(c.all, Problem{path, fmt.Sprintf(format, args...)})
}

func (c *checker) within(path string, v, low, high int) {
	if v < low || v > high {
		c.add(path, "%d is not between %d and %d", v, low, high)
	}
}

func (c *checker) span(path string, d, high time.Duration) {
	if d < 0 || d > high {
		c.add(path, "%v is not between 0 and %v", d, high)
	}
}

// oneOf checks a word.
func oneOf[T ~string](c *checker, path string, v T, may ...T) {
	if slices.Contains(may, v) {
		return
	}
	words := make([]string, len(may))
	for i, m := range may {
		words[i] = string(m)
	}
	if v == "" {
		c.add(path, "is missing; one of %s", strings.Join(words, ", "))
		return
	}
	c.add(path, "%q is none of %s", v, strings.Join(words, ", "))
}

// Fill gives what was not said its default.
func (s *Scenario) Fill() {
	if s.Seed == 0 {
		s.Seed = 1
	}
	if s.Resources == 0 {
		s.Resources = 1
	}
	if s.Roster.Online == 0 {
		s.Roster.Online = 1
	}
	l := &s.Login
	l.Resume, l.Roster, l.Presence = yes(l.Resume), yes(l.Roster), yes(l.Presence)
	if l.TLS == "" {
		l.TLS = TLSStart
	}
	if len(l.Mechanisms) == 0 {
		l.Mechanisms = []string{"SCRAM-SHA-256", "SCRAM-SHA-1", "PLAIN"}
	}
	if l.Timeout == 0 {
		l.Timeout = 30 * time.Second
	}
	for i := range s.Phases {
		s.Phases[i].fill(s.Sessions())
	}
}

func (p *Phase) fill(all int) {
	if p.Name == "" {
		p.Name = string(p.Kind)
	}
	if p.Arrival == "" {
		p.Arrival = Constant
	}
	if p.Settle == 0 {
		p.Settle = 5 * time.Second
	}
	if p.Sessions == 0 && p.Kind != Drain {
		p.Sessions = all
	}
	if p.Window == 0 {
		p.Window = 256
		if p.Kind == Storm {
			p.Window = maxWindow
		}
	}
	if p.Steps == 0 {
		p.Steps = 1
	}
	for i := range p.Load {
		p.Load[i].fill()
	}
}

func (l *Load) fill() {
	if l.Arrival == "" {
		l.Arrival = Poisson
	}
	if l.Do == DoMessage {
		if l.To == "" {
			l.To = ToPair
		}
		if len(l.Size) == 0 {
			l.Size = Sizes{{Bytes: 100}}
		}
	}
	for i := range l.Size {
		l.Size[i].Weight = max(l.Size[i].Weight, 1)
		l.Size[i].Upto = max(l.Size[i].Upto, l.Size[i].Bytes)
	}
	l.Clean = yes(l.Clean)
	if l.Do == DoDisconnect && l.Away == 0 {
		l.Away = 5 * time.Second
	}
}

// Check returns everything that is wrong with a Scenario that is filled.
func (s *Scenario) Check() []Problem {
	c := &checker{}
	if s.Users == 0 {
		c.add("$.users", "is missing: how many accounts are there?")
	} else {
		c.within("$.users", s.Users, 1, maxUsers)
	}
	c.within("$.resources", s.Resources, 1, maxResources)
	if s.Roster.Online < 0 || s.Roster.Online > 1 {
		c.add("$.roster.online", "%v is not a part between 0 and 1", s.Roster.Online)
	}
	c.within("$.roster.contacts", s.Roster.Contacts, 0, 10000)
	c.within("$.roster.circle", s.Roster.Circle, 0, 1_000_000)
	c.within("$.roster.groups", s.Roster.Groups, 0, 1000)
	s.Login.check(c)
	names := map[string]bool{}
	for i, g := range s.Mix {
		at := fmt.Sprintf("$.mix[%d]", i)
		if g.Name == "" || names[g.Name] {
			c.add(at+".name", "the name %q is empty or stands twice", g.Name)
		}
		names[g.Name] = true
		c.within(at+".weight", g.Weight, 1, 1_000_000)
	}
	if len(s.Phases) == 0 {
		c.add("$.phases", "there are none: nothing would happen")
	}
	for i := range s.Phases {
		s.Phases[i].check(c, fmt.Sprintf("$.phases[%d]", i), s, names)
	}
	return c.all
}

// Mechanisms that sessions can log in with.
var Mechanisms = []string{"PLAIN", "SCRAM-SHA-1", "SCRAM-SHA-256", "SCRAM-SHA-512", "ANONYMOUS"}

func (l *Login) check(c *checker) {
	oneOf(c, "$.login.tls", l.TLS, TLSNone, TLSStart, TLSDirect)
	for i, m := range l.Mechanisms {
		oneOf(c, fmt.Sprintf("$.login.mechanisms[%d]", i), m, Mechanisms...)
	}
	if l.Timeout < time.Second || l.Timeout > time.Hour {
		c.add("$.login.timeout", "%v is not between 1s and 1h", l.Timeout)
	}
	c.within("$.login.retries", l.Retries, 0, 100)
}

func (p *Phase) check(c *checker, at string, s *Scenario, groups map[string]bool) {
	oneOf(c, at+".kind", p.Kind, Ramp, Hold, Storm, Drain, Register, Befriend)
	oneOf(c, at+".arrival", p.Arrival, Poisson, Constant)
	c.within(at+".sessions", p.Sessions, 0, s.Sessions())
	c.within(at+".window", p.Window, 1, maxWindow)
	c.within(at+".steps", p.Steps, 1, maxSteps)
	if p.Rate < 0 || p.Rate > maxRate {
		c.add(at+".rate", "%v is not between 0 and %v", p.Rate, maxRate)
	}
	c.span(at+".quiet", p.Quiet, time.Hour)
	c.span(at+".settle", p.Settle, time.Hour)
	c.span(at+".warm-up", p.WarmUp, time.Hour)
	c.span(at+".for", p.For, maxFor)
	switch {
	case p.Kind == Hold && p.For == 0:
		c.add(at+".for", "is missing: how long is the phase held?")
	case p.Kind != Hold && p.For != 0:
		c.add(at+".for", "only a hold has a length; a %s ends when it is done", p.Kind)
	case p.Kind != Hold && len(p.Load) > 0:
		c.add(at+".load", "only a hold has load")
	case p.Kind != Ramp && (p.Steps > 1 || p.From > 0):
		c.add(at+".steps", "only a ramp goes in steps")
	case p.Kind == Befriend && s.Roster.Contacts == 0:
		c.add(at+".kind", "nobody has contacts: roster.contacts is 0")
	case p.Steps > 1 && (p.From < 1 || p.From >= p.Sessions):
		c.add(at+".from", "%d is not between 1 and the %d sessions of the last step", p.From, p.Sessions-1)
	}
	for i := range p.Load {
		p.Load[i].check(c, fmt.Sprintf("%s.load[%d]", at, i), s, groups)
	}
}

func (l *Load) check(c *checker, at string, s *Scenario, groups map[string]bool) {
	oneOf(c, at+".do", l.Do, DoMessage, DoPresence, DoPing, DoRosterGet, DoRosterSet, DoDisconnect)
	oneOf(c, at+".arrival", l.Arrival, Poisson, Constant)
	if l.Group != "" && !groups[l.Group] {
		c.add(at+".group", "there is no %q in mix", l.Group)
	}
	c.within(at+".sessions", l.Sessions, 0, s.Sessions())
	c.within(at+".window", l.Window, 0, 10000)
	c.span(at+".every", l.Every, maxFor)
	c.span(at+".think", l.Think, maxFor)
	c.span(at+".away", l.Away, time.Hour)
	if l.Rate < 0 || l.Rate > maxRate {
		c.add(at+".rate", "%v is not between 0 and %v", l.Rate, maxRate)
	}
	ways := 0
	for _, set := range []bool{l.Rate > 0, l.Every > 0, l.Think > 0, l.Window > 0} {
		if set {
			ways++
		}
	}
	if ways != 1 {
		c.add(at, "needs exactly one of rate, every, think and window; it has %d", ways)
	}
	if l.Window > 0 && (l.Do == DoDisconnect || l.To == ToOffline) {
		c.add(at+".window", "nobody answers here, so that a window never moves: use rate, every or think")
	}
	if l.Do == DoMessage {
		oneOf(c, at+".to", l.To, ToPair, ToContact, ToRandom, ToOffline, ToSelf)
		if l.To == ToOffline && s.OnlineUsers() == s.Users {
			c.add(at+".to", "nobody is off line: roster.online is 1")
		}
		if l.To == ToContact && s.Roster.Contacts == 0 {
			c.add(at+".to", "nobody has contacts: roster.contacts is 0")
		}
	} else if l.To != "" || len(l.Size) > 0 {
		c.add(at, "only a message has to and size")
	}
	if l.Do == DoPresence && s.Roster.Contacts == 0 {
		c.add(at+".do", "nobody has contacts who would see it: roster.contacts is 0")
	}
	for i, z := range l.Size {
		c.within(fmt.Sprintf("%s.size[%d].bytes", at, i), z.Bytes, MinBody, maxBody)
		c.within(fmt.Sprintf("%s.size[%d].upto", at, i), z.Upto, z.Bytes, maxBody)
	}
}
