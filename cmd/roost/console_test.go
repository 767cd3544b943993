package main

import (
	"fmt"
	"os"
	"strings"
	"testing"
)

func TestConsole(t *testing.T) {
	p := newPlace(t, "", "")
	p.do("alice@localhost secret\nbob@localhost secret\n", "user", "import")
	s := p.start()
	one, two, bob := s.online(t, "alice", "one"), s.login(t, "alice", "two"), s.login(t, "bob", "r")

	status := p.do("", "console", "status")
	for _, want := range []string{versionLine(), "localhost", "other.test", s.addr() + " (XMPP clients)", "3 open", "3 bound, 1 available"} {
		if !strings.Contains(status, want) {
			t.Errorf("status has no %s:\n%s", want, status)
		}
	}
	for _, c := range []struct{ words, count string }{
		{"console sessions", "3 sessions\n"},
		{"console sessions alice@localhost", "2 sessions\n"},
		{"console sessions ALICE@localhost/two", "1 session\n"},
		{"console sessions nobody@localhost", "0 sessions\n"},
	} {
		if got := p.do("", strings.Fields(c.words)...); !strings.HasSuffix(got, c.count) {
			t.Errorf("%s:\n%s", c.words, got)
		}
	}
	if got := p.do("", "console", "-s", p.path("data/control.sock"), "version"); got != versionLine()+"\n" {
		t.Error(got)
	}
	if got := p.do("", "console", "help"); !strings.Contains(got, "reopen logs") {
		t.Error(got)
	}
	if got := p.do("", "console", "user", "list"); got != "alice@localhost\nbob@localhost\n" {
		t.Error(got)
	}
	if got := p.do("new\n", "console", "user", "passwd", "bob@localhost"); got != "password of bob@localhost changed\n" {
		t.Error(got)
	}

	if got := p.do("", "console", "kick", "alice@localhost/one"); got != "1 session closed\n" {
		t.Error(got)
	}
	if got := one.rest(); !strings.Contains(got, "<policy-violation ") || !strings.Contains(got, "administrator") {
		t.Error(got)
	}
	two.ping()
	p.refuse("", []string{"console", "kick", "alice@localhost/one"}, "alice@localhost/one has no session")
	p.refuse("", []string{"console", "kick", "@@"}, `"@@"`)
	p.refuse("", []string{"console", "sessions", "@@"}, `"@@"`)
	if got := p.do("", "console", "kick", "alice@localhost"); got != "1 session closed\n" {
		t.Error(got)
	}
	two.rest()
	bob.ping()

	if r := p.try("", "console", "nonsense"); r.code != exitUsage || !strings.Contains(r.err, "nonsense") {
		t.Errorf("%+v", r)
	}
	if r := p.try("", "console", "kick"); r.code != exitUsage || r.out != "" {
		t.Errorf("%+v", r)
	}
}

// TestConsoleBatch: commands on standard input, up to the first that fails.
func TestConsoleBatch(t *testing.T) {
	p := newPlace(t, "", "")
	p.start()
	if got := p.do("# two\n\nversion\n  version  \n", "console"); got != versionLine()+"\n"+versionLine()+"\n" {
		t.Error(got)
	}
	r := p.try("version\nkick nobody@localhost\nversion\n", "console")
	if r.code != exitFailed || r.out != versionLine()+"\n" || !strings.Contains(r.err, "nobody@localhost has no session") {
		t.Errorf("%+v", r)
	}
}

// TestReload: certificates, password files and logs are read and opened anew; what is wrong changes
// nothing.
func TestReload(t *testing.T) {
	p := newPlace(t, `AuthPlainParameters = [ uri = "file://{dir}/users" ]`, `xmpp_logger "a" { logfile = "{dir}/log" }`)
	p.write("roost.conf", strings.Replace(p.read("roost.conf"), "  AuthPlainParameters = [ uri = \"accounts://\" ]\n", "", 1))
	p.write("users", "alice:old\n")
	s := p.start()
	p.write("users", "alice:secret\n")
	if err := os.Rename(p.path("log"), p.path("log.1")); err != nil {
		t.Fatal(err)
	}
	if got := p.do("", "console", "reload"); got != "0 changes in effect, 0 at the next start; 2 certificates and 1 password file read again, 1 log file opened anew\n" {
		t.Error(got)
	}
	s.login(t, "alice", "r")
	p.read("log")

	good := p.read("roost.conf")
	p.write("roost.conf", good+"nonsense {}\n")
	r := p.try("", "console", "-s", p.path("data/control.sock"), "reload")
	if r.code != exitFailed || !strings.Contains(r.err, "nothing was changed") || !strings.Contains(r.err, p.file+":13:1: ") {
		t.Errorf("%+v", r)
	}
	p.write("roost.conf", good)
	p.write("users", "alice:secret\nnonsense\n")
	r = p.try("", "console", "reload")
	if r.code != exitFailed || !strings.Contains(r.err, "users") {
		t.Errorf("%+v", r)
	}
	s.login(t, "alice", "s")
}

// TestReopenLogs: the stanza log from a client to the file, over a rotation.
func TestReopenLogs(t *testing.T) {
	p := newPlace(t, "", `xmpp_logger "a" {
  logfile = "{dir}/log"
  log_reception_format = "R+%st+%at+%ai+%H+%so"
  log_delivery_format = "D+%st+%at+%ai+%H"
}`)
	p.do("secret\n", "user", "add", "alice@localhost")
	s := p.start()
	alice := s.login(t, "alice", "r")
	local := alice.conn.LocalAddr().String()
	alice.send("<message to='alice@localhost/r' id='1+1'><body>hidden</body></message>")
	alice.until("</message>")
	if err := os.Rename(p.path("log"), p.path("log.1")); err != nil {
		t.Fatal(err)
	}
	if got := p.do("", "console", "reopen", "logs"); got != "1 log file opened anew\n" {
		t.Error(got)
	}
	alice.send("<presence type='unavailable'/>")
	alice.ping()
	if got := p.do("", "console", "status"); !strings.Contains(got, `xmpp_logger "a"`) || !strings.Contains(got, "0 dropped") {
		t.Error(got)
	}
	alice.conn.Close()
	if err := stopSoon(s); err != nil {
		t.Fatal(err)
	}
	want := fmt.Sprintf("R+message+alice@localhost/r+1\\x2b1+%s+<message to='alice@localhost/r' id='1\\x2b1'><body>******</body></message>\n"+
		"D+message+alice@localhost/r+1\\x2b1+%[1]s\n", local)
	if got := p.read("log.1"); !strings.HasSuffix(got, want) {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	if got := p.read("log"); !strings.HasPrefix(got, "R+presence+++"+local+"+<presence type='unavailable'/>\n") || strings.Contains(got, "message") {
		t.Error(got)
	}
}

func TestReopenWithoutLogs(t *testing.T) {
	p := newPlace(t, "", "")
	s := p.start()
	if s.c2s.Tapped() {
		t.Error("there is a tap without a logger")
	}
	if got := p.do("", "console", "reopen", "logs"); got != "0 log files opened anew\n" {
		t.Error(got)
	}
}
