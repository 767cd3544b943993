package router_test

import (
	"strings"
	"testing"

	"roost/router"
	. "roost/router/routertest"
)

// The situations of RFC 6121 §8.5. Who is there: hi (available, priority 5), lo (available,
// priority 0), neg (available, priority -1), raw (bound, no presence sent).
var situations = [...]struct {
	name string
	here string // resources of b@x; "-": no such account
	to   string
}{
	{"8.5.1 bare", "-", "b@x"},
	{"8.5.1 full", "-", "b@x/hi"},
	{"8.5.2.1", "hi lo neg raw", "b@x"},
	{"8.5.2.2 negative only", "neg raw", "b@x"},
	{"8.5.2.2", "", "b@x"},
	{"8.5.3.1", "hi lo neg raw", "b@x/lo"},
	{"8.5.3.1 negative", "hi lo neg raw", "b@x/neg"},
	{"8.5.3.1 connected", "hi lo neg raw", "b@x/raw"},
	{"8.5.3.2", "hi lo neg raw", "b@x/gone"},
	{"8.5.3.2 negative only", "neg raw", "b@x/gone"},
	{"8.5.3.2 nobody", "", "b@x/gone"},
}

// expected is written from the text of RFC 6121 §8.5, one column for each situation. A cell names
// the resources that get the stanza, or what else becomes of it: error (the sender gets
// <service-unavailable/>), stored, rosters (handed to the subscription machinery), - (nothing).
// Where the RFC leaves a choice between silence and an error, the cell is what this server does.
var expected = [...]struct {
	stanza string // its name and type
	cells  [len(situations)]string
}{
	// stanza                8.5.1  8.5.1    8.5.2.1      8.5.2.2   8.5.2.2   8.5.3.1 8.5.3.1 8.5.3.1  8.5.3.2  8.5.3.2  8.5.3.2
	{"message", [...]string{"error", "error", "hi", "stored", "stored", "lo", "neg", "raw", "error", "error", "error"}},
	{"message normal", [...]string{"error", "error", "hi", "stored", "stored", "lo", "neg", "raw", "error", "error", "error"}},
	{"message nonsense", [...]string{"error", "error", "hi", "stored", "stored", "lo", "neg", "raw", "error", "error", "error"}},
	{"message chat", [...]string{"error", "error", "hi", "stored", "stored", "lo", "neg", "raw", "hi", "stored", "stored"}},
	{"message groupchat", [...]string{"error", "error", "error", "error", "error", "lo", "neg", "raw", "error", "error", "error"}},
	{"message headline", [...]string{"-", "-", "hi lo", "-", "-", "lo", "neg", "raw", "-", "-", "-"}},
	{"message error", [...]string{"-", "-", "-", "-", "-", "lo", "neg", "raw", "-", "-", "-"}},

	{"presence", [...]string{"-", "-", "hi lo neg", "neg", "-", "lo", "neg", "raw", "-", "-", "-"}},
	{"presence unavailable", [...]string{"-", "-", "hi lo neg", "neg", "-", "lo", "neg", "raw", "-", "-", "-"}},
	{"presence error", [...]string{"-", "-", "-", "-", "-", "lo", "neg", "raw", "-", "-", "-"}},
	{"presence subscribe", all("rosters")},
	{"presence subscribed", all("rosters")},
	{"presence unsubscribe", all("rosters")},
	{"presence unsubscribed", all("rosters")},
	{"presence probe", all("-")},

	{"iq get", [...]string{"error", "error", "error", "error", "error", "lo", "neg", "raw", "error", "error", "error"}},
	{"iq set", [...]string{"error", "error", "error", "error", "error", "lo", "neg", "raw", "error", "error", "error"}},
	{"iq result", [...]string{"-", "-", "-", "-", "-", "lo", "neg", "raw", "-", "-", "-"}},
	{"iq error", [...]string{"-", "-", "-", "-", "-", "lo", "neg", "raw", "-", "-", "-"}},
}

func all(s string) (cells [len(situations)]string) {
	for i := range cells {
		cells[i] = s
	}
	return cells
}

// bodies are what each kind carries.
var bodies = map[string]string{"message": "<body>hello</body>", "presence": "<show>away</show>", "iq": "<q xmlns='urn:q'/>"}

func TestDelivery(t *testing.T) {
	for _, row := range expected {
		for i, sit := range situations {
			t.Run(row.stanza+"/"+sit.name, func(t *testing.T) {
				kind, typ, _ := strings.Cut(row.stanza, " ")
				attrs := " to='" + sit.to + "' id='1'"
				if typ != "" {
					attrs += " type='" + typ + "'"
				}
				attrs += ">" + bodies[kind] + "</" + kind + ">"
				w := newWorld(t, sit.here)
				w.sender.Send("<" + kind + attrs)
				wantFrame := "<" + kind + " from='a@x/s'" + strings.Replace(attrs, " id='1' type", " id='1' type", 1)
				if got := w.outcome(kind, sit.to, wantFrame); got != row.cells[i] {
					t.Errorf("got %q, want %q", got, row.cells[i])
				}
			})
		}
	}
}

// world is b@x with some resources, and a@x/s, who sends and may see b's presence.
type world struct {
	*Server
	sender *Client
	there  []*Client
}

func newWorld(t *testing.T, here string) *world {
	s := New(t, Options{})
	w := &world{Server: s}
	if here != "-" {
		s.Accounts.Add(JID(t, "b@x"))
		s.Rosters.Set(JID(t, "b@x"), JID(t, "a@x"), true, false)
	}
	for _, r := range strings.Fields(strings.Trim(here, "-")) {
		c := s.Bind("b@x/" + r)
		if r != "raw" {
			c.Send("<presence><priority>" + map[string]string{"hi": "5", "lo": "0", "neg": "-1"}[r] + "</priority></presence>")
		}
		w.there = append(w.there, c)
	}
	w.sender = s.Bind("a@x/s")
	s.Drain()
	return w
}

// outcome tells what became of a stanza in the words of expected. Whoever got something must have
// got exactly wantFrame: the to address is never rewritten (§8.5).
func (w *world) outcome(kind, to, wantFrame string) string {
	var out []string
	for _, c := range w.there {
		for _, got := range c.Got() {
			if got != wantFrame {
				w.T.Errorf("%v got %s, want %s", c.Session.JID, got, wantFrame)
			}
			out = append(out, c.Session.JID.Resource())
		}
	}
	refused := Refused(kind, "1", to, "a@x/s", "cancel", "service-unavailable")
	for _, got := range w.sender.Got() {
		if got != refused {
			w.T.Errorf("the sender got %s, want %s", got, refused)
		}
		out = append(out, "error")
	}
	for range w.Offline.Kept(JID(w.T, "b@x")) {
		out = append(out, "stored")
	}
	for _, seen := range w.Rosters.Seen() {
		if !strings.HasPrefix(seen, "a@x ") || !strings.HasSuffix(seen, " b@x") { // §3.1.2: bare
			w.T.Errorf("rosters got %s", seen)
		}
		out = append(out, "rosters")
	}
	if out == nil {
		return "-"
	}
	return strings.Join(out, " ")
}

// RFC 6121 §8.5.3.1: a request to a full JID goes only to one who shares presence with the sender,
// and else looks as if the resource was not there.
func TestRequestNeedsSharedPresence(t *testing.T) {
	const to = "b@x/r"
	iq := func(typ string) string { return "<iq to='b@x/r' id='1' type='" + typ + "'><q xmlns='urn:q'/></iq>" }
	refused := Refused("iq", "1", to, "a@x/s", "cancel", "service-unavailable")
	for _, k := range []struct {
		name  string
		share func(s *Server, b *Client)
		want  bool
	}{
		{"nothing", func(*Server, *Client) {}, false},
		{"subscription from", func(s *Server, _ *Client) { s.Rosters.Set(JID(s.T, "b@x"), JID(s.T, "a@x"), true, false) }, true},
		{"subscription to", func(s *Server, _ *Client) { s.Rosters.Set(JID(s.T, "b@x"), JID(s.T, "a@x"), false, true) }, false},
		{"directed to full", func(_ *Server, b *Client) { b.Send("<presence to='a@x/s'/>") }, true},
		{"directed to bare", func(_ *Server, b *Client) { b.Send("<presence to='a@x'/>") }, true},
		{"directed to another resource", func(_ *Server, b *Client) { b.Send("<presence to='a@x/other'/>") }, false},
		{"directed, then taken back", func(_ *Server, b *Client) {
			b.Send("<presence to='a@x/s'/>")
			b.Send("<presence to='a@x/s' type='unavailable'/>")
		}, false},
	} {
		for _, typ := range []string{"get", "set"} {
			s := New(t, Options{})
			a, b := s.Bind("a@x/s"), s.Bind(to)
			k.share(s, b)
			s.Drain()
			a.Send(iq(typ))
			if got := len(b.Got()) == 1; got != k.want {
				t.Errorf("%s, %s: delivered %v, want %v", k.name, typ, got, k.want)
			}
			if got := a.Got(); !k.want && (len(got) != 1 || got[0] != refused) {
				t.Errorf("%s, %s: the sender got %q", k.name, typ, got)
			}
		}
	}
	t.Run("answers pass", func(t *testing.T) {
		s := New(t, Options{})
		a, b := s.Bind("a@x/s"), s.Bind(to)
		a.Send(iq("result"))
		a.Send(iq("error"))
		if got := b.Got(); len(got) != 2 {
			t.Errorf("got %q", got)
		}
	})
	t.Run("own resources", func(t *testing.T) {
		s := New(t, Options{})
		a, b := s.Bind("b@x/s"), s.Bind(to)
		if a.Send(iq("get")); len(b.Got()) != 1 {
			t.Error("not delivered")
		}
	})
	t.Run("presence switched off", func(t *testing.T) {
		s := New(t, Options{NoPresence: true})
		a, b := s.Bind("a@x/s"), s.Bind(to)
		if a.Send(iq("get")); len(b.Got()) != 1 {
			t.Error("not delivered")
		}
	})
	t.Run("roster fails", func(t *testing.T) {
		s := New(t, Options{})
		a, b := s.Bind("a@x/s"), s.Bind(to)
		s.Rosters.Err = errBroken
		want := Refused("iq", "1", to, "a@x/s", "cancel", "internal-server-error")
		if got := Plain(a.Ask(iq("get"))); got != want || len(b.Got()) != 0 {
			t.Errorf("got %s", got)
		}
	})
}

// §8.5.2.1.1: of several resources the most available gets a message; among equals, all do.
func TestPriorities(t *testing.T) {
	type res struct{ name, prio string }
	for _, k := range []struct {
		name string
		here []res
		want string
	}{
		{"one", []res{{"a", "0"}}, "a"},
		{"highest", []res{{"a", "1"}, {"b", "127"}, {"c", "5"}}, "b"},
		{"tie", []res{{"a", "1"}, {"b", "5"}, {"c", "5"}}, "b c"},
		{"tie with negative", []res{{"a", "0"}, {"b", "-128"}, {"c", "0"}}, "a c"},
		{"many", []res{{"a", "9"}, {"b", "9"}, {"c", "9"}, {"d", "9"}, {"e", "9"}, {"f", "9"}, {"g", "9"}, {"h", "9"}, {"i", "9"}, {"j", "9"}}, "a b c d e f g h i j"},
	} {
		s := New(t, Options{})
		var cs []*Client
		for _, r := range k.here {
			cs = append(cs, s.Online("b@x/"+r.name, "<priority>"+r.prio+"</priority>"))
		}
		s.Drain()
		a := s.Bind("a@x/r")
		a.Send("<message to='b@x' type='chat'><body>hi</body></message>")
		var got []string
		for _, c := range cs {
			for range c.Got() {
				got = append(got, c.Session.JID.Resource())
			}
		}
		if strings.Join(got, " ") != k.want {
			t.Errorf("%s: %q got it, want %s", k.name, got, k.want)
		}
	}
}

// A change of priority, and of being available at all, moves the messages.
func TestPriorityChanges(t *testing.T) {
	s := New(t, Options{})
	a := s.Bind("a@x/r")
	one, two := s.Online("b@x/1", "<priority>1</priority>"), s.Online("b@x/2", "<priority>2</priority>")
	for _, step := range []struct {
		who      *Client
		presence string
		want     *Client // nil: stored
	}{
		{two, "<presence><priority>0</priority></presence>", one},
		{two, "<presence><priority>3</priority></presence>", two},
		{two, "<presence type='unavailable'/>", one},
		{one, "<presence><priority>-5</priority></presence>", nil},
		{two, "<presence/>", two},
	} {
		step.who.Send(step.presence)
		s.Drain()
		before := len(s.Offline.Kept(JID(t, "b@x")))
		a.Send("<message to='b@x'><body>hi</body></message>")
		for _, c := range []*Client{one, two} {
			if got := len(c.Got()); (got == 1) != (c == step.want) {
				t.Errorf("after %s: %v got %d", step.presence, c.Session.JID, got)
			}
		}
		if kept := len(s.Offline.Kept(JID(t, "b@x"))) - before; (kept == 1) != (step.want == nil) {
			t.Errorf("after %s: %d stored", step.presence, kept)
		}
	}
}

// A stream that is ending takes nothing more: the next best does, and then the store.
func TestEndingStream(t *testing.T) {
	const msg = "<message to='b@x' type='chat'><body>hi</body></message>"
	s := New(t, Options{})
	a := s.Bind("a@x/r")
	hi, lo := s.Online("b@x/hi", "<priority>5</priority>"), s.Online("b@x/lo", "")
	s.Drain()
	hi.Stop()
	a.Send(msg)
	if len(lo.Got()) != 1 {
		t.Error("the next best did not get it")
	}
	lo.Stop()
	a.Send(msg)
	if n := len(s.Offline.Kept(JID(t, "b@x"))); n != 1 {
		t.Errorf("%d stored", n)
	}
	a.Send("<message to='b@x/hi' type='chat' id='1'><body>hi</body></message>")
	if n := len(s.Offline.Kept(JID(t, "b@x"))); n != 2 {
		t.Errorf("%d stored", n)
	}
	want := Refused("message", "1", "b@x/hi", "a@x/r", "cancel", "service-unavailable")
	if got := a.Ask("<message to='b@x/hi' id='1'><body>hi</body></message>"); got != want {
		t.Errorf("got %s", got)
	}
}

// Messages to the sender's own account and to the server.
func TestMessageWithoutAddresseeAndToServer(t *testing.T) {
	s := New(t, Options{})
	a := s.Online("a@x/r", "")
	if got := a.Ask("<message id='1'><body>note</body></message>"); got != "<message from='a@x/r' id='1'><body>note</body></message>" {
		t.Errorf("to oneself: %s", got) // RFC 6120 §10.3.1
	}
	Run(t, a, []Case{
		{"server", "<message to='x' id='1'><body/></message>", Refused("message", "1", "x", "a@x/r", "cancel", "service-unavailable")},
		{"resource of the server", "<message to='x/r' id='1'><body/></message>", Refused("message", "1", "x/r", "a@x/r", "cancel", "service-unavailable")},
		{"iq to a resource of the server", "<iq to='x/r' id='1' type='get'><q xmlns='q'/></iq>", Refused("iq", "1", "x/r", "a@x/r", "cancel", "service-unavailable")},
		{"unknown request to the server", "<iq to='x' id='1' type='get'><q xmlns='q'/></iq>", Refused("iq", "1", "x", "a@x/r", "cancel", "service-unavailable")},
		{"unknown request to oneself", "<iq id='1' type='set'><q xmlns='q'/></iq>", Refused("iq", "1", "", "a@x/r", "cancel", "service-unavailable")},
		{"bad to", "<message to='@x' id='1'><body/></message>", Refused("message", "1", "", "a@x/r", "modify", "jid-malformed")},
		{"no id", "<iq to='x' type='get'><q xmlns='q'/></iq>", Refused("iq", "", "x", "a@x/r", "modify", "bad-request")},
		{"bad type", "<iq to='x' id='1' type='fetch'><q xmlns='q'/></iq>", Refused("iq", "1", "x", "a@x/r", "modify", "bad-request")},
		{"two payloads", "<iq to='x' id='1' type='get'><q xmlns='q'/><q xmlns='q'/></iq>", Refused("iq", "1", "x", "a@x/r", "modify", "bad-request")},
		{"bad presence type", "<presence id='1' type='maybe'/>", Refused("presence", "1", "", "a@x/r", "modify", "bad-request")},
	})
	for _, silent := range []string{
		"<message to='x' type='headline'><body/></message>",
		"<message to='x' type='error'><body/></message>",
		"<iq to='x' id='1' type='result'/>", "<iq to='x' id='1' type='error'/>",
		"<iq id='1' type='result'/>", "<iq to='a@x' id='1' type='error'/>",
		"<presence to='x'/>", "<presence type='error'/>",
	} {
		a.Send(silent)
		if got := a.Got(); len(got) != 0 {
			t.Errorf("%s got %q", silent, got)
		}
	}
}

func TestOtherDomains(t *testing.T) {
	for _, k := range []struct{ send, want string }{
		{"<message to='c@z' type='chat' id='1'><body>hi</body></message>", "<message from='a@x/r' to='c@z' type='chat' id='1'><body>hi</body></message>"},
		{"<iq to='z' type='get' id='1'><q xmlns='q'/></iq>", "<iq from='a@x/r' to='z' type='get' id='1'><q xmlns='q'/></iq>"},
		{"<presence to='c@z/r' id='1'/>", "<presence from='a@x/r' to='c@z/r' id='1'/>"},
	} {
		kind, _, _ := strings.Cut(k.send[1:], " ")
		to := strings.Split(k.send, "'")[1]
		s := New(t, Options{Federated: true})
		a := s.Bind("a@x/r")
		a.Send(k.send)
		if sent := s.Federation.Sent(); len(sent) != 1 || sent[0] != k.want {
			t.Errorf("sent %q, want %s", sent, k.want)
		}
		s = New(t, Options{})
		a = s.Bind("a@x/r")
		if got, want := Plain(a.Ask(k.send)), Refused(kind, "1", to, "a@x/r", "cancel", "remote-server-not-found"); got != want {
			t.Errorf("without federation: got %s, want %s", got, want)
		}
	}
}

var _ router.Outlet = (*Outlet)(nil)
