package rosterdb_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"
	"testing"

	"roost/rosterdb"
	"roost/xmlstream/jid"
)

// loadText is n lines of rosters of k contacts.
func loadText(n, k int) []byte {
	var b []byte
	for i := range n {
		b = fmt.Appendf(b, `{"jid":"user%06d@example.org","roster":{`, i)
		for c := range k {
			if c > 0 {
				b = append(b, ',')
			}
			b = fmt.Appendf(b, `"contact%05d@example.org":{"name":"Contact %d","groups":["Friends"],"subscription":"both","pending_requests":{}}`, c, c)
		}
		b = append(b, "}}\n"...)
	}
	return b
}

// kept is where tests load to.
type kept struct {
	mu      sync.Mutex
	rosters map[string]string
	busy    map[jid.JID]bool
	fail    string // this owner cannot be stored
}

var errFull = errors.New("full")

func (k *kept) put(owner jid.JID, r *rosterdb.Roster) error {
	k.mu.Lock()
	if k.busy[owner] {
		panic("two at once for " + owner.String())
	}
	if k.busy == nil {
		k.busy, k.rosters = map[jid.JID]bool{}, map[string]string{}
	}
	k.busy[owner] = true
	k.mu.Unlock()
	text := string(rosterdb.RosterJSON(r))
	k.mu.Lock()
	defer k.mu.Unlock()
	delete(k.busy, owner)
	if owner.String() == k.fail {
		return errFull
	}
	k.rosters[owner.String()] = text
	return nil
}

func line(owner, roster string) string { return `{"jid":"` + owner + `","roster":` + roster + "}\n" }

func TestLoad(t *testing.T) {
	bob := `{"bob@a":{"subscription":"to"}}`
	a, b, c := line("a@x", "{}"), line("b@x", bob), line("c@x", "{}")
	for _, tc := range []struct {
		name, in, fail string
		from           int
		want           rosterdb.LoadProgress
		stored         string // owners
		line           int    // of the error, 0 for none
		text           string // in the error
	}{
		{name: "nothing"},
		{name: "three", in: a + b + c, want: rosterdb.LoadProgress{Line: 3, Stored: 3}, stored: "a b c"},
		{name: "no line end", in: a + strings.TrimSpace(b), want: rosterdb.LoadProgress{Line: 2, Stored: 2}, stored: "a b"},
		{name: "empty lines", in: "\n\n" + a + " \t\r\n" + b + "\n", want: rosterdb.LoadProgress{Line: 6, Stored: 2}, stored: "a b"},
		{name: "members turned round", in: `{ "roster" : {} , "jid" : "a@x", "more": 1 }`, want: rosterdb.LoadProgress{Line: 1, Stored: 1}, stored: "a"},
		{name: "from", in: "junk\n" + a + b, from: 3, want: rosterdb.LoadProgress{Line: 3, Stored: 1}, stored: "b"},
		{name: "from beyond", in: a + b, from: 9, want: rosterdb.LoadProgress{Line: 8}},
		{name: "again", in: a + b + line("a@x", bob) + c, want: rosterdb.LoadProgress{Line: 4, Stored: 4}, stored: "a b c"},
		{name: "bad JSON", in: a + "\n{\n" + b, want: rosterdb.LoadProgress{Line: 2, Stored: 1}, stored: "a", line: 3, text: "offset"},
		{name: "bad contact", in: line("a@x", `{"b b@x":{}}`), line: 1, text: "roster of a@x: offset 23"},
		{name: "bad owner", in: a + line("@@", "{}"), want: rosterdb.LoadProgress{Line: 1, Stored: 1}, stored: "a", line: 2, text: `offset 7: "jid"`},
		{name: "full owner", in: line("a@x/r", "{}"), line: 1, text: "resource"},
		{name: "no owner", in: `{"roster":{}}`, line: 1, text: `"jid"`},
		{name: "no roster", in: `{"jid":"a@x"}`, line: 1, text: `a@x has no "roster"`},
		{name: "roster null", in: `{"jid":"a@x","roster":null}`, line: 1, text: "null"},
		{name: "not UTF-8", in: line("a@x", `{"b@x":{"name":"`+"\xff"+`"}}`), line: 1, text: "UTF-8"},
		{name: "something behind", in: strings.TrimSpace(a) + "}\n", line: 1, text: "something follows"},
		{name: "too long", in: a + line("b@x", `{"bob@a":{"name":"`+strings.Repeat("n", 1000)+`"}}`), want: rosterdb.LoadProgress{Line: 1, Stored: 1}, stored: "a", line: 2, text: "longer than 500"},
		{name: "store fails", in: a + b + c, fail: "b@x", want: rosterdb.LoadProgress{Line: 1, Stored: 1}, stored: "a", line: 2, text: "full"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			k := &kept{fail: tc.fail}
			got, err := rosterdb.Load(t.Context(), strings.NewReader(tc.in), rosterdb.LoadOptions{Put: k.put, From: tc.from, MaxLine: 500})
			if got != tc.want {
				t.Errorf("got %+v, want %+v", got, tc.want)
			}
			le, _ := errors.AsType[*rosterdb.LineError](err)
			if (le == nil) != (tc.line == 0) || le != nil && (le.Line != tc.line || !strings.Contains(err.Error(), tc.text)) {
				t.Errorf("error %v, want line %d and %q", err, tc.line, tc.text)
			}
			for _, owner := range strings.Fields(tc.stored) {
				if _, ok := k.rosters[owner+"@x"]; !ok {
					t.Errorf("%s is not stored", owner)
				}
			}
			if tc.name == "again" && k.rosters["a@x"] == "{}" {
				t.Error("the first line of a@x holds, not the last")
			}
		})
	}
}

// TestLoadPosition: wherever a load breaks off, what it says is stored is, and
// going on from there makes it whole.
func TestLoadPosition(t *testing.T) {
	const n = 3000
	text := loadText(n, 2)
	for _, cut := range []int{0, 1, len(text) / 3, len(text) / 2, len(text) - 1} {
		k := &kept{}
		broken := io.MultiReader(bytes.NewReader(text[:cut]), failing{})
		var told []rosterdb.LoadProgress
		o := rosterdb.LoadOptions{Put: k.put, Every: 1000, Progress: func(p rosterdb.LoadProgress) error {
			k.mu.Lock()
			defer k.mu.Unlock()
			if len(k.rosters) < p.Stored {
				t.Errorf("%d stored, told %+v", len(k.rosters), p)
			}
			told = append(told, p)
			return nil
		}}
		p, err := rosterdb.Load(t.Context(), broken, o)
		if !errors.Is(err, io.ErrUnexpectedEOF) || p.Stored != bytes.Count(text[:cut], []byte{'\n'}) || p.Line != p.Stored {
			t.Fatalf("cut at %d: %+v, %v", cut, p, err)
		}
		o.From = p.Line + 1
		if p, err = rosterdb.Load(t.Context(), bytes.NewReader(text), o); err != nil || p.Line != n {
			t.Fatalf("gone on: %+v, %v", p, err)
		}
		if len(k.rosters) != n || len(told) == 0 || p.Stored != n-o.From+1 {
			t.Errorf("cut at %d: %d rosters, told %v", cut, len(k.rosters), told)
		}
	}
}

// failing is a connection that breaks.
type failing struct{}

func (failing) Read([]byte) (int, error) { return 0, io.ErrUnexpectedEOF }

// TestLoadEnds: the context and Progress end a load, and it says where.
func TestLoadEnds(t *testing.T) {
	text := loadText(5000, 1)
	stop := errors.New("stop")
	k := &kept{}
	p, err := rosterdb.Load(t.Context(), bytes.NewReader(text), rosterdb.LoadOptions{Put: k.put, Every: 1, Progress: func(rosterdb.LoadProgress) error { return stop }})
	if !errors.Is(err, stop) || p.Stored == 0 || p.Stored > len(k.rosters) {
		t.Errorf("%+v of %d, %v", p, len(k.rosters), err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	k = &kept{}
	p, err = rosterdb.Load(ctx, bytes.NewReader(text), rosterdb.LoadOptions{Put: func(j jid.JID, r *rosterdb.Roster) error {
		cancel()
		return k.put(j, r)
	}})
	if !errors.Is(err, context.Canceled) || p.Stored > len(k.rosters) {
		t.Errorf("%+v of %d, %v", p, len(k.rosters), err)
	}
}

func FuzzLoad(f *testing.F) {
	f.Add(loadText(3, 2))
	f.Add([]byte(`{"jid":"a@x","roster":{}}x`))
	f.Add([]byte(`{"roster":{"b@x":{"color":1}},"jid":"a@x"}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		k := &kept{}
		p, err := rosterdb.Load(t.Context(), bytes.NewReader(b), rosterdb.LoadOptions{Put: k.put, MaxLine: 1000})
		lines := bytes.Count(b, []byte{'\n'}) + 1
		if p.Line > lines || p.Stored > lines || len(k.rosters) > p.Stored && err == nil {
			t.Errorf("%+v of %d lines, %d stored, %v", p, lines, len(k.rosters), err)
		}
	})
}

// BenchmarkLoad100000 loads 100 000 rosters of 30 contacts.
func BenchmarkLoad100000(b *testing.B) {
	text := loadText(100000, 30)
	b.SetBytes(int64(len(text)))
	for b.Loop() {
		db := benchStore(b)
		p, err := rosterdb.Load(b.Context(), bytes.NewReader(text), rosterdb.LoadOptions{Put: func(j jid.JID, r *rosterdb.Roster) error {
			_, err := db.PutRoster(j, r)
			return err
		}})
		if p.Stored != 100000 || err != nil {
			b.Fatal(p, err)
		}
		must(b, db.Close())
	}
}
