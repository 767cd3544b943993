package delegated

import (
	"bytes"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"roost/xmlstream/jid"
)

// lines are what was logged; it is used by several goroutines.
type lines struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lines) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(b)
}

func (l *lines) take() []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	out := strings.Split(strings.TrimSpace(l.b.String()), "\n")
	l.b.Reset()
	return out
}

func user(i int) jid.JID { return j(fmt.Sprintf("u%d@x.example", i)) }

// A thousand logins that fail for one cause are one line, one more when the application is left alone,
// and one with their number when it is back.
func TestOneLineForOneCause(t *testing.T) {
	var log lines
	w := newWorld(t, func(o *Options) {
		o.Log = slog.New(slog.NewTextHandler(&log, nil))
		o.Trip, o.Tries, o.Pause = 5, 1, 200*time.Millisecond
	})
	w.app.does(status(500))
	for i := range 1000 {
		w.Roster(user(i))
	}
	got := log.take()
	if len(got) != 2 || !strings.Contains(got[0], "reason=status") || !strings.Contains(got[0], "user=u0@x.example") ||
		!strings.Contains(got[1], "roster service fails") {
		t.Fatalf("%q", got)
	}
	w.app.does(nil)
	w.until("back", func() bool {
		_, err := w.Roster(user(int(time.Now().UnixNano())))
		e, _ := errors.AsType[*Error](err)
		return e != nil && e.Code == 404
	})
	got = log.take()
	if len(got) < 1 || !strings.Contains(got[0], "roster service is back") || !strings.Contains(got[0], " failed=") || strings.Contains(got[0], "failed=0") {
		t.Errorf("%q", got)
	}
	if st := w.Stats(); st.Trips == 0 || st.Took <= 0 || st.Open != 0 || st.Waiting != 0 {
		t.Errorf("%+v", st)
	}
}

func TestLinesComeAgain(t *testing.T) {
	tr := troubles{told: map[string]time.Time{}, since: map[string]int{}}
	at := time.Unix(1_800_000_000, 0)
	say := func(reason string, after time.Duration) string {
		at = at.Add(after)
		before, tell := tr.count(reason, at, time.Minute)
		return fmt.Sprint(before, tell)
	}
	for i, c := range []struct {
		reason string
		after  time.Duration
		want   string
	}{
		{"a", 0, "0 true"}, {"a", time.Second, "0 false"}, {"b", 0, "0 true"}, {"a", time.Second, "0 false"},
		{"a", time.Minute, "2 true"}, {"a", time.Second, "0 false"}, {"b", time.Hour, "0 true"},
	} {
		if got := say(c.reason, c.after); got != c.want {
			t.Errorf("%d: %s, want %s", i, got, c.want)
		}
	}
}

// When the breaker opens, nobody waits any longer: neither who came late, nor who comes then.
func TestOpeningEndsTheWait(t *testing.T) {
	const timeout = time.Second
	w := newWorld(t, func(o *Options) { o.Timeout, o.Trip, o.Tries, o.Concurrency = timeout, 3, 1, 100 })
	w.app.does(hang)
	var wg sync.WaitGroup
	for i := range 3 {
		wg.Go(func() { w.Roster(user(i)) })
	}
	w.until("three requests", func() bool { return w.app.count() == 3 })
	<-time.After(timeout / 4)
	for i := range 20 { // each would wait for the timeout, and say so
		wg.Go(func() { w.fails(user(10+i), ReasonPaused) })
	}
	wg.Wait()
	w.fails(john, ReasonPaused)
}

// A roster can be fetched ahead of its need: once, and not again soon after that has failed.
func TestPrefetch(t *testing.T) {
	w := newWorld(t, func(o *Options) { o.Hold = time.Hour })
	w.app.set("john", `{}`)
	w.comes(john, aaron)
	release := make(chan struct{})
	w.app.does(func(http.ResponseWriter, *http.Request) bool { <-release; return false })
	w.Prefetch(john)
	w.Prefetch(j("john@x.example/other"))
	w.Prefetch(aaron)
	w.until("both asked", func() bool { return w.app.count() == 2 })
	if w.Known(john) {
		t.Error("there before it was fetched")
	}
	close(release)
	w.until("there", func() bool { return w.Known(john) })
	w.fails(aaron, ReasonStatus)
	w.Prefetch(john)
	w.Prefetch(aaron)
	w.want(john, "[]")
	if n := w.app.count(); n != 2 {
		t.Errorf("%d requests", n)
	}
}
