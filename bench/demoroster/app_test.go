package main

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
)

// The application answers Roost alone, changes both sides at once, and says who has changed.
func TestApplication(t *testing.T) {
	var told [][]string
	b := newBoard()
	a := &app{token: "secret", board: b, friends: map[pair]bool{}, refresh: func(names ...string) (json.RawMessage, error) {
		told = append(told, names)
		return json.RawMessage(`{"status":"ok"}`), nil
	}}
	h := a.handler()
	call := func(method, path, token string) (int, string) {
		t.Helper()
		q := httptest.NewRequest(method, path, nil)
		q.Header.Set("Authorization", "Bearer "+token)
		rec := httptest.NewRecorder()
		h.ServeHTTP(rec, q)
		return rec.Code, strings.TrimSpace(rec.Body.String())
	}
	for _, c := range []struct {
		method, path, token string
		code                int
		body                string
	}{
		{"GET", "/contacts/alice", "secret", 200, `{}`},
		{"GET", "/contacts/alice", "wrong", 401, "*"},
		{"GET", "/contacts/mallory", "secret", 404, "*"},
		{"PUT", "/friendships/bob/alice", "", 204, ""},
		{"GET", "/contacts/alice", "secret", 200, `{"bob@localhost":{"name":"Bob","groups":["Friends"]}}`},
		{"GET", "/contacts/bob", "secret", 200, `{"alice@localhost":{"name":"Alice","groups":["Friends"]}}`},
		{"DELETE", "/friendships/alice/bob", "", 204, ""},
		{"GET", "/contacts/bob", "secret", 200, `{}`},
		{"PUT", "/friendships/bob/bob", "", 404, "*"},
		{"PUT", "/friendships/bob/mallory", "", 404, "*"},
	} {
		if code, body := call(c.method, c.path, c.token); code != c.code || c.body != "*" && body != c.body {
			t.Errorf("%s %s: %d %s", c.method, c.path, code, body)
		}
	}
	if len(told) != 2 || !slices.Equal(told[0], []string{"alice", "bob"}) {
		t.Errorf("%q", told)
	}
	if text, _ := b.now(); !strings.Contains(string(text), `"refresh":{"names":["alice","bob"],"reply":{"status":"ok"}`) {
		t.Errorf("%s", text)
	}
	q := httptest.NewRequest(http.MethodPut, "/friendships/alice/bob", nil)
	q.Header.Set("Sec-Fetch-Site", "cross-site")
	rec := httptest.NewRecorder()
	if h.ServeHTTP(rec, q); rec.Code != http.StatusForbidden {
		t.Errorf("another page may press our buttons: %d", rec.Code)
	}
}
