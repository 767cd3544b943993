package disco

import (
	"errors"
	"strings"
	"testing"

	"roost/router"
	"roost/router/routertest"
)

func info(node, inner string) string { return query(NSInfo, node, inner) }

func query(space, node, inner string) string {
	s := "<query xmlns='" + space + "'"
	if node != "" {
		s += " node='" + node + "'"
	}
	if inner == "" {
		return s + "/>"
	}
	return s + ">" + inner + "</query>"
}

func setup(t *testing.T) (*routertest.Server, *Service) {
	s := routertest.New(t, routertest.Options{})
	d := Register(s.Router, Options{Name: "Roost", Node: "urn:n", Items: []Item{{routertest.JID(t, "muc.x"), "Rooms & more"}, {routertest.JID(t, "up.x"), ""}}})
	s.Router.AddFeature(router.ToServer, "urn:z")
	s.Router.AddFeature(router.ToServer, "urn:a")
	s.Router.AddFeature(router.ToOwn|router.ToOthers, "urn:acc")
	s.Router.AddFeature(router.ToOwn, "urn:own")
	s.Router.AddForm(router.ToServer, router.Form{Type: "urn:form", Fields: []router.Field{{Var: "v", Type: "list-multi", Values: []string{"2", "<1>"}}}})
	return s, d
}

const (
	serverBody = "<identity category='server' type='im' name='Roost'/>" +
		"<feature var='http://jabber.org/protocol/caps'/>" +
		"<feature var='http://jabber.org/protocol/disco#info'/>" +
		"<feature var='http://jabber.org/protocol/disco#items'/>" +
		"<feature var='urn:a'/><feature var='urn:z'/>" +
		"<x xmlns='jabber:x:data' type='result'><field var='FORM_TYPE' type='hidden'><value>urn:form</value></field>" +
		"<field var='v' type='list-multi'><value>2</value><value>&lt;1&gt;</value></field></x>"
	accountBody = "<identity category='account' type='registered'/>" +
		"<feature var='http://jabber.org/protocol/disco#info'/>" +
		"<feature var='http://jabber.org/protocol/disco#items'/>" +
		"<feature var='urn:acc'/>"
)

func TestDisco(t *testing.T) {
	s, d := setup(t)
	a := s.Bind("a@x/r")
	s.Accounts.Add(routertest.JID(t, "friend@x"), routertest.JID(t, "stranger@x"))
	s.Watches("a@x", "friend@x")
	ver := d.own().ver
	get := func(to, q string) string { return "<iq type='get' id='1' to='" + to + "'>" + q + "</iq>" }
	refused := func(from, cond string) string { return routertest.Refused("iq", "1", from, "a@x/r", "cancel", cond) }
	result := func(from, q string) string { return routertest.Result("1", from, "a@x/r", q) }
	items := func(node, inner string) string { return query(NSItems, node, inner) }
	routertest.Run(t, a, []routertest.Case{
		{"server", get("x", info("", "")), result("x", info("", serverBody))},
		{"server, caps node", get("x", info("urn:n#"+ver, "")), result("x", info("urn:n#"+ver, serverBody))},
		{"server, other ver", get("x", info("urn:n#x", "")), refused("x", "item-not-found")},
		{"server, other node", get("x", info("commands", "")), refused("x", "item-not-found")},
		{"own account", "<iq type='get' id='1'>" + info("", "") + "</iq>", routertest.Result("1", "", "a@x/r", info("", accountBody+"<feature var='urn:own'/>"))},
		{"own account by address", get("a@x", info("", "")), result("a@x", info("", accountBody+"<feature var='urn:own'/>"))},
		{"own account, node", get("a@x", info("n", "")), refused("a@x", "item-not-found")},
		{"account that lets a see it", get("friend@x", info("", "")), result("friend@x", info("", accountBody))},
		{"the same, node", get("friend@x", info("n", "")), refused("friend@x", "item-not-found")},
		{"stranger", get("stranger@x", info("", "")), refused("stranger@x", "service-unavailable")},
		{"stranger, node", get("stranger@x", info("n", "")), refused("stranger@x", "service-unavailable")},
		{"nobody", get("nobody@x", info("", "")), refused("nobody@x", "service-unavailable")},
		{"nobody, node", get("nobody@x", info("n", "")), refused("nobody@x", "service-unavailable")},
		{"set", strings.Replace(get("x", info("", "")), "'get'", "'set'", 1), refused("x", "feature-not-implemented")},

		{"items of the server", get("x", items("", "")),
			result("x", items("", "<item jid='muc.x' name='Rooms &amp; more'/><item jid='up.x'/>"))},
		{"items of a node", get("x", items("n", "")), refused("x", "item-not-found")},
		{"items of the own account", get("a@x", items("", "")), result("a@x", items("", ""))},
		{"items of a node of it", get("a@x", items("n", "")), refused("a@x", "item-not-found")},
		{"items of a contact", get("friend@x", items("", "")), result("friend@x", items("", ""))},
		{"items of a stranger", get("stranger@x", items("", "")), result("stranger@x", items("", ""))},
		{"items of nobody", get("nobody@x", items("", "")), result("nobody@x", items("", ""))},
		{"items of a stranger's node", get("stranger@x", items("n", "")), result("stranger@x", items("n", ""))},
		{"items of nobody's node", get("nobody@x", items("n", "")), result("nobody@x", items("n", ""))},
		{"items, set", strings.Replace(get("x", items("", "")), "'get'", "'set'", 1), refused("x", "feature-not-implemented")},
	})
	s.Rosters.Err = errors.New("broken")
	routertest.Run(t, a, []routertest.Case{
		{"store fails", get("friend@x", info("", "")), refused("friend@x", "internal-server-error")},
		{"store fails, items", get("friend@x", items("", "")), refused("friend@x", "internal-server-error")},
	})
}

func TestServerWithoutItems(t *testing.T) {
	s := routertest.New(t, routertest.Options{})
	d := Register(s.Router, Options{})
	a := s.Bind("a@x/r")
	want := routertest.Result("1", "x", "a@x/r", query(NSItems, "", ""))
	if got := a.Ask("<iq type='get' id='1' to='x'>" + query(NSItems, "", "") + "</iq>"); got != want {
		t.Errorf("got %s", got)
	}
	if !strings.Contains(d.StreamFeature(), " node='urn:roost:server' ") {
		t.Errorf("got %s", d.StreamFeature())
	}
}

func TestStreamFeature(t *testing.T) {
	_, d := setup(t)
	want := "<c xmlns='http://jabber.org/protocol/caps' hash='sha-1' node='urn:n' ver='" + d.own().ver + "'/>"
	if got := d.StreamFeature(); got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

// The examples of XEP-0115 §5.2 and §5.3, their parts out of order.
func TestVerification(t *testing.T) {
	features := []string{"http://jabber.org/protocol/muc", "http://jabber.org/protocol/disco#items",
		"http://jabber.org/protocol/disco#info", "http://jabber.org/protocol/caps"}
	psi := []identity{{"client", "pc", "en", "Psi 0.11"}, {"client", "pc", "el", "Ψ 0.11"}}
	form := router.Form{Type: "urn:xmpp:dataforms:softwareinfo", Fields: []router.Field{
		{Var: "os", Values: []string{"Mac"}},
		{Var: "ip_version", Values: []string{"ipv6", "ipv4"}},
		{Var: "software_version", Values: []string{"0.11"}},
		{Var: "os_version", Values: []string{"10.5.1"}},
		{Var: "software", Values: []string{"Psi"}},
	}}
	for _, k := range []struct {
		name  string
		ids   []identity
		forms []router.Form
		want  string
	}{
		{"simple", []identity{{"client", "pc", "", "Exodus 0.9.1"}}, nil, "QgayPKawpkPSDYmwT/WM94uAlu0="},
		{"complex", psi, []router.Form{form}, "q07IKJEyjvHSyhy//CH0CxmKi8w="},
	} {
		if got := verification(k.ids, features, k.forms); got != k.want {
			t.Errorf("%s: got %s, want %s", k.name, got, k.want)
		}
	}
}
