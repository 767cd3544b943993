package main

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
)

const aliceRoster = `{
  "bob@localhost": {"name": "Bob & co", "groups": ["Work", "Chess"], "subscription": "both", "pending_requests": {}},
  "carol@other.test": {"name": "", "groups": [], "subscription": "none", "pending_requests": {"ask": true}},
  "dave@elsewhere": {"name": "D", "groups": [], "subscription": "from", "pending_requests": {}, "color": "red"}
}`

// sameJSON compares what two texts mean.
func sameJSON(t *testing.T, what, got, want string) {
	t.Helper()
	plain := func(s string) string {
		var v any
		if err := json.Unmarshal([]byte(s), &v); err != nil {
			t.Fatalf("%s: %v in %s", what, err, s)
		}
		b, _ := json.Marshal(v)
		return string(b)
	}
	if plain(got) != plain(want) {
		t.Errorf("%s: got\n%s\nwant\n%s", what, got, want)
	}
}

// TestRosterRoundTrip: what is set is shown, and what is exported can be imported elsewhere.
func TestRosterRoundTrip(t *testing.T) {
	everywhere(t, func(t *testing.T, p *place) {
		p.do("alice@localhost x\nbob@localhost x\nzoe@other.test x\n", "user", "import")
		sameJSON(t, "none", p.do("", "roster", "show", "alice@localhost"), "{}")
		if got := p.do(aliceRoster, "roster", "set", "alice@localhost"); got != "roster of alice@localhost replaced\n" {
			t.Error(got)
		}
		sameJSON(t, "show", p.do("", "roster", "show", "alice@localhost"), aliceRoster)
		p.write("zoe.json", `{"bob@localhost": {"groups": ["a"]}}`)
		p.do("", "roster", "set", "zoe@other.test", p.path("zoe.json"))
		all := p.do("", "roster", "export")
		if one := p.do("", "roster", "export", "Other.Test"); strings.Count(one, "\n") != 1 || !strings.HasSuffix(all, one) || strings.Count(all, "\n") != 2 {
			t.Errorf("all:\n%sone:\n%s", all, one)
		}
		p.do("{}", "roster", "set", "alice@localhost")
		sameJSON(t, "emptied", p.do("", "roster", "show", "alice@localhost"), "{}")
		if got := p.do(all+"\n", "roster", "import"); got != "2 rosters imported\n" {
			t.Error(got)
		}
		if again := p.do("", "roster", "export"); again != all {
			t.Errorf("exported\n%sthen imported and exported\n%s", all, again)
		}
		both := p.do("", "roster", "show", "alice@localhost", "zoe@other.test")
		if !strings.Contains(both, "bob@localhost") || strings.Count(both, "\n{") != 1 {
			t.Error(both)
		}
	})
}

func TestRosterRefuses(t *testing.T) {
	everywhere(t, func(t *testing.T, p *place) {
		p.do("alice@localhost x\nbob@localhost x\n", "user", "import")
		good := `{"jid":"alice@localhost","roster":{"bob@localhost":{}}}` + "\n"
		for _, c := range []struct {
			in, words string
			want      []string
		}{
			{"", "roster set alice@localhost", []string{"alice@localhost", "offset 0"}},
			{"{", "roster set alice@localhost", []string{"alice@localhost", "offset"}},
			{`{"bob@localhost":{"subscription":"maybe"}}`, "roster set alice@localhost", []string{"subscription", "maybe"}},
			{`{"bob@localhost/r":{}}`, "roster set alice@localhost", []string{"bob@localhost/r"}},
			{`{}`, "roster set alice@elsewhere", []string{"does not serve elsewhere"}},
			{"", "roster set alice@localhost none.json", []string{"none.json"}},
			{"", "roster show @@", []string{`"@@"`}},
			{good + "{\n", "roster import", []string{"line 2", "1 roster imported"}},
			{good + good + "[]\n", "roster import", []string{"line 3", "2 rosters imported"}},
			{good + `{"jid":"alice@elsewhere","roster":{}}`, "roster import", []string{"line 2", "does not serve"}},
			{`{"jid":"alice@localhost"}`, "roster import", []string{"line 1", `"roster"`, "0 rosters imported"}},
			{`{"roster":{}}`, "roster import", []string{"line 1", "user@domain"}},
			{"\n\n" + `{"jid":"alice@localhost","roster":{"x y@localhost":{}}}`, "roster import", []string{"line 3", "x y"}},
		} {
			p.refuse(c.in, strings.Fields(c.words), c.want...)
		}
	})
}

// TestRosterLive: people on line hear of what an operator changes.
func TestRosterLive(t *testing.T) {
	p := newPlace(t, "", "")
	p.do("alice@localhost secret\nbob@localhost secret\n", "user", "import")
	s := p.start()
	alice, bob := s.online(t, "alice", "r"), s.online(t, "bob", "r")
	p.do(`{"bob@localhost":{"name":"B","subscription":"from"}}`, "roster", "set", "alice@localhost")
	if got := alice.ping(); !strings.Contains(got, "<item jid='bob@localhost' name='B' subscription='from'/>") {
		t.Errorf("alice: %s", got)
	}
	if got := bob.ping(); !strings.Contains(got, "from='alice@localhost/r'") {
		t.Errorf("bob sees no presence: %s", got)
	}
	p.do(`{"jid":"alice@localhost","roster":{}}`, "roster", "import")
	if got := alice.ping(); !strings.Contains(got, "<item jid='bob@localhost' subscription='remove'/>") {
		t.Errorf("alice: %s", got)
	}
	if got := bob.ping(); !strings.Contains(got, "type='unavailable'") {
		t.Errorf("bob: %s", got)
	}
}

// TestImportManyRosters: a line may be long, and there may be many.
func TestImportManyRosters(t *testing.T) {
	everywhere(t, func(t *testing.T, p *place) {
		var text strings.Builder
		for i := range 200 {
			fmt.Fprintf(&text, `{"jid":"user%03d@localhost","roster":{`, i)
			for k := range 100 {
				if k > 0 {
					text.WriteByte(',')
				}
				fmt.Fprintf(&text, `"contact%03d@localhost":{"name":"%s","groups":["g%d"],"subscription":"both"}`, k, strings.Repeat("n", 20), k%5)
			}
			text.WriteString("}}\n")
		}
		if got := p.do(text.String(), "roster", "import"); got != "200 rosters imported\n" {
			t.Error(got)
		}
		if got := p.do("", "roster", "export"); strings.Count(got, "\n") != 200 {
			t.Error(strings.Count(got, "\n"))
		}
	})
}
