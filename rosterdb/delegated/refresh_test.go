package delegated

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"
)

func TestRefresh(t *testing.T) {
	w := newWorld(t, nil)
	w.app.set("john", `{"marie@x.example":{},"old@x.example":{}}`)
	w.refresh(john, Offline)
	if n := w.app.count(); n != 0 {
		t.Errorf("%d requests for somebody who is away", n)
	}
	w.comes(john)
	w.refresh(john, Updated) // nobody has asked for it yet: nobody is told
	w.refresh(john, Unchanged)
	if got := w.news(); got != nil {
		t.Errorf("told: %q", got)
	}
	w.app.set("john", `{"marie@x.example":{"name":"M"},"new@x.example":{"subscription":"to"}}`)
	w.refresh(john, Updated)
	if got := w.news(); !slices.Equal(got, []string{"john: [marie(both)old(both)] → [marie(both)new(to)]"}) {
		t.Errorf("told: %q", got)
	}
	w.app.set("john", `{"marie@x.example":{"name":"M","groups":["x"]},"new@x.example":{"subscription":"to"}}`)
	w.refresh(john, Updated) // groups alone
	w.refresh(john, Unchanged)
	if got := w.news(); len(got) != 1 {
		t.Errorf("told: %q", got)
	}
	w.goes(john)
	w.refresh(john, Offline)
	w.app.set("john", `{"new@x.example":{"subscription":"to"}}`)
	if w.Known(john) {
		t.Error("an old roster is in force")
	}
	w.comes(john)
	r := w.want(john, "[new(to)]")
	if edits, ok := r.Since(r.Ver - 1); !ok || len(edits) != 1 || !edits[0].Removed {
		t.Errorf("%+v %v", edits, ok)
	}
}

// A refresh never takes the answer to a request that was made before it.
func TestRefreshBehindAFetch(t *testing.T) {
	w := newWorld(t, nil)
	w.app.set("john", `{"old@x.example":{}}`)
	w.comes(john)
	release := make(chan struct{})
	w.app.does(func(rw http.ResponseWriter, _ *http.Request) bool {
		fmt.Fprint(rw, `{"old@x.example":{}}`)
		<-release
		return true
	})
	login := make(chan struct{})
	go func() {
		defer close(login)
		w.want(john, "[old(both)]")
	}()
	w.until("the login's request", func() bool { return w.app.count() == 1 })
	w.app.does(nil)
	w.app.set("john", `{"new@x.example":{}}`)
	refreshed := make(chan struct{})
	go func() {
		defer close(refreshed)
		w.refresh(john, Updated)
	}()
	w.until("the refresh waits", func() bool {
		w.Store.mu.Lock()
		defer w.Store.mu.Unlock()
		return w.entries[john].next != nil
	})
	close(release)
	<-login
	<-refreshed
	w.want(john, "[new(both)]")
	if got := w.news(); !slices.Equal(got, []string{"john: [old(both)] → [new(both)]"}) {
		t.Errorf("told: %q", got)
	}
}

// The application names one side of a new pair: the other one's roster is fetched as well.
func TestOneSideSuffices(t *testing.T) {
	w := newWorld(t, nil)
	w.app.set("john", `{}`)
	w.app.set("aaron", `{}`)
	w.comes(john, aaron)
	w.want(john, "[]")
	w.want(aaron, "[]")
	for _, c := range []struct{ john, aaron, now string }{
		{`{"aaron@x.example":{}}`, `{"john@x.example":{}}`, "[john(both)]"},
		{`{}`, `{}`, "[]"},
	} {
		w.app.set("john", c.john)
		w.app.set("aaron", c.aaron)
		before := w.app.count()
		w.refresh(john, Updated)
		w.want(aaron, c.now)
		if n := w.app.count() - before; n != 2 {
			t.Errorf("%d requests", n)
		}
	}
}

// call makes a request to the handler.
func (w *world) call(method, url, text string) (int, Reply) {
	w.t.Helper()
	h := Handler(func(domain string) *Store {
		if domain == "" || domain == "x.example" {
			return w.Store
		}
		return nil
	}, "")
	rec := httptest.NewRecorder()
	h.ServeHTTP(rec, httptest.NewRequest(method, url, strings.NewReader(text)))
	var reply Reply
	if err := json.Unmarshal(rec.Body.Bytes(), &reply); err != nil {
		w.t.Fatalf("%s %s: %d %s", method, url, rec.Code, rec.Body)
	}
	if got := rec.Header().Get("Content-Type"); got != "application/json" {
		w.t.Errorf("Content-Type %s", got)
	}
	return rec.Code, reply
}

const refreshURL = "http://x.example:5280/roster_admin/refresh"

func TestHandler(t *testing.T) {
	w := newWorld(t, nil)
	w.comes(john, aaron, j("bad@x.example"), j("html@x.example"))
	w.app.set("john", `{}`)
	w.app.set("aaron", `{"john@x.example":{}}`)
	w.app.set("html", `<html>`)
	w.want(john, "[]")
	w.want(aaron, "[john(both)]")
	w.app.set("john", `{"aaron@x.example":{}}`)
	code, r := w.call("POST", refreshURL, `["john", "aaron", "John", "away", "bad", "html", "a b", "john"]`)
	if code != 200 || r.Status != "ok" || r.Updated != 1 || r.Unchanged != 1 || r.Offline != 1 || r.Errors != 3 || len(r.Failed) != 3 {
		t.Fatalf("%d %+v", code, r)
	}
	slices.SortFunc(r.Failed, func(a, b Failed) int { return strings.Compare(a.User, b.User) })
	for i, want := range []Failed{{"a b", 0, ReasonName, "no user name"}, {"bad", 404, ReasonStatus, "404"}, {"html", 200, ReasonAnswer, "no JSON"}} {
		if f := r.Failed[i]; f.User != want.User || f.Code != want.Code || f.Reason != want.Reason || !strings.Contains(f.Error, want.Error) {
			t.Errorf("%+v", f)
		}
	}
	for _, c := range []struct {
		method, url, body string
		code              int
		status            string
	}{
		{"POST", refreshURL, `["bad","html"]`, 200, "error"},
		{"POST", refreshURL, `["away","bad"]`, 200, "ok"},
		{"POST", "http://127.0.0.1/roster_admin/refresh", `["john"]`, 200, "ok"},
		{"POST", "http://other/roster_admin/refresh?domain=X.example", `["john"]`, 200, "ok"},
		{"POST", "http://x.example/roster_admin/refresh?domain=other", `["john"]`, 404, "error"},
		{"POST", refreshURL, ``, 400, "error"},
		{"POST", refreshURL, `null`, 400, "error"},
		{"POST", refreshURL, `false`, 400, "error"},
		{"POST", refreshURL, `"john"`, 400, "error"},
		{"POST", refreshURL, `{"john":1}`, 400, "error"},
		{"POST", refreshURL, `["john"`, 400, "error"},
		{"POST", refreshURL, `["john",]`, 400, "error"},
		{"POST", refreshURL, `["john",5]`, 400, "error"},
		{"POST", refreshURL, `["john",["aaron"]]`, 400, "error"},
		{"POST", refreshURL, `["john"] x`, 400, "error"},
		{"POST", refreshURL, `<html>`, 400, "error"},
		{"GET", refreshURL + "/john", ``, 200, "ok"},
		{"GET", refreshURL + "/away", ``, 200, "ok"},
		{"GET", refreshURL + "/bad", ``, 200, "error"},
		{"GET", refreshURL + "/a%20b", ``, 400, "error"},
		{"GET", refreshURL + "/a%2Fb", ``, 400, "error"},
	} {
		if code, r := w.call(c.method, c.url, c.body); code != c.code || r.Status != c.status || r.Message == "" || r.Failed == nil {
			t.Errorf("%s %s %s: %d %+v", c.method, c.url, c.body, code, r)
		}
	}
	for _, none := range []string{`[]`, `{}`, " [ ] "} {
		code, r := w.call("POST", refreshURL, none)
		if code != 200 || r.Status != "ok" || r.Message != "roster update complete" || r.Updated+r.Errors+r.Offline+r.Unchanged != 0 {
			t.Errorf("%s: %d %+v", none, code, r)
		}
	}
}

func TestHandlerLimits(t *testing.T) {
	w := newWorld(t, func(o *Options) { o.MaxNames = 3; o.MaxRefresh = 50; o.Refreshes = 1 })
	for body, want := range map[string]int{
		`["a","b","c"]`: 200, `["a","b","c","d"]`: 413, `["` + strings.Repeat("a", 60) + `"]`: 413,
		strings.Repeat(" ", 100) + `[]`: 413,
	} {
		if code, r := w.call("POST", refreshURL, body); code != want {
			t.Errorf("%s: %d %+v", body, code, r)
		}
	}
	w.refreshes <- struct{}{}
	if code, r := w.call("POST", refreshURL, `["a"]`); code != 503 || r.Status != "error" {
		t.Errorf("%d %+v", code, r)
	}
}

// A refresh ends in time, whatever the application does; what was not fetched is named and is
// fetched later.
func TestRefreshTakesNoLonger(t *testing.T) {
	w := newWorld(t, func(o *Options) {
		o.Concurrency, o.Tries, o.Trip = 2, 1, 1000
		o.Timeout, o.RefreshTime = 20*time.Millisecond, 100*time.Millisecond
	})
	var all []string
	w.app.does(nil)
	for i := range 200 {
		user := fmt.Sprintf("u%d", i)
		all = append(all, `"`+user+`"`)
		w.comes(j(user + "@x.example"))
	}
	w.app.does(hang)
	begin := time.Now()
	code, r := w.call("POST", refreshURL, "["+strings.Join(all, ",")+"]")
	if took := time.Since(begin); took > patience/2 {
		t.Errorf("took %v", took)
	}
	if code != 200 || r.Status != "error" || r.Errors != 200 || len(r.Failed) != 200 {
		t.Errorf("%d, %s, %d, %d", code, r.Status, r.Errors, len(r.Failed))
	}
	if n := w.app.count(); n == 0 || n > 100 {
		t.Errorf("%d requests", n)
	}
}

func TestServedToTheLastByte(t *testing.T) {
	w := newWorld(t, nil)
	srv := httptest.NewServer(Handler(func(string) *Store { return w.Store }, ""))
	defer srv.Close()
	resp, err := http.Post(srv.URL+"/roster_admin/refresh", "application/json", strings.NewReader(`["john","aaron"]`))
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	const want = `{"status":"ok","message":"roster update complete","updated":0,"errors":0,"unchanged":0,"offline":2,"failed":[]}` + "\n"
	if string(b) != want || err != nil {
		t.Errorf("%s %v", b, err)
	}
}

func FuzzParse(f *testing.F) {
	for _, seed := range []string{`{}`, `[]`, `{"marie@example.com":{"name":"Marie"}}`, `{"a@b":{"groups":{"x":true},"ask":"subscribe","subscription":"from","approved":true}}`,
		`{"a@b":{"groups":["x"`, `{"a@b":[]}`, `{"a@b/c":{}}`, `<html>`, `[[[[`, `{"a@b":{"name":"\ud800"}}`} {
		f.Add([]byte(seed))
	}
	o := Options{}.withDefaults()
	f.Fuzz(func(t *testing.T, b []byte) {
		items, err := parse(john, b, o)
		if (items == nil) == (err == nil) {
			t.Fatal(items, err)
		}
		for i, it := range items {
			if !it.Contact.IsBare() || !it.Visible() || i > 0 && items[i-1].Contact.String() >= it.Contact.String() {
				t.Fatalf("%+v", items)
			}
		}
	})
}

func FuzzNames(f *testing.F) {
	for _, seed := range []string{`["john","aaron"]`, `[]`, `{}`, `[1]`, `null`, `["a"`} {
		f.Add(seed)
	}
	s := &Store{o: Options{MaxNames: 10}}
	f.Fuzz(func(t *testing.T, text string) {
		names, err := s.names(strings.NewReader(text))
		if len(names) > 10 || err != nil && names != nil {
			t.Fatal(names, err)
		}
	})
}

// Who goes while a refresh fetches is offline, whatever the application answers then.
func TestGoneMeanwhile(t *testing.T) {
	for _, answer := range []func(http.ResponseWriter, *http.Request) bool{body(`{"marie@x.example":{}}`), status(500)} {
		w := newWorld(t, nil)
		w.comes(john)
		release := make(chan struct{})
		w.app.does(func(rw http.ResponseWriter, q *http.Request) bool { <-release; return answer(rw, q) })
		done := make(chan struct{})
		go func() {
			defer close(done)
			w.refresh(john, Offline)
		}()
		w.until("the request", func() bool { return w.app.count() == 1 })
		w.goes(john)
		w.refresh(john, Offline)
		close(release)
		<-done
		if st := w.Stats(); st.Live+st.Idle != 0 {
			t.Errorf("%+v", st)
		}
	}
}
