package main

import (
	"fmt"
	"strings"
	"testing"
)

// everywhere runs a test on the store of a place, and again through the console of a server there.
func everywhere(t *testing.T, test func(*testing.T, *place)) {
	t.Run("store", func(t *testing.T) { test(t, newPlace(t, "", "")) })
	t.Run("server", func(t *testing.T) {
		p := newPlace(t, "", "")
		p.start()
		test(t, p)
	})
}

func TestUsers(t *testing.T) {
	t.Parallel()
	everywhere(t, func(t *testing.T, p *place) {
		for _, step := range []struct {
			in, words, out string
		}{
			{"", "user list", ""},
			{"secret\n", "user add Alice@LOCALHOST", "account alice@localhost added\n"},
			{"no line end", "user add bob@other.test", "account bob@other.test added\n"},
			{"", "user list", "alice@localhost\nbob@other.test\n"},
			{"", "user list other.test", "bob@other.test\n"},
			{"", "user list Other.Test.", "bob@other.test\n"},
			{"changed\r\n", "user passwd alice@localhost", "password of alice@localhost changed\n"},
			{"", "user remove bob@other.test", "account bob@other.test removed\n"},
			{"", "user list", "alice@localhost\n"},
		} {
			if got := p.do(step.in, strings.Fields(step.words)...); got != step.out {
				t.Errorf("%s: %q, want %q", step.words, got, step.out)
			}
		}
		for _, c := range []struct {
			in, words string
			want      []string
		}{
			{"x\n", "user add alice@localhost", []string{"alice@localhost", "exists already"}},
			{"x\n", "user add alice@elsewhere", []string{"does not serve elsewhere", "localhost, other.test"}},
			{"x\n", "user add localhost", []string{`"localhost"`, "user@domain"}},
			{"x\n", "user add alice@localhost/r", []string{`"alice@localhost/r"`, "user@domain"}},
			{"x\n", "user add @@", []string{`"@@"`, "user@domain"}},
			{"", "user add carol@localhost", []string{"no password", "standard input"}},
			{"\n", "user add carol@localhost", []string{"no password"}},
			{strings.Repeat("x", 1024), "user add carol@localhost", []string{"longer than 1023 bytes"}},
			{"tab\tin it", "user add carol@localhost", []string{"password"}},
			{"x\n", "user passwd nobody@localhost", []string{"nobody@localhost", "no such account"}},
			{"", "user passwd alice@localhost", []string{"no password"}},
			{"", "user remove nobody@localhost", []string{"nobody@localhost", "no such account"}},
			{"", "user list @@", []string{`"@@"`}},
		} {
			p.refuse(c.in, strings.Fields(c.words), c.want...)
		}
		if got := p.do("", "user", "list"); got != "alice@localhost\n" {
			t.Errorf("left: %q", got)
		}
	})
}

// TestPasswordWorks: what the commands set is what a client logs in with, without a restart.
func TestPasswordWorks(t *testing.T) {
	p := newPlace(t, "", "")
	p.do("before\n", "user", "add", "alice@localhost")
	s := p.start()
	p.do("secret\n", "user", "passwd", "alice@localhost")
	p.do("carol@localhost secret\n", "user", "import")
	s.login(t, "alice", "r")
	s.login(t, "carol", "r")
}

func TestImportUsers(t *testing.T) {
	t.Parallel()
	everywhere(t, func(t *testing.T, p *place) {
		const many = 20_000
		var text strings.Builder
		for i := range many {
			fmt.Fprintf(&text, "user%05d@localhost a password of user %d\n", i, i)
		}
		p.write("users.txt", text.String())
		if got := p.do("", "user", "import", p.path("users.txt")); got != "20000 accounts imported\n" {
			t.Error(got)
		}
		list := p.do("", "user", "list", "localhost")
		if n := strings.Count(list, "\n"); n != many || !strings.HasPrefix(list, "user00000@localhost\n") {
			t.Errorf("%d accounts: %.100s", n, list)
		}
		if got := p.do("# again, and a new one\n\nuser00000@localhost x\n new@localhost\ty\r\nnew@other.test y", "user", "import", "-"); got != "3 accounts imported\n" {
			t.Error(got)
		}
	})
}

func TestImportUsersRefuses(t *testing.T) {
	everywhere(t, func(t *testing.T, p *place) {
		for _, c := range []struct {
			in   string
			want []string
		}{
			{"a@localhost x\nb@localhost\n", []string{"line 2", "b@localhost", "password", "1 account imported"}},
			{"a@localhost x\n\n#\nb@localhost \n", []string{"line 4", "password"}},
			{"a@elsewhere x\n", []string{"line 1", "does not serve elsewhere"}},
			{"a@localhost x\n@@ x\n", []string{"line 2", `"@@"`}},
			{"a@localhost x\nb@localhost " + strings.Repeat("x", 2000) + "\n", []string{"line 2", "b@localhost", "password"}},
			{"a@localhost x\nb@localhost \x01\n", []string{"line 2", "b@localhost", "password"}},
			{"a@localhost x\n" + strings.Repeat("x", 100_000) + "\n", []string{"line 2 is too long", "65536"}},
			{"a@localhost x\nb\xff@localhost x\n", []string{"line 2"}},
		} {
			p.refuse(c.in, []string{"user", "import"}, c.want...)
		}
		p.refuse("", []string{"user", "import", p.path("none")}, "none", "no such file")
		if got := p.do("", "user", "list"); got != "a@localhost\n" {
			t.Errorf("left: %q", got)
		}
	})
}

// TestUnusedStore: an account that nobody can log in with is made, with a word about it.
func TestUnusedStore(t *testing.T) {
	p := newPlace(t, "", "")
	p.write("users", "")
	p.write("roost.conf", strings.Replace(p.read("roost.conf"), "accounts://", "file://"+p.path("users"), 1))
	for _, running := range []bool{false, true} {
		if running {
			p.start()
		}
		for _, words := range [][]string{{"user", "import"}, {"user", "passwd", "alice@localhost"}} {
			r := p.try("alice@localhost secret\n", words...)
			if r.code != exitOK || !strings.HasPrefix(r.err, "roost: note: ") || !strings.Contains(r.err, "file://"+p.path("users")) {
				t.Errorf("running %v: %v: %+v", running, words, r)
			}
		}
	}
}

// TestRemoveUserLive: whoever is on line is told, and so are the contacts.
func TestRemoveUserLive(t *testing.T) {
	p := newPlace(t, "", "")
	p.do("alice@localhost secret\nbob@localhost secret\n", "user", "import")
	p.do(`{"jid":"alice@localhost","roster":{"bob@localhost":{"subscription":"both"}}}
{"jid":"bob@localhost","roster":{"alice@localhost":{"subscription":"both"}}}
`, "roster", "import")
	s := p.start()
	alice, bob := s.online(t, "alice", "r"), s.online(t, "bob", "r")
	p.do("", "user", "remove", "alice@localhost")
	if got := alice.rest(); !strings.Contains(got, "<not-authorized ") || !strings.HasSuffix(got, "</stream:stream>") {
		t.Errorf("alice: %s", got)
	}
	got := bob.ping()
	for _, want := range []string{"type='unavailable'", "type='unsubscribed'", "subscription='none'"} {
		if !strings.Contains(got, want) {
			t.Errorf("bob: no %s in %s", want, got)
		}
	}
	if got := p.do("", "user", "list"); got != "bob@localhost\n" {
		t.Error(got)
	}
}
