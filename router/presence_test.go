package router_test

import (
	"fmt"
	"reflect"
	"strings"
	"testing"

	"roost/router"
	. "roost/router/routertest"
	"roost/xmlstream/jid"
	"roost/xmlstream/stanza"
)

// got checks what clients received since the last time, in order, and that the others of all got
// nothing.
func got(t *testing.T, what string, all []*Client, want map[*Client][]string) {
	t.Helper()
	for _, c := range all {
		if g := c.Got(); !(len(g) == 0 && len(want[c]) == 0) && !reflect.DeepEqual(g, want[c]) {
			t.Errorf("%s: %v got\n  %s\nwant\n  %s", what, c.Session.JID, strings.Join(g, "\n  "), strings.Join(want[c], "\n  "))
		}
	}
}

// circle is a@x with two resources and contacts in every state: both@x, from@x (sees a), to@x (is seen
// by a), none@x, off@x (both, not available), self@x has nothing to do with it.
type circle struct {
	*Server
	one, two, both, from, to, none, self *Client
	all                                  []*Client
}

func newCircle(t *testing.T) *circle {
	s := New(t, Options{})
	c := &circle{Server: s}
	s.Friends("a@x", "both@x")
	s.Watches("from@x", "a@x")
	s.Watches("a@x", "to@x")
	s.Rosters.Set(JID(t, "a@x"), JID(t, "none@x"), false, false)
	s.Friends("a@x", "off@x")
	for _, who := range []struct {
		c    **Client
		name string
	}{{&c.one, "a@x/1"}, {&c.both, "both@x/r"}, {&c.from, "from@x/r"}, {&c.to, "to@x/r"}, {&c.none, "none@x/r"}, {&c.self, "self@x/r"}} {
		*who.c = s.Online(who.name, "<status>"+who.name+"</status>")
		c.all = append(c.all, *who.c)
	}
	c.two = s.Bind("a@x/2")
	c.all = append(c.all, c.two)
	s.Drain()
	return c
}

// presence is a frame from a's second resource.
func presence(from, to, rest string) string {
	return "<presence from='" + from + "' to='" + to + "'" + rest
}

func TestPresenceLife(t *testing.T) {
	c := newCircle(t)
	seen := func(rest string) map[*Client][]string {
		return map[*Client][]string{
			c.both: {presence("a@x/2", "both@x", rest)},
			c.from: {presence("a@x/2", "from@x", rest)},
			c.one:  {presence("a@x/2", "a@x", rest)},
			c.two:  {presence("a@x/2", "a@x", rest)},
		}
	}
	status := func(who string) string { return "><status>" + who + "</status></presence>" }
	greeted := func(rest string) map[*Client][]string { // RFC 6121 §4.2.2, §4.3.2
		w := seen(rest)
		w[c.two] = append(w[c.two],
			presence("a@x/1", "a@x/2", status("a@x/1")),
			presence("both@x/r", "a@x/2", status("both@x/r")),
			presence("to@x/r", "a@x/2", status("to@x/r")),
			presence("off@x", "a@x/2", " type='unavailable'/>"))
		return w
	}

	if !c.two.Send("<presence id='p' xml:lang='de'><show>away</show><x xmlns='urn:x'/></presence>") {
		t.Error("initial presence was routed where it must not block")
	}
	got(t, "initial presence", c.all, greeted(" id='p' xml:lang='de'><show>away</show><x xmlns='urn:x'/></presence>"))

	c.two.Send("<presence><priority>5</priority></presence>")
	got(t, "update (§4.4.2)", c.all, seen("><priority>5</priority></presence>"))

	c.two.Send("<presence type='unavailable'><status>bye</status></presence>")
	got(t, "unavailable (§4.5.2)", c.all, seen(" type='unavailable'><status>bye</status></presence>"))

	c.two.Send("<presence type='unavailable'/>")
	got(t, "unavailable again", c.all, nil)

	c.two.Send("<presence/>")
	got(t, "initial presence again", c.all, greeted("/>"))

	c.Router.Unbind(c.two.Session, "bad <line>")
	want := seen(" type='unavailable'><status>bad &lt;line&gt;</status></presence>")
	delete(want, c.two)
	got(t, "end without a word (§4.5.3)", c.all, want)

	c.two.Leave()
	got(t, "ended twice", c.all, nil)

	c.one.Leave()
	got(t, "the last resource ends", c.all, map[*Client][]string{
		c.both: {presence("a@x/1", "both@x", " type='unavailable'/>")},
		c.from: {presence("a@x/1", "from@x", " type='unavailable'/>")},
	})
	if n := c.Router.Sessions(JID(t, "a@x")); n != nil {
		t.Errorf("%d sessions are left", len(n))
	}
}

// A session that was bound and never sent presence is seen by nobody, and ends so.
func TestBoundOnlyIsInvisible(t *testing.T) {
	c := newCircle(t)
	c.two.Leave()
	got(t, "end", c.all, nil)
	c.both.Send("<presence><show>dnd</show></presence>") // goes to available resources only
	want := presence("both@x/r", "a@x", "><show>dnd</show></presence>")
	got(t, "presence of a contact", c.all, map[*Client][]string{
		c.one: {want}, c.both: {presence("both@x/r", "both@x", "><show>dnd</show></presence>")}})
}

func TestDirectedPresence(t *testing.T) {
	const away, gone = "><show>away</show></presence>", " type='unavailable'/>"
	c := newCircle(t)
	send := func(to, rest string) { c.two.Send("<presence to='" + to + "'" + rest) }

	send("self@x", away) // §4.6.1: also before initial presence
	send("none@x/r", away)
	send("self@x/nobody", away)
	send("nobody@x", away)
	got(t, "directed", c.all, map[*Client][]string{
		c.self: {presence("a@x/2", "self@x", away)}, c.none: {presence("a@x/2", "none@x/r", away)}})
	c.two.Send("<presence><show>chat</show></presence>")
	if g := append(c.self.Got(), c.none.Got()...); g != nil {
		t.Errorf("the broadcast went to %q", g)
	}
	c.Drain()
	send("none@x/r", gone) // §4.6.4: taken back
	got(t, "taken back", c.all, map[*Client][]string{c.none: {presence("a@x/2", "none@x/r", gone)}})
	send("both@x/r", away) // sees it anyway
	send("a@x/1", away)    // so does this
	c.Drain()
	c.two.Leave()
	got(t, "end", c.all, map[*Client][]string{ // §4.6.3; once each
		c.self: {presence("a@x/2", "self@x", gone)},
		c.both: {presence("a@x/2", "both@x", gone)},
		c.from: {presence("a@x/2", "from@x", gone)},
		c.one:  {presence("a@x/2", "a@x", gone)},
	})
}

func TestDirectedOnlyIsTakenBack(t *testing.T) {
	for _, end := range []struct {
		name string
		do   func(c *Client)
	}{
		{"unavailable", func(c *Client) { c.Send("<presence type='unavailable'/>") }},
		{"end", (*Client).Leave},
	} {
		s := New(t, Options{})
		a, z := s.Bind("a@x/r"), s.Online("z@x/r", "")
		a.Send("<presence to='z@x'/>")
		z.Got()
		end.do(a)
		if g := z.One(); g != "<presence from='a@x/r' to='z@x' type='unavailable'/>" {
			t.Errorf("%s: got %s", end.name, g)
		}
		a.Leave()
		if g := z.Got(); g != nil {
			t.Errorf("%s: got %q again", end.name, g)
		}
	}
}

func TestDirectedLimit(t *testing.T) {
	s := New(t, Options{Limits: router.Limits{MaxDirected: 2}})
	a := s.Bind("a@x/r")
	refused := Refused("presence", "1", "d@x", "a@x/r", "wait", "resource-constraint")
	for _, k := range []struct{ to, typ, want string }{
		{"b@x", "", ""}, {"c@x", "", ""}, {"d@x", "", refused}, {"c@x", "", ""},
		{"c@x", "unavailable", ""}, {"d@x", "", ""},
	} {
		typ := ""
		if k.typ != "" {
			typ = " type='" + k.typ + "'"
		}
		a.Send("<presence id='1' to='" + k.to + "'" + typ + "/>")
		if g := Plain(strings.Join(a.Got(), "")); g != k.want {
			t.Errorf("%s %s: got %s, want %s", k.to, k.typ, g, k.want)
		}
	}
}

func TestPriorityValues(t *testing.T) {
	for v, want := range map[string]bool{
		"0": true, "127": true, "-128": true, " 5\n": true, "+5": true,
		"128": false, "-129": false, "": false, "x": false, "1.5": false, "99999999999": false,
	} {
		s := New(t, Options{})
		a := s.Bind("a@x/r")
		a.Send("<presence id='1'><priority>" + v + "</priority></presence>")
		if ok := a.Session.Status().Available; ok != want {
			t.Errorf("priority %q: available %v", v, ok)
		}
		refused := Refused("presence", "1", "", "a@x/r", "modify", "bad-request")
		if g := a.Got(); !want && (len(g) != 1 || Plain(g[0]) != refused) {
			t.Errorf("priority %q: got %q", v, g)
		}
	}
}

// A presence that is refused changes nothing.
func TestPresenceWithoutRoster(t *testing.T) {
	s := New(t, Options{})
	s.Rosters.Err = errBroken
	a := s.Bind("a@x/r")
	fault := Refused("presence", "1", "", "a@x/r", "cancel", "internal-server-error")
	if g := Plain(a.Ask("<presence id='1'/>")); g != fault || a.Session.Status().Available {
		t.Errorf("got %s, available %v", g, a.Session.Status().Available)
	}
	s.Rosters.Err = nil
	z := s.Online("z@x/r", "")
	a.Send("<presence><priority>3</priority></presence>")
	a.Send("<presence to='z@x'/>")
	s.Drain()
	s.Rosters.Err = errBroken
	if g := Plain(a.Ask("<presence id='1'><priority>7</priority></presence>")); g != fault || a.Session.Status().Priority != 3 {
		t.Errorf("got %s, priority %d", g, a.Session.Status().Priority)
	}
	a.Send("<presence type='unavailable'/>") // those it knows of are told all the same
	if g := z.One(); g != "<presence from='a@x/r' to='z@x' type='unavailable'/>" {
		t.Errorf("got %s", g)
	}
}

func TestSubscriptionStanzas(t *testing.T) {
	s := New(t, Options{})
	a := s.Bind("a@x/r")
	Run(t, a, []Case{
		{"no to", "<presence type='subscribe' id='1'/>", Refused("presence", "1", "", "a@x/r", "modify", "bad-request")},
		{"oneself", "<presence type='subscribe' to='a@x/other' id='1'/>",
			Refused("presence", "1", "a@x/other", "a@x/r", "cancel", "not-allowed")},
	})
	if seen := s.Rosters.Seen(); seen != nil {
		t.Errorf("the rosters were told %q", seen)
	}
	a.Send("<presence type='subscribe' to='b@x/r'/>")
	a.Send("<presence type='unsubscribed' to='c@z'/>")
	if seen, want := s.Rosters.Seen(), []string{"a@x subscribe b@x", "a@x unsubscribed c@z"}; !reflect.DeepEqual(seen, want) {
		t.Errorf("the rosters were told %q, want %q", seen, want)
	}
	s.Rosters.Refuse = stanza.ResourceConstraint.New()
	Run(t, a, []Case{{"refused", "<presence type='subscribe' to='b@x/r' id='1'/>",
		Refused("presence", "1", "b@x/r", "a@x/r", "wait", "resource-constraint")}})
}

func TestPendingRequests(t *testing.T) {
	const ask = "<presence from='z@x' to='a@x' type='subscribe'/>"
	s := New(t, Options{})
	s.Rosters.AddPending(JID(t, "a@x"), ask)
	a := s.Bind("a@x/r")
	for _, k := range []struct{ send, want string }{
		{"<presence/>", "<presence from='a@x/r' to='a@x'/> " + ask},
		{"<presence><show>away</show></presence>", "<presence from='a@x/r' to='a@x'><show>away</show></presence>"},
	} {
		a.Send(k.send)
		if g := strings.Join(a.Got(), " "); g != k.want {
			t.Errorf("%s: got %s", k.send, g)
		}
	}
}

func TestPresenceSwitchedOff(t *testing.T) {
	s := New(t, Options{NoPresence: true})
	a, b := s.Bind("a@x/r"), s.Bind("b@x/r")
	for _, typ := range []string{"", " type='unavailable'", " type='subscribe' to='b@x'", " to='b@x'"} {
		a.Send("<presence id='1'" + typ + "/>")
		if g := a.Got(); len(g) != 1 || !strings.Contains(g[0], "<service-unavailable ") {
			t.Errorf("presence%s: got %q", typ, g)
		}
	}
	a.Send("<message to='b@x'><body>hi</body></message>") // every bound resource takes messages
	b.One()
	if sees, err := s.Router.Sees(JID(t, "b@x"), JID(t, "a@x")); sees || err != nil {
		t.Errorf("Sees: %v, %v", sees, err)
	}
	b.Leave()
	if len(s.Router.Sessions(JID(t, "b@x"))) != 0 {
		t.Error("the session is still there")
	}
}

func TestProbeFromAbroad(t *testing.T) {
	s := New(t, Options{Federated: true})
	who, b := JID(t, "c@z"), JID(t, "b@x")
	s.Accounts.Add(b)
	ask := func() []string {
		s.Router.Probe(who, b)
		return s.Federation.Sent()
	}
	for _, k := range []struct {
		name string
		do   func()
		want []string
	}{
		{"not allowed", func() {}, []string{"<presence from='b@x' to='c@z' type='unsubscribed'/>"}},
		{"nobody available", func() { s.Rosters.Set(b, who, true, false) }, []string{"<presence from='b@x' to='c@z' type='unavailable'/>"}},
		{"bound only", func() { s.Bind("b@x/raw") }, []string{"<presence from='b@x' to='c@z' type='unavailable'/>"}},
		{"two resources", func() {
			s.Online("b@x/1", "<priority>1</priority>")
			s.Online("b@x/2", "<show>xa</show>")
			s.Federation.Sent()
		}, []string{"<presence from='b@x/1' to='c@z'><priority>1</priority></presence>", "<presence from='b@x/2' to='c@z'><show>xa</show></presence>"}},
		{"store fails", func() { s.Rosters.Err = errBroken }, nil},
	} {
		k.do()
		if g := ask(); !reflect.DeepEqual(g, k.want) {
			t.Errorf("%s: got %q, want %q", k.name, g, k.want)
		}
	}
}

func TestPresenceAbroad(t *testing.T) {
	s := New(t, Options{Federated: true})
	a := JID(t, "a@x")
	s.Rosters.Set(a, JID(t, "both@z"), true, true)
	s.Rosters.Set(a, JID(t, "from@z"), true, false)
	s.Rosters.Set(a, JID(t, "to@z"), false, true)
	c := s.Bind("a@x/r")
	for _, k := range []struct {
		do   func()
		want []string
	}{
		{func() { c.Send("<presence/>") }, []string{
			"<presence from='a@x/r' to='both@z'/>", "<presence from='a@x/r' to='from@z'/>",
			"<presence from='a@x/r' to='both@z' type='probe'/>", "<presence from='a@x/r' to='to@z' type='probe'/>"}},
		{func() { c.Send("<presence><show>dnd</show></presence>") }, []string{
			"<presence from='a@x/r' to='both@z'><show>dnd</show></presence>", "<presence from='a@x/r' to='from@z'><show>dnd</show></presence>"}},
		{func() { c.Send("<presence to='room@z/nick'/>") }, []string{"<presence from='a@x/r' to='room@z/nick'/>"}},
		{c.Leave, []string{
			"<presence from='a@x/r' to='both@z' type='unavailable'/>", "<presence from='a@x/r' to='from@z' type='unavailable'/>",
			"<presence from='a@x/r' to='room@z/nick' type='unavailable'/>"}},
	} {
		k.do()
		if g := s.Federation.Sent(); !reflect.DeepEqual(g, k.want) {
			t.Errorf("sent\n  %s\nwant\n  %s", strings.Join(g, "\n  "), strings.Join(k.want, "\n  "))
		}
	}
}

func TestShowAndWithdraw(t *testing.T) {
	s := New(t, Options{})
	s.Online("a@x/1", "<priority>1</priority>")
	s.Online("a@x/2", "")
	s.Bind("a@x/raw")
	z := s.Online("z@x/r", "")
	s.Drain()
	a, to := JID(t, "a@x"), JID(t, "z@x")
	if !s.Router.Show(a, to) {
		t.Error("Show: nobody")
	}
	want := []string{"<presence from='a@x/1' to='z@x'><priority>1</priority></presence>", "<presence from='a@x/2' to='z@x'/>"}
	if g := z.Got(); !reflect.DeepEqual(g, want) {
		t.Errorf("Show: %q", g)
	}
	s.Router.Withdraw(a, to)
	want = []string{"<presence from='a@x/1' to='z@x' type='unavailable'/>", "<presence from='a@x/2' to='z@x' type='unavailable'/>"}
	if g := z.Got(); !reflect.DeepEqual(g, want) {
		t.Errorf("Withdraw: %q", g)
	}
	if s.Router.Show(JID(t, "nobody@x"), to) {
		t.Error("Show of nobody")
	}
}

func TestOnOffline(t *testing.T) {
	s := New(t, Options{})
	var calls []string
	s.Router.OnOffline(func(user jid.JID, status string) { calls = append(calls, fmt.Sprintf("%v %q", user, status)) })
	one, two := s.Online("a@x/1", ""), s.Online("a@x/2", "")
	raw := s.Bind("a@x/3")
	one.Send("<presence type='unavailable'><status>first</status></presence>")
	two.Send("<presence type='unavailable'><status>l&amp;st</status></presence>")
	raw.Leave()
	one.Send("<presence/>")
	one.Leave()
	if want := []string{`a@x "l&st"`, `a@x ""`}; !reflect.DeepEqual(calls, want) {
		t.Errorf("called %q, want %q", calls, want)
	}
}
