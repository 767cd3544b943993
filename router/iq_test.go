package router_test

import (
	"fmt"
	"slices"
	"testing"

	"roost/router"
	. "roost/router/routertest"
	"roost/xmlstream/stanza"
)

// setupRows registers one row of each sort. Handlers answer with what they were told.
func setupRows(t *testing.T) *Server {
	s := New(t, Options{})
	echo := func(q *router.IQ) {
		q.Result(func(dst []byte) []byte {
			return fmt.Appendf(dst, "<did target='%d' account='%s' type='%s' payload='%s'/>", q.Target, q.Account(), q.Type, q.Payload.Local())
		})
	}
	all := router.ToServer | router.ToOwn | router.ToOthers
	s.Router.Handle(
		router.Row{Space: "urn:all", Local: "q", Get: true, Set: true, To: all, Handle: echo},
		router.Row{Space: "urn:get", Local: "q", Get: true, To: all, Handle: echo},
		router.Row{Space: "urn:own", Local: "q", Set: true, To: router.ToOwn, Blocks: true, Feature: "urn:own:feature", Handle: echo},
		router.Row{Space: "urn:unknown", Local: "q", Get: true, To: router.ToOthers, Unknown: true, Feature: "-", Handle: echo},
		router.Row{Space: "urn:silent", Local: "q", Get: true, To: all, Handle: func(q *router.IQ) { q.Result(nil) }},
		router.Row{Space: "urn:fault", Local: "q", Get: true, To: all, Handle: func(q *router.IQ) { q.Fault("thing", errBroken) }},
		router.Row{Space: "urn:refuse", Local: "q", Get: true, To: all, Handle: func(q *router.IQ) {
			q.Error(&stanza.StanzaError{Condition: stanza.NotAllowed, App: "<why xmlns='urn:app'/>"})
		}},
	)
	return s
}

func TestRequests(t *testing.T) {
	s := setupRows(t)
	a := s.Bind("a@x/r")
	s.Accounts.Add(JID(t, "b@x"))
	s.Bind("b@x/r") // never sees a request to the account
	ask := func(typ, to, space, local string) string {
		if to != "" {
			to = " to='" + to + "'"
		}
		return "<iq type='" + typ + "'" + to + " id='1&amp;'><" + local + " xmlns='" + space + "'/></iq>"
	}
	did := func(from string, target int, account, typ string) string {
		return Result("1&amp;", from, "a@x/r", fmt.Sprintf("<did target='%d' account='%s' type='%s' payload='q'/>", target, account, typ))
	}
	refused := func(from, condition string) string {
		return Refused("iq", "1&amp;", from, "a@x/r", "cancel", condition)
	}
	Run(t, a, []Case{
		{"server", ask("get", "x", "urn:all", "q"), did("x", 1, "x", "get")},
		{"no to", ask("set", "", "urn:all", "q"), did("", 2, "a@x", "set")},
		{"own", ask("get", "a@x", "urn:all", "q"), did("a@x", 2, "a@x", "get")},
		{"other", ask("get", "b@x", "urn:all", "q"), did("b@x", 4, "b@x", "get")},
		{"nobody", ask("get", "c@x", "urn:all", "q"), refused("c@x", "service-unavailable")},
		{"nobody, row for the unknown", ask("get", "c@x", "urn:unknown", "q"), did("c@x", 4, "c@x", "get")},
		{"wrong target", ask("get", "x", "urn:unknown", "q"), refused("x", "service-unavailable")},
		{"wrong target, other", ask("set", "b@x", "urn:own", "q"), refused("b@x", "service-unavailable")},
		{"wrong type", ask("set", "x", "urn:get", "q"), refused("x", "feature-not-implemented")},
		{"wrong name", ask("get", "x", "urn:all", "p"), refused("x", "service-unavailable")},
		{"wrong namespace", ask("get", "x", "urn:none", "q"), refused("x", "service-unavailable")},
		{"empty result", ask("get", "x", "urn:silent", "q"), Result("1&amp;", "x", "a@x/r", "")},
		{"fault", ask("get", "x", "urn:fault", "q"), refused("x", "internal-server-error")},
		{"application condition", ask("get", "x", "urn:refuse", "q"), "<iq from='x' to='a@x/r' type='error' id='1&amp;'>" +
			"<error type='cancel'><not-allowed xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/><why xmlns='urn:app'/></error></iq>"},
		{"other domain", ask("get", "z", "urn:all", "q"), refused("z", "remote-server-not-found")},
	})
	if lines := s.Log.Lines(); len(lines) != 1 {
		t.Errorf("logged %q", lines)
	}
	for _, k := range []struct {
		ask    string
		blocks bool
	}{
		{ask("get", "x", "urn:all", "q"), false}, {ask("get", "a@x", "urn:all", "q"), false},
		{ask("set", "", "urn:own", "q"), true}, {ask("get", "b@x", "urn:all", "q"), true},
		{ask("get", "", "urn:own", "q"), false}, // refused at once
	} {
		if got := a.Send(k.ask); got != k.blocks {
			t.Errorf("%s: blocked %v", k.ask, got)
		}
	}
}

func TestFeaturesAndForms(t *testing.T) {
	s := setupRows(t)
	s.Router.AddFeature(router.ToServer, "urn:all") // twice is once
	s.Router.AddFeature(router.ToServer, "a")
	for _, k := range []struct {
		to   router.Target
		want []string
	}{
		{router.ToServer, []string{"a", "urn:all", "urn:fault", "urn:get", "urn:refuse", "urn:silent"}},
		{router.ToOwn, []string{"urn:all", "urn:fault", "urn:get", "urn:own:feature", "urn:refuse", "urn:silent"}},
		{router.ToOthers, []string{"urn:all", "urn:fault", "urn:get", "urn:refuse", "urn:silent"}},
	} {
		if got := s.Router.Features(k.to); !slices.Equal(got, k.want) {
			t.Errorf("target %d: %q, want %q", k.to, got, k.want)
		}
	}
	s.Router.AddForm(router.ToServer|router.ToOwn, router.Form{Type: "1"})
	s.Router.AddForm(router.ToServer, router.Form{Type: "2"})
	for to, want := range map[router.Target]int{router.ToServer: 2, router.ToOwn: 1, router.ToOthers: 0} {
		if got := s.Router.Forms(to); len(got) != want {
			t.Errorf("target %d: forms %v", to, got)
		}
	}
}

func TestSees(t *testing.T) {
	s := New(t, Options{})
	s.Watches("a@x", "b@x")
	for _, k := range []struct {
		user, who string
		want      bool
	}{
		{"a@x", "a@x", true}, {"a@x/1", "a@x/2", true},
		{"b@x", "a@x/r", true}, {"b@x/r", "a@x", true}, {"a@x", "b@x", false}, {"nobody@x", "a@x", false},
	} {
		if got, err := s.Router.Sees(JID(t, k.user), JID(t, k.who)); got != k.want || err != nil {
			t.Errorf("Sees(%s, %s) = %v, %v", k.user, k.who, got, err)
		}
	}
	s.Rosters.Err = errBroken
	if _, err := s.Router.Sees(JID(t, "b@x"), JID(t, "a@x")); err == nil {
		t.Error("no error")
	}
}
