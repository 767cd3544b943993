package delegated

import (
	"errors"
	"net/http"
	"slices"
	"sync"
	"testing"
	"time"

	"roost/rosterdb"
	"roost/xmlstream/jid"
)

var _ rosterdb.Rosters = (*Store)(nil)

func TestRequest(t *testing.T) {
	w := newWorld(t, func(o *Options) {
		o.Token = "se cret"
		o.URL += "?host=%h&u=%s"
	})
	odd := j(`o+k%s?=é@x.example`)
	w.app.set("o+k%s?=é", `{}`)
	w.want(odd, "[]")
	q := w.app.asked[0]
	if q.URL.EscapedPath() != "/contacts/o%2Bk%25s%3F%3D%C3%A9" || q.URL.Query().Get("u") != odd.Local() || q.URL.Query().Get("host") != "x.example" {
		t.Errorf("asked for %s", q.URL)
	}
	if q.Method != "GET" || q.Header.Get("Accept") != "application/json, text/plain, */*" || q.Header.Get("Authorization") != "Bearer se cret" {
		t.Errorf("%s %v", q.Method, q.Header)
	}
	for _, dots := range []string{".", ".."} {
		w.fails(j(dots+"@x.example"), ReasonName)
	}
	if n := w.app.count(); n != 1 {
		t.Errorf("%d requests", n)
	}
}

func TestCheckURL(t *testing.T) {
	for s, ok := range map[string]bool{
		"http://localhost/contacts/%s": true, "https://a.example:8443/%h/%s?x=%20": true, "http://u:p@a/%s": true,
		"": false, "http://localhost/": false, "ftp://a/%s": false, "//a/%s": false, "http://%s": true, "/contacts/%s": false,
		"http://a/%s#x": false, "http://a/%zz%s": false, "http://a b/%s": false,
	} {
		if err := CheckURL(s); (err == nil) != ok {
			t.Errorf("%s: %v", s, err)
		}
	}
}

// The first session fetches, all others share; when the last has gone, the next asks whether the
// roster is still the same.
func TestFetchedAtFirstNeed(t *testing.T) {
	w := newWorld(t, nil)
	w.app.set("john", `{"marie@x.example":{"name":"Marie"}}`)
	w.comes(john)
	first := w.want(john, "[marie(both)]")
	w.want(john, "[marie(both)]")
	if it, ok, err := w.Item(john, j("marie@x.example/r")); !ok || err != nil || it.Name != "Marie" || !it.Visible() {
		t.Errorf("%+v %v %v", it, ok, err)
	}
	if n := w.app.count(); n != 1 || !w.Known(john) {
		t.Errorf("%d requests", n)
	}
	w.goes(john)
	w.want(john, "[marie(both)]") // somebody else asks
	if n := w.app.count(); n != 1 {
		t.Errorf("%d requests", n)
	}
	w.comes(john)
	if w.Known(john) {
		t.Error("the roster of before is taken for true")
	}
	again := w.want(john, "[marie(both)]")
	if st := w.Stats(); st.Requests != 2 || st.NotModified != 1 || again.Ver != first.Ver || first.Ver == 0 {
		t.Errorf("%+v, %x, %x", st, first.Ver, again.Ver)
	}
	w.goes(john)
	w.app.set("john", `{"marie@x.example":{"name":"M"}}`)
	w.comes(john)
	if r := w.want(john, "[marie(both)]"); r.Ver == first.Ver || r.Items[0].Name != "M" {
		t.Errorf("%+v", r)
	}
	if got := w.news(); got != nil {
		t.Errorf("told of a login: %q", got)
	}
}

// content is what clients see of items.
func content(items []rosterdb.Item) string {
	return string(rosterdb.RosterJSON(&rosterdb.Roster{Items: items}))
}

func TestSameContent(t *testing.T) {
	seen := map[string]bool{}
	for _, same := range [][]string{
		{`{}`, `[]`, ` { } `},
		{`{"a@b":{}}`, `{"a@b":[]}`, `{"a@b":null}`, `{"a@b":{"name":null,"groups":[],"subscription":"both","x":1}}`, `{"A@b":{"groups":{"no":false}}}`},
		{`{"a@b":{},"c@b":{"groups":["x","y"]}}`, `{"c@b":{"groups":{"y":true,"x":1}},"a@b":{}}`},
		{`{"a@b":{},"c@b":{"groups":["y","x"]}}`},
		{`{"a@b":{"subscription":"to"}}`},
	} {
		var all []string
		for _, text := range same {
			items, err := parse(john, []byte(text), Options{}.withDefaults())
			if err != nil {
				t.Fatal(text, err)
			}
			all = append(all, content(items))
		}
		if len(slices.Compact(all)) != 1 || seen[all[0]] {
			t.Errorf("%q: %q", same, all)
		}
		seen[all[0]] = true
	}
}

func TestSingleFlight(t *testing.T) {
	w := newWorld(t, nil)
	w.app.set("john", `{}`)
	release := make(chan struct{})
	w.app.does(func(http.ResponseWriter, *http.Request) bool { <-release; return false })
	w.comes(john)
	var wg sync.WaitGroup
	for range 20 {
		wg.Go(func() {
			if _, err := w.Roster(john); err != nil {
				t.Error(err)
			}
		})
	}
	w.until("the request", func() bool { return w.app.count() == 1 })
	close(release)
	wg.Wait()
	if n := w.app.count(); n != 1 {
		t.Errorf("%d requests", n)
	}
}

func TestConcurrencyIsBounded(t *testing.T) {
	w := newWorld(t, func(o *Options) { o.Concurrency = 3 })
	w.app.does(func(http.ResponseWriter, *http.Request) bool { return false })
	var wg sync.WaitGroup
	for i := range 60 {
		owner, _ := jid.New("u"+string(rune('a'+i%26))+string(rune('a'+i/26)), "x.example", "")
		w.app.set(owner.Local(), `{}`)
		wg.Go(func() {
			if _, err := w.Roster(owner); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if w.app.most > 3 || w.app.count() != 60 {
		t.Errorf("%d at a time, %d in all", w.app.most, w.app.count())
	}
}

// Where those who wait would wait for longer than the timeout, nobody joins them.
func TestQueueHasAnEnd(t *testing.T) {
	w := newWorld(t, func(o *Options) { o.Concurrency = 1; o.Timeout = 100 * time.Millisecond })
	w.app.set("john", `{}`)
	w.slots <- struct{}{} // somebody is being served
	w.Store.mu.Lock()
	w.average = time.Second
	w.Store.mu.Unlock()
	w.fails(john, ReasonBusy)
	w.Store.mu.Lock()
	w.average = 0
	w.Store.mu.Unlock()
	w.fails(aaron, ReasonBusy) // waits, in vain
	<-w.slots
	if n := w.app.count(); n != 0 {
		t.Errorf("%d requests", n)
	}
}

func TestNothingChangesARosterFromHere(t *testing.T) {
	w := newWorld(t, nil)
	_, err1 := w.SetItem(john, aaron, "", nil, rosterdb.Limits{})
	_, err2 := w.Remove(john, aaron, true)
	_, err3 := w.PutRoster(john, &rosterdb.Roster{})
	_, err4 := w.DeleteRoster(john)
	_, err5 := w.Subscription(rosterdb.Exchange{From: john, To: aaron, FromLocal: true})
	_, _, err6 := w.ReplaceRoster(john, nil, nil)
	err7 := w.Rosters("x.example", nil)
	_, err8 := w.RosterOwners("x.example", jid.JID{}, 1)
	for i, err := range []error{err1, err2, err3, err4, err5, err6, err7, err8} {
		if !errors.Is(err, rosterdb.ErrDelegated) {
			t.Errorf("%d: %v", i+1, err)
		}
	}
	if _, err := w.Roster(j("john@y.example")); err == nil {
		t.Error("a roster of another domain")
	}
}

func TestNobodyAsksAboutStrangers(t *testing.T) {
	broken := errors.New("broken")
	w := newWorld(t, func(o *Options) {
		o.Exists = func(user jid.JID) (bool, error) {
			if user == aaron {
				return false, broken
			}
			return user == john, nil
		}
	})
	w.app.set("john", `{}`)
	w.want(j("nobody@x.example"), "[]")
	if _, err := w.Roster(aaron); !errors.Is(err, broken) {
		t.Error(err)
	}
	w.want(john, "[]")
	if n := w.app.count(); n != 1 {
		t.Errorf("%d requests", n)
	}
}

// The rosters of those who are away are kept in bounded memory; those who are here lose nothing.
func TestIdleRostersAreBounded(t *testing.T) {
	w := newWorld(t, func(o *Options) { o.IdleBytes = 5000 })
	w.comes(john)
	w.app.set("john", `{}`)
	w.want(john, "[]")
	for i := range 50 {
		owner := j(string(rune('a'+i%26)) + string(rune('a'+i/26)) + "@x.example")
		if i%2 == 0 {
			w.app.set(owner.Local(), `{"marie@x.example":{}}`)
			w.want(owner, "[marie(both)]")
		} else {
			w.fails(owner, ReasonStatus)
		}
	}
	st := w.Stats()
	if st.IdleBytes > 5000 || st.Idle < 4 || st.Idle > 10 || st.Live != 1 || len(w.entries) != st.Idle+1 {
		t.Errorf("%+v", st)
	}
	n := w.app.count()
	w.want(john, "[]")
	if w.app.count() != n {
		t.Error("the roster of somebody who is here was dropped")
	}
	w.Forget(john)
	if w.Known(john) || w.Stats().Live != 0 {
		t.Error("not forgotten")
	}
}

func TestIdleRostersAge(t *testing.T) {
	w := newWorld(t, func(o *Options) { o.IdleAge = time.Nanosecond })
	w.app.set("john", `{}`)
	w.want(john, "[]")
	w.want(john, "[]")
	if st := w.Stats(); st.NotModified != 1 {
		t.Errorf("%+v", st)
	}
}

func TestCloseEndsWaiting(t *testing.T) {
	w := newWorld(t, nil)
	w.app.does(hang)
	done := make(chan struct{})
	go func() {
		defer close(done)
		w.fails(john, ReasonClosed)
	}()
	w.until("the request", func() bool { return w.app.count() == 1 })
	w.Close()
	<-done
	w.fails(aaron, ReasonClosed)
}
