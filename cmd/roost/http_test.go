package main

import (
	"encoding/base64"
	"io"
	"net/http"
	"strings"
	"testing"
)

// get asks a page and gives status and body.
func get(t *testing.T, url, token string) (int, string) {
	t.Helper()
	q, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	if token != "" {
		q.Header.Set("Authorization", token)
	}
	r, err := http.DefaultClient.Do(q)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Body.Close()
	b, err := io.ReadAll(r.Body)
	if err != nil {
		t.Fatal(err)
	}
	return r.StatusCode, string(b)
}

// basic is what a browser sends for a name and a password (RFC 7617).
func basic(name, password string) string {
	return "Basic " + base64.StdEncoding.EncodeToString([]byte(name+":"+password))
}

func TestHTTP(t *testing.T) {
	p := newPlace(t, "", `HTTP_Listener {
  Listen "127.0.0.1:0" {}
  Listen "127.0.0.2:0" { Auth_Token = "se cret" }
  Listen "127.0.0.3:0" { Auth_Token = "file://{dir}/token" }
}`)
	p.write("token", "from-a-file\n")
	s := p.start()
	for _, c := range []struct {
		listen      int
		path, token string
		code        int
		body        string
	}{
		{0, "/healthz", "", 200, "ok\n"},
		{0, "/readyz", "", 200, "ready\n"},
		{0, "/", "", 200, "sessions"},
		{0, "/none", "", 404, ""},
		{1, "/healthz", "", 200, "ok\n"},
		{1, "/readyz", "", 200, "ready\n"},
		{1, "/metrics", "", 401, "Auth_Token"},
		{1, "/status/events", "", 401, "Auth_Token"},
		{1, "/", basic("anybody", "se cret"), 200, "sessions"},
		{1, "/", basic("se cret", "wrong"), 401, ""},
		{1, "/", "", 401, "Auth_Token"},
		{1, "/", "Bearer wrong", 401, ""},
		{1, "/", "se cret", 401, ""},
		{1, "/", "Bearer ", 401, ""},
		{1, "/none", "", 401, ""},
		{1, "/", "Bearer se cret", 200, "sessions"},
		{1, "/", "bearer se cret", 200, "sessions"},
		{1, "/readyz", "Bearer se cret", 200, "ready\n"},
		{2, "/metrics", "Bearer from-a-file", 200, "roost_ready 1"},
		{2, "/metrics", "Bearer from-a-file\u0020x", 401, ""},
	} {
		code, body := get(t, "http://"+s.webs()[c.listen].ln.Addr().String()+c.path, c.token)
		if code != c.code || !strings.Contains(body, c.body) {
			t.Errorf("%d %s %q: %d %s", c.listen, c.path, c.token, code, body)
		}
	}
	s.requestStop()
	if code, body := get(t, "http://"+s.webs()[0].ln.Addr().String()+"/readyz", ""); code != 503 || body != "stopping\n" {
		t.Error(code, body)
	}
	if code, _ := get(t, "http://"+s.webs()[0].ln.Addr().String()+"/healthz", ""); code != 200 {
		t.Error(code)
	}
}
