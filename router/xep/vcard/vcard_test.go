package vcard

import (
	"errors"
	"strings"
	"testing"

	. "roost/router/routertest"
)

const (
	get = "<vCard xmlns='vcard-temp'/>"
	fn  = "<vCard xmlns='vcard-temp'><FN>A</FN></vCard>"
)

func TestVCard(t *testing.T) {
	s := New(t, Options{})
	Register(s.Router, &Blobs{}, Limits{})
	a, b := s.Bind("a@x/r"), s.Bind("b@x/r")
	none := Refused("iq", "1", "", "a@x/r", "cancel", "item-not-found")
	Run(t, a, []Case{
		{"none yet", "<iq type='get' id='1'>" + get + "</iq>", none},
		{"set", "<iq type='set' id='2'>" + fn + "</iq>", Result("2", "", "a@x/r", "")},
		{"get", "<iq type='get' id='3'>" + get + "</iq>", Result("3", "", "a@x/r", fn)},
		{"get by address", "<iq type='get' id='3' to='a@x'>" + get + "</iq>", Result("3", "a@x", "a@x/r", fn)},
		{"set by address", "<iq type='set' id='3' to='a@x'>" + fn + "</iq>", Result("3", "a@x", "a@x/r", "")},
		{"another's", "<iq type='set' id='4' to='b@x'>" + fn + "</iq>", Refused("iq", "4", "b@x", "a@x/r", "auth", "forbidden")},
		{"nobody's", "<iq type='set' id='4' to='nobody@x'>" + fn + "</iq>", Refused("iq", "4", "nobody@x", "a@x/r", "auth", "forbidden")},
		{"the server's", "<iq type='get' id='5' to='x'>" + get + "</iq>", Refused("iq", "5", "x", "a@x/r", "cancel", "service-unavailable")},
		{"another has none", "<iq type='get' id='5' to='b@x'>" + get + "</iq>", Refused("iq", "5", "b@x", "a@x/r", "cancel", "service-unavailable")},
		{"nobody has none", "<iq type='get' id='5' to='nobody@x'>" + get + "</iq>", Refused("iq", "5", "nobody@x", "a@x/r", "cancel", "service-unavailable")},
	})
	Run(t, b, []Case{{"read by a stranger", "<iq type='get' id='1' to='a@x'>" + get + "</iq>", Result("1", "a@x", "b@x/r", fn)}})
	Run(t, a, []Case{
		{"remove", "<iq type='set' id='1'>" + get + "</iq>", Result("1", "", "a@x/r", "")},
		{"removed", "<iq type='get' id='1'>" + get + "</iq>", none},
	})
}

// What is stored must mean the same in another stream.
func TestPrefixes(t *testing.T) {
	for _, k := range []struct{ set, want string }{
		{"<v:vCard xmlns:v='vcard-temp'><v:FN>A</v:FN></v:vCard>", "<vCard xmlns='vcard-temp' xmlns:v='vcard-temp'><v:FN>A</v:FN></vCard>"},
		{"<vCard xmlns='vcard-temp' version='2.0'><FN>&lt;A&gt;</FN></vCard>", "<vCard xmlns='vcard-temp'><FN>&lt;A&gt;</FN></vCard>"},
		{"<vCard xmlns='vcard-temp' prodid='p'><X xmlns='urn:x'/></vCard>", "<vCard xmlns='vcard-temp'><X xmlns='urn:x'/></vCard>"},
	} {
		s := New(t, Options{})
		Register(s.Router, &Blobs{}, Limits{})
		a := s.Bind("a@x/r")
		a.Ask("<iq type='set' id='1'>" + k.set + "</iq>")
		if got, want := a.Ask("<iq type='get' id='2'>"+get+"</iq>"), Result("2", "", "a@x/r", k.want); got != want {
			t.Errorf("%s\ngot  %s\nwant %s", k.set, got, want)
		}
	}
}

func TestLimit(t *testing.T) {
	s := New(t, Options{})
	Register(s.Router, &Blobs{}, Limits{MaxSize: len(fn)})
	a := s.Bind("a@x/r")
	Run(t, a, []Case{
		{"just fits", "<iq type='set' id='1'>" + fn + "</iq>", Result("1", "", "a@x/r", "")},
		{"one more", "<iq type='set' id='1'>" + strings.Replace(fn, "A", "AB", 1) + "</iq>",
			Refused("iq", "1", "", "a@x/r", "modify", "policy-violation")},
		{"kept", "<iq type='get' id='1'>" + get + "</iq>", Result("1", "", "a@x/r", fn)},
	})
}

func TestStoreFails(t *testing.T) {
	s := New(t, Options{})
	store := &Blobs{Err: errors.New("broken")}
	Register(s.Router, store, Limits{})
	a := s.Bind("a@x/r")
	fault := Refused("iq", "1", "", "a@x/r", "cancel", "internal-server-error")
	Run(t, a, []Case{
		{"get", "<iq type='get' id='1'>" + get + "</iq>", fault},
		{"set", "<iq type='set' id='1'>" + fn + "</iq>", fault},
	})
	if lines := s.Log.Lines(); len(lines) != 2 {
		t.Errorf("logged %q, want a line for each fault", lines)
	}
}
