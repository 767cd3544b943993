package router_test

import (
	"errors"
	"fmt"
	"reflect"
	"regexp"
	"strings"
	"testing"

	"roost/router"
	. "roost/router/routertest"
	"roost/xmlstream/stanza"
)

var delayed = regexp.MustCompile(`<delay xmlns='urn:xmpp:delay' from='x' stamp='\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z'/>`)

// XEP-0160 §3, XEP-0334 §4: what is worth keeping.
func TestWhatIsKept(t *testing.T) {
	for _, k := range []struct {
		name, typ, inner string
		want             bool
	}{
		{"chat", "chat", "<body>hi</body>", true},
		{"normal", "", "<body>hi</body>", true},
		{"normal without body", "", "<x xmlns='urn:x'/>", true},
		{"receipt", "chat", "<received xmlns='urn:xmpp:receipts' id='1'/>", true},
		{"chat state", "chat", "<composing xmlns='http://jabber.org/protocol/chatstates'/>", false},
		{"chat state in a thread", "chat", "<thread>t</thread><paused xmlns='http://jabber.org/protocol/chatstates'/>", false},
		{"chat state with body", "chat", "<body>hi</body><active xmlns='http://jabber.org/protocol/chatstates'/>", true},
		{"nothing", "chat", "", false},
		{"no-store", "chat", "<body>hi</body><no-store xmlns='urn:xmpp:hints'/>", false},
		{"no-permanent-store", "chat", "<body>hi</body><no-permanent-store xmlns='urn:xmpp:hints'/>", false},
		{"other hint", "chat", "<body>hi</body><store xmlns='urn:xmpp:hints'/>", true},
	} {
		s := New(t, Options{})
		b := JID(t, "b@x")
		s.Accounts.Add(b)
		a := s.Bind("a@x/r")
		a.Send("<message to='b@x' type='" + k.typ + "'>" + k.inner + "</message>")
		kept := s.Offline.Kept(b)
		if (len(kept) == 1) != k.want || len(a.Got()) != 0 {
			t.Errorf("%s: kept %q", k.name, kept)
		}
	}
}

// XEP-0203: the stored copy says when it came.
func TestStamp(t *testing.T) {
	for _, k := range []struct{ send, want string }{
		{"<message to='b@x'><body>hi</body></message>", "<message from='a@x/r' to='b@x'><body>hi</body>DELAY</message>"},
		{"<message to='b@x'/>", "<message from='a@x/r' to='b@x'>DELAY</message>"},
		{"<message to='b@x'></message>", "<message from='a@x/r' to='b@x'>DELAY</message>"},
	} {
		s := New(t, Options{})
		s.Accounts.Add(JID(t, "b@x"))
		s.Bind("a@x/r").Send(k.send)
		b := s.Bind("b@x/r")
		b.Send("<presence/>")
		g := b.Got()
		if len(g) != 2 || delayed.ReplaceAllString(g[0], "DELAY") != k.want {
			t.Errorf("got %q, want %s", g, k.want)
		}
		if kept := s.Offline.Kept(JID(t, "b@x")); len(kept) != 0 {
			t.Errorf("still stored: %q", kept)
		}
	}
}

func TestOfflineFails(t *testing.T) {
	const msg = "<message to='b@x' id='1'><body>hi</body></message>"
	for _, k := range []struct {
		name           string
		err            error
		none           bool
		typ, condition string
		lines          int
	}{
		{"full", fmt.Errorf("b@x: %w", router.ErrFull), false, "cancel", "service-unavailable", 0},
		{"disk full", fmt.Errorf("b@x: %w", router.ErrNoSpace), false, "wait", "resource-constraint", 1},
		{"broken", errBroken, false, "cancel", "internal-server-error", 1},
		{"no store", nil, true, "cancel", "service-unavailable", 0},
	} {
		s := New(t, Options{NoOffline: k.none})
		s.Accounts.Add(JID(t, "b@x"))
		s.Offline.Err = k.err
		a := s.Bind("a@x/r")
		want := Refused("message", "1", "b@x", "a@x/r", k.typ, k.condition)
		if g := Plain(a.Ask(msg)); g != want {
			t.Errorf("%s: got %s, want %s", k.name, g, want)
		}
		if lines := s.Log.Lines(); len(lines) != k.lines {
			t.Errorf("%s: logged %q", k.name, lines)
		}
	}
	s := New(t, Options{})
	s.Accounts.Err = errBroken
	a := s.Bind("a@x/r")
	if g, want := Plain(a.Ask(msg)), Refused("message", "1", "b@x", "a@x/r", "cancel", "internal-server-error"); g != want {
		t.Errorf("accounts: got %s", g)
	}
}

// A session comes on line even if its stored messages cannot be read.
func TestTakeFails(t *testing.T) {
	s := New(t, Options{})
	b := s.Bind("b@x/r")
	s.Offline.Err = errBroken
	b.Send("<presence/>")
	if g := b.Got(); len(g) != 1 || !b.Session.Status().Available {
		t.Errorf("got %q, available %v", g, b.Session.Status().Available)
	}
	if lines := s.Log.Lines(); len(lines) != 1 {
		t.Errorf("logged %q", lines)
	}
}

// What a stream that ends does not take stays stored.
func TestTakeByEndingStream(t *testing.T) {
	s := New(t, Options{})
	user := JID(t, "b@x")
	for _, m := range []string{"<message>1</message>", "<message>2</message>"} {
		if err := s.Offline.Add(user, []byte(m)); err != nil {
			t.Fatal(err)
		}
	}
	b := s.Bind("b@x/r")
	s.Offline.OnTake = b.Stop
	b.Send("<presence/>")
	if kept := s.Offline.Kept(user); len(kept) != 2 {
		t.Errorf("kept %q", kept)
	}
	if lines := s.Log.Lines(); lines != nil {
		t.Errorf("logged %q", lines)
	}
}

// Only a session that takes messages gets the stored ones, and once.
func TestWhoGetsStoredMessages(t *testing.T) {
	s := New(t, Options{})
	s.Accounts.Add(JID(t, "b@x"))
	a := s.Bind("a@x/r")
	a.Send("<message to='b@x' type='chat'><body>hi</body></message>")
	b := s.Bind("b@x/r")
	for _, k := range []struct {
		send string
		want int // messages
	}{
		{"<presence><priority>-1</priority></presence>", 0},
		{"<presence><priority>-2</priority></presence>", 0},
		{"<presence><priority>0</priority></presence>", 1},
		{"<presence><priority>1</priority></presence>", 0},
		{"<presence type='unavailable'/>", 0},
		{"<presence/>", 0},
	} {
		b.Send(k.send)
		n := 0
		for _, g := range b.Got() {
			if strings.HasPrefix(g, "<message ") {
				n++
			}
		}
		if n != k.want {
			t.Errorf("%s: %d messages, want %d", k.send, n, k.want)
		}
	}
}

// RFC 6120 §10.1: what is sent while stored messages are being handed over comes after them.
func TestNothingOvertakesStoredMessages(t *testing.T) {
	s := New(t, Options{})
	s.Accounts.Add(JID(t, "b@x"))
	a := s.Bind("a@x/r")
	msg := func(n int) string { return fmt.Sprintf("<message to='b@x' type='chat'><body>%d</body></message>", n) }
	a.Send(msg(1))
	a.Send(msg(2))
	b := s.Bind("b@x/r")
	var done <-chan struct{}
	s.Offline.OnTake = func() {
		st := Parse(t, msg(3))
		if s.Router.Route(a.Session, st, false) {
			t.Error("delivered while stored messages were being handed over")
		}
		done = Meanwhile(func() { s.Router.Route(a.Session, st, true) }) // it waits until they are
	}
	b.Send("<presence/>")
	<-done
	var bodies []string
	for _, g := range b.Got() {
		if _, rest, ok := strings.Cut(g, "<body>"); ok {
			bodies = append(bodies, rest[:1])
		}
	}
	if want := []string{"1", "2", "3"}; !reflect.DeepEqual(bodies, want) {
		t.Errorf("got %q, want %q", bodies, want)
	}
}

// A message that found nobody is delivered if somebody comes before it is stored.
func TestComesOnLineMeanwhile(t *testing.T) {
	s := New(t, Options{})
	s.Accounts.Add(JID(t, "b@x"))
	a := s.Bind("a@x/r")
	var b *Client
	s.Accounts.OnExists = func() { b = s.Online("b@x/r", "") }
	a.Send("<message to='b@x' type='chat'><body>hi</body></message>")
	if g := b.One(); g != "<message from='a@x/r' to='b@x' type='chat'><body>hi</body></message>" {
		t.Errorf("got %s", g)
	}
}

func TestStoreErrorIsOneOfTwo(t *testing.T) {
	s := New(t, Options{})
	for _, k := range []struct {
		err  error
		want stanza.Condition
	}{
		{router.ErrNoSpace, stanza.ResourceConstraint}, {errors.Join(errBroken, router.ErrNoSpace), stanza.ResourceConstraint},
		{errBroken, stanza.InternalServerError}, {router.ErrFull, stanza.InternalServerError},
	} {
		if e := s.Router.StoreError("x", JID(t, "a@x"), k.err); e.Condition != k.want {
			t.Errorf("%v: %s", k.err, e.Condition)
		}
	}
}
