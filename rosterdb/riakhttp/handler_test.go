package riakhttp_test

import (
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"roost/rosterdb"
	"roost/rosterdb/riakhttp"
	"roost/xmlstream/jid"
)

const bob = `{"bob@a.example":{"name":"Bob","groups":["Work"],"subscription":"both","pending_requests":{}}}`

// web is a server with an empty store behind it.
type web struct {
	t   testing.TB
	url string
	db  *rosterdb.DB
}

func newWeb(t testing.TB, change func(*riakhttp.Options)) *web {
	t.Helper()
	db, err := rosterdb.Open(rosterdb.Options{InMemory: true, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	o := riakhttp.Options{Store: db, Replacer: riakhttp.Direct(db), Elsewhere: []string{"elsewhere"},
		MaxBody: 1 << 16, Log: slog.New(slog.DiscardHandler)}
	if change != nil {
		change(&o)
	}
	mux := http.NewServeMux()
	mux.Handle(riakhttp.Prefix, riakhttp.New(o))
	srv := httptest.NewServer(mux)
	t.Cleanup(srv.Close)
	return &web{t, srv.URL, db}
}

// answer is what came back.
type answer struct {
	status int
	header http.Header
	body   string
}

// do sends one request; headers are "Name: value" lines.
func (w *web) do(method, path, body, headers string) answer {
	w.t.Helper()
	q, err := http.NewRequestWithContext(w.t.Context(), method, w.url+path, strings.NewReader(body))
	if err != nil {
		w.t.Fatal(err)
	}
	for line := range strings.Lines(headers) {
		name, value, _ := strings.Cut(strings.TrimSpace(line), ": ")
		q.Header.Add(name, value)
	}
	resp, err := http.DefaultTransport.RoundTrip(q)
	if err != nil {
		w.t.Fatal(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		w.t.Fatal(err)
	}
	return answer{resp.StatusCode, resp.Header, string(b)}
}

func (w *web) want(got answer, status int, parts ...string) {
	w.t.Helper()
	if got.status != status {
		w.t.Errorf("status %d, want %d; %s", got.status, status, got.body)
	}
	for _, p := range parts {
		if !strings.Contains(got.body, p) {
			w.t.Errorf("%q does not hold %q", got.body, p)
		}
	}
}

const asJSON = "Content-Type: application/json"

func TestRequests(t *testing.T) {
	const ann = "/riak/xmpp/ann@a.example"
	for _, c := range []struct {
		method, path, body, headers string
		status                      int
		parts                       string // in the body, separated by |
	}{
		{"GET", ann, "", "", 200, `"bob@a.example":{"name":"Bob"`},
		{"HEAD", ann, "", "", 200, ""},
		{"GET", "/riak/XMPP/ann@a.example", "", "", 200, "bob@a.example"},
		{"GET", "/riak/Xmpp/ann%40a.example", "", "", 200, "bob@a.example"},
		{"GET", "/riak/xmpp/ANN@A.example.", "", "", 200, "bob@a.example"},
		{"GET", "/riak/xmpp/nobody@a.example", "", "", 404, "nobody@a.example|no such roster"},
		{"DELETE", "/riak/xmpp/nobody@a.example", "", "", 404, "no such roster"},
		{"GET", ann + "/desk", "", "", 400, "resource|write ann@a.example"},
		{"GET", ann + "%2Fdesk", "", "", 400, "resource"},
		{"PUT", ann + "/desk", bob, asJSON, 400, "resource"},
		{"PUT", "/riak/xmpp/ann@elsewhere", bob, asJSON, 404, "the rosters of elsewhere are not here; they belong to its HTTP_Roster_URL"},
		{"GET", "/riak/xmpp/ann@elsewhere", "", "", 404, "are not here"},
		{"PUT", "/riak/xmpp/a%20b@a.example", bob, asJSON, 400, `the key \"a b@a.example\" is no address`},
		{"PUT", "/riak/xmpp/@a.example", bob, asJSON, 400, "is no address"},
		{"GET", "/riak/other/ann@a.example", "", "", 404, `there is no bucket \"other\"`},
		{"GET", "/riak/", "", "", 404, "no bucket"},
		{"PATCH", ann, bob, asJSON, 405, "DELETE, GET, HEAD, POST, PUT"},
		{"DELETE", "/riak/xmpp", "", "", 405, "GET, HEAD, POST"},
		{"PUT", "/riak/xmpp", "{}", asJSON, 405, ""},

		{"PUT", ann, bob, asJSON, 204, ""},
		{"POST", ann, bob, asJSON, 204, ""},
		{"POST", ann, bob, "Content-Type: application/json; charset=UTF-8", 204, ""},
		{"PUT", ann, bob, "", 204, ""},
		{"PUT", ann, "{}", asJSON, 204, ""},
		{"PUT", "/riak/xmpp/new@a.example?returnbody=true&w=2&dw=1", bob, asJSON, 200, bob},
		{"PUT", "/riak/xmpp/a.example", bob, asJSON, 204, ""},
		{"PUT", ann, bob, "Content-Type: text/plain", 415, "text/plain|send application/json"},
		{"POST", ann, bob, "Content-Type: application/x-www-form-urlencoded", 415, "urlencoded"},
		{"PUT", ann, bob, "Content-Type: application/json; charset=latin1", 415, "latin1"},
		{"PUT", ann, bob, asJSON + "\nContent-Encoding: gzip", 415, "gzip"},
		{"PUT", ann, "", asJSON, 400, `"offset":0,"line":1,"column":1`},
		{"PUT", ann, "{\n \"bob@a.example\": {},\n ]", asJSON, 400, `"line":3`},
		{"PUT", ann, "{\n \"bob@a.example\":\n  {\"subscription\": \"maybe\"}}", asJSON, 400, `"offset":39,"line":3,"column":20|line 3, column 20: \"bob@a.example\".subscription: \"maybe\" is not none, to, from or both|`},
		{"PUT", ann, `{"b b@a.example":{}}`, asJSON, 400, `"offset":1,"line":1,"column":2|b b`},
		{"PUT", ann, `{"bob@a.example/r":{}}`, asJSON, 400, `"offset":1|resource`},
		{"PUT", ann, `{"bob@a.example":{"groups":"Work"}}`, asJSON, 400, `"offset":27|want an array of strings`},
		{"PUT", ann, `{"bob@a.example":{"name":7}}`, asJSON, 400, `"offset":25|want a string, found a number`},
		{"PUT", ann, `{"bob@a.example":{}, "Ann@a.example":{}}`, asJSON, 400, `"offset":21,"line":1,"column":22|cannot be a contact`},
		{"PUT", ann, `{"bob@a.example":{}} {}`, asJSON, 400, `"offset":21|something follows`},
		{"PUT", ann, `{"bob@a.example":{"pending_requests":{"subscribe":{"direction":"out"}}}}`, asJSON, 400, `"offset":63`},
		{"PUT", ann, strings.Repeat(" ", 1<<16) + bob, asJSON, 413, "longer than 65536 bytes"},

		{"GET", ann, "", "If-Match: *", 200, "bob"},
		{"GET", "/riak/xmpp/nobody@a.example", "", "If-Match: *", 412, "If-Match"},
		{"GET", ann, "", `If-None-Match: "x"`, 200, "bob"},
		{"GET", ann, "", "If-None-Match: *", 304, ""},
		{"PUT", ann, bob, "If-None-Match: *", 412, "get it again"},
		{"PUT", "/riak/xmpp/new@a.example", bob, "If-None-Match: *", 204, ""},
		{"PUT", "/riak/xmpp/new@a.example", bob, "If-Match: *", 412, ""},
		{"PUT", ann, bob, `If-Match: "x", "y"`, 412, ""},
		{"DELETE", ann, "", `If-Match: "x"`, 412, ""},
		{"DELETE", "/riak/xmpp/nobody@a.example", "", `If-Match: "x"`, 412, ""},
		{"DELETE", ann, "", "If-Match: *", 204, ""},
		{"DELETE", ann, "", "", 204, ""},
		{"PUT", ann, bob, "If-Match: x", 400, "no list of entity tags"},

		{"PUT", ann, bob, asJSON + "\nOrigin: http://evil.example\nSec-Fetch-Site: cross-site", 403, "another site"},
		{"GET", ann, "", "Sec-Fetch-Site: cross-site", 200, ""},

		{"GET", "/riak/xmpp", "", "", 200, `{"props":{"name":"xmpp"`},
		{"HEAD", "/riak/xmpp?keys=stream", "", "", 200, ""},
		{"GET", "/riak/xmpp/", "", "", 200, `{"props":`},
		{"GET", "/riak/xmpp?keys=true", "", "", 200, `"keys":["ann@a.example"]}`},
		{"GET", "/riak/xmpp?keys=true&props=false", "", "", 200, `{"keys":["ann@a.example"]}`},
		{"GET", "/riak/XMPP?keys=stream&props=false", "", "", 200, `{"keys":["ann@a.example"]}`},
		{"GET", "/riak/xmpp?keys=all", "", "", 400, "keys=all"},
		{"POST", "/riak/xmpp", "{}", asJSON, 415, "application/x-ndjson"},
		{"POST", "/riak/xmpp", "{}", "", 415, "application/x-ndjson|/riak/xmpp/user@domain"},
	} {
		t.Run(c.method+" "+c.path, func(t *testing.T) {
			w := newWeb(t, nil)
			w.want(w.do("PUT", ann, bob, asJSON), 204)
			got := w.do(c.method, c.path, c.body, c.headers)
			w.want(got, c.status, strings.Split(c.parts, "|")...)
			if got.status >= 400 && c.method != "HEAD" {
				var e struct{ Error string }
				if err := json.Unmarshal([]byte(got.body), &e); err != nil || e.Error == "" || got.header.Get("Content-Type") != "application/json" {
					t.Errorf("the error is not told in JSON: %v %s", got.header, got.body)
				}
			}
			if got.status == 405 && got.header.Get("Allow") == "" {
				t.Error("405 without Allow")
			}
			if got.status == 204 && c.method != "DELETE" && got.header.Get("ETag") == "" {
				t.Error("no ETag")
			}
		})
	}
}

// TestRoundTrip: what is put is got, and the tag changes with it and only with it.
func TestRoundTrip(t *testing.T) {
	w := newWeb(t, nil)
	const path = "/riak/xmpp/ann@a.example"
	put := w.do("PUT", path, bob, asJSON)
	got := w.do("GET", path, "", "")
	tag := got.header.Get("ETag")
	if got.body != bob || tag != put.header.Get("ETag") || got.header.Get("X-Riak-Vclock") == "" || got.header.Get("Content-Type") != "application/json" || got.header.Get("Vary") == "" {
		t.Fatalf("put %v, got %+v", put.header, got)
	}
	w.want(w.do("GET", path, "", "If-None-Match: W/"+tag), 304)
	w.want(w.do("GET", path, "", "If-Match: "+tag), 200)
	w.want(w.do("GET", path, "", "If-Match: W/"+tag), 412) // RFC 9110 §13.1.1: compared as strong
	// A request that waits changes what is stored but no version that clients see.
	ann, cat := addr(t, "ann@a.example"), addr(t, "cat@a.example")
	_, err := w.db.Subscription(rosterdb.Exchange{From: cat, To: ann, Event: rosterdb.Subscribe, ToLocal: true, Stanza: []byte("<presence/>")})
	if err != nil {
		t.Fatal(err)
	}
	w.want(w.do("PUT", path, bob, "If-Match: "+tag), 412)
	got = w.do("GET", path, "", "If-None-Match: "+tag)
	w.want(got, 200, `"cat@a.example"`, `"subscribe":{"direction":"in"`)
	w.want(w.do("PUT", path, "{}", "If-Match: "+got.header.Get("ETag")), 204)
	w.want(w.do("GET", path, "", ""), 200, "{}")
	w.want(w.do("DELETE", path, "", ""), 204)
	w.want(w.do("GET", path, "", ""), 404)
	w.want(w.do("PUT", path, bob, ""), 204)
	if again := w.do("HEAD", path, "", ""); again.header.Get("ETag") == tag || again.header.Get("Content-Length") != fmt.Sprint(len(bob)) || again.body != "" {
		t.Errorf("after deletion: %+v, before %s", again, tag)
	}
	w.want(w.do("PUT", path, `{"bob@a.example":{"color":["red"],"pending_requests":{"x":1}}}`, ""), 204)
	w.want(w.do("GET", path, "", ""), 200, `"color":["red"]`, `"x":1`)
}

func addr(t testing.TB, s string) jid.JID {
	j, err := jid.Parse(s)
	if err != nil {
		t.Fatal(err)
	}
	return j
}

// TestKeys: lists of several pages and domains are whole and in parts.
func TestKeys(t *testing.T) {
	w := newWeb(t, nil)
	var want []string
	put := func(key string) {
		if _, err := w.db.PutRoster(addr(t, key), &rosterdb.Roster{}); err != nil {
			t.Fatal(err)
		}
	}
	for i := range 2000 { // two whole pages
		key := fmt.Sprintf("user%04d@a.example", i)
		put(key)
		want = append(want, key)
	}
	put("gone@elsewhere")
	put("zed@test") // a domain that comes behind it
	want = append(want, "zed@test")
	var all struct {
		Props map[string]any
		Keys  []string
	}
	got := w.do("GET", "/riak/xmpp?keys=true", "", "")
	if err := json.Unmarshal([]byte(got.body), &all); err != nil || strings.Join(all.Keys, " ") != strings.Join(want, " ") || all.Props["name"] != "xmpp" {
		t.Errorf("%v, %d keys of %d", err, len(all.Keys), len(want))
	}
	got = w.do("GET", "/riak/xmpp?keys=stream", "", "")
	dec, parts, keys := json.NewDecoder(strings.NewReader(got.body)), 0, []string(nil)
	for ; ; parts++ {
		var part struct{ Keys []string }
		if err := dec.Decode(&part); err == io.EOF {
			break
		} else if err != nil {
			t.Fatal(err)
		}
		keys = append(keys, part.Keys...)
	}
	if parts != 4 || strings.Join(keys, " ") != strings.Join(want, " ") {
		t.Errorf("%d parts, %d keys of %d", parts, len(keys), len(want))
	}
}

// TestSilentClient: a body that does not come ends by itself.
func TestSilentClient(t *testing.T) {
	w := newWeb(t, func(o *riakhttp.Options) { o.Idle = 50 * time.Millisecond })
	for _, path := range []string{"/riak/xmpp/ann@a.example", "/riak/xmpp"} {
		r, hold := io.Pipe()
		q, _ := http.NewRequestWithContext(t.Context(), "POST", w.url+path, r)
		q.Header.Set("Content-Type", map[bool]string{true: "application/x-ndjson", false: "application/json"}[path == "/riak/xmpp"])
		resp, err := http.DefaultTransport.RoundTrip(q)
		if err != nil {
			t.Fatal(err)
		}
		if resp.StatusCode != http.StatusRequestTimeout {
			t.Errorf("%s: %s", path, resp.Status)
		}
		resp.Body.Close()
		hold.Close()
	}
}

// TestHugeRoster: what the store cannot take is refused with its limit.
func TestHugeRoster(t *testing.T) {
	w := newWeb(t, func(o *riakhttp.Options) { o.MaxBody = 0 })
	var b strings.Builder
	for i := range 20000 {
		fmt.Fprintf(&b, `,"contact-with-a-long-name-%06d@a.example":{}`, i)
	}
	w.want(w.do("PUT", "/riak/xmpp/ann@a.example", "{"+b.String()[1:]+"}", asJSON), 413, "ann@a.example", "the limit is")
	w.want(w.do("GET", "/riak/xmpp/ann@a.example", "", ""), 404)
}

// TestManyLoads: beyond the limit a load is refused, and there is room again when one has ended.
func TestManyLoads(t *testing.T) {
	w := newWeb(t, func(o *riakhttp.Options) { o.MaxLoads = 1 })
	r, send := io.Pipe()
	q, _ := http.NewRequestWithContext(t.Context(), "POST", w.url+"/riak/xmpp?every=1", r)
	q.Header.Set("Content-Type", "application/x-ndjson")
	go io.WriteString(send, lines(0, 2000))
	resp, err := http.DefaultTransport.RoundTrip(q) // it runs: it has answered
	if err != nil {
		t.Fatal(err)
	}
	if got := w.do("POST", "/riak/xmpp", lines(0, 1), asLines); got.status != 503 || got.header.Get("Retry-After") == "" || !strings.Contains(got.body, "the limit") {
		t.Errorf("%+v", got)
	}
	send.Close()
	if _, err := io.Copy(io.Discard, resp.Body); err != nil {
		t.Error(err)
	}
	resp.Body.Close()
	for w.do("POST", "/riak/xmpp", lines(0, 1), asLines).status != 200 { // the handler ends a moment after its answer
	}
}

// TestClosedStore: the faults of the store have a status of their own.
func TestClosedStore(t *testing.T) {
	w := newWeb(t, nil)
	w.db.Close()
	for _, c := range [][2]string{{"GET", "/riak/xmpp/ann@a.example"}, {"PUT", "/riak/xmpp/ann@a.example"},
		{"DELETE", "/riak/xmpp/ann@a.example"}, {"GET", "/riak/xmpp?keys=true"}} {
		w.want(w.do(c[0], c[1], "{}", asJSON), 503, "closed")
	}
	w.want(w.do("POST", "/riak/xmpp", `{"jid":"ann@a.example","roster":{}}`, "Content-Type: application/x-ndjson"), 503, "line 1", "closed", `"from":1`)
}
