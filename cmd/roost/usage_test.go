package main

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// TestCommandLine: what is understood, what is not, and what a person is told.
func TestCommandLine(t *testing.T) {
	t.Chdir(t.TempDir()) // no roost.conf, no data
	for _, c := range []struct {
		args []string
		code int
		out  string // on stdout, a part
		err  string // on stderr, a part; none without
	}{
		{nil, 0, "Usage: roost <command>", ""},
		{[]string{"--help"}, 0, "roster export", ""},
		{[]string{"user", "--help"}, 0, "passwd", ""},
		{[]string{"user", "add", "--help"}, 0, "user@domain", ""},
		{[]string{"serve", "-h"}, 0, "Only check the configuration", ""},
		{[]string{"version"}, 0, "roost " + versionNumber, ""},
		{[]string{"check"}, 0, "Configuration valid\n", ""},
		{[]string{"serve", "-t"}, 0, "Configuration valid\n", ""},
		{[]string{"nonsense"}, 2, "", "nonsense"},
		{[]string{"--nonsense"}, 2, "", "--nonsense"},
		{[]string{"user"}, 2, "", "add"},
		{[]string{"user", "add"}, 2, "", "<jid>"},
		{[]string{"user", "add", "a@b", "secret"}, 2, "", "secret"},
		{[]string{"user", "list", "a", "b"}, 2, "", "b"},
		{[]string{"roster", "show"}, 2, "", "<jid>"},
		{[]string{"serve", "-c"}, 2, "", "config"},
		{[]string{"version", "now"}, 2, "", "now"},
		{[]string{"check", "-c", "none.conf"}, 1, "", "none.conf"},
		{[]string{"serve", "-c", "none.conf"}, 1, "", "none.conf"},
		{[]string{"user", "list", "-c", "none.conf"}, 1, "", "none.conf"},
		{[]string{"console", "-c", "none.conf", "status"}, 1, "", "none.conf"},
		{[]string{"console", "status"}, 1, "", "no server is running"},
		{[]string{"console", "-s", "none.sock", "status"}, 1, "", "none.sock"},
	} {
		t.Run(strings.Join(c.args, " "), func(t *testing.T) {
			r := say(t, "", c.args...)
			if r.code != c.code || !strings.Contains(r.out, c.out) || !strings.Contains(r.err, c.err) {
				t.Errorf("exit code %d, want %d\nstdout: %s\nstderr: %s", r.code, c.code, r.out, r.err)
			}
			if c.err == "" && r.err != "" || c.code != 0 && r.out != "" {
				t.Errorf("stdout: %s\nstderr: %s", r.out, r.err)
			}
			if c.code == 2 && !strings.Contains(r.err, "--help") {
				t.Errorf("does not say where help is: %s", r.err)
			}
		})
	}
	if left, _ := os.ReadDir("."); len(left) > 0 {
		t.Errorf("%s was made", left[0].Name())
	}
}

// TestDefaultConfig: ./roost.conf is used where it is there.
func TestDefaultConfig(t *testing.T) {
	t.Chdir(t.TempDir())
	if err := os.WriteFile("roost.conf", []byte("nonsense {}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if r := say(t, "", "check"); r.code != 1 || !strings.HasPrefix(r.err, "roost.conf:1:1: ") {
		t.Errorf("%+v", r)
	}
}

// TestCheckTellsAll: every error has a line with its place, those of the text and those of the
// files that it names.
func TestCheckTellsAll(t *testing.T) {
	p := newPlace(t, "", "")
	place := regexp.MustCompile(`^` + regexp.QuoteMeta(p.file) + `:(\d+):(\d+): `)
	for _, c := range []struct {
		name, text string
		at         []string // line:column
		say        []string
	}{
		{"text", "xmpp { enabledd = true }\nxmpp_listener {\n  idle_time = soon\n  Listen \"nonsense\" {}\n}\n",
			[]string{"1:8", "3:15", "4:3", "4:10"}, []string{"mean enabled", `"soon"`, `"nonsense"`}},
		{"files", strings.ReplaceAll(p.read("roost.conf"), "accounts://", "file://"+p.path("nobody")) +
			"xmpp_listener \"b\" {\n AuthPlainParameters = [ uri = \"accounts://\" ]\n tls_certificate = \"" + p.path("cert.pem") + "\"\n Listen \"127.0.0.1:0\" {}\n}\n",
			nil, []string{"nobody", "cert.pem"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			p.write("roost.conf", c.text)
			for _, words := range [][]string{{"check"}, {"serve", "-t"}, {"serve"}} {
				r := p.try("", words...)
				if r.code != exitFailed || r.out != "" {
					t.Errorf("%v: %+v", words, r)
				}
				lines := strings.Split(strings.TrimSuffix(r.err, "\n"), "\n")
				for i, at := range c.at {
					if i >= len(lines) || !strings.HasPrefix(lines[i], p.file+":"+at+": ") {
						t.Errorf("%v: no error at %s:\n%s", words, at, r.err)
					}
				}
				for _, l := range lines {
					if !place.MatchString(l) {
						t.Errorf("%v: no place: %s", words, l)
					}
				}
				for _, s := range c.say {
					if !strings.Contains(r.err, s) {
						t.Errorf("%v: %s is not named:\n%s", words, s, r.err)
					}
				}
			}
		})
	}
	if _, err := os.Stat(p.path("data")); err == nil {
		t.Error("a check made the data directory")
	}
}

// TestCheckWarns: what is accepted without effect has its place, too.
func TestCheckWarns(t *testing.T) {
	p := newPlace(t, "", "alerting {}")
	for _, words := range [][]string{{"check"}, {"serve", "-t"}} {
		r := p.try("", words...)
		if r.code != exitOK || r.out != "Configuration valid\n" || !strings.HasPrefix(r.err, p.file+":12:1: warning: ") || strings.Count(r.err, "\n") != 1 {
			t.Errorf("%v: %+v", words, r)
		}
	}
}

// TestServeTest: -t changes nothing, also beside a server that runs.
func TestServeTest(t *testing.T) {
	p := newPlace(t, "", "")
	p.start()
	if got := p.do("", "serve", "-t"); got != "Configuration valid\n" {
		t.Error(got)
	}
	if all, _ := filepath.Glob(p.path("*")); len(all) != 2 {
		t.Error(all)
	}
}
