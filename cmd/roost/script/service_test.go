package script

import (
	"io"
	"net/http"
	"strings"
	"testing"
	"time"
)

// The service answers as a script says, and remembers what it was asked.
func TestService(t *testing.T) {
	s, err := newService()
	if err != nil {
		t.Fatal(err)
	}
	defer s.close()
	r := &run{service: s, vars: vars{"who": "alice"}}
	do := func(line string) error {
		t.Helper()
		st, err := parseStatement(line, nil)
		if err != nil {
			t.Fatal(err)
		}
		return r.play(st)
	}
	get := func(path, tag string) (int, string, error) {
		q, err := http.NewRequest(http.MethodGet, s.url()+path, nil)
		if err != nil {
			t.Fatal(err)
		}
		q.Header.Set("If-None-Match", tag)
		resp, err := (&http.Client{Timeout: patience}).Do(q)
		if err != nil {
			return 0, "", err
		}
		defer resp.Body.Close()
		b, err := io.ReadAll(resp.Body)
		if want := resp.StatusCode == 200; want && err == nil && resp.Header.Get("ETag") == "" && !strings.HasPrefix(path, "/cut") {
			t.Errorf("%s has no ETag", path)
		}
		return resp.StatusCode, string(b), err
	}
	for _, line := range []string{`service> /c/{who} {"bob@x": {"name": "B"}}`, `service>503 /busy later`, `service>cut /cut {"a`, `service>big /big`} {
		if err := do(line); err != nil {
			t.Fatal(line, err)
		}
	}
	for path, want := range map[string]struct {
		code int
		body string
	}{"/c/alice": {200, `{"bob@x": {"name": "B"}}`}, "/busy": {503, "later"}, "/none": {404, "404 page not found\n"}} {
		if code, body, err := get(path, ""); code != want.code || body != want.body || err != nil {
			t.Errorf("%s: %d %s %v", path, code, body, err)
		}
	}
	if code, body, err := get("/cut", ""); code != 200 || body != `{"a` || err == nil {
		t.Errorf("cut: %d %s %v", code, body, err)
	}
	if code, body, _ := get("/big", ""); code != 200 || len(body) < 10<<20 {
		t.Errorf("big: %d, %d bytes", code, len(body))
	}
	if err := do("service< /big /busy /c/alice /cut /none"); err != nil {
		t.Error(err)
	}
	if err := do("service<nothing"); err != nil {
		t.Error(err)
	}
	if err := do("service< /c/alice"); err == nil || !strings.Contains(err.Error(), `expected ["/c/alice"]`) {
		t.Error(err)
	}
	for _, line := range []string{"service>down", "service>up", "service>down"} {
		if err := do(line); err != nil {
			t.Error(line, err)
		}
	}
	if _, _, err := get("/c/alice", ""); err == nil {
		t.Error("it answers although it is down")
	}
	for _, line := range []string{"service>down", "service>dance /x", "service>99 /x"} {
		if err := do(line); err == nil {
			t.Error(line, "is accepted")
		}
	}
}

// What hangs ends with the script, not before.
func TestServiceHangs(t *testing.T) {
	s, err := newService()
	if err != nil {
		t.Fatal(err)
	}
	r := &run{service: s}
	if err := r.play(parseApart("service", ">", "hang", "/slow")); err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 1)
	go func() {
		_, err := (&http.Client{Timeout: patience}).Get(s.url() + "/slow")
		done <- err
	}()
	for {
		s.mu.Lock()
		n := len(s.asked)
		s.mu.Unlock()
		if n > 0 {
			break
		}
		time.Sleep(time.Millisecond)
	}
	select {
	case err := <-done:
		t.Error("answered: ", err)
	default:
	}
	s.close()
	<-done
}
