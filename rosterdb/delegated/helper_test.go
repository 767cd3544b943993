package delegated

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"roost/rosterdb"
	"roost/xmlstream/jid"
)

// patience bounds every wait of these tests.
const patience = 30 * time.Second

func j(s string) jid.JID {
	v, err := jid.Parse(s)
	if err != nil {
		panic(err) // a mistake in the test
	}
	return v
}

var (
	john  = j("john@x.example")
	aaron = j("aaron@x.example")
)

// app is a web application.
type app struct {
	*httptest.Server
	mu      sync.Mutex
	rosters map[string]string // by path
	serve   func(w http.ResponseWriter, q *http.Request) (done bool)
	asked   []*http.Request
	open    int // requests that go on
	most    int
}

func newApp(t testing.TB) *app {
	a := &app{rosters: map[string]string{}}
	a.Server = httptest.NewServer(a)
	t.Cleanup(a.Close)
	return a
}

func (a *app) ServeHTTP(w http.ResponseWriter, q *http.Request) {
	a.mu.Lock()
	a.asked = append(a.asked, q)
	a.open++
	a.most = max(a.most, a.open)
	serve := a.serve
	a.mu.Unlock()
	done := serve != nil && serve(w, q)
	a.mu.Lock()
	defer a.mu.Unlock()
	a.open--
	if done {
		return
	}
	body, ok := a.rosters[q.URL.Path]
	if !ok {
		http.NotFound(w, q)
		return
	}
	tag := fmt.Sprintf(`"%x"`, sha256.Sum256([]byte(body)))
	w.Header().Set("ETag", tag)
	if q.Header.Get("If-None-Match") == tag {
		w.WriteHeader(http.StatusNotModified)
		return
	}
	io.WriteString(w, body)
}

func (a *app) set(user, roster string) {
	a.mu.Lock()
	a.rosters["/contacts/"+user] = roster
	a.mu.Unlock()
}

// does makes the application answer by fn from now on; nil: as it should.
func (a *app) does(fn func(w http.ResponseWriter, q *http.Request) bool) {
	a.mu.Lock()
	a.serve = fn
	a.mu.Unlock()
}

// forget drops the record of what was asked, which is not small.
func (a *app) forget() {
	a.mu.Lock()
	a.asked = nil
	a.mu.Unlock()
}

func (a *app) count() int {
	a.mu.Lock()
	defer a.mu.Unlock()
	return len(a.asked)
}

// world is a Store with its users and what it has told.
type world struct {
	*Store
	t   testing.TB
	app *app

	mu     sync.Mutex
	online map[jid.JID]bool
	told   []string
}

func newWorld(t testing.TB, change func(*Options)) *world {
	t.Helper()
	w := &world{t: t, app: newApp(t), online: map[jid.JID]bool{}}
	o := Options{Domain: "x.example", URL: w.app.URL + "/contacts/%s", Online: w.isOnline, Timeout: patience,
		Pause: time.Hour, Log: slog.New(slog.DiscardHandler),
		Changed: func(owner jid.JID, old, now *rosterdb.Roster) {
			w.mu.Lock()
			defer w.mu.Unlock()
			w.told = append(w.told, fmt.Sprintf("%s: %s → %s", owner.Local(), names(old), names(now)))
		}}
	if change != nil {
		change(&o)
	}
	s, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	w.Store = s
	return w
}

func (w *world) isOnline(user jid.JID) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.online[user]
}

func (w *world) comes(users ...jid.JID) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, u := range users {
		w.online[u] = true
	}
}

func (w *world) goes(user jid.JID) {
	w.mu.Lock()
	delete(w.online, user)
	w.mu.Unlock()
	w.Gone(user)
}

// news gives what Changed was told since.
func (w *world) news() []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	out := w.told
	w.told = nil
	return out
}

// names lists the contacts of a roster.
func names(r *rosterdb.Roster) string {
	s := ""
	for _, it := range r.Items {
		s += it.Contact.Local() + "(" + it.Sub.String() + ")"
	}
	return "[" + s + "]"
}

// want fetches a roster and compares its contacts.
func (w *world) want(owner jid.JID, want string) *rosterdb.Roster {
	w.t.Helper()
	r, err := w.Roster(owner)
	if err != nil {
		w.t.Fatal(err)
	}
	if names(r) != want {
		w.t.Fatalf("roster of %s: %s, want %s", owner, names(r), want)
	}
	return r
}

// fails fetches a roster, which must fail for a reason.
func (w *world) fails(owner jid.JID, reason string) *Error {
	w.t.Helper()
	r, err := w.Roster(owner)
	e, ok := errors.AsType[*Error](err)
	if !ok || e.Reason != reason {
		w.t.Fatalf("roster of %s: %v, %v; want the reason %s", owner, r, err, reason)
	}
	return e
}

func (w *world) refresh(owner jid.JID, want Outcome) {
	w.t.Helper()
	got, err := w.Refresh(context.Background(), owner)
	if err != nil || got != want {
		w.t.Fatalf("refresh of %s: %v, %v; want %v", owner, got, err, want)
	}
}

// until waits for something that another goroutine does.
func (w *world) until(what string, ok func() bool) {
	w.t.Helper()
	for end := time.Now().Add(patience); !ok(); {
		if time.Now().After(end) {
			w.t.Fatalf("never: %s", what)
		}
		select {
		case <-time.After(time.Millisecond):
		case <-w.t.Context().Done():
		}
	}
}

// status answers with a status alone.
func status(code int) func(http.ResponseWriter, *http.Request) bool {
	return func(w http.ResponseWriter, _ *http.Request) bool {
		w.WriteHeader(code)
		return true
	}
}

// body answers with a text and the status 200.
func body(text string) func(http.ResponseWriter, *http.Request) bool {
	return func(w http.ResponseWriter, _ *http.Request) bool {
		io.WriteString(w, text)
		return true
	}
}

// hang answers when the request has been given up.
func hang(_ http.ResponseWriter, q *http.Request) bool {
	<-q.Context().Done()
	return true
}
