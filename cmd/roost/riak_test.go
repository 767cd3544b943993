package main

import (
	"fmt"
	"io"
	"net/http"
	"os/exec"
	"strings"
	"testing"
)

const loopHTTP = `HTTP_Listener { Listen "127.0.0.1:0" {} }`

// curl sends one request to the first HTTP socket; headers are "Name: value".
func (s *Server) curl(t testing.TB, method, path, body string, headers ...string) (status int, header http.Header, answer string) {
	t.Helper()
	q, err := http.NewRequestWithContext(t.Context(), method, "http://"+s.webs()[0].ln.Addr().String()+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	for _, h := range headers {
		name, value, _ := strings.Cut(h, ": ")
		q.Header.Set(name, value)
	}
	resp, err := http.DefaultTransport.RoundTrip(q)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, resp.Header, string(b)
}

// change does a change that must succeed.
func (s *Server) change(t testing.TB, method, path, body string, headers ...string) {
	t.Helper()
	if status, _, answer := s.curl(t, method, path, body, headers...); status != http.StatusNoContent {
		t.Fatalf("%s %s: %d %s", method, path, status, answer)
	}
}

// TestRiakLive: people on line see what changes over HTTP as it happens: pushes for what is new,
// different and gone, and presence both ways as the new subscriptions say.
func TestRiakLive(t *testing.T) {
	p := newPlace(t, "", loopHTTP)
	p.do("alice@localhost secret\nbob@localhost secret\ncarol@localhost secret\n", "user", "import")
	s := p.start()
	alice, bob, carol := s.online(t, "alice", "r"), s.online(t, "bob", "r"), s.online(t, "carol", "r")
	quiet := s.login(t, "alice", "quiet") // asks for no roster: not interested
	said := func(name string, c *client, want ...string) {
		t.Helper()
		got := c.ping()
		for _, w := range want {
			if no, ok := strings.CutPrefix(w, "!"); ok == strings.Contains(got, no) {
				t.Errorf("%s: %s, want %s", name, got, w)
			}
		}
	}

	s.change(t, "PUT", "/riak/xmpp/bob@localhost", `{"alice@localhost":{"subscription":"from"}}`)
	said("bob", bob, "<item jid='alice@localhost' subscription='from'/>")
	said("alice", alice, "from='bob@localhost/r'", "!<item")

	// added: alice sees bob, who lets her, and shows herself to carol; not the other way round
	s.change(t, "PUT", "/riak/xmpp/alice@localhost", `{"bob@localhost":{"name":"B","subscription":"to"},"carol@localhost":{"groups":["G"],"subscription":"both"}}`)
	said("alice", alice, "<item jid='bob@localhost' name='B' subscription='to'/>", "<group>G</group>", "from='bob@localhost/r'", "!from='carol@localhost/r'")
	said("carol", carol, "from='alice@localhost/r'", "!<item")
	said("bob", bob, "!alice@localhost")
	said("alice's other", quiet, "!<item")

	// changed: one item, and alice hides from carol
	_, header, _ := s.curl(t, "GET", "/riak/xmpp/alice@localhost", "")
	s.change(t, "PUT", "/riak/xmpp/alice@localhost", `{"bob@localhost":{"name":"B","subscription":"to"},"carol@localhost":{"groups":["G"],"subscription":"to"}}`,
		"If-Match: "+header.Get("ETag"))
	said("alice", alice, "<item jid='carol@localhost' subscription='to'>", "!bob@localhost")
	said("carol", carol, "from='alice@localhost/r'", "type='unavailable'")
	status, _, _ := s.curl(t, "PUT", "/riak/xmpp/alice@localhost", "{}", "If-Match: "+header.Get("ETag"))
	if status != http.StatusPreconditionFailed {
		t.Errorf("an old version: %d", status)
	}
	said("alice", alice, "!<item")

	// a request that waits is shown
	s.change(t, "PUT", "/riak/xmpp/carol@localhost", `{"bob@localhost":{"pending_requests":{"subscribe":{"direction":"in","stanza":"<presence type='subscribe' from='bob@localhost' to='carol@localhost'><status>hi</status></presence>"}}}}`)
	said("carol", carol, "<status>hi</status>", "type='subscribe'")
	status, _, answer := s.curl(t, "PUT", "/riak/xmpp/carol@localhost", `{"bob@localhost":{"pending_requests":{"subscribe":{"direction":"in","stanza":"</stream:stream>"}}}}`)
	if status != http.StatusBadRequest || !strings.Contains(answer, "bob@localhost") {
		t.Errorf("a request that is no stanza: %d %s", status, answer)
	}

	// removed, by DELETE: both are pushed, and alice sees bob no more
	s.change(t, "DELETE", "/riak/xmpp/alice@localhost", "")
	said("alice", alice, "<item jid='bob@localhost' subscription='remove'/>", "<item jid='carol@localhost' subscription='remove'/>", "from='bob@localhost/r'", "type='unavailable'")

	// many at once, alice among them
	status, _, answer = s.curl(t, "POST", "/riak/xmpp", `{"jid":"nobody@other.test","roster":{}}`+"\n"+`{"jid":"alice@localhost","roster":{"bob@localhost":{"subscription":"to"}}}`, "Content-Type: application/x-ndjson")
	if status != http.StatusOK || answer != `{"line":2,"stored":2,"done":true}`+"\n" {
		t.Errorf("%d %s", status, answer)
	}
	said("alice", alice, "<item jid='bob@localhost' subscription='to'/>", "from='bob@localhost/r'")
}

// TestRiakBeforeAccount: a roster may be there before its account, and is the account's when it comes.
func TestRiakBeforeAccount(t *testing.T) {
	p := newPlace(t, "", loopHTTP)
	s := p.start()
	s.change(t, "POST", "/riak/xmpp/alice@localhost", `{"bob@localhost":{"name":"B"}}`, "Content-Type: application/json")
	p.do("alice@localhost secret\n", "user", "import")
	c := s.login(t, "alice", "r")
	c.send("<iq type='get' id='roster'><query xmlns='jabber:iq:roster'/></iq>")
	if got := c.until("</query>"); !strings.Contains(got, "<item jid='bob@localhost' name='B' subscription='none'/>") {
		t.Error(got)
	}
	if status, _, got := s.curl(t, "GET", "/riak/xmpp?keys=true&props=false", ""); status != 200 || got != `{"keys":["alice@localhost"]}`+"\n" {
		t.Errorf("%d %s", status, got)
	}
}

// TestRiakToken: where a token is set the rosters need it.
func TestRiakToken(t *testing.T) {
	s := newPlace(t, "", `HTTP_Listener { Auth_Token = "sesame" Listen "127.0.0.1:0" {} }`).start()
	for _, path := range []string{"/riak/xmpp", "/riak/xmpp/alice@localhost"} {
		if status, _, _ := s.curl(t, "POST", path, "{}"); status != http.StatusUnauthorized {
			t.Errorf("%s without the token: %d", path, status)
		}
	}
	s.change(t, "PUT", "/riak/xmpp/alice@localhost", "{}", "Authorization: Bearer sesame")
}

// TestRiakWithoutPresence: rosters can be filled also where nobody is served with them.
func TestRiakWithoutPresence(t *testing.T) {
	p := newPlace(t, "", loopHTTP)
	p.write("roost.conf", strings.ReplaceAll(p.read("roost.conf"), `scriptlet "scriptlet"`, `# scriptlet "scriptlet"`))
	p.start().change(t, "PUT", "/riak/xmpp/alice@localhost", `{"bob@localhost":{}}`)
	sameJSON(t, "roster", p.do("", "roster", "show", "alice@localhost"), `{"bob@localhost":{"name":"","groups":[],"subscription":"none","pending_requests":{}}}`)
}

// TestRiakCurl: the line of the README and a load with the curl program.
func TestRiakCurl(t *testing.T) {
	if _, err := exec.LookPath("curl"); err != nil {
		t.Log("there is no curl")
		return
	}
	p := newPlace(t, "", loopHTTP)
	s := p.start()
	var lines strings.Builder
	for i := range 30000 {
		fmt.Fprintf(&lines, `{"jid":"user%05d@localhost","roster":{"bob@localhost":{"name":"Bob","groups":["Work"],"subscription":"both","pending_requests":{}}}}`+"\n", i)
	}
	p.write("rosters.jsonl", lines.String())
	out, err := exec.CommandContext(t.Context(), "curl", "-q", "--noproxy", "*", "-sS", "-w", "%{http_code}", "-T", p.path("rosters.jsonl"), "-X", "POST",
		"-H", "Content-Type: application/x-ndjson", "http://"+s.webs()[0].ln.Addr().String()+"/riak/xmpp?every=10000").CombinedOutput()
	if got := string(out); err != nil || !strings.HasPrefix(got, `{"line":10`) || !strings.HasSuffix(got, `{"line":30000,"stored":30000,"done":true}`+"\n200") {
		t.Errorf("%v: %s", err, got)
	}
}

// TestRiakStop: a stop ends a load that goes on, and the load says from where to go on.
func TestRiakStop(t *testing.T) {
	p := newPlace(t, "", loopHTTP)
	s := p.start()
	r, send := io.Pipe()
	q, err := http.NewRequestWithContext(t.Context(), "POST", "http://"+s.webs()[0].ln.Addr().String()+"/riak/xmpp?every=1", r)
	if err != nil {
		t.Fatal(err)
	}
	q.Header.Set("Content-Type", "application/x-ndjson")
	go func() { // and no end
		for i := range 1000 {
			fmt.Fprintf(send, `{"jid":"user%05d@localhost","roster":{}}`+"\n", i)
		}
	}()
	resp, err := http.DefaultTransport.RoundTrip(q)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if err := s.Stop(t.Context()); err != nil {
		t.Error(err)
	}
	b, err := io.ReadAll(resp.Body)
	if got := string(b); err != nil || !strings.Contains(got, "the server is stopping") || !strings.Contains(got, `"from":`) {
		t.Errorf("%v: %s", err, got)
	}
}
