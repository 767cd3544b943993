package main

import (
	"context"
	"encoding/json"
	"io"
	"os"
	"os/user"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/alecthomas/kong"

	"roost/tlsconf"
)

// TestConsoleCommands: every command of the console, and the shape of what it says.
func TestConsoleCommands(t *testing.T) {
	p := newPlace(t, "", `xmpp_logger "a" { logfile = "{dir}/log" }`)
	p.do("alice@localhost secret\n", "user", "import")
	s := p.start()
	alice := s.online(t, "alice", "r")
	const peer = `127\.0\.0\.1:\d+`
	for _, c := range []struct{ words, want string }{
		{"status", `(?s)^roost .*domain +localhost.*listening +` + peer},
		{"version", `^roost `},
		{"sessions", `^JID +AVAILABLE +PRIORITY +INTERESTED\nalice@localhost/r +true +0 +true\n1 session\n$`},
		{"show inbound", `(?m)^` + peer + ` +client +bound +alice@localhost/r +- +\d+\n1 connection$`},
		{"show outbound", `^FROM +TO +STATE +WAITING +ERROR\n0 streams\n$`},
		{"summary", `(?m)^connections accepted +1 +[\d.]+$`},
		{"summary reset", `^counters begin again\n$`},
		{"summary", `(?m)^connections accepted +0 +0$`},
		{"threads stats", `(?m)^work +256 +\d+ +0 +stores$`},
		{"module list", `(?m)^xmpp_logger +a +true +Instance `},
		{"tls show", `(?m)selfsigned-cert.pem +\d{4}-\d\d-\d\d +\d+ +.*localhost`},
		{"tls rekey", `^new keys for session tickets in \d+ places?\n$`},
		{"dns_cache", `^NAME +TYPE +RECORDS +SECONDS LEFT +ERROR\n0 answers\n$`},
		{"dns_cache flush", `^0 answers forgotten\n$`},
		{"reopen logs", `^1 log file opened anew\n$`},
		{"sysinfo", `(?m)^processors +\d+$`},
		{"paniclog", `^TIME +LEVEL +TIMES +TEXT\n`},
		{"debug_level", `(?m)^xmpp +INFO$`},
		{"debug_level debug xmpp", `^1 module at DEBUG until the next reload\n$`},
		{"config show", `(?m)^xmpp_listener \{ \.\.\. \}$`},
		{"config show xmpp_listener", `(?m)^require_tls = false$`},
		{"config showrecurse xmpp_logger a", `^logfile = "?` + p.path("log") + `"?\n$`},
		{"config get xmpp_listener idle_time", `^Option 'idle_time' is not set in scope 'xmpp_listener'\.\n$`},
		{"config eval xmpp_listener idle_time", `^idle_time = 0\n$`},
		{"config set xmpp_listener idle_time 300", `^idle_time = 300\n$`},
		{"config get xmpp_listener idle_time", `^idle_time = 300\n$`},
		{"config eval xmpp_listener listen 127.0.0.1:0 idle_time", `^idle_time = 300\n$`},
		{"config set xmpp_listener listen 127.0.0.1:0 peer 10.0.0.0/8 idle_time 9", `^idle_time = 9\n$`},
		{"config eval xmpp_listener listen 127.0.0.1:0 peer 10.1.0.0/16 idle_time", `^idle_time = 9\n$`},
		{"config changes", `(?m)^xmpp_listener \{ idle_time = 300 \}$`},
		{"config unset xmpp_listener idle_time", `^idle_time = 0\n$`},
		{"config unset xmpp_listener idle_time", `^Option 'idle_time' is not set`},
		{"config set xmpp debug_level DEBUG", `^debug_level = DEBUG\n$`},
		{"config set domain #xmpp#localhost XMPP_Dialback_Secret hush", `^XMPP_Dialback_Secret = "\*\*\*"\n$`},
		{"config locate listen", `^xmpp_listener::Listen:127\.0\.0\.1\\:0:\n$`},
		{"config locate debug_level", `^xmpp::debug_level\n$`},
		{"config locate listen 5222", `^$`},
		{"config begin", `^changes are collected`},
		{"config set Stop_Timeout 7", `^Stop_Timeout = 7\n$`},
		{"config eval Stop_Timeout", `^Stop_Timeout = 2\n$`},
		{"config rollback", `^1 change forgotten\n$`},
		{"config begin", `^changes are collected`},
		{"config set Stop_Timeout 3", `^Stop_Timeout = 3\n$`},
		{"config commit", `^1 change made\n$`},
		{"config eval Stop_Timeout", `^Stop_Timeout = 3\n$`},
		{"config reload", `(?m)^5 changes made on the console and not written back dropped$`},
		{"config set Data_Dir /elsewhere", `(?m)^Data_Dir: .* → /elsewhere takes effect at the next start\nData_Dir = /elsewhere$`},
		{"reload", `^1 change made on .* dropped\n0 changes in effect, 0 at the next start`},
		{"trace --count 0 nobody@localhost", ""},
		{"user list", `^alice@localhost\n$`},
		{"roster show alice@localhost", `^\{\}\n$`},
		{"kick alice@localhost", `^1 session closed\n$`},
	} {
		if c.want == "" {
			continue // has its own test
		}
		if got := p.do("", append([]string{"console"}, strings.Fields(c.words)...)...); !regexp.MustCompile(c.want).MatchString(got) {
			t.Errorf("%s:\n%s\nwant %s", c.words, got, c.want)
		}
	}
	alice.rest()
	for _, c := range []struct{ words, want string }{
		{"config get nonsense", `unknown option "nonsense" in the global scope`},
		{"config set xmpp_listener idle_time soon", "nothing was changed: console:1:1: idle_time"},
		{"config set xmpp_listener idle_tim 5", "did you mean idle_time?"},
		{"config set xmpp_listener listen nowhere idle_time 5", "no port"},
		{"config show xmpp_listener listen 1.2.3.4:5", "there is no"},
		{"config show Stop_Timeout", "is an option"},
		{"config commit", "config begin"},
		{"config reload here.conf", "whole path"},
		{"config writeback here.conf", "whole path"},
		{"debug_level LOUD", "no level"},
		{"debug_level DEBUG nothing", "no module"},
		{"trace @@", "@@"},
	} {
		p.refuse("", append([]string{"console"}, strings.Fields(c.words)...), c.want)
	}
}

// TestConsoleJSON: what prints a table prints JSON, too.
func TestConsoleJSON(t *testing.T) {
	p := newPlace(t, "", "")
	p.start()
	for _, words := range []string{"sessions", "show inbound", "show outbound", "summary", "threads stats", "module list", "tls show", "dns_cache", "sysinfo", "paniclog", "debug_level"} {
		got := p.do("", append(append([]string{"console"}, strings.Fields(words)...), "--json")...)
		var rows []map[string]any
		if err := json.Unmarshal([]byte(got), &rows); err != nil {
			t.Errorf("%s: %v: %s", words, err, got)
		}
	}
}

// TestConsoleGrammar: each command has its line in the table above or is said in another test, and the prompt
// completes it.
func TestConsoleGrammar(t *testing.T) {
	k, err := kong.New(&consoleCLI{})
	if err != nil {
		t.Fatal(err)
	}
	var text []byte
	files, _ := filepath.Glob("*_test.go")
	for _, f := range files {
		b, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		text = append(text, b...)
	}
	for _, leaf := range k.Model.Leaves(false) {
		name := strings.TrimPrefix(leaf.Path(), "console ")
		name = strings.TrimPrefix(name, k.Model.Name+" ")
		words := strconv.Quote(strings.Join(strings.Fields(name), `", "`))
		words = strings.ReplaceAll(words, `\"`, `"`)
		if !strings.Contains(string(text), `{"`+name) && !strings.Contains(string(text), words) {
			t.Errorf("no test says %q", name)
		}
	}
	for line, want := range map[string]string{"stat": "status", "config sh": "config showrecurse", "config get xmpp_l": "config get xmpp_listener",
		"config set xmpp_listener idle": "config set xmpp_listener idle_time", "config get Sto": "config get Stop_Timeout", "trace --b": "trace --bodies", "help con": "help config"} {
		if !slices.Contains(complete(line), want) {
			t.Errorf("%q: %v", line, complete(line))
		}
	}
}

// TestWriteback: changes last over a restart; what stands elsewhere is left to the one who wrote it.
func TestWriteback(t *testing.T) {
	p := newPlace(t, "idle_time = 60 # mine", "")
	p.start()
	con := func(words ...string) string { return p.do("", append([]string{"console"}, words...)...) }
	con("config", "set", "xmpp_listener", "idle_time", "300")
	con("config", "set", "Stop_Timeout", "3")
	con("config", "set", "domain", "#xmpp#new.test", "XMPP_Role", "server")
	if got := con("config", "writeback"); got != "3 changes written to "+p.file+"\n" {
		t.Error(got)
	}
	if text := p.read("roost.conf"); !strings.Contains(text, "# mine") || !strings.HasSuffix(text, "xmpp_listener { idle_time = 300 }\nStop_Timeout = 3\ndomain \"#xmpp#new.test\" { XMPP_Role = server }\n") {
		t.Error(text)
	}
	if got := con("reload"); !strings.HasPrefix(got, "0 changes in effect") {
		t.Error(got)
	}
	con("config", "unset", "Stop_Timeout")
	con("config", "set", "xmpp_listener", "idle_time", "200")
	con("config", "writeback")
	if text := p.read("roost.conf"); strings.Contains(text, "Stop_Timeout") || strings.Contains(text, "300") || strings.Count(text, "config writeback") != 1 {
		t.Error(text)
	}
	con("config", "unset", "xmpp_listener", "require_tls")
	p.refuse("", []string{"console", "config", "writeback"}, "require_tls is set at "+p.file+":6:3", "nothing was written")
	con("reload")
	con("config", "writeback", p.path("whole.conf"))
	p.refuse("", []string{"console", "config", "writeback", p.path("whole.conf")}, "file exists")
	if r := say(t, "", "check", "-c", p.path("whole.conf")); r.code != exitOK || !strings.Contains(p.read("whole.conf"), "idle_time = 200") {
		t.Errorf("%+v", r)
	}
}

// TestLocalChanges: with a file of its own nothing else is written.
func TestLocalChanges(t *testing.T) {
	p := newPlace(t, "", "Local_Changes_File = local.conf\nLocal_Changes_Only = true")
	before := p.read("roost.conf")
	p.start()
	p.do("", "console", "config", "set", "Stop_Timeout", "3")
	p.do("", "console", "config", "writeback")
	if got := p.read("local.conf"); !strings.HasSuffix(got, "\nStop_Timeout = 3\n") || p.read("roost.conf") != before {
		t.Error(got)
	}
	p.do("", "console", "reload")
	if got := p.do("", "console", "config", "eval", "Stop_Timeout"); got != "Stop_Timeout = 3\n" {
		t.Error(got)
	}
	p.refuse("", []string{"console", "config", "writeback", p.path("x")}, "Local_Changes_Only")
	p.write("local.conf", "nonsense {}")
	p.refuse("", []string{"console", "-s", p.path("data/control.sock"), "reload"}, p.path("local.conf")+":1:1")
}

// TestAuthorization: who may give which commands is known from the socket.
func TestAuthorization(t *testing.T) {
	me, err := user.Current()
	if err != nil {
		t.Skip("the user has no name: ", err)
	}
	p := newPlace(t, "", `Control_Listener { Authorization { Role "ops" { users = ( "`+me.Username+`" ) allow = ( "status" "config (get|show) .*" "reload" ) } Role "nobody" { allow = ( ".*" ) } } }`)
	p.start()
	p.do("", "console", "status")
	p.do("", "console", "config", "get", "Stop_Timeout")
	p.refuse("", []string{"console", "sessions"}, "no Role of user "+me.Username+" allows this command")
	p.refuse("", []string{"console", "status", "--json"}, "permission denied")
	p.refuse("", []string{"user", "list"}, "permission denied")
	p.edit(`"`+me.Username+`"`, `"somebody"`)
	p.do("", "console", "reload")
	p.refuse("", []string{"console", "reload"}, "user "+me.Username+" has no Role")
}

// TestTraceEnds: when the caller goes, nothing watches any more.
func TestTraceEnds(t *testing.T) {
	p := newPlace(t, "", "")
	s := p.start()
	ctx, cancel := context.WithCancel(t.Context())
	code := make(chan int)
	go func() {
		code <- run(ctx, []string{"console", "-c", p.file, "trace", "alice@localhost"}, strings.NewReader(""), io.Discard, io.Discard)
	}()
	watched := func(n int) {
		p.until(func() error {
			if now := s.traces.all.Load(); now == nil || len(*now) != n {
				return errAgain
			}
			return nil
		})
	}
	watched(1)
	cancel()
	if got := <-code; got != exitOK {
		t.Errorf("exit code %d", got)
	}
	watched(0)
}

// TestRenewCertificates: a certificate that was replaced on disk is served without being told.
func TestRenewCertificates(t *testing.T) {
	p := newPlace(t, "", "")
	p.write("roost.conf", strings.Replace(p.read("roost.conf"), "require_tls = false", `tls_certificate = "`+p.path("cert.pem")+`" tls_key = "`+p.path("key.pem")+`"`, 1))
	replace := func() string {
		dir := t.TempDir()
		cert, key, _, err := tlsconf.SelfSigned(dir, []string{"localhost"})
		if err != nil {
			t.Fatal(err)
		}
		for from, to := range map[string]string{cert: "cert.pem", key: "key.pem"} {
			if err := os.Rename(from, p.path(to)); err != nil {
				t.Fatal(err)
			}
		}
		sum, err := tlsconf.Fingerprint(p.path("cert.pem"))
		if err != nil {
			t.Fatal(err)
		}
		return strings.ToLower(strings.ReplaceAll(sum, ":", ""))
	}
	first := replace()
	s := p.start()
	if got := p.do("", "console", "tls", "show"); !strings.Contains(got, first) {
		t.Errorf("no %s in\n%s", first, got)
	}
	second := replace()
	tick := make(chan time.Time)
	go s.renewCertificates(tick)
	tick <- time.Time{}
	tick <- time.Time{} // the first was handled
	if got := p.do("", "console", "tls", "show"); !strings.Contains(got, second) {
		t.Errorf("no %s in\n%s", second, got)
	}
}

// TestTrace: the stanzas of one session, without what they say, until the watcher goes.
func TestTrace(t *testing.T) {
	p := newPlace(t, "", "")
	p.do("alice@localhost secret\nbob@localhost secret\n", "user", "import")
	s := p.start()
	alice, bob := s.online(t, "alice", "r"), s.online(t, "bob", "r")
	for _, c := range []struct{ words, want string }{
		{"trace --count 2 alice@localhost/r", "<message to='bob@localhost/r' id='1'><body>***</body></message>"},
		{"trace --bodies --count 2 alice@localhost", "<body>hush</body>"},
	} {
		out := make(chan string)
		go func() { out <- p.try("", append([]string{"console"}, strings.Fields(c.words)...)...).out }()
		p.until(func() error {
			if now := s.traces.all.Load(); now == nil || len(*now) == 0 {
				return errAgain
			}
			return nil
		})
		bob.send("<message to='alice@localhost/r' id='0'><body>hush</body></message>")
		alice.until("</message>")
		alice.send("<message to='bob@localhost/r' id='1'><body>hush</body></message>")
		bob.until("</message>")
		got := <-out
		if !strings.Contains(got, c.want) || !strings.Contains(got, " alice@localhost/r -> <message ") || !strings.Contains(got, " alice@localhost/r <- <message ") || strings.Contains(got, "bob@localhost/r <-") {
			t.Errorf("%s:\n%s", c.words, got)
		}
		if strings.Contains(c.words, "bodies") != strings.Contains(got, "hush") {
			t.Error(got)
		}
	}
}
