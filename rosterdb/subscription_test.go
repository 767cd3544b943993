package rosterdb

import (
	"slices"
	"strings"
	"testing"
)

// appendixA is RFC 6121 Appendix A as text: the state before, "pass" when the
// stanza is routed (A.2) or delivered (A.3) and "-" when it is not, the state
// after. O is pending out, I is pending in.
const appendixA = `
out subscribe      None    pass None+O
out subscribe      None+O  pass None+O
out subscribe      None+I  pass None+OI
out subscribe      None+OI pass None+OI
out subscribe      To      pass To
out subscribe      To+I    pass To+I
out subscribe      From    pass From+O
out subscribe      From+O  pass From+O
out subscribe      Both    pass Both

out unsubscribe    None    pass None
out unsubscribe    None+O  pass None
out unsubscribe    None+I  pass None+I
out unsubscribe    None+OI pass None+I
out unsubscribe    To      pass None
out unsubscribe    To+I    pass None+I
out unsubscribe    From    pass From
out unsubscribe    From+O  pass From
out unsubscribe    Both    pass From

out subscribed     None    -    None
out subscribed     None+O  -    None+O
out subscribed     None+I  pass From
out subscribed     None+OI pass From+O
out subscribed     To      -    To
out subscribed     To+I    pass Both
out subscribed     From    -    From
out subscribed     From+O  -    From+O
out subscribed     Both    -    Both

out unsubscribed   None    -    None
out unsubscribed   None+O  -    None+O
out unsubscribed   None+I  pass None
out unsubscribed   None+OI pass None+O
out unsubscribed   To      -    To
out unsubscribed   To+I    pass To
out unsubscribed   From    pass None
out unsubscribed   From+O  pass None+O
out unsubscribed   Both    pass To

in  subscribe      None    pass None+I
in  subscribe      None+O  pass None+OI
in  subscribe      None+I  -    None+I
in  subscribe      None+OI -    None+OI
in  subscribe      To      pass To+I
in  subscribe      To+I    -    To+I
in  subscribe      From    -    From
in  subscribe      From+O  -    From+O
in  subscribe      Both    -    Both

in  unsubscribe    None    -    None
in  unsubscribe    None+O  -    None+O
in  unsubscribe    None+I  pass None
in  unsubscribe    None+OI pass None+O
in  unsubscribe    To      -    To
in  unsubscribe    To+I    pass To
in  unsubscribe    From    pass None
in  unsubscribe    From+O  pass None+O
in  unsubscribe    Both    pass To

in  subscribed     None    -    None
in  subscribed     None+O  pass To
in  subscribed     None+I  -    None+I
in  subscribed     None+OI pass To+I
in  subscribed     To      -    To
in  subscribed     To+I    -    To+I
in  subscribed     From    -    From
in  subscribed     From+O  pass Both
in  subscribed     Both    -    Both

in  unsubscribed   None    -    None
in  unsubscribed   None+O  pass None
in  unsubscribed   None+I  -    None+I
in  unsubscribed   None+OI pass None+I
in  unsubscribed   To      pass None
in  unsubscribed   To+I    pass None+I
in  unsubscribed   From    -    From
in  unsubscribed   From+O  pass From
in  unsubscribed   Both    pass From
`

func parseState(t *testing.T, s string) State {
	t.Helper()
	base, pending, _ := strings.Cut(s, "+")
	sub, ok := ParseSub(strings.ToLower(base))
	if !ok {
		t.Fatalf("state %q", s)
	}
	return stateOf(sub, strings.Contains(pending, "O"), strings.Contains(pending, "I"))
}

func TestNextAppendixA(t *testing.T) {
	type in struct {
		s State
		d Direction
		e Event
	}
	seen := map[in]bool{}
	for line := range strings.Lines(appendixA) {
		f := strings.Fields(line)
		if len(f) == 0 {
			continue
		}
		e := Event(slices.Index(eventNames[:], f[1]))
		if e >= nEvents || len(f) != 5 {
			t.Fatalf("line %q", line)
		}
		d := Outbound
		if f[0] == "in" {
			d = Inbound
		}
		s, after, pass := parseState(t, f[2]), parseState(t, f[4]), f[3] == "pass"
		seen[in{s, d, e}] = true
		want := Step{State: after, Route: pass && d == Outbound, Deliver: pass && d == Inbound}
		if d == Outbound && e == Subscribed && (s == StNone || s == StNoneOut || s == StTo) {
			want.Approved = true // §3.4.2
		}
		if d == Inbound && e == Subscribe && strings.HasPrefix(f[2], "From") || d == Inbound && e == Subscribe && f[2] == "Both" {
			want.Reply = Subscribed // §A.3.1 note 2
		}
		if got := Next(s, false, d, e); got != want {
			t.Errorf("%s: got %+v, want %+v", strings.TrimSpace(line), got, want)
		}
		// With the approved flag (§3.4.2): an inbound subscribe is granted at once;
		// only our own unsubscribed takes the flag away; all else is the same.
		want.Approved = !(d == Outbound && e == Unsubscribed)
		if d == Inbound && e == Subscribe && want.Reply == NoEvent {
			granted := map[State]State{StNone: StFrom, StNoneIn: StFrom, StNoneOut: StFromOut, StNoneOutIn: StFromOut, StTo: StBoth, StToIn: StBoth}
			want = Step{State: granted[s], Approved: true, Reply: Subscribed}
		}
		if got := Next(s, true, d, e); got != want {
			t.Errorf("approved, %s: got %+v, want %+v", strings.TrimSpace(line), got, want)
		}
	}
	if want := int(nStates) * 2 * 4; len(seen) != want {
		t.Errorf("the table has %d different lines, want %d", len(seen), want)
	}
}

func TestNextOutOfRange(t *testing.T) {
	for _, s := range []State{StNone, StBoth, nStates, 200} {
		for _, e := range []Event{NoEvent, nEvents, 200} {
			for _, d := range []Direction{Inbound, Outbound} {
				if got := Next(s, true, d, e); got != (Step{State: s, Approved: true}) {
					t.Errorf("Next(%d, %d, %d) = %+v", s, d, e, got)
				}
			}
		}
	}
	if got := Next(200, false, Inbound, Subscribe); got != (Step{State: 200}) {
		t.Errorf("no such state: %+v", got)
	}
}

func TestStateParts(t *testing.T) {
	seen := map[State]bool{}
	for sub := SubNone; sub <= SubBoth; sub++ {
		for i := range 4 {
			out, in := i&1 != 0, i&2 != 0
			it := Item{Sub: sub, Ask: out, PendingIn: in}
			s := it.State()
			seen[s] = true
			p := stateParts[s]
			if p.sub != sub || p.out != (out && !sub.HasTo()) || p.in != (in && !sub.HasFrom()) {
				t.Errorf("%v out %v in %v is %v", sub, out, in, s)
			}
		}
	}
	if len(seen) != int(nStates) {
		t.Errorf("%d states", len(seen))
	}
}

func TestNames(t *testing.T) {
	for sub := SubNone; sub <= SubBoth; sub++ {
		if got, ok := ParseSub(sub.String()); !ok || got != sub {
			t.Errorf("ParseSub(%q) = %v, %v", sub, got, ok)
		}
	}
	for _, s := range []string{"", "remove", "NONE", "unavailable", "probe"} {
		if _, ok := ParseSub(s); ok {
			t.Errorf("ParseSub(%q)", s)
		}
	}
	if Sub(9).String() != "none" || Event(9).String() != "" || State(99).String() != "no state" || StToIn.String() != "To + Pending In" {
		t.Error("names of values out of range")
	}
}
