package scenario

import (
	"fmt"
	"io"
	"strings"
	"time"
)

// Explain says in words what a scenario does.
func Explain(w io.Writer, s *Scenario) error {
	var b strings.Builder
	say := func(format string, args ...any) { fmt.Fprintf(&b, format+"\n", args...) }
	say("%s: %s", s.Name, s.About)
	say("Users: %d accounts, of whom %d log in with %d session(s) each: %d sessions at most. Seed %d.", s.Users, s.OnlineUsers(),
		s.Resources, s.Sessions(), s.Seed)
	if s.Roster.Contacts > 0 {
		say("Rosters: %d contacts each, mutual, in %d group(s).", s.Roster.Contacts, s.Roster.Groups)
	}
	say("Login: TLS %s%s; SASL %s; %s.", s.Login.TLS, when(s.Login.TLS != TLSNone && *s.Login.Resume, ", resumed where the server allows it"),
		strings.Join(s.Login.Mechanisms, ", else "), s.Login.steps())
	if len(s.Mix) > 0 {
		total := 0
		for _, g := range s.Mix {
			total += g.Weight
		}
		for _, g := range s.Mix {
			say("Group %s: %.1f %% of the sessions.", g.Name, 100*float64(g.Weight)/float64(total))
		}
	}
	for i := range s.Phases {
		p := &s.Phases[i]
		say("%d. %s: %s", i+1, p.Name, p.explain())
		for k := range p.Load {
			say("   - %s", p.Load[k].explain())
		}
	}
	_, err := io.WriteString(w, b.String())
	return err
}

func when(b bool, s string) string {
	if b {
		return s
	}
	return ""
}

func (l *Login) steps() string {
	out := "then bind" + when(*l.Roster, ", roster") + when(*l.Presence, ", presence")
	if l.Retries > 0 {
		out += fmt.Sprintf("; a login that fails is tried %d more time(s)", l.Retries)
	}
	return out
}

func (p *Phase) pace(what string) string {
	if p.Rate > 0 {
		return fmt.Sprintf("%s %v a second (%s)", what, p.Rate, p.Arrival)
	}
	return what + " as fast as the server lets them"
}

func (p *Phase) explain() string {
	switch p.Kind {
	case Ramp:
		out := p.pace(fmt.Sprintf("log in up to %d sessions,", p.Sessions)) + fmt.Sprintf(", at most %d logins under way", p.Window)
		if p.Steps > 1 {
			out += fmt.Sprintf(", in %d steps from %d on", p.Steps, p.From)
		}
		return out + when(p.Quiet > 0, fmt.Sprintf(", with %v of silence before memory is read", p.Quiet)) + "."
	case Hold:
		return fmt.Sprintf("hold for %v%s%s.", p.For, when(p.WarmUp > 0, fmt.Sprintf(" after %v of warm-up", p.WarmUp)),
			when(len(p.Load) == 0, ", idle"))
	case Storm:
		how := "with a reset"
		if p.Clean {
			how = "cleanly"
		}
		return fmt.Sprintf("cut %d sessions %s, all at once; they come back, %s.", p.Sessions, how, p.pace("logins"))
	}
	switch p.Kind {
	case Register:
		return p.pace("make the accounts of all users by in-band registration,") + fmt.Sprintf(", at most %d under way.", p.Window)
	case Befriend:
		return p.pace("everybody who is on line subscribes to all contacts, who agree,") + "."
	}
	return p.pace(fmt.Sprintf("log out down to %d sessions,", p.Sessions)) + "."
}

func (l *Load) explain() string {
	who := "all sessions"
	if l.Sessions > 0 {
		who = fmt.Sprintf("the first %d sessions", l.Sessions)
	}
	if l.Group != "" {
		who += " of group " + l.Group
	}
	what := map[Action]string{DoMessage: "a message", DoPresence: "a change of presence", DoPing: "a ping to the server",
		DoRosterGet: "a roster request", DoRosterSet: "a roster change", DoDisconnect: "a disconnect"}[l.Do]
	if l.Do == DoMessage {
		what += map[Receiver]string{ToPair: " to the other one of the pair", ToContact: " to a contact who is on line",
			ToRandom: " to anybody of the circle", ToOffline: " to somebody who is off line", ToSelf: " to themselves"}[l.To]
		what += " of " + l.Size.explain()
	}
	if l.Do == DoDisconnect {
		what += when(!*l.Clean, " without a word") + fmt.Sprintf(", back after %v", l.Away)
	}
	switch {
	case l.Rate > 0:
		return fmt.Sprintf("%s together send %s %v times a second (%s), whether or not answers come.", who, what, l.Rate, l.Arrival)
	case l.Every > 0:
		return fmt.Sprintf("%s send %s every %v.", who, what, l.Every)
	case l.Window > 0:
		pause := ""
		if l.Think > 0 {
			pause = fmt.Sprintf(" after a pause of %v", l.Think.Round(time.Millisecond))
		}
		return fmt.Sprintf("%s send %s, and the next%s when it has arrived, with %d under way.", who, what, pause, l.Window)
	}
	return fmt.Sprintf("%s send %s after pauses of %v on average (exponential).", who, what, l.Think)
}

func (s Sizes) explain() string {
	parts := make([]string, len(s))
	for i, z := range s {
		parts[i] = fmt.Sprintf("%d", z.Bytes)
		if z.Upto > z.Bytes {
			parts[i] += fmt.Sprintf(" to %d", z.Upto)
		}
		if len(s) > 1 {
			parts[i] += fmt.Sprintf(" (weight %d)", z.Weight)
		}
	}
	return strings.Join(parts, " or ") + " bytes"
}
