package scenario

import (
	"strings"
	"testing"
	"time"
)

// TestBuiltins: what is built in can be read, and with other values, too.
func TestBuiltins(t *testing.T) {
	for _, name := range Builtins() {
		text, file, err := Source(name)
		if err != nil {
			t.Fatal(err)
		}
		s, err := Read(file, text, map[string]string{"users": "14000"})
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if s.Name != name || s.About == "" || s.Users != 14000 {
			t.Errorf("%s says it is %q, %q, of %d users", name, s.Name, s.About, s.Users)
		}
	}
	if _, _, err := Source("idel"); err == nil || !strings.Contains(err.Error(), "idle") {
		t.Errorf("a misspelt name: %v", err)
	}
}

// TestErrors: every error names its place and says what to do.
func TestErrors(t *testing.T) {
	for _, c := range []struct{ text, want string }{
		{"users: 10\nphases:\n  - { kind: ramp, rat: 3 }\n", `f.yaml:3:19: unknown field "rat"`},
		{"users: 10\nphases:\n  - kind: ramp\n    rate: -1\n", `f.yaml:4:11: phases[0].rate: -1 is not between`},
		{"users: 10\nphases:\n  - kind: romp\n", `f.yaml:3:11: phases[0].kind: "romp" is none of ramp, hold, storm, drain, register, befriend`},
		{"users: x\n", `f.yaml:1:8: `},
		{"users: ${n}\n", `f.yaml:1:8: there is no variable "n"`},
		{"phases: []\n", `users: is missing`},
		{"users: 10\nphases:\n  - kind: hold\n    for: 5s\n    load:\n      - do: ping\n", `f.yaml:6:11: phases[0].load[0]: needs exactly one of`},
		{"users: 10\nphases:\n  - { kind: hold }\n", `for: is missing`},
		{"users: 10\nphases:\n  - kind: hold\n    for: 5s\n    load: [ { do: message, rate: 5, size: 10 } ]\n", `size[0].bytes: 10 is not between 48`},
		{"users: 10\nlogin: { tls: maybe }\nphases: [ { kind: ramp } ]\n", `f.yaml:2:15: login.tls: "maybe"`},
		{"users: [\n", `f.yaml:1:`},
		{"users: 10\nusers: 11\n", `f.yaml:2:1: `},
	} {
		_, err := Read("f.yaml", []byte(c.text), nil)
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%q\n gives %v\nwant %s", c.text, err, c.want)
		}
	}
	if _, err := Read("f.yaml", []byte("users: 10\n"), map[string]string{"n": "3"}); err == nil || !strings.Contains(err.Error(), `no variable "n"`) {
		t.Errorf("a variable that is not there: %v", err)
	}
}

func TestRead(t *testing.T) {
	s, err := Read("f.yaml", []byte(`
name: one
seed: 7
vars: { n: 20, d: 3s }
users: ${n}
roster: { contacts: 4, online: 0.5 }
mix: [ { name: a, weight: 3 }, { name: b, weight: 1 } ]
phases:
  - { kind: ramp }
  - kind: hold
    for: ${d}
    load:
      - { do: message, group: a, rate: 2.5, to: offline, size: [ { bytes: 60, weight: 9 }, { bytes: 100, upto: 4000 } ] }
  - { kind: drain, rate: 5 }
`), map[string]string{"d": "4s"})
	if err != nil {
		t.Fatal(err)
	}
	l := s.Phases[1].Load[0]
	if s.Users != 20 || s.Sessions() != 10 || s.Phases[1].For != 4*time.Second || l.Rate != 2.5 ||
		len(l.Size) != 2 || l.Size[0].Upto != 60 || l.Size[1].Upto != 4000 || s.Phases[0].Sessions != 10 || s.Phases[2].Sessions != 0 {
		t.Errorf("%+v", s)
	}
}

func FuzzRead(f *testing.F) {
	for _, name := range Builtins() {
		text, _, _ := Source(name)
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		if s, err := Read("f.yaml", text, nil); err == nil && len(s.Check()) > 0 {
			t.Errorf("read, and yet: %v", s.Check())
		}
	})
}
