package register

import (
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"testing"
	"time"

	"roost/router/routertest"
)

var home = netip.MustParseAddr("192.0.2.1")

func TestBeforeAuthentication(t *testing.T) {
	_, db, svc := setup(t, "taken@x")
	svc.rate.limit = -1
	form := "<iq type='result' id='1'><query xmlns='" + NS + "'><instructions>" + instructions +
		"</instructions><username/><password/></query></iq>"
	refused := func(typ, cond string) string { return routertest.Refused("iq", "1", "", "", typ, cond) }
	for _, k := range []struct {
		name, domain, ask string
		want              string
		created           bool
	}{
		{"get", "x", "<iq type='get' id='1'>" + query("") + "</iq>", form, false},
		{"not open", "y", "<iq type='get' id='1'>" + query("") + "</iq>", refused("cancel", "service-unavailable"), false},
		{"not open, set", "y", set("", creds("new", "p")), refused("cancel", "service-unavailable"), false},
		{"set", "x", set("", creds("new", "p")), "<iq type='result' id='1'/>", true},
		{"set to the domain", "x", set("x", creds("New2", "p")), "<iq from='x' type='result' id='1'/>", true},
		{"to another", "x", set("y", creds("new3", "p")),
			routertest.Refused("iq", "1", "y", "", "cancel", "service-unavailable"), false},
		{"taken", "x", set("", creds("taken", "p")), refused("cancel", "conflict"), false},
		{"taken, once prepared", "x", set("", creds("TAKEN", "p")), refused("cancel", "conflict"), false},
		{"no username", "x", set("", query("<password>p</password>")), refused("modify", "not-acceptable"), false},
		{"no password", "x", set("", query("<username>n</username>")), refused("modify", "not-acceptable"), false},
		{"empty password", "x", set("", creds("n", "")), refused("modify", "not-acceptable"), false},
		{"password of another namespace", "x", set("", query("<username>n</username><password xmlns='z'>p</password>")),
			refused("modify", "not-acceptable"), false},
		{"bad username", "x", set("", creds("a@b", "p")), refused("modify", "not-acceptable"), false},
		{"too long", "x", set("", creds("n", "12345678901")), refused("modify", "not-acceptable"), false},
		{"not usable", "x", set("", creds("n", "a\x7f")), refused("modify", "not-acceptable"), false},
		{"remove", "x", set("", query("<remove/>")), refused("wait", "unexpected-request"), false},
	} {
		st := routertest.Parse(t, k.ask)
		if !svc.IsRequest(st) {
			t.Errorf("%s: not for Handle", k.name)
		}
		got, created := svc.Handle(k.domain, home, st)
		if routertest.Plain(string(got)) != k.want || created != k.created {
			t.Errorf("%s:\ngot  %s, %v\nwant %s, %v", k.name, got, created, k.want, k.created)
		}
	}
	if db.have["new@x"] != "p" || db.have["new2@x"] != "p" || len(db.have) != 3 {
		t.Errorf("accounts: %v", db.have)
	}
	db.readOnly = true
	got, created := svc.Handle("x", home, routertest.Parse(t, set("", creds("n", "p"))))
	if routertest.Plain(string(got)) != refused("cancel", "not-allowed") || created {
		t.Errorf("read only: %s", got)
	}
	db.err = errors.New("broken")
	got, created = svc.Handle("x", home, routertest.Parse(t, set("", creds("n", "p"))))
	if routertest.Plain(string(got)) != refused("cancel", "internal-server-error") || created {
		t.Errorf("store fails: %s", got)
	}
}

func TestOffers(t *testing.T) {
	_, _, svc := setup(t)
	if !svc.Offers("x") || svc.StreamFeature("x") != "<register xmlns='http://jabber.org/features/iq-register'/>" {
		t.Error("x is open")
	}
	if svc.Offers("y") || svc.StreamFeature("y") != "" {
		t.Error("y is not open")
	}
	s := routertest.New(t, routertest.Options{})
	if Register(s.Router, Options{Log: slog.New(s.Log)}).Offers("x") {
		t.Error("open without having been told to")
	}
}

func TestIsRequest(t *testing.T) {
	for ask, want := range map[string]bool{
		"<iq type='get' id='1'>" + query("") + "</iq>":                 true,
		"<iq type='result' id='1'>" + query("") + "</iq>":              false,
		"<iq type='error' id='1'>" + query("") + "</iq>":               false,
		"<iq type='get'>" + query("") + "</iq>":                        false,
		"<iq type='get' id='1'><query xmlns='jabber:iq:roster'/></iq>": false,
		"<message>" + query("") + "</message>":                         false,
	} {
		if got := new(Service).IsRequest(routertest.Parse(t, ask)); got != want {
			t.Errorf("%s: %v", ask, got)
		}
	}
}

func TestRateLimit(t *testing.T) {
	_, db, svc := setup(t)
	now := time.Unix(1_000_000, 0)
	svc.rate.now = func() time.Time { return now }
	ask := func(name string) bool {
		_, created := svc.Handle("x", home, routertest.Parse(t, set("", creds(name, "p"))))
		return created
	}
	ask("a@b") // refused before the store is asked: not counted
	for i := range DefaultPerAddress {
		if !ask(fmt.Sprint("u", i)) {
			t.Fatalf("registration %d was refused", i+1)
		}
	}
	got, _ := svc.Handle("x", home, routertest.Parse(t, set("", creds("more", "p"))))
	if want := routertest.Refused("iq", "1", "", "", "wait", "not-acceptable"); routertest.Plain(string(got)) != want {
		t.Errorf("got %s", got)
	}
	if len(db.have) != DefaultPerAddress {
		t.Errorf("%d accounts", len(db.have))
	}
	now = now.Add(window - time.Second)
	if ask("soon") {
		t.Error("allowed within the hour")
	}
	now = now.Add(time.Second)
	if !ask("later") {
		t.Error("refused after an hour")
	}
}

func TestRate(t *testing.T) {
	now := time.Unix(0, 0)
	r := rate{now: func() time.Time { return now }, limit: 1, room: 3}
	for _, k := range []struct {
		addr string
		want bool
	}{
		{"192.0.2.1", true}, {"192.0.2.1", false}, {"::ffff:192.0.2.1", false},
		{"2001:db8::1", true}, {"2001:db8::2", false}, {"2001:db8:0:1::1", true},
		{"192.0.2.9", true}, // 192.0.2.1 is forgotten for it
		{"192.0.2.1", true}, // and this for 2001:db8::
		{"2001:db8:0:1::1", false},
	} {
		if got := r.allow(netip.MustParseAddr(k.addr)); got != k.want {
			t.Errorf("%s: %v", k.addr, got)
		}
		now = now.Add(time.Second)
	}
	if len(r.from) != 3 {
		t.Errorf("%d addresses are remembered", len(r.from))
	}
	now = now.Add(2 * window)
	if !r.allow(netip.MustParseAddr("2001:db8:0:1::1")) || len(r.from) != 1 {
		t.Errorf("after the window %d addresses are remembered", len(r.from))
	}
	if none := (&rate{limit: -1}); !none.allow(netip.MustParseAddr("192.0.2.1")) {
		t.Error("refused without a limit")
	}
}
