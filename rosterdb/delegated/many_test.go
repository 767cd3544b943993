package delegated

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"
)

// crowd is a Store whose application gives every user contacts in a ring, with names that change.
type crowd struct {
	*world
	admin *httptest.Server // takes refreshes
}

// newCrowd has users u0 to u(here-1) with sessions.
func newCrowd(t testing.TB, here, contacts int) *crowd {
	c := &crowd{world: newWorld(t, func(o *Options) { o.Changed = nil })}
	for i := range here {
		c.comes(user(i))
	}
	var mu sync.Mutex
	round := map[string]int{}
	c.app.does(func(w http.ResponseWriter, q *http.Request) bool {
		name := strings.TrimPrefix(q.URL.Path, "/contacts/")
		c.app.forget()
		mu.Lock()
		round[name]++
		n := round[name]
		mu.Unlock()
		var at int
		fmt.Sscanf(name, "u%d", &at)
		b := []byte("{")
		for k := range contacts {
			if k > 0 {
				b = append(b, ',')
			}
			b = fmt.Appendf(b, `"u%d@x.example":{"name":"Contact %d of round %d","groups":["Friends"]}`, (at+k+1)%max(here, contacts+1), k, n)
		}
		w.Write(append(b, '}'))
		return true
	})
	c.admin = httptest.NewServer(Handler(func(string) *Store { return c.Store }, ""))
	t.Cleanup(c.admin.Close)
	return c
}

// refresh names u0 to u(n-1) in one request, and gives the answer and the most goroutines and bytes of
// heap seen meanwhile.
func (c *crowd) refresh(n int) (r Reply, goroutines int, heap uint64) {
	c.t.Helper()
	var names strings.Builder
	for i := range n {
		fmt.Fprintf(&names, `,"u%d"`, i)
	}
	done, seen := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(seen)
		var m runtime.MemStats
		for tick := time.Tick(20 * time.Millisecond); ; {
			select {
			case <-done:
				return
			case <-tick:
				runtime.ReadMemStats(&m)
				goroutines, heap = max(goroutines, runtime.NumGoroutine()), max(heap, m.HeapAlloc)
			}
		}
	}()
	resp, err := http.Post(c.admin.URL+"/roster_admin/refresh", "application/json", strings.NewReader("["+names.String()[1:]+"]"))
	close(done)
	<-seen
	if err != nil {
		c.t.Fatal(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err == nil {
		err = json.Unmarshal(b, &r)
	}
	if err != nil || resp.StatusCode != 200 {
		c.t.Fatal(resp.StatusCode, err)
	}
	return r, goroutines, heap
}

// 100 000 names in one request over a socket, of which 2 000 are here and have changed. What goes on at
// a time is bounded, and nothing is left of those who are not here.
func TestManyNames(t *testing.T) {
	const names, here, contacts = 100_000, 2000, 10
	c := newCrowd(t, here, contacts)
	before := runtime.NumGoroutine()
	r, goroutines, _ := c.refresh(names)
	if r.Status != "ok" || r.Updated != here || r.Offline != names-here || r.Errors != 0 || r.Unchanged != 0 {
		t.Errorf("%+v", r)
	}
	// a fetch is its worker, itself, both ends of its connection and the timer of its deadline
	if most := before + 8*cap(c.errands) + 16; goroutines > most {
		t.Errorf("%d goroutines, %d before; want at most %d", goroutines, before, most)
	}
	if c.app.most > cap(c.errands) {
		t.Errorf("%d requests at a time", c.app.most)
	}
	if st := c.Stats(); st.Requests != here || st.Live != here || st.Idle != 0 || st.Refreshed.Offline != names-here {
		t.Errorf("%+v", st)
	}
}

// A contact is in doubt once, however many new rosters contradict its own, and not when it is named.
func TestDoubtsAreBounded(t *testing.T) {
	w := newWorld(t, nil)
	w.comes(john)
	w.app.set("john", `{}`)
	w.want(john, "[]")
	var names []string
	for i := range 50 {
		w.comes(user(i))
		w.app.set(user(i).Local(), fmt.Sprintf(`{"john@x.example":{},"u%d@x.example":{}}`, (i+1)%50))
		names = append(names, `"`+user(i).Local()+`"`)
	}
	before := w.app.count()
	if code, r := w.call("POST", refreshURL, "["+strings.Join(names, ",")+"]"); code != 200 || r.Updated != 50 {
		t.Errorf("%d %+v", code, r)
	}
	if n := w.app.count() - before; n != 51 { // john's, once
		t.Errorf("%d requests", n)
	}
}

// BenchmarkRefresh fetches 100 000 rosters of 30 contacts, all of them changed, by one request.
func BenchmarkRefresh(b *testing.B) {
	const here, contacts = 100_000, 30
	c := newCrowd(b, here, contacts)
	c.refresh(here)
	for b.Loop() {
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		begin := time.Now()
		r, goroutines, heap := c.refresh(here)
		if r.Updated != here {
			b.Fatalf("%+v", r.Message)
		}
		b.ReportMetric(here/time.Since(begin).Seconds(), "rosters/s")
		b.ReportMetric(float64(goroutines), "goroutines")
		b.ReportMetric(float64(m.HeapAlloc>>20), "MiB-before")
		b.ReportMetric(float64(heap>>20), "MiB-peak")
	}
}
