package delegated

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

// Who may refresh: whoever shows the domain's token or the listener's, or has signed with the former.
func TestRefreshNeedsItsToken(t *testing.T) {
	w := newWorld(t, func(o *Options) { o.Token = "se cret" })
	open := newWorld(t, nil)
	find := func(domain string) *Store {
		switch domain {
		case "x.example":
			return w.Store
		case "open.example":
			return open.Store
		}
		return nil
	}
	now := time.Now().Unix()
	sign := func(token string, at int64, uri, body string) string {
		return fmt.Sprintf("t=%d,v1=%x", at, Sign(token, at, "POST", uri, []byte(body)))
	}
	const uri, body = "/roster_admin/refresh?domain=x.example", `["john"]`
	for i, c := range []struct {
		listener, auth, sig, uri string
		code                     int
	}{
		{"", "", "", uri, 401},
		{"", "Bearer se cret", "", uri, 200},
		{"", "bearer  se cret", "", uri, 200},
		{"", "Bearer wrong", "", uri, 401},
		{"", "Basic se cret", "", uri, 401},
		{"", "Bearer", "", uri, 401},
		{"admin", "", "", uri, 401},
		{"admin", "Bearer admin", "", uri, 200},
		{"admin", "Bearer se cret", "", uri, 200},
		{"", "", "", "/roster_admin/refresh?domain=open.example", 200},
		{"", "Bearer whatever", "", "/roster_admin/refresh?domain=open.example", 200},
		{"admin", "", "", "/roster_admin/refresh?domain=open.example", 401},
		{"admin", "Bearer admin", "", "/roster_admin/refresh?domain=open.example", 200},
		{"admin", "Bearer se cret", "", "/roster_admin/refresh?domain=open.example", 401},
		{"admin", "", "", "/roster_admin/refresh?domain=none", 401},
		{"admin", "Bearer admin", "", "/roster_admin/refresh?domain=none", 404},
		{"", "", sign("se cret", now, uri, body), uri, 200},
		{"admin", "", sign("se cret", now, uri, body), uri, 200},
		{"", "", sign("se cret", now-600, uri, body), uri, 401},
		{"", "", sign("se cret", now+600, uri, body), uri, 401},
		{"", "", sign("other", now, uri, body), uri, 401},
		{"", "", sign("se cret", now, uri, `["aaron"]`), uri, 401},
		{"", "", sign("se cret", now, "/roster_admin/refresh", body), uri, 401},
		{"", "", "t=1", uri, 401},
		{"admin", "", sign("", now, "/roster_admin/refresh?domain=open.example", body), "/roster_admin/refresh?domain=open.example", 401},
	} {
		q := httptest.NewRequest("POST", "http://host"+c.uri, strings.NewReader(body))
		for k, v := range map[string]string{"Authorization": c.auth, Signature: c.sig} {
			if v != "" {
				q.Header.Set(k, v)
			}
		}
		rec := httptest.NewRecorder()
		Handler(find, c.listener).ServeHTTP(rec, q)
		if rec.Code != c.code || (rec.Header().Get("WWW-Authenticate") != "") != (c.code == 401) {
			t.Errorf("%d: %d, want %d: %s", i, rec.Code, c.code, rec.Body)
		}
		if s := rec.Body.String(); strings.Contains(s, "se cret") || !strings.HasPrefix(s, `{"status":`) {
			t.Errorf("%d: %s", i, s)
		}
	}
}

// A signed body is bounded like any other.
func TestSignedBodyIsBounded(t *testing.T) {
	w := newWorld(t, func(o *Options) { o.Token = "t"; o.MaxRefresh = 10 })
	q := httptest.NewRequest("POST", "http://x/roster_admin/refresh", io.LimitReader(zeros{}, 1<<30))
	q.Header.Set(Signature, fmt.Sprintf("t=%d,v1=00", time.Now().Unix()))
	rec := httptest.NewRecorder()
	Handler(func(string) *Store { return w.Store }, "").ServeHTTP(rec, q)
	if rec.Code != http.StatusUnauthorized || !bytes.Contains(rec.Body.Bytes(), []byte("too large")) {
		t.Error(rec.Code, rec.Body)
	}
	for range maxSigned { // others are being read
		w.signing <- struct{}{}
	}
	rec = httptest.NewRecorder()
	Handler(func(string) *Store { return w.Store }, "").ServeHTTP(rec, q)
	if rec.Code != http.StatusServiceUnavailable || rec.Header().Get("Retry-After") == "" {
		t.Error(rec.Code, rec.Body)
	}
}

type zeros struct{}

func (zeros) Read(b []byte) (int, error) { return len(b), nil }
