package roster

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"roost/rosterdb"
	"roost/router/routertest"
)

// TestReplace: the pushes to the owner, and what bob sees, for every kind of difference.
func TestReplace(t *testing.T) {
	const (
		showsAlice = "<presence from='alice@x/r' to='bob@x'/>"
		hidesAlice = "<presence from='alice@x/r' to='bob@x' type='unavailable'/>"
		asksAlice  = "<presence from='bob@x' to='alice@x' type='subscribe'/>"
		showsBob   = "<presence from='bob@x/r' to='alice@x'/>"
	)
	for _, c := range []struct {
		name, old, now, bobs string // bob's own roster
		alice, bob           []string
	}{
		{"nothing", `{}`, `{}`, `{}`, nil, nil},
		{"the same", `{"bob@x":{"name":"B","groups":["a","b"],"subscription":"both"}}`, `{"bob@x":{"name":"B","groups":["a","b"],"subscription":"both"}}`, `{}`, nil, nil},
		{"added", `{}`, `{"bob@x":{}}`, `{}`, []string{"push <item jid='bob@x' subscription='none'/>"}, nil},
		{"removed", `{"bob@x":{}}`, `{}`, `{}`, []string{"push <item jid='bob@x' subscription='remove'/>"}, nil},
		{"name", `{"bob@x":{"name":"B"}}`, `{"bob@x":{"name":"<B>"}}`, `{}`, []string{"push <item jid='bob@x' name='&lt;B&gt;' subscription='none'/>"}, nil},
		{"groups", `{"bob@x":{"groups":["a"]}}`, `{"bob@x":{"groups":["a","b"]}}`, `{}`, []string{"push <item jid='bob@x' subscription='none'><group>a</group><group>b</group></item>"}, nil},
		{"ask", `{"bob@x":{}}`, `{"bob@x":{"pending_requests":{"ask":true}}}`, `{}`, []string{"push <item jid='bob@x' subscription='none' ask='subscribe'/>"}, nil},
		{"approved", `{"bob@x":{}}`, `{"bob@x":{"pending_requests":{"approved":true}}}`, `{}`, []string{"push <item jid='bob@x' subscription='none' approved='true'/>"}, nil},
		{"what clients do not see", `{"bob@x":{}}`, `{"bob@x":{"color":"red"}}`, `{}`, nil, nil},
		{"a stranger's request", `{}`, `{"bob@x":{"pending_requests":{"subscribe":{"direction":"in"}}}}`, `{}`, []string{asksAlice}, nil},
		{"not visible any more", `{"bob@x":{"name":"B"}}`, `{"bob@x":{"pending_requests":{"subscribe":{"direction":"in"}}}}`, `{}`, []string{"push <item jid='bob@x' subscription='remove'/>", asksAlice}, nil},
		{"visible now", `{"bob@x":{"pending_requests":{"subscribe":{"direction":"in"}}}}`, `{"bob@x":{"name":"B"}}`, `{}`, []string{"push <item jid='bob@x' name='B' subscription='none'/>"}, nil},
		{"from: bob sees alice", `{"bob@x":{}}`, `{"bob@x":{"subscription":"from"}}`, `{}`, []string{"push <item jid='bob@x' subscription='from'/>"}, []string{showsAlice}},
		{"from no more", `{"bob@x":{"subscription":"both"}}`, `{"bob@x":{"subscription":"to"}}`, `{}`, []string{"push <item jid='bob@x' subscription='to'/>"}, []string{hidesAlice}},
		{"removed with from", `{"bob@x":{"subscription":"from"}}`, `{}`, `{}`, []string{"push <item jid='bob@x' subscription='remove'/>"}, []string{hidesAlice}},
		{"to, and bob agrees", `{"bob@x":{}}`, `{"bob@x":{"subscription":"to"}}`, `{"alice@x":{"subscription":"from"}}`, []string{"push <item jid='bob@x' subscription='to'/>", showsBob}, nil},
		{"to, and bob does not", `{"bob@x":{}}`, `{"bob@x":{"subscription":"to"}}`, `{}`, []string{"push <item jid='bob@x' subscription='to'/>"}, nil},
		{"several: removals first", `{"a@y":{},"b@y":{},"c@y":{}}`, `{"b@y":{},"c@y":{"name":"C"},"d@y":{}}`, `{}`,
			[]string{"push <item jid='a@y' subscription='remove'/>", "push <item jid='c@y' name='C' subscription='none'/>", "push <item jid='d@y' subscription='none'/>"}, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := newWorld(t, routertest.Options{}, rosterdb.Limits{})
			alice, bob := w.here("alice@x/r"), w.here("bob@x/r")
			deaf := w.Bind("alice@x/not-interested")
			w.put("alice@x", c.old)
			w.put("bob@x", c.bobs)
			bobs := w.stored("bob@x")
			if err := w.Replace(routertest.JID(t, "alice@x"), w.parse(c.now)); err != nil {
				t.Fatal(err)
			}
			expect(t, alice, c.alice...)
			expect(t, bob, c.bob...)
			expect(t, deaf)
			if w.stored("bob@x") != bobs {
				t.Errorf("bob's roster has changed: %s", w.stored("bob@x"))
			}
		})
	}
}

// TestReplaceVersions: RFC 6121 §2.6.3, each push has its own version; a client that has missed the
// rest is told it, and the last one's is that of the new roster.
func TestReplaceVersions(t *testing.T) {
	w := newWorld(t, routertest.Options{}, rosterdb.Limits{})
	alice := w.here("alice@x/r")
	long := `,"e@y":{"name":"` + strings.Repeat("e", 500) + `"}}` // makes the whole roster the longer answer
	w.put("alice@x", `{"a@y":{},"b@y":{},"c@y":{}`+long)
	if err := w.Replace(routertest.JID(t, "alice@x"), w.parse(`{"b@y":{"name":"B"},"d@y":{},"f@y":{}`+long)); err != nil {
		t.Fatal(err)
	}
	got := alice.Got()
	want := []string{"push <item jid='a@y' subscription='remove'/>", "push <item jid='c@y' subscription='remove'/>",
		"push <item jid='b@y' name='B' subscription='none'/>", "push <item jid='d@y' subscription='none'/>",
		"push <item jid='f@y' subscription='none'/>"}
	if !slices.Equal(brief(got), want) {
		t.Fatal(got)
	}
	for i, p := range got {
		ver := pushed.FindStringSubmatch(p)[1]
		alice.Send("<iq type='get' id='1'><query xmlns='jabber:iq:roster' ver='" + ver + "'/></iq>")
		expect(t, alice, append([]string{"<iq to='alice@x/r' type='result' id='1'/>"}, want[i+1:]...)...)
	}
}

func TestReplaceFails(t *testing.T) {
	w := newWorld(t, routertest.Options{}, rosterdb.Limits{})
	alice := w.here("alice@x/r")
	w.put("alice@x", `{"a@y":{}}`)
	before := w.stored("alice@x")
	for _, bad := range []*rosterdb.Roster{
		{Items: []rosterdb.Item{{Contact: routertest.JID(t, "alice@x")}}},
		{Items: []rosterdb.Item{{}}},
		{Items: []rosterdb.Item{{Contact: routertest.JID(t, "b@y")}, {Contact: routertest.JID(t, "b@y/r")}}},
	} {
		if err := w.Replace(routertest.JID(t, "alice@x"), bad); !errors.Is(err, rosterdb.ErrBadItem) {
			t.Errorf("%v: %v", bad.Items, err)
		}
	}
	w.full.Store(true)
	if err := w.Replace(routertest.JID(t, "alice@x"), &rosterdb.Roster{}); !errors.Is(err, rosterdb.ErrNoSpace) {
		t.Error(err)
	}
	expect(t, alice)
	if w.stored("alice@x") != before {
		t.Error(w.stored("alice@x"))
	}
}
