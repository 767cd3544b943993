package delegated

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"
)

// What the application does wrong is said in words, once, and a roster that was there stays.
func TestWrongAnswers(t *testing.T) {
	many := `{"a@x":{},` + strings.Repeat(" ", 10<<20) + `"b@x":{}}`
	for _, c := range []struct {
		name, answer, reason string
		say                  []string
	}{
		{"empty", ``, ReasonAnswer, []string{"empty"}},
		{"HTML", `<!DOCTYPE html><html><body>Sign in</body></html>`, ReasonAnswer, []string{"no JSON", "offset 1", "text/html"}},
		{"truncated", `{"a@x":{"name":"A"},"b@x":{"na`, ReasonAnswer, []string{"ends early"}},
		{"10 MB", many, ReasonTooBig, []string{"longer than 4194304 bytes"}},
		{"bad JID", `{"a@x":{},"b b@@x":{}}`, ReasonAnswer, []string{`"b b@@x"`, "offset 10"}},
		{"full JID", `{"a@x/r":{}}`, ReasonAnswer, []string{`"a@x/r" has a resource`}},
		{"empty JID", `{"":{}}`, ReasonAnswer, []string{"offset"}},
		{"oneself", `{"John@x.example":{}}`, ReasonAnswer, []string{`"John@x.example"`, "user himself"}},
		{"twice", `{"a@x":{},"A@X":{}}`, ReasonAnswer, []string{`"A@X" is the same contact as "a@x"`}},
		{"array", `[{"jid":"a@x"}]`, ReasonAnswer, []string{"an array"}},
		{"null", `null`, ReasonAnswer, []string{"null"}},
		{"number", `17`, ReasonAnswer, []string{"a number"}},
		{"more behind", `{} {}`, ReasonAnswer, []string{"something follows"}},
		{"entry", `{"a@x":"Marie"}`, ReasonAnswer, []string{`"a@x"`, "want an object"}},
		{"name", `{"a@x":{"name":5}}`, ReasonAnswer, []string{`"a@x"`, "name", "number"}},
		{"control character", `{"a@x":{"name":"a\u0007"}}`, ReasonAnswer, []string{"U+0007", "XML"}},
		{"subscription", `{"a@x":{"subscription":"remove"}}`, ReasonAnswer, []string{"none, to, from or both"}},
		{"ask", `{"a@x":{"ask":"maybe"}}`, ReasonAnswer, []string{"ask"}},
		{"groups", `{"a@x":{"groups":"Friends"}}`, ReasonAnswer, []string{"groups", "array"}},
		{"empty group", `{"a@x":{"groups":[""]}}`, ReasonAnswer, []string{"without a name"}},
		{"group twice", `{"a@x":{"groups":["b","b"]}}`, ReasonAnswer, []string{`"b" is there twice`}},
		{"long name", `{"a@x":{"name":"` + strings.Repeat("n", 1024) + `"}}`, ReasonAnswer, []string{"longer than 1023 bytes"}},
		{"not UTF-8", "{\"a@x\":{\"name\":\"\xff\"}}", ReasonAnswer, []string{"UTF-8"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := newWorld(t, nil)
			w.app.does(body(c.answer))
			e := w.fails(john, c.reason)
			for _, say := range c.say {
				if !strings.Contains(e.Error(), say) {
					t.Errorf("%v does not say %q", e, say)
				}
			}
			if len(e.Error()) > 1000 || e.Code != 200 || w.app.count() != 1 {
				t.Errorf("%d bytes, code %d, %d requests", len(e.Error()), e.Code, w.app.count())
			}
			// the same after a good answer: the good one stays
			w.app.does(nil)
			w.app.set("aaron", `{"a@x":{"name":"A"}}`)
			w.comes(aaron)
			w.want(aaron, "[a(both)]")
			w.app.does(body(c.answer))
			if c.name == "oneself" {
				return
			}
			if _, err := w.Refresh(t.Context(), aaron); err == nil {
				t.Error("taken")
			}
			w.want(aaron, "[a(both)]")
			if w.news() != nil {
				t.Error("told")
			}
		})
	}
}

func TestTooManyContacts(t *testing.T) {
	w := newWorld(t, func(o *Options) { o.MaxItems = 2; o.MaxGroups = 1 })
	w.app.does(body(`{"a@x":{},"b@x":{},"c@x":{}}`))
	if e := w.fails(john, ReasonAnswer); !strings.Contains(e.Error(), "more than 2 contacts") {
		t.Error(e)
	}
	w.app.does(body(`{"a@x":{"groups":["a","b"]}}`))
	if e := w.fails(aaron, ReasonAnswer); !strings.Contains(e.Error(), "more than 1") {
		t.Error(e)
	}
}

// A broken transfer is not taken for an answer.
func TestBrokenTransfer(t *testing.T) {
	w := newWorld(t, nil)
	w.app.does(func(w http.ResponseWriter, _ *http.Request) bool {
		w.Header().Set("Content-Length", "100")
		fmt.Fprint(w, `{"a@x":{}}`)
		return true
	})
	w.fails(john, ReasonConnect)
	if n := w.app.count(); n != 4 {
		t.Errorf("tried %d times", n)
	}
}

// What may pass is tried again, within the same fetch; what will not is not.
func TestRetries(t *testing.T) {
	for code, tries := range map[int]int{502: 4, 503: 4, 504: 4, 429: 4, 500: 1, 404: 1, 403: 1, 204: 1, 304: 1} {
		w := newWorld(t, nil)
		w.app.does(status(code))
		if e := w.fails(john, ReasonStatus); e.Code != code || w.app.count() != tries {
			t.Errorf("%d: %v, %d requests", code, e, w.app.count())
		}
	}
	w := newWorld(t, nil)
	w.app.set("john", `{}`)
	left := 2
	w.app.does(func(rw http.ResponseWriter, _ *http.Request) bool {
		if left--; left >= 0 {
			panic(http.ErrAbortHandler) // the connection breaks
		}
		return false
	})
	w.want(john, "[]")
	if n := w.app.count(); n < 3 {
		t.Errorf("%d requests", n)
	}
}

// Who waits for a slow application waits for the timeout and no longer, and does so once.
func TestSlow(t *testing.T) {
	w := newWorld(t, func(o *Options) { o.Timeout = 200 * time.Millisecond; o.Hold = time.Hour })
	w.app.does(hang)
	begin := time.Now()
	e := w.fails(john, ReasonTimeout)
	if took := time.Since(begin); took < 150*time.Millisecond || took > patience/2 {
		t.Errorf("took %v", took)
	}
	if !strings.Contains(e.Error(), "no answer of the web application within 200ms") {
		t.Error(e)
	}
	for range 100 { // the presence behind the roster get, and so on
		w.fails(john, ReasonTimeout)
	}
	if n := w.app.count(); n != 1 {
		t.Errorf("%d requests", n)
	}
	w.app.does(nil) // back again: others are served at once, and a refresh does not wait
	w.app.set("john", `{}`)
	w.comes(john)
	w.refresh(john, Updated)
	w.want(john, "[]")
}

// However many come while the application hangs, nobody waits for longer than the timeout.
func TestManyWaitOnce(t *testing.T) {
	w := newWorld(t, func(o *Options) { o.Timeout = 500 * time.Millisecond })
	w.app.does(hang)
	var wg sync.WaitGroup
	begin := time.Now()
	for i := range 1000 {
		wg.Go(func() {
			if _, err := w.Roster(j(fmt.Sprintf("u%d@x.example", i))); err == nil {
				t.Error("a roster")
			}
		})
	}
	wg.Wait()
	if took := time.Since(begin); took > patience/3 {
		t.Errorf("took %v", took)
	}
	begin = time.Now()
	for i := range 100 { // who comes now is told at once
		w.fails(j(fmt.Sprintf("v%d@x.example", i)), ReasonPaused)
	}
	if took := time.Since(begin); took > patience/3 {
		t.Errorf("took %v", took)
	}
	if n := w.app.count(); n > 2*64 { // a few get a turn in the last moment
		t.Errorf("%d requests", n)
	}
}

func TestSlowBody(t *testing.T) {
	w := newWorld(t, func(o *Options) { o.Timeout = 200 * time.Millisecond })
	w.app.does(func(w http.ResponseWriter, q *http.Request) bool {
		fmt.Fprint(w, `{"a@x":`)
		http.NewResponseController(w).Flush()
		return hang(w, q)
	})
	w.fails(john, ReasonTimeout)
}

// The application is down: after a few failures it is left alone, whoever has a roster keeps it, and
// when the application is back what has changed comes by itself.
func TestDownAndBack(t *testing.T) {
	w := newWorld(t, func(o *Options) { o.Trip = 3; o.Tries = 1; o.Pause = 50 * time.Millisecond; o.Hold = time.Nanosecond })
	w.app.set("john", `{"marie@x.example":{}}`)
	w.comes(john)
	old := w.want(john, "[marie(both)]")
	w.goes(john)
	w.app.does(status(500))
	w.comes(john)
	if r := w.want(john, "[marie(both)]"); r.Ver != old.Ver { // a login with the roster of before
		t.Errorf("%x, %x", r.Ver, old.Ver)
	}
	if !w.Known(john) || w.Stats().Stale != 1 {
		t.Errorf("%+v", w.Stats())
	}
	w.until("left alone", func() bool {
		_, err := w.Roster(aaron)
		e, _ := errors.AsType[*Error](err)
		return e != nil && e.Reason == ReasonPaused
	})
	if _, err := w.Refresh(context.Background(), john); err == nil {
		t.Error("a refresh that could not fetch says that it did")
	}
	w.want(john, "[marie(both)]")
	w.app.set("john", `{"marie@x.example":{},"zoe@x.example":{}}`)
	w.app.does(nil)
	w.until("told", func() bool { return w.Store.Known(john) && len(w.peek()) > 0 })
	if got := w.news(); len(got) != 1 || got[0] != "john: [marie(both)] → [marie(both)zoe(both)]" {
		t.Errorf("%q", got)
	}
	w.want(john, "[marie(both)zoe(both)]")
	w.Store.mu.Lock()
	defer w.Store.mu.Unlock()
	if len(w.stale) != 0 {
		t.Errorf("still stale: %d", len(w.stale))
	}
}

func (w *world) peek() []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.told
}

// What is wrong with one user's roster is no reason to leave the application alone.
func TestWrongIsNotDown(t *testing.T) {
	w := newWorld(t, func(o *Options) { o.Trip = 2; o.Hold = time.Nanosecond })
	for range 10 {
		w.fails(john, ReasonStatus)
	}
	w.app.set("aaron", `{"bad bad@@":{}}`)
	for range 10 {
		w.fails(aaron, ReasonAnswer)
	}
	w.app.set("john", `{}`)
	w.want(john, "[]")
}

func TestNoApplication(t *testing.T) {
	w := newWorld(t, func(o *Options) { o.URL = "http://user:hidden@127.0.0.1:1/%s?key=hidden"; o.Tries = 2 })
	e := w.fails(john, ReasonConnect)
	if strings.Contains(e.Error(), "hidden") || !strings.Contains(e.Error(), "refused") {
		t.Error(e)
	}
}
