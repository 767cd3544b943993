package riakhttp

import (
	"encoding/json"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"roost/rosterdb"
)

// FuzzRequest: no path, condition or body does harm, every answer is of the form that is promised,
// and what was accepted can be read again.
func FuzzRequest(f *testing.F) {
	f.Add("xmpp/ann@a.example", "keys=true", "", []byte("{\\\n}"))
	f.Add("xmpp/ann@a.example", "returnbody=true", `"x", W/"y"`, []byte(`{"bob@a.example":{"name":"B","groups":["g"],"subscription":"to"}}`))
	f.Add("XMPP", "keys=stream", "*", []byte(`{"jid":"ann@a.example","roster":{}}`))
	f.Add("xmpp/a%2fb@a.example/../x", "from=2&every=1", `W/`, []byte("\n\n[]"))
	db, err := rosterdb.Open(rosterdb.Options{InMemory: true, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		f.Fatal(err)
	}
	f.Cleanup(func() { db.Close() })
	h := New(Options{Store: db, Replacer: Direct(db), Elsewhere: []string{"elsewhere"}, MaxBody: 1 << 12, Log: slog.New(slog.DiscardHandler)})
	f.Fuzz(func(t *testing.T, path, query, tag string, body []byte) {
		for _, method := range []string{"GET", "PUT", "POST", "DELETE", "HEAD"} {
			u := &url.URL{Path: Prefix + path, RawQuery: query}
			if p, err := url.PathUnescape(path); err == nil {
				u.Path, u.RawPath = Prefix+p, Prefix+path
			}
			q := httptest.NewRequest(method, "/", strings.NewReader(string(body)))
			q.URL = u
			if tag != "" {
				q.Header.Set("If-Match", tag)
			}
			if method == "POST" && !strings.Contains(path, "/") {
				q.Header.Set("Content-Type", "application/x-ndjson")
			}
			w := httptest.NewRecorder()
			h.ServeHTTP(w, q)
			if w.Code >= 400 && !json.Valid(w.Body.Bytes()) {
				t.Errorf("%s %s: %d %q", method, u, w.Code, w.Body)
			}
			if w.Code >= 500 {
				t.Errorf("%s %s: %d %s", method, u, w.Code, w.Body)
			}
			if method != "PUT" || w.Code != http.StatusNoContent {
				continue
			}
			again := httptest.NewRecorder()
			q = httptest.NewRequest("GET", "/", nil)
			q.URL = u
			h.ServeHTTP(again, q)
			if again.Code != http.StatusOK || again.Header().Get("ETag") != w.Header().Get("ETag") {
				t.Errorf("%s: stored, then %d, %s and %s", u, again.Code, w.Header().Get("ETag"), again.Header().Get("ETag"))
			}
			if _, err := rosterdb.ParseRosterJSON(again.Body.Bytes()); err != nil {
				t.Error(err)
			}
		}
	})
}

// FuzzJoinLines: the length stays, and valid JSON is left alone.
func FuzzJoinLines(f *testing.F) {
	f.Add([]byte("{\\\n\"a\\\"\": \"\\\\\"}\\\r\n"))
	f.Fuzz(func(t *testing.T, b []byte) {
		was := string(b)
		joinLines(b)
		if len(b) != len(was) || json.Valid([]byte(was)) && string(b) != was {
			t.Errorf("%q became %q", was, b)
		}
	})
}
