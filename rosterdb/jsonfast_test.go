package rosterdb

import (
	"fmt"
	"reflect"
	"testing"
	"unicode/utf8"
)

// everyday is a roster of n contacts in the form that fastRoster knows.
func everyday(n int) []byte {
	b := []byte("{")
	for k := range n {
		if k > 0 {
			b = append(b, ", "...)
		}
		b = fmt.Appendf(b, `"contact%05d@example.org": {"name": "Contact %d", "groups": ["Friends"], "subscription": "both", "pending_requests": {}}`, k, k)
	}
	return append(b, '}')
}

var fastForms = []string{
	`{}`, ` { } `, `{"bob@a.example":{}}`, string(everyday(3)),
	`{"B@A.example":{"name":"\u00e9\"x\ud83d\ude00","groups":["b","a"],"subscription":"from"}}`,
	`{"bob@a.example":{"pending_requests":{"ask":true,"approved":true},"subscription":"none"}}`,
	`{"bob@a.example":{"pending_requests":{"ask":true},"subscription":"both"}}`,
	"\n{\"z@a\":{},\t\"a.example\":{\"groups\":[]}}\r\n",
}

var otherForms = []string{
	``, `{`, `[]`, `{}x`, `{"bob@a.example":{}`, `{"bob@a.example":{},}`, `{"bob@a.example":{"name":"a","name":"b"}}`,
	`{"bob@a.example":{},"bob@a.example":{}}`, `{"bob@a.example":{},"BOB@a.example":{}}`, `{"bob@a.example/r":{}}`, `{"@":{}}`,
	`{"bob@a.example":{"groups":[""]}}`, `{"bob@a.example":{"groups":["a","a"]}}`, `{"bob@a.example":{"subscription":"maybe"}}`,
	`{"bob@a.example":{"color":"red"}}`, `{"bob@a.example":{"pending_requests":null}}`, `{"bob@a.example":{"name":null}}`,
	`{"bob@a.example":{"pending_requests":{"ask":true,"ask":true}}}`, `{"bob@a.example":{"pending_requests":{"subscribe":{"direction":"in"}}}}`,
	`{"bob@a.example":{"name":"` + "\x01" + `"}}`, `{"bob@a.example":{"name":"\q"}}`, `{"bob@a.example":{"name":"\`,
}

func TestFastRoster(t *testing.T) {
	for _, s := range fastForms {
		if _, ok := fastRoster([]byte(s)); !ok {
			t.Errorf("%s goes the slow way", s)
		}
		checkFast(t, []byte(s))
	}
	for _, s := range otherForms {
		if _, ok := fastRoster([]byte(s)); ok {
			t.Errorf("%s goes the fast way", s)
		}
	}
}

// checkFast: what the fast way accepts means the same the slow way.
func checkFast(t *testing.T, b []byte) {
	t.Helper()
	fast, ok := fastRoster(b)
	if !ok {
		return
	}
	slow, err := readRoster(b)
	if err != nil {
		t.Fatalf("%q is accepted only the fast way: %v", b, err)
	}
	if !reflect.DeepEqual(fast, slow) {
		t.Fatalf("%q:\nfast %+v\nslow %+v", b, fast, slow)
	}
}

func FuzzFastRoster(f *testing.F) {
	for _, s := range fastForms {
		f.Add([]byte(s))
	}
	for _, s := range otherForms {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		if utf8.Valid(b) {
			checkFast(t, b)
		}
	})
}

func BenchmarkParseJSON30(b *testing.B) {
	text := everyday(30)
	for _, c := range []struct {
		name  string
		parse func([]byte) (*Roster, error)
	}{{"fast", ParseRosterJSON}, {"slow", readRoster}} {
		b.Run(c.name, func(b *testing.B) {
			b.SetBytes(int64(len(text)))
			b.ReportAllocs()
			for b.Loop() {
				if _, err := c.parse(text); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
