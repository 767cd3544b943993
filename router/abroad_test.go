package router_test

import (
	"strings"
	"testing"

	"roost/router/routertest"
	"roost/xmlstream/stanza"
)

// inbound routes a stanza from another domain, as its stream would.
func inbound(t *testing.T, s *routertest.Server, text string) {
	t.Helper()
	st := routertest.Parse(t, text)
	if !s.Router.Inbound(st, false) && !s.Router.Inbound(st, true) {
		t.Errorf("not done: %s", text)
	}
}

// TestInbound: what comes from another domain, what a resource here gets of it, and what goes back.
func TestInbound(t *testing.T) {
	const cancel, unavailable = "<error type='cancel'>", "<service-unavailable xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error>"
	for _, c := range []struct{ in, here, back string }{
		{"<message from='r@y/1' to='a@x/r'><body>hi</body></message>", "<message from='r@y/1' to='a@x/r'><body>hi</body></message>", ""},
		{"<message from='r@y/1' to='a@x' type='chat'/>", "<message from='r@y/1' to='a@x' type='chat'/>", ""},
		{"<message from='r@y/1' to='nobody@x' id='1'/>", "", "<message from='nobody@x' to='r@y/1' type='error' id='1'>" + cancel + unavailable + "</message>"},
		{"<message from='r@y/1' to='nobody@x' type='error'/>", "", ""}, // RFC 6120 §8.3.1
		{"<message from='r@y/1' to='a@y'/>", "", ""},                   // not of ours: never back to where it came from
		{"<iq from='r@y/1' to='x' id='1' type='get'><q xmlns='urn:none'/></iq>", "", "<iq from='x' to='r@y/1' type='error' id='1'>" + cancel + unavailable + "</iq>"},
		{"<iq from='r@y/1' to='a@x' id='1' type='get'><q xmlns='urn:none'/></iq>", "", "<iq from='a@x' to='r@y/1' type='error' id='1'>" + cancel + unavailable + "</iq>"},
		{"<iq from='r@y/1' to='a@x/r' id='1' type='get'><q xmlns='urn:none'/></iq>", "", "<iq from='a@x/r' to='r@y/1' type='error' id='1'>" + cancel + unavailable + "</iq>"},
		{"<iq from='r@y/1' to='a@x/r' id='1' type='result'/>", "<iq from='r@y/1' to='a@x/r' id='1' type='result'/>", ""},
		{"<iq from='r@y/1' to='x' id='1' type='result'/>", "", ""},
		{"<iq from='r@y/1' to='x/r' id='1' type='get'><q xmlns='urn:none'/></iq>", "", "<iq from='x/r' to='r@y/1' type='error' id='1'>" + cancel + unavailable + "</iq>"},
		{"<presence from='r@y/1' to='a@x'/>", "<presence from='r@y/1' to='a@x'/>", ""},
		{"<presence from='r@y/1' to='a@x' type='unavailable'/>", "<presence from='r@y/1' to='a@x' type='unavailable'/>", ""},
		{"<presence from='r@y/1' to='nobody@x'/>", "", ""},
		{"<presence from='r@y/1' to='x'/>", "", ""},
		{"<presence from='r@y/1' to='a@x' type='nonsense'/>", "", "<presence from='a@x' to='r@y/1' type='error'>"},
		{"<presence from='r@y/1' to='a@x' type='probe'/>", "", "<presence from='a@x' to='r@y' type='unsubscribed'/>"}, // RFC 6121 §4.3.2
	} {
		s := routertest.New(t, routertest.Options{Federated: true})
		a := s.Online("a@x/r", "")
		inbound(t, s, c.in)
		if got := strings.Join(a.Got(), ""); got != c.here {
			t.Errorf("%s\n here %s\n want %s", c.in, got, c.here)
		}
		if got := strings.Join(s.Federation.Sent(), ""); !strings.HasPrefix(got, c.back) || c.back == "" && got != "" {
			t.Errorf("%s\n back %s\n want %s", c.in, got, c.back)
		}
	}
}

// TestUndelivered: a stanza that another domain did not take goes back to its sender, when that is
// worth a word, and never further.
func TestUndelivered(t *testing.T) {
	for in, back := range map[string]bool{
		"<message from='a@x/r' to='r@y' id='1'><body>hi</body></message>":   true,
		"<message from='a@x/r' to='r@y' type='error'/>":                     false,
		"<iq from='a@x/r' to='y' id='1' type='get'><q xmlns='urn:q'/></iq>": true,
		"<iq from='a@x/r' to='y' id='1' type='result'/>":                    false,
		"<presence from='a@x/r' to='r@y'/>":                                 false, // a broadcast
		"<presence from='a@x/r' to='room@y/nick'/>":                         true,
		"<presence from='a@x/r' to='room@y/nick' type='unavailable'/>":      false,
		"<presence from='a@x' to='r@y' type='subscribe'/>":                  true,
		"<presence from='a@x/r' to='r@y' type='probe'/>":                    false,
		"<message from='z@z/r' to='r@y' id='1'/>":                           false, // not of ours
		"nonsense": false,
	} {
		s := routertest.New(t, routertest.Options{Federated: true})
		a := s.Online("a@x/r", "")
		s.Router.Undelivered(stanza.FrameString(in), stanza.RemoteServerTimeout.New())
		got := strings.Join(a.Got(), "")
		if back != (strings.Count(got, "<remote-server-timeout") == 1) || len(s.Federation.Sent()) != 0 {
			t.Errorf("%s: got back %q", in, got)
		}
	}
}

// TestDomainLost: the users of a domain that is gone are unavailable once, for those who saw them; when
// it is back they are asked for.
func TestDomainLost(t *testing.T) {
	s := routertest.New(t, routertest.Options{Federated: true})
	a := s.Online("a@x/r", "")
	s.Rosters.Set(routertest.JID(t, "a@x"), routertest.JID(t, "r@y"), true, true)
	inbound(t, s, "<presence from='r@y/1' to='a@x'/>")
	inbound(t, s, "<presence from='r@y/1' to='a@x/r'/>") // the answer to a probe
	inbound(t, s, "<presence from='r@y/2' to='a@x'/>")
	inbound(t, s, "<presence from='r@y/2' to='a@x' type='unavailable'/>")
	inbound(t, s, "<presence from='s@z/1' to='a@x'/>")
	a.Got()
	s.Federation.Sent()
	for range 2 {
		s.Router.DomainLost("y")
	}
	if got := strings.Join(a.Got(), ""); got != "<presence from='r@y/1' to='a@x' type='unavailable'/>" {
		t.Errorf("got %s", got)
	}
	for range 2 {
		s.Router.DomainFound("y")
	}
	if got := strings.Join(s.Federation.Sent(), ""); got != "<presence from='a@x' to='r@y' type='probe'/>" {
		t.Errorf("sent %s", got)
	}
}
