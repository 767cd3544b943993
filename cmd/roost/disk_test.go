package main

import (
	"log/slog"
	"strings"
	"testing"

	"roost/cmd/roost/conf"
)

// A disk that is full: changes are refused and nothing that was acknowledged is lost; reading and
// talking go on.
func TestFullDisk(t *testing.T) {
	p := newPlace(t, "", noHTTP)
	for _, u := range []string{"alice", "bob", "carol"} {
		p.do("secret\n", "user", "add", u+"@localhost")
	}
	p.do(`{"bob@localhost":{"name":"Bob"}}`, "roster", "set", "alice@localhost")
	cfg, err := conf.Load(p.file)
	if err != nil {
		t.Fatal(err)
	}
	s, err := Start(cfg, Options{Log: slog.New(slog.NewTextHandler(&buffer{}, nil)), MinFree: 1 << 60})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { stopSoon(s) })
	alice, bob := s.online(t, "alice", "a"), s.online(t, "bob", "b")

	ask := func(what, send, want string) {
		t.Helper()
		alice.send(send)
		if got := alice.ping(); !strings.Contains(got, want) {
			t.Errorf("%s: got %s, want %s", what, got, want)
		}
	}
	const full = "<resource-constraint "
	ask("roster set", "<iq type='set' id='1'><query xmlns='jabber:iq:roster'><item jid='x@localhost'/></query></iq>", full)
	ask("vCard", "<iq type='set' id='2'><vCard xmlns='vcard-temp'><FN>A</FN></vCard></iq>", full)
	ask("subscription", "<presence type='subscribe' to='bob@localhost'/>", full)
	ask("message to an absent user", "<message type='chat' id='3' to='carol@localhost'><body>hi</body></message>", full)
	ask("roster get", "<iq type='get' id='4'><query xmlns='jabber:iq:roster'/></iq>", "name='Bob'")
	alice.send("<message type='chat' id='5' to='bob@localhost'><body>still here</body></message>")
	bob.until("still here")
}
