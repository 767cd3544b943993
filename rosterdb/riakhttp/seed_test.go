package riakhttp_test

import (
	"net/url"
	"os/exec"
	"strings"
	"testing"
)

// published is the example of this interface's documentation, letter by letter.
const published = `curl -X POST http://127.0.0.1:8098/riak/xmpp/test@test -d \
 '{"test1@test": { "name": "test1", "groups": [ "mytest" ], "pending_requests": { }, \
 "subscription": "both" } }' -H "Content-Type: application/json"`

const publishedRoster = `{"test1@test":{"name":"test1","groups":["mytest"],"subscription":"both","pending_requests":{}}}`

// TestPublishedLine runs the example with a shell and curl, only on another port.
func TestPublishedLine(t *testing.T) {
	w := newWeb(t, nil)
	u, err := url.Parse(w.url)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := exec.LookPath("curl"); err == nil {
		line := strings.ReplaceAll(published, "127.0.0.1:8098", u.Host)
		out, err := exec.CommandContext(t.Context(), "sh", "-c", strings.Replace(line, "curl", "curl -q --noproxy '*' -sS --fail-with-body -w '%{http_code}'", 1)).CombinedOutput()
		if err != nil || string(out) != "204" {
			t.Fatalf("%v: %s", err, out)
		}
		w.want(w.do("GET", "/riak/xmpp/test@test", "", ""), 200, publishedRoster)
	}
	// What the shell makes of it, also where there is no curl.
	body := strings.Split(published, "'")[1]
	if !strings.Contains(body, "\\\n") {
		t.Fatal("the example has lost its backslash")
	}
	for _, b := range []string{body, strings.ReplaceAll(body, "\n", "\r\n")} {
		w.want(w.do("POST", "/riak/xmpp/two@test?returnbody=true", b, asJSON), 200, publishedRoster)
	}
}

// TestContinuedLines: only a backslash right before a line end, and outside of strings, is forgiven.
func TestContinuedLines(t *testing.T) {
	w := newWeb(t, nil)
	for _, c := range []struct {
		body   string
		status int
		part   string
	}{
		{"{\\\n\\\r\n}\\\n", 200, "{}"},
		{"\\\n{}", 200, "{}"},
		{"{\"b@test\":{\"name\":\"a\\\"\\\\\"}\\\n}", 200, `"name":"a\"\\"`},
		{"{\\ \n}", 400, `"offset"`},
		{"{\\\r}", 400, `"offset"`},
		{"{}\\", 400, `"offset"`},
		{"{\"b@test\":{\"name\":\"a\\\nb\"}}", 400, `"offset"`},
		{"{ \\\n \"b@test\": 1}", 400, `"line":2,"column":12`},
	} {
		w.want(w.do("PUT", "/riak/xmpp/two@test?returnbody=true", c.body, asJSON), c.status, c.part)
	}
}
