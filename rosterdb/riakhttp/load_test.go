package riakhttp_test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"

	"roost/rosterdb"
	"roost/rosterdb/riakhttp"
	"roost/xmlstream/jid"
)

const asLines = "Content-Type: application/x-ndjson"

// lines are n rosters of one contact, from number first on.
func lines(first, n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, `{"jid":"user%06d@a.example","roster":%s}`+"\n", first+i, bob)
	}
	return b.String()
}

// told is a line of the answer.
type told struct {
	Line, Stored, From, Offset, Column int
	Done                               bool
	Error                              string
}

func answers(t *testing.T, body string) (out []told) {
	t.Helper()
	for line := range strings.Lines(body) {
		var a told
		if err := json.Unmarshal([]byte(line), &a); err != nil {
			t.Fatalf("%v in %q", err, line)
		}
		out = append(out, a)
	}
	if len(out) == 0 {
		t.Fatal("no answer")
	}
	return out
}

func TestLoad(t *testing.T) {
	bad := `{"jid":"x@a.example","roster":{"b b@x":{}}}` + "\n"
	for _, c := range []struct {
		name, query, body string
		status, answers   int
		last              told
		errs              string
	}{
		{"nothing", "", "", 200, 1, told{Done: true}, ""},
		{"one", "", lines(0, 1), 200, 1, told{Line: 1, Stored: 1, Done: true}, ""},
		{"progress", "?every=1000", lines(0, 5000), 200, -1, told{Line: 5000, Stored: 5000, Done: true}, ""},
		{"from", "?from=3", "x\ny\n" + lines(0, 2), 200, 2, told{Line: 4, Stored: 2, Done: true}, ""},
		{"wrong at once", "", lines(0, 2) + bad + lines(3, 1), 400, 1, told{Line: 3, Stored: 2, From: 3, Offset: 31, Column: 32}, "line 3: roster of x@a.example"},
		{"wrong later", "?every=1", lines(0, 2000) + bad, 200, -1, told{Line: 2001, Stored: 2000, From: 2001, Offset: 31, Column: 32}, "line 2001"},
		{"foreign", "", `{"jid":"x@elsewhere","roster":{}}`, 400, 1, told{Line: 1, From: 1, Offset: 7, Column: 8}, "are not here"},
		{"full address", "", `{"jid":"x@test/r","roster":{}}`, 400, 1, told{Line: 1, From: 1, Offset: 7, Column: 8}, "resource"},
		{"oneself", "", `{"jid":"x@test","roster":{"x@test":{}}}`, 400, 1, told{Line: 1, From: 1}, "x@test"},
		{"too long", "", lines(0, 1) + `{"jid":"` + strings.Repeat("x", 1<<16) + `"}`, 413, 1, told{Line: 2, Stored: 1, From: 2}, "longer than"},
		{"bad from", "?from=0", "", 400, 1, told{}, "from=0"},
		{"bad every", "?every=x", "", 400, 1, told{}, "every=x"},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := newWeb(t, nil)
			got := w.do("POST", "/riak/xmpp"+c.query, c.body, asLines)
			w.want(got, c.status, c.errs)
			all := answers(t, got.body)
			last := all[len(all)-1]
			last.Error = ""
			if last != c.last {
				t.Errorf("%s\n got %+v\nwant %+v", got.body, last, c.last)
			}
			if c.answers > 0 && len(all) > c.answers || c.answers < 0 && len(all) < 3 {
				t.Errorf("%d answers", len(all))
			}
			for i := 1; i < len(all); i++ {
				if all[i].Line < all[i-1].Line || all[i].Stored < all[i-1].Stored {
					t.Errorf("answer %d goes back: %+v", i, all)
				}
			}
		})
	}
}

// TestLoadWhileSending: answers come while the client still sends, and a load whose connection
// breaks goes on behind the last of them.
func TestLoadWhileSending(t *testing.T) {
	w := newWeb(t, nil)
	r, send := io.Pipe()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	q, err := http.NewRequestWithContext(ctx, "POST", w.url+"/riak/xmpp?every=100", r)
	if err != nil {
		t.Fatal(err)
	}
	q.Header.Set("Content-Type", "application/x-ndjson")
	go io.WriteString(send, lines(0, 2000)) // and no end
	resp, err := http.DefaultTransport.RoundTrip(q)
	if err != nil {
		t.Fatal(err)
	}
	var a told
	line, err := bufio.NewReader(resp.Body).ReadBytes('\n')
	if err == nil {
		err = json.Unmarshal(line, &a)
	}
	if err != nil || a.Line == 0 || a.Line != a.Stored || a.Done {
		t.Fatalf("%v: %s", err, line)
	}
	cancel()
	resp.Body.Close()
	send.Close()
	for i := range a.Line { // what was told is there
		if ro, err := w.db.Roster(addr(t, fmt.Sprintf("user%06d@a.example", i))); err != nil || len(ro.Items) != 1 {
			t.Fatalf("line %d: %v", i+1, err)
		}
	}
	got := w.do("POST", fmt.Sprintf("/riak/xmpp?from=%d", a.Line+1), lines(0, 2000), asLines)
	w.want(got, 200, fmt.Sprintf(`{"line":2000,"stored":%d,"done":true}`, 2000-a.Line))
}

// failing is a Replacer that fails at one owner.
type failing struct {
	riakhttp.Replacer
	at string
}

func (f failing) ReplaceIf(owner jid.JID, r *rosterdb.Roster, check func(*rosterdb.Roster) error) (*rosterdb.Roster, error) {
	if owner.String() == f.at {
		return nil, errors.Join(rosterdb.ErrNoSpace, errors.New("disk"))
	}
	return f.Replacer.ReplaceIf(owner, r, check)
}

// TestLoadStoreFails: the answer says from where to go on when there is space again.
func TestLoadStoreFails(t *testing.T) {
	w := newWeb(t, func(o *riakhttp.Options) { o.Replacer = failing{o.Replacer, "user000700@a.example"} })
	got := w.do("POST", "/riak/xmpp", lines(0, 3000), asLines)
	w.want(got, 507, `"line":701`, `"stored":700`, `"from":701`)
	w.want(w.do("PUT", "/riak/xmpp/user000700@a.example", bob, asJSON), 507, "no space")
}

// TestWritersWhoSawOneVersion: with If-Match no change is lost.
func TestWritersWhoSawOneVersion(t *testing.T) {
	const writers, rounds = 8, 10
	const path = "/riak/xmpp/ann@a.example"
	w := newWeb(t, nil)
	w.want(w.do("PUT", path, "{}", asJSON), 204)
	var wg sync.WaitGroup
	for i := range writers {
		wg.Go(func() {
			for n := 0; n < rounds; {
				got := w.do("GET", path, "", "")
				ro := map[string]json.RawMessage{}
				if err := json.Unmarshal([]byte(got.body), &ro); err != nil {
					t.Error(err)
					return
				}
				ro[fmt.Sprintf("c%d-%d@test", i, n)] = json.RawMessage("{}")
				b, _ := json.Marshal(ro)
				switch put := w.do("PUT", path, string(b), "If-Match: "+got.header.Get("ETag")); put.status {
				case 204:
					n++
				case 412:
				default:
					t.Errorf("%+v", put)
					return
				}
			}
		})
	}
	wg.Wait()
	if ro, err := w.db.Roster(addr(t, "ann@a.example")); err != nil || len(ro.Items) != writers*rounds {
		t.Errorf("%v, %d entries of %d", err, len(ro.Items), writers*rounds)
	}
}

// BenchmarkLoad100000 is 100 000 rosters of 30 contacts over HTTP, into a store on the disk.
func BenchmarkLoad100000(b *testing.B) {
	var roster bytes.Buffer
	for i := range 30 {
		fmt.Fprintf(&roster, `,"contact%05d@a.example":{"name":"Contact %d","groups":["Friends"],"subscription":"both","pending_requests":{}}`, i, i)
	}
	var text bytes.Buffer
	for i := range 100000 {
		fmt.Fprintf(&text, `{"jid":"user%06d@a.example","roster":{%s}}`+"\n", i, roster.Bytes()[1:])
	}
	b.SetBytes(int64(text.Len()))
	for b.Loop() {
		db, err := rosterdb.Open(rosterdb.Options{Dir: b.TempDir()})
		if err != nil {
			b.Fatal(err)
		}
		w := newWeb(b, func(o *riakhttp.Options) { o.Store, o.Replacer = db, riakhttp.Direct(db) })
		w.want(w.do("POST", "/riak/xmpp", text.String(), asLines), 200, `"stored":100000,"done":true`)
		if err := db.Close(); err != nil {
			b.Fatal(err)
		}
	}
}
