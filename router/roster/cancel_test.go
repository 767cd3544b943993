package roster

import (
	"errors"
	"strings"
	"testing"

	"roost/rosterdb"
	"roost/router/routertest"
)

// TestCancel: an account that goes leaves no trace in the rosters of others, and all who watched it
// are told.
func TestCancel(t *testing.T) {
	w := newWorld(t, routertest.Options{Federated: true}, rosterdb.Limits{})
	w.put("alice@x", `{"bob@x":{"subscription":"both"},"carol@x":{"pending_requests":{"ask":true}},"dave@y":{"subscription":"both"},
		"erin@x":{"pending_requests":{"subscribe":{"direction":"in"}}},"frank@x":{"name":"only listed"}}`)
	w.put("bob@x", `{"alice@x":{"name":"A","subscription":"both"}}`)
	w.put("carol@x", `{"alice@x":{"pending_requests":{"subscribe":{"direction":"in"}}}}`)
	bob, carol := w.here("bob@x/r"), w.here("carol@x/r")
	alice := w.here("alice@x/r")
	w.Federation.Sent()
	if err := w.Cancel(routertest.JID(t, "alice@x")); err != nil {
		t.Fatal(err)
	}
	expect(t, bob,
		"<presence from='alice@x' to='bob@x' type='unsubscribe'/>",
		"<presence from='alice@x' to='bob@x' type='unsubscribed'/>",
		"push <item jid='alice@x' name='A' subscription='none'/>",
		"<presence from='alice@x/r' to='bob@x' type='unavailable'/>")
	expect(t, carol, "<presence from='alice@x' to='carol@x' type='unsubscribe'/>")
	got := strings.Join(brief(alice.Got()), "\n")
	for _, contact := range []string{"bob@x", "carol@x", "dave@y", "frank@x"} {
		if !strings.Contains(got, "push <item jid='"+contact+"' subscription='remove'/>") {
			t.Errorf("alice is not told of %s:\n%s", contact, got)
		}
	}
	sent := strings.Join(w.Federation.Sent(), "\n")
	for _, want := range []string{
		"<presence from='alice@x' to='dave@y' type='unsubscribe'/>",
		"<presence from='alice@x' to='dave@y' type='unsubscribed'/>",
		"<presence from='alice@x/r' to='dave@y' type='unavailable'/>",
	} {
		if !strings.Contains(sent, want) {
			t.Errorf("not sent: %s\n%s", want, sent)
		}
	}
	if got := w.stored("bob@x"); got != `{"alice@x":{"name":"A","subscription":"none"}}` {
		t.Error(got)
	}
	if got := w.stored("carol@x"); got != "{}" {
		t.Error(got)
	}
	if err := w.Cancel(routertest.JID(t, "nobody@x")); err != nil {
		t.Error(err)
	}
}

// TestCancelFails: a store that fails half way says so; doing it again ends it.
func TestCancelFails(t *testing.T) {
	w := newWorld(t, routertest.Options{}, rosterdb.Limits{})
	w.put("alice@x", `{"bob@x":{"subscription":"both"},"carol@x":{"subscription":"both"}}`)
	w.full.Store(true)
	if err := w.Cancel(routertest.JID(t, "alice@x")); !errors.Is(err, rosterdb.ErrNoSpace) {
		t.Error(err)
	}
	w.full.Store(false)
	w.Accounts.Err = errDisk
	if err := w.Cancel(routertest.JID(t, "alice@x")); !errors.Is(err, errDisk) {
		t.Error(err)
	}
	w.Accounts.Err = nil
	if err := w.Cancel(routertest.JID(t, "alice@x")); err != nil || w.stored("alice@x") != "{}" {
		t.Error(err, w.stored("alice@x"))
	}
}

// TestStoreFaults: a client is told, what is not stored is not shown to anybody, and reading goes on
// while the disk takes no more.
func TestStoreFaults(t *testing.T) {
	w := newWorld(t, routertest.Options{}, rosterdb.Limits{})
	w.put("alice@x", `{"bob@x":{"subscription":"both"}}`)
	w.put("bob@x", `{"alice@x":{"subscription":"both"}}`)
	alice, bob := w.here("alice@x/r"), w.here("bob@x/r")
	w.Drain()
	before := w.stored("alice@x") + w.stored("bob@x")
	full := func(t *testing.T, from *routertest.Client, ask, want string) {
		t.Helper()
		got := from.Ask(ask)
		if !strings.Contains(got, "type='error'") || !strings.Contains(got, "<"+want+" ") {
			t.Errorf("%s\nwant %s, got %s", ask, want, got)
		}
		expect(t, bob)
	}
	asks := []string{
		"<iq type='set' id='1'><query xmlns='jabber:iq:roster'><item jid='new@x'/></query></iq>",
		"<iq type='set' id='1'><query xmlns='jabber:iq:roster'><item jid='bob@x' subscription='remove'/></query></iq>",
		"<presence type='subscribe' to='carol@x'/>",
		"<presence type='unsubscribe' to='bob@x'/>",
		"<presence type='unsubscribed' to='bob@x'/>",
	}
	w.full.Store(true)
	for _, ask := range asks {
		full(t, alice, ask, "resource-constraint")
	}
	if got := alice.Ask("<iq type='get' id='1'><query xmlns='jabber:iq:roster'/></iq>"); !strings.Contains(got, "bob@x") {
		t.Error(got)
	}
	if w.stored("alice@x")+w.stored("bob@x") != before {
		t.Error("something was stored")
	}
	w.full.Store(false)
	w.db.Close()
	for _, ask := range append(asks, "<iq type='get' id='1'><query xmlns='jabber:iq:roster'/></iq>") {
		full(t, alice, ask, "internal-server-error")
	}
	if len(w.Log.Lines()) < len(asks) {
		t.Error("faults were not logged")
	}
}

// TestLimits: what has no room is refused, and changes nothing.
func TestLimits(t *testing.T) {
	w := newWorld(t, routertest.Options{}, rosterdb.Limits{MaxItems: 2, MaxPending: 1, MaxGroups: 2, MaxName: 10, MaxRequest: 100})
	alice := w.here("alice@x/r")
	set := func(item string) string {
		return "<iq type='set' id='1'><query xmlns='jabber:iq:roster'>" + item + "</query></iq>"
	}
	for _, c := range []struct{ ask, want string }{
		{set("<item jid='a@y' name='12345678901'/>"), "not-acceptable"},
		{set("<item jid='a@y'><group>12345678901</group></item>"), "not-acceptable"},
		{set("<item jid='a@y'><group>1</group><group>2</group><group>3</group></item>"), "not-acceptable"},
		{set("<item jid='a@y' name='1234567890'><group>1</group><group>2</group></item>"), ""},
		{set("<item jid='b@y'/>"), ""},
		{set("<item jid='c@y'/>"), "resource-constraint"},
		{set("<item jid='b@y' name='again'/>"), ""},
		{"<presence type='subscribe' to='bob@x'/>", "resource-constraint"},
	} {
		alice.Send(c.ask)
		got := alice.Got()
		answer := got[len(got)-1]
		if c.want == "" && !strings.Contains(answer, "type='result'") || c.want != "" && (len(got) != 1 || !strings.Contains(answer, "<"+c.want+" ")) {
			t.Errorf("%s: %v, want %q", c.ask, got, c.want)
		}
	}
	if got := w.stored("bob@x"); got != "{}" {
		t.Errorf("bob has %s", got)
	}
	// a request that is too long to keep is shown at the next login by its envelope
	carol := w.here("carol@x/r")
	carol.Send("<presence type='subscribe' to='bob@x'><status>" + strings.Repeat("x", 200) + "</status></presence>")
	bob := w.Bind("bob@x/r")
	bob.Send("<presence/>")
	if got := strings.Join(bob.Got(), "\n"); !strings.Contains(got, "<presence from='carol@x' to='bob@x' type='subscribe'/>") {
		t.Error(got)
	}
}
