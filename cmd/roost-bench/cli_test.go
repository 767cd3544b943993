package main

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"roost/bench/benchtest"
	"roost/bench/report"
)

// command runs roost-bench in this process.
func command(t *testing.T, args ...string) (code int, out, errs string) {
	t.Helper()
	var o, e bytes.Buffer
	code = run(context.Background(), args, strings.NewReader(""), &o, &e)
	return code, o.String(), e.String()
}

func TestUsage(t *testing.T) {
	for _, c := range []struct {
		args []string
		code int
		want string
	}{
		{nil, exitOK, "Usage: roost-bench"},
		{[]string{"run"}, exitUsage, "<scenario>"},
		{[]string{"nonsense"}, exitUsage, "nonsense"},
		{[]string{"version"}, exitOK, "roost-bench"},
		{[]string{"check", "mixed-day"}, exitOK, "come back"},
		{[]string{"check", "mixed-dya"}, exitFailed, "built in are chat, idle"},
		{[]string{"check", "idle", "--set", "usres=3"}, exitFailed, `no variable "usres"`},
		{[]string{"run", "idle", "--pid", "1073741824"}, exitFailed, "there is no process"},
		{[]string{"run", "idle", "-m", "NTLM"}, exitFailed, `"NTLM" is none of PLAIN`},
		{[]string{"run", "idle", "--user", "x"}, exitFailed, "needs %d once"},
		{[]string{"run", "idle", "--processes", "0"}, exitFailed, "one is the least"},
		{[]string{"run", "idle", "-a", "localhost"}, exitFailed, "neither host:port nor"},
		{[]string{"worker", "--listen", "0.0.0.0:0"}, exitFailed, "beyond loopback"},
		{[]string{"prepare", "--users", "0", "-o", "x"}, exitFailed, "one user is the least"},
	} {
		code, out, errs := command(t, c.args...)
		if code != c.code || !strings.Contains(out+errs, c.want) {
			t.Errorf("%v: exit code %d, want %d; want %q in\n%s%s", c.args, code, c.code, c.want, out, errs)
		}
	}
}

// TestRun: a run writes what compare and show read, and its exit code is the verdict.
func TestRun(t *testing.T) {
	dir := t.TempDir()
	good := &benchtest.Server{}
	good.Start(t)
	bad := &benchtest.Server{Messages: func(n int) benchtest.Fault {
		if n == 7 {
			return benchtest.Lose
		}
		return benchtest.Deliver
	}}
	bad.Start(t)
	file := filepath.Join(dir, "s.yaml")
	if err := os.WriteFile(file, []byte("name: s\nusers: 2\nphases: [ { kind: ramp }, { name: talk, kind: hold, for: 400ms, settle: 200ms, load: [ { do: message, rate: 100 } ] } ]\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	results := map[string]string{}
	for name, c := range map[string]struct {
		srv  *benchtest.Server
		code int
		want string
	}{
		"good": {good, exitOK, "passed: every stanza is accounted for"},
		"bad":  {bad, exitFailed, "FAILED: 1 stanzas were lost"},
	} {
		out := filepath.Join(dir, name)
		code, text, errs := command(t, "run", file, "-a", c.srv.Addr, "--tls", "none", "-o", out, "--pid", strconv.Itoa(os.Getpid()), "--user", "u%d", "--label", name)
		if code != c.code || !strings.Contains(text, c.want) {
			t.Errorf("%s: exit code %d\n%s%s", name, code, text, errs)
		}
		results[name] = filepath.Join(out, "result.json")
		r, err := report.Read(results[name])
		if err != nil || r.Verdict.OK != (c.code == exitOK) || len(r.Segments) != 2 || r.Env.CPUs < 1 {
			t.Errorf("%s: %+v, %v", name, r, err)
		}
		if b, err := os.ReadFile(filepath.Join(out, reportName)); err != nil || !bytes.Contains(b, []byte("talk: message")) {
			t.Errorf("%s: report.html: %v", name, err)
		}
		if b, _ := os.ReadFile(results[name]); bytes.Contains(b, []byte("secret")) {
			t.Errorf("%s: the password is in the result", name)
		}
	}
	for _, c := range []struct {
		args []string
		code int
		want string
	}{
		{[]string{"show", results["good"]}, exitOK, "talk"},
		{[]string{"show", results["good"], results["bad"]}, exitOK, "talk: message/s"},
		{[]string{"compare", results["good"], results["bad"], "--fail-on", "p99+10%"}, exitOK, "B/A"},
		{[]string{"compare", results["good"], results["bad"], "-o", filepath.Join(dir, "both")}, exitOK, "compare.html"},
		{[]string{"report", filepath.Join(dir, "good")}, exitOK, "report.html"},
		{[]string{"report", results["good"], results["bad"]}, exitFailed, "say where with -o"},
		{[]string{"report", results["good"], results["bad"], "-o", filepath.Join(dir, "both", "sides.html")}, exitOK, "sides.html"},
		{[]string{"report", results["good"], "--markdown"}, exitOK, "| talk: message/s |"},
		{[]string{"report", dir}, exitFailed, "no such file"},
		{[]string{"compare", results["good"], results["bad"], "--fail-on", "nothing+10%"}, exitFailed, "no figure"},
		{[]string{"compare", results["good"], results["bad"], "--fail-on", "p99"}, exitFailed, "is not like"},
	} {
		if code, out, errs := command(t, c.args...); code != c.code || !strings.Contains(out+errs, c.want) {
			t.Errorf("%v: exit code %d\n%s%s", c.args, code, out, errs)
		}
	}
}

// TestPrepare: the form that is asked for is written.
func TestPrepare(t *testing.T) {
	dir := t.TempDir()
	code, out, errs := command(t, "prepare", "-f", "xep0227", "--users", "30", "--contacts", "4", "-o", dir)
	if b, err := os.ReadFile(filepath.Join(dir, "society.xml")); code != exitOK || err != nil || bytes.Count(b, []byte("<user ")) != 30 ||
		!strings.Contains(out, "import_piefxis") {
		t.Errorf("exit code %d, %v\n%s%s", code, err, out, errs)
	}
}
