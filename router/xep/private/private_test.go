package private

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	. "roost/router/routertest"
)

func query(inner string) string {
	if inner == "" {
		return "<query xmlns='" + NS + "'/>"
	}
	return "<query xmlns='" + NS + "'>" + inner + "</query>"
}

func get(inner string) string { return "<iq type='get' id='1'>" + query(inner) + "</iq>" }
func set(inner string) string { return "<iq type='set' id='1'>" + query(inner) + "</iq>" }

var done = Result("1", "", "a@x/r", "")

func answer(inner string) string { return Result("1", "", "a@x/r", query(inner)) }

func refused(typ, condition string) string {
	return Refused("iq", "1", "", "a@x/r", typ, condition)
}

func TestPrivate(t *testing.T) {
	s := New(t, Options{})
	Register(s.Router, &Blobs{}, Limits{})
	a := s.Bind("a@x/r")
	s.Accounts.Add(JID(t, "b@x"))
	const prefs = "<exodus xmlns='exodus:prefs'><nick>H</nick></exodus>"
	Run(t, a, []Case{
		{"nothing yet", get("<exodus xmlns='exodus:prefs'/>"), answer("<exodus xmlns='exodus:prefs'/>")},
		{"set", set(prefs), done},
		{"get", get("<exodus xmlns='exodus:prefs'/>"), answer(prefs)},
		{"other name", get("<psi xmlns='exodus:prefs'/>"), answer("<psi xmlns='exodus:prefs'/>")},
		{"other namespace", get("<exodus xmlns='exodus:other'/>"), answer("<exodus xmlns='exodus:other'/>")},
		{"two at once", set("<s xmlns='storage:bookmarks'><c/></s><t xmlns='urn:t' k='v'/>"), done},
		{"first", get("<s xmlns='storage:bookmarks'/>"), answer("<s xmlns='storage:bookmarks'><c/></s>")},
		{"second", get("<t xmlns='urn:t'/>"), answer("<t xmlns='urn:t' k='v'/>")},
		{"untouched", get("<exodus xmlns='exodus:prefs'/>"), answer(prefs)},
		{"replace", set("<exodus xmlns='exodus:prefs'>new</exodus>"), done},
		{"replaced", get("<exodus xmlns='exodus:prefs'/>"), answer("<exodus xmlns='exodus:prefs'>new</exodus>")},
		{"same namespace, twice", set("<e xmlns='urn:e'>1</e><e xmlns='urn:e'>2</e>"), done},
		{"both", get("<e xmlns='urn:e'/>"), answer("<e xmlns='urn:e'>1</e><e xmlns='urn:e'>2</e>")},
		{"remove", set("<e xmlns='urn:e'/>"), done},
		{"removed", get("<e xmlns='urn:e'/>"), answer("<e xmlns='urn:e'/>")},

		{"get without element", get(""), refused("modify", "bad-request")},
		{"get of two", get("<a xmlns='urn:a'/><b xmlns='urn:b'/>"), refused("modify", "bad-request")},
		{"set without element", set(""), refused("modify", "not-acceptable")},
		{"no own namespace", set("<a/>"), refused("modify", "not-acceptable")},
		{"no namespace", set("<a xmlns=''>x</a>"), refused("modify", "not-acceptable")},
		{"reserved: vcard-temp", set("<vCard xmlns='vcard-temp'><FN>H</FN></vCard>"), refused("modify", "not-acceptable")},
		{"reserved: jabber:", get("<query xmlns='jabber:iq:roster'/>"), refused("modify", "not-acceptable")},
		{"reserved: jabber.org", set("<x xmlns='http://jabber.org/protocol/x'>y</x>"), refused("modify", "not-acceptable")},
		{"all or nothing", set("<n xmlns='urn:n'>1</n><a/>"), refused("modify", "not-acceptable")},
		{"nothing", get("<n xmlns='urn:n'/>"), answer("<n xmlns='urn:n'/>")},

		{"another's get", "<iq type='get' id='1' to='b@x'>" + query("<e xmlns='urn:e'/>") + "</iq>",
			Refused("iq", "1", "b@x", "a@x/r", "auth", "forbidden")},
		{"another's set", "<iq type='set' id='1' to='b@x'>" + query("<e xmlns='urn:e'>1</e>") + "</iq>",
			Refused("iq", "1", "b@x", "a@x/r", "auth", "forbidden")},
		{"nobody's", "<iq type='set' id='1' to='nobody@x'>" + query("<e xmlns='urn:e'>1</e>") + "</iq>",
			Refused("iq", "1", "nobody@x", "a@x/r", "auth", "forbidden")},
		{"the server's", "<iq type='get' id='1' to='x'>" + query("<e xmlns='urn:e'/>") + "</iq>",
			Refused("iq", "1", "x", "a@x/r", "cancel", "service-unavailable")},
	})
}

// What is stored must mean the same in another stream.
func TestNamespacesSurvive(t *testing.T) {
	for _, k := range []struct{ set, ask, want string }{
		{"<query xmlns='" + NS + "' xmlns:e='urn:e'><e:x><e:y/></e:x></query>", "<x xmlns='urn:e'/>",
			"<e:x xmlns:e='urn:e'><e:y/></e:x>"},
		{"<p:query xmlns:p='" + NS + "' xmlns=''><e:x xmlns:e='urn:e'><y/></e:x></p:query>", "<x xmlns='urn:e'/>",
			"<e:x xmlns='' xmlns:e='urn:e'><y/></e:x>"},
		{"<p:query xmlns:p='" + NS + "' xmlns='urn:e'><x a='1'><y/></x></p:query>", "<x xmlns='urn:e'/>",
			"<x xmlns='urn:e' a='1'><y/></x>"},
		{"<p:query xmlns:p='" + NS + "'><x xmlns='urn:e'><y/></x></p:query>", "<x xmlns='urn:e'/>",
			"<x xmlns='urn:e'><y/></x>"},
		{"<query xmlns='" + NS + "'><x xmlns='urn:e' xmlns:f='urn:f' f:k='&lt;'><f:y/><![CDATA[<>]]></x></query>", "<x xmlns='urn:e'/>",
			"<x xmlns='urn:e' xmlns:f='urn:f' f:k='&lt;'><f:y/><![CDATA[<>]]></x>"},
	} {
		s := New(t, Options{})
		Register(s.Router, &Blobs{}, Limits{})
		a := s.Bind("a@x/r")
		if got := a.Ask("<iq type='set' id='1'>" + k.set + "</iq>"); got != done {
			t.Errorf("%s: %s", k.set, got)
		}
		if got, want := a.Ask(get(k.ask)), answer(k.want); got != want {
			t.Errorf("%s\ngot  %s\nwant %s", k.set, got, want)
		}
		// a second set copies what is there
		a.Ask(set("<z xmlns='urn:z'>1</z>"))
		if got, want := a.Ask(get(k.ask)), answer(k.want); got != want {
			t.Errorf("copied: %s\ngot  %s\nwant %s", k.set, got, want)
		}
	}
}

func TestLimit(t *testing.T) {
	const el = "<e xmlns='urn:e'>12</e>"
	s := New(t, Options{})
	Register(s.Router, &Blobs{}, Limits{MaxSize: len(query(el))})
	a := s.Bind("a@x/r")
	Run(t, a, []Case{
		{"just fits", set(el), done},
		{"one more", set("<e xmlns='urn:e'>123</e>"), refused("modify", "policy-violation")},
		{"another", set("<f xmlns='urn:e'>1</f>"), refused("modify", "policy-violation")},
		{"kept", get("<e xmlns='urn:e'/>"), answer(el)},
		{"room again", set("<e xmlns='urn:e'/><f xmlns='urn:e'>1</f>"), done},
	})
}

func TestStoreFails(t *testing.T) {
	s := New(t, Options{})
	store := &Blobs{}
	Register(s.Router, store, Limits{})
	a := s.Bind("a@x/r")
	fault := refused("cancel", "internal-server-error")
	store.Err = errors.New("broken")
	cases := []Case{{"get", get("<e xmlns='urn:e'/>"), fault}, {"set", set("<e xmlns='urn:e'>1</e>"), fault}}
	Run(t, a, cases)
	store.Err = nil
	if err := store.SetBlob(JID(t, "a@x"), NS, []byte("<query"), 100); err != nil { // cut short on disk
		t.Fatal(err)
	}
	Run(t, a, cases)
	if lines := s.Log.Lines(); len(lines) != 4 {
		t.Errorf("logged %q, want a line for each fault", lines)
	}
}

// Many elements must not cost more than their bytes do.
func TestManyElements(t *testing.T) {
	var b strings.Builder
	for i := range 4000 {
		fmt.Fprintf(&b, "<e%d xmlns='u'>1</e%d>", i, i)
	}
	s := New(t, Options{})
	Register(s.Router, &Blobs{}, Limits{MaxSize: 1 << 20})
	a := s.Bind("a@x/r")
	for range 2 {
		if got := a.Ask(set(b.String())); got != done {
			t.Fatal(got)
		}
	}
	if got := a.Ask(get("<e3999 xmlns='u'/>")); got != answer("<e3999 xmlns='u'>1</e3999>") {
		t.Error(got)
	}
}
