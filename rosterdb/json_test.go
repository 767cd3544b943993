package rosterdb

import (
	"encoding/json"
	"errors"
	"reflect"
	"strings"
	"testing"
)

// The record as the product's reference prints it.
const seedJSON = `{"test1@test": { "name": "test1", "groups": [ "mytest" ], "pending_requests": { },  "subscription": "both" } }`

func TestSeedJSON(t *testing.T) {
	r, err := ParseRosterJSON([]byte(seedJSON))
	if err != nil {
		t.Fatal(err)
	}
	want := Item{Contact: mustJID(t, "test1@test"), Name: "test1", Groups: []string{"mytest"}, Sub: SubBoth, Listed: true}
	if len(r.Items) != 1 || !reflect.DeepEqual(r.Items[0], want) {
		t.Fatalf("%+v, want %+v", r.Items, want)
	}
	var in, out any
	if err := errors.Join(json.Unmarshal([]byte(seedJSON), &in), json.Unmarshal(RosterJSON(r), &out)); err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(in, out) {
		t.Errorf("written as %s", RosterJSON(r))
	}
}

func TestRosterJSONForms(t *testing.T) {
	for _, c := range []struct{ name, in, out string }{
		{"empty", ` { } `, `{}`},
		{"defaults", `{"b@x":{}}`, `{"b@x":{"name":"","groups":[],"subscription":"none","pending_requests":{}}}`},
		{"null pending", `{"b@x":{"pending_requests":null}}`, `{"b@x":{"name":"","groups":[],"subscription":"none","pending_requests":{}}}`},
		{"sorted, prepared", `{"C@X":{},"b@x":{}}`, `{"b@x":{"name":"","groups":[],"subscription":"none","pending_requests":{}},"c@x":{"name":"","groups":[],"subscription":"none","pending_requests":{}}}`},
		{"ask", `{"b@x":{"subscription":"from","pending_requests":{"ask":"subscribe"}}}`, `{"b@x":{"name":"","groups":[],"subscription":"from","pending_requests":{"ask":true}}}`},
		{"stranger", `{"b@x":{"pending_requests":{"subscribe":{"direction":"in","stanza":"<p/>"}}}}`, `{"b@x":{"name":"","groups":[],"subscription":"none","pending_requests":{"subscribe":{"direction":"in","stanza":"<p/>"}}}}`},
		{"listed", `{"b@x":{"pending_requests":{"listed":true,"subscribe":{}}}}`, `{"b@x":{"name":"","groups":[],"subscription":"none","pending_requests":{"subscribe":{"direction":"in"},"listed":true}}}`},
		{"approved", `{"b@x":{"pending_requests":{"approved":true,"ask":false}}}`, `{"b@x":{"name":"","groups":[],"subscription":"none","pending_requests":{"approved":true}}}`},
		{"impossible", `{"b@x":{"subscription":"both","pending_requests":{"ask":true,"subscribe":{"stanza":"x"}}}}`, `{"b@x":{"name":"","groups":[],"subscription":"both","pending_requests":{}}}`},
		{"unknown", `{"b@x":{"a": {"b" : [1, 2]}, "c\"":null,"pending_requests":{"d":1.0}}}`, `{"b@x":{"name":"","groups":[],"subscription":"none","pending_requests":{"d":1.0},"a":{"b":[1,2]},"c\"":null}}`},
		{"escapes", `{"b@x":{"name":"a\"\\\n\t\r\u0001é😀"}}`, `{"b@x":{"name":"a\"\\\n\t\r\u0001é😀","groups":[],"subscription":"none","pending_requests":{}}}`},
	} {
		r, err := ParseRosterJSON([]byte(c.in))
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		if got := string(RosterJSON(r)); got != c.out {
			t.Errorf("%s:\n got %s\nwant %s", c.name, got, c.out)
		}
	}
}

func TestStrangerIsNotListed(t *testing.T) {
	for in, want := range map[string]bool{
		`{"b@x":{"pending_requests":{"subscribe":{}}}}`:                     false,
		`{"b@x":{"name":"B","pending_requests":{"subscribe":{}}}}`:          true,
		`{"b@x":{"groups":["g"],"pending_requests":{"subscribe":{}}}}`:      true,
		`{"b@x":{"subscription":"to","pending_requests":{"subscribe":{}}}}`: true,
		`{"b@x":{}}`: true,
	} {
		r, err := ParseRosterJSON([]byte(in))
		if err != nil || r.Items[0].Listed != want {
			t.Errorf("%s: %+v, %v", in, r, err)
		}
	}
}

func TestParseRosterJSONErrors(t *testing.T) {
	for _, c := range []struct {
		in     string
		offset int64
		text   string
	}{
		{``, 0, "the JSON ends early"},
		{`{"b@x":{}`, 9, "the JSON ends early"},
		{`[]`, 0, "want an object, found an array"},
		{`"x"`, 0, "want an object, found a string"},
		{`{} x`, 3, "something follows the object"},
		{`{} {}`, 3, "something follows the object"},
		{`{"b@x":{},}`, 10, "invalid character"},
		{"{\"b@x\":{\"name\":\"\xff\"}}", 16, "not UTF-8"},
		{`{"":{}}`, 1, "jid"},
		{`{"@x":{}}`, 1, "jid"},
		{`{"b@x/r":{}}`, 1, "has a resource"},
		{`{"b@x":{},"B@X":{}}`, 10, "contact b@x is there twice"},
		{`{"b@x":{},"b@x":{}}`, 10, "twice"},
		{`{"b@x":7}`, 7, `"b@x": want an object, found a number`},
		{`{"b@x":{"name":7}}`, 15, `"b@x".name: want a string, found a number`},
		{`{"b@x":{"name":null}}`, 15, `"b@x".name: want a string, found null`},
		{`{"b@x":{"name":"a","name":"b"}}`, 19, `"b@x".name: the member is there twice`},
		{`{"b@x":{"groups":{}}}`, 17, `"b@x".groups: want an array of strings, found an object`},
		{`{"b@x":{"groups":["a",7]}}`, 22, `"b@x".groups[1]: want a string`},
		{`{"b@x":{"groups":["a", "a"]}}`, 23, `"b@x".groups[1]: group "a" is there twice`},
		{`{"b@x":{"groups":[""]}}`, 18, `"b@x".groups[0]: the group is empty`},
		{`{"b@x":{"subscription":"remove"}}`, 23, `"b@x".subscription: "remove" is not none, to, from or both`},
		{`{"b@x":{"pending_requests":[]}}`, 27, `"b@x".pending_requests: want an object`},
		{`{"b@x":{"pending_requests":{"ask":1}}}`, 34, `"b@x".pending_requests.ask: want true or false`},
		{`{"b@x":{"pending_requests":{"subscribe":{"direction":"out"}}}}`, 53, `is not "in"`},
		{`{"b@x":{"pending_requests":{"subscribe":{"x":"in"}}}}`, 45, `unknown member`},
		{`{"b@x":{"pending_requests":{"subscribe":true}}}`, 40, `want an object, found true`},
	} {
		_, err := ParseRosterJSON([]byte(c.in))
		je, ok := errors.AsType[*JSONError](err)
		if !ok {
			t.Errorf("%s: error %v", c.in, err)
			continue
		}
		if je.Offset != c.offset || !strings.Contains(err.Error(), c.text) {
			t.Errorf("%s: %v\nwant offset %d and %q", c.in, err, c.offset, c.text)
		}
	}
}

func FuzzRosterJSON(f *testing.F) {
	f.Add([]byte(seedJSON))
	f.Add(RosterJSON(goldenRoster(f)))
	f.Add([]byte(`{"b@x":{"a": {"b" : [1, 2]}, "c\"":null,"pending_requests":{"d":1.0,"subscribe":{"stanza":"\ud800"}}}}`))
	f.Add([]byte(`{"b@x":{"pending_requests":{"subscribe":{"stanza":""}}}}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		r, err := ParseRosterJSON(b)
		if err != nil {
			if je, ok := errors.AsType[*JSONError](err); !ok || je.Offset < 0 || je.Offset > int64(len(b))+1 {
				t.Fatalf("error %#v", err)
			}
			return
		}
		out := RosterJSON(r)
		if !json.Valid(out) {
			t.Fatalf("not JSON: %s", out)
		}
		again, err := ParseRosterJSON(out)
		if err != nil {
			t.Fatalf("%v: %s", err, out)
		}
		if !reflect.DeepEqual(r, again) {
			t.Fatalf("%+v\nbecame\n%+v", r, again)
		}
		rec, err := parseRecord((&record{}).encode(r.Items))
		if err != nil {
			t.Fatal(err)
		}
		stored, err := rec.roster()
		if err != nil || string(RosterJSON(stored)) != string(out) {
			t.Fatalf("%v: stored as %s, want %s", err, RosterJSON(stored), out)
		}
	})
}
