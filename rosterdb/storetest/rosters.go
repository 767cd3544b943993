package storetest

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"roost/rosterdb"
	"roost/xmlstream/jid"
)

func emptyRoster(t *testing.T, s rosterdb.Store) {
	r, err := s.Roster(ann)
	must(t, err)
	if r == nil || r.Ver != 0 || len(r.Items) != 0 {
		t.Fatalf("roster of nobody: %+v", r)
	}
	if _, ok, err := s.Item(ann, bob); ok || err != nil {
		t.Fatalf("entry of nobody: %v, %v", ok, err)
	}
	_, err = s.Remove(ann, bob, true)
	want(t, err, rosterdb.ErrNoItem)
	old, err := s.DeleteRoster(ann)
	must(t, err)
	if len(old.Items) != 0 {
		t.Fatalf("deleted %+v", old)
	}
}

// RFC 6121 §2.3, §2.4: name and groups are replaced whole.
func setItem(t *testing.T, s rosterdb.Store) {
	c, err := s.SetItem(ann, bob, "Bob", []string{"Work", "Friends"}, rosterdb.Limits{})
	must(t, err)
	if c.Existed || !c.Changed || !c.Before.IsZero() || c.After.Name != "Bob" || c.Ver == 0 || c.After.Ver != c.Ver {
		t.Fatalf("first set: %+v", c)
	}
	first := c.Ver
	again, err := s.SetItem(ann, bob, "Bob", []string{"Work", "Friends"}, rosterdb.Limits{})
	must(t, err)
	if again.Changed || !again.Existed || again.Ver != first || again.After.Name != "Bob" {
		t.Fatalf("same set: %+v", again)
	}
	c, err = s.SetItem(ann, bob, "", []string{"Home"}, rosterdb.Limits{})
	must(t, err)
	if !c.Existed || !c.Changed || c.Before.Name != "Bob" || c.Ver <= first {
		t.Fatalf("second set: %+v", c)
	}
	it := state(t, s, ann, bob, rosterdb.StNone, true)
	if it.Name != "" || !slices.Equal(it.Groups, []string{"Home"}) || it.Ver != c.Ver {
		t.Fatalf("after the second set: %+v", it)
	}
	// The subscription stays.
	send(t, s, ann, bob, rosterdb.Subscribe)
	_, err = s.SetItem(ann, bob, "Robert", nil, rosterdb.Limits{})
	must(t, err)
	if it := state(t, s, ann, bob, rosterdb.StNoneOut, true); it.Name != "Robert" || len(it.Groups) != 0 {
		t.Fatalf("after the third set: %+v", it)
	}
}

func setItemLimits(t *testing.T, s rosterdb.Store) {
	l := rosterdb.Limits{MaxItems: 2, MaxGroups: 2, MaxName: 5}
	set := func(contact jid.JID, name string, groups ...string) error {
		_, err := s.SetItem(ann, contact, name, groups, l)
		return err
	}
	must(t, set(bob, "12345", "a", "b"))
	want(t, set(bob, "123456"), rosterdb.ErrBadItem)
	want(t, set(bob, "", "123456"), rosterdb.ErrBadItem)
	want(t, set(bob, "", "a", "b", "c"), rosterdb.ErrBadItem)
	want(t, set(bob, "", "a", "a"), rosterdb.ErrBadItem)
	want(t, set(bob, "", ""), rosterdb.ErrBadItem)
	want(t, set(bob, "\xff"), rosterdb.ErrBadItem)
	want(t, set(ann, ""), rosterdb.ErrBadItem)
	must(t, set(cat, ""))
	want(t, set(far, ""), rosterdb.ErrRosterFull)
	must(t, set(cat, "c")) // not a new one
	_, err := s.Subscription(rosterdb.Exchange{From: ann, To: far, Event: rosterdb.Subscribe, FromLocal: true, Limits: l})
	want(t, err, rosterdb.ErrRosterFull)
}

// RFC 6121 §3.1, §3.2, §3.3: ask, grant, ask back, revoke, cancel.
func handshake(t *testing.T, s rosterdb.Store) {
	o := send(t, s, ann, bob, rosterdb.Subscribe)
	if !o.Route || !o.Deliver || !o.From.Push || o.To.Push || o.AutoReply != rosterdb.NoEvent {
		t.Fatalf("subscribe: %+v", o)
	}
	if !o.From.After.Ask || o.From.Existed || !o.From.Changed || o.From.Ver == 0 {
		t.Fatalf("subscribe, sender: %+v", o.From)
	}
	state(t, s, ann, bob, rosterdb.StNoneOut, true)
	it := state(t, s, bob, ann, rosterdb.StNoneIn, false)
	if string(it.Request) != string(request(ann)) {
		t.Fatalf("kept request: %s", it.Request)
	}
	if o = send(t, s, ann, bob, rosterdb.Subscribe); !o.Route || o.Deliver || o.From.Push || o.From.Changed || o.To.Changed {
		t.Fatalf("subscribe again: %+v", o)
	}
	o = send(t, s, bob, ann, rosterdb.Subscribed)
	if !o.Route || !o.Deliver || !o.From.Push || !o.To.Push {
		t.Fatalf("subscribed: %+v", o)
	}
	if it := state(t, s, bob, ann, rosterdb.StFrom, true); len(it.Request) != 0 {
		t.Fatalf("request kept after the answer: %s", it.Request)
	}
	state(t, s, ann, bob, rosterdb.StTo, true)
	send(t, s, bob, ann, rosterdb.Subscribe)
	state(t, s, ann, bob, rosterdb.StToIn, true)
	send(t, s, ann, bob, rosterdb.Subscribed)
	state(t, s, ann, bob, rosterdb.StBoth, true)
	state(t, s, bob, ann, rosterdb.StBoth, true)
	if o = send(t, s, ann, bob, rosterdb.Unsubscribed); !o.Deliver || !o.To.Push {
		t.Fatalf("unsubscribed: %+v", o)
	}
	state(t, s, ann, bob, rosterdb.StTo, true)
	state(t, s, bob, ann, rosterdb.StFrom, true)
	send(t, s, ann, bob, rosterdb.Unsubscribe)
	state(t, s, ann, bob, rosterdb.StNone, true)
	state(t, s, bob, ann, rosterdb.StNone, true)
}

// RFC 6121 §3.1.3: who only asked is in nobody's roster.
func stranger(t *testing.T, s rosterdb.Store) {
	before, err := s.SetItem(ann, cat, "", nil, rosterdb.Limits{})
	must(t, err)
	o := send(t, s, far, ann, rosterdb.Subscribe)
	if o.From.Changed || !o.Route || !o.Deliver || o.To.Push || o.To.Ver != before.Ver {
		t.Fatalf("request of a stranger: %+v", o)
	}
	r, err := s.Roster(ann)
	must(t, err)
	if got := len(slices.Collect(r.Requests())); got != 1 {
		t.Fatalf("%d requests wait", got)
	}
	_, err = s.Remove(ann, far, false)
	want(t, err, rosterdb.ErrNoItem)
	if o = send(t, s, far, ann, rosterdb.Unsubscribe); !o.Deliver || o.To.Push || !o.To.After.IsZero() {
		t.Fatalf("request taken back: %+v", o)
	}
	if _, ok, _ := s.Item(ann, far); ok {
		t.Fatal("the entry of the stranger is still there")
	}
	// Refused: nothing is left either.
	send(t, s, far, ann, rosterdb.Subscribe)
	if o = send(t, s, ann, far, rosterdb.Unsubscribed); !o.Route || o.From.Push {
		t.Fatalf("request refused: %+v", o)
	}
	state(t, s, ann, far, rosterdb.StNone, false)
	// Set by the owner while the request waits: listed, and the request stays.
	send(t, s, far, ann, rosterdb.Subscribe)
	c, err := s.SetItem(ann, far, "Dan", nil, rosterdb.Limits{})
	must(t, err)
	if c.Existed || !c.Changed {
		t.Fatalf("set over a request: %+v", c)
	}
	if it := state(t, s, ann, far, rosterdb.StNoneIn, true); len(it.Request) == 0 {
		t.Fatal("the request is gone")
	}
}

func strangerLimits(t *testing.T, s rosterdb.Store) {
	ask := func(n int, stanza string) rosterdb.Outcome {
		t.Helper()
		o, err := s.Subscription(rosterdb.Exchange{From: j(fmt.Sprintf("s%d@far.example", n)), To: ann, Event: rosterdb.Subscribe,
			ToLocal: true, Stanza: []byte(stanza), Limits: rosterdb.Limits{MaxPending: 3, MaxRequest: 10}})
		must(t, err)
		return o
	}
	ask(1, "1234567890")
	if o := ask(2, "12345678901"); !o.Deliver || !o.To.After.PendingIn || o.To.After.Request != nil {
		t.Fatalf("long request: %+v", o)
	}
	ask(3, "")
	if o := ask(4, ""); o.Deliver || !o.To.Full || o.To.Changed {
		t.Fatalf("one too many: %+v", o)
	}
	r, err := s.Roster(ann)
	must(t, err)
	if len(r.Items) != 3 || string(r.Items[0].Request) != "1234567890" {
		t.Fatalf("kept: %+v", r.Items)
	}
}

// RFC 6121 §3.4.
func preApproval(t *testing.T, s rosterdb.Store) {
	o := send(t, s, ann, bob, rosterdb.Subscribed)
	if o.Route || o.Deliver || !o.From.Push || !o.From.After.Approved || o.To.Changed {
		t.Fatalf("pre-approval: %+v", o)
	}
	state(t, s, ann, bob, rosterdb.StNone, true)
	o = send(t, s, bob, ann, rosterdb.Subscribe)
	if o.Deliver || o.AutoReply != rosterdb.Subscribed || !o.ReplyDeliver || !o.From.Push || !o.To.Push {
		t.Fatalf("request of an approved contact: %+v", o)
	}
	if o.From.After.State() != rosterdb.StTo || o.From.Existed || !o.From.Before.IsZero() {
		t.Fatalf("sender: %+v", o.From)
	}
	state(t, s, ann, bob, rosterdb.StFrom, true)
	state(t, s, bob, ann, rosterdb.StTo, true)
	// Cancelled: not routed while nothing is granted.
	send(t, s, ann, cat, rosterdb.Subscribed)
	if o = send(t, s, ann, cat, rosterdb.Unsubscribed); o.Route || !o.From.Push || o.From.After.Approved {
		t.Fatalf("cancelling: %+v", o)
	}
	if o = send(t, s, cat, ann, rosterdb.Subscribe); !o.Deliver || o.AutoReply != rosterdb.NoEvent {
		t.Fatalf("after cancelling: %+v", o)
	}
}

// RFC 6121 §3.1.3: subscribed already, the other side has forgotten.
func autoReply(t *testing.T, s rosterdb.Store) {
	_, err := s.PutRoster(ann, &rosterdb.Roster{Items: []rosterdb.Item{{Contact: bob, Sub: rosterdb.SubFrom}, {Contact: far, Sub: rosterdb.SubBoth}}})
	must(t, err)
	o := send(t, s, bob, ann, rosterdb.Subscribe)
	if o.Deliver || o.AutoReply != rosterdb.Subscribed || !o.ReplyDeliver || o.To.Changed || o.From.After.State() != rosterdb.StTo {
		t.Fatalf("local: %+v", o)
	}
	if o = send(t, s, far, ann, rosterdb.Subscribe); o.AutoReply != rosterdb.Subscribed || o.ReplyDeliver || o.To.Changed || o.From.Changed {
		t.Fatalf("remote: %+v", o)
	}
}

func oneSideLocal(t *testing.T, s rosterdb.Store) {
	o := send(t, s, ann, far, rosterdb.Subscribe)
	if !o.Route || o.Deliver || !o.From.Push || o.To.Changed {
		t.Fatalf("to another domain: %+v", o)
	}
	if _, ok, _ := s.Item(far, ann); ok {
		t.Fatal("the other domain got a record")
	}
	if o = send(t, s, far, ann, rosterdb.Subscribed); !o.Deliver || !o.To.Push || o.To.Before.State() != rosterdb.StNoneOut {
		t.Fatalf("from another domain: %+v", o)
	}
	state(t, s, ann, far, rosterdb.StTo, true)
	// RFC 6121 §3.2.3: not asked for, silently dropped.
	if o = send(t, s, far, bob, rosterdb.Subscribed); o.Deliver || o.To.Changed || o.To.Push {
		t.Fatalf("unasked: %+v", o)
	}
	_, err := s.Subscription(rosterdb.Exchange{From: ann, To: ann, Event: rosterdb.Subscribe, FromLocal: true, ToLocal: true})
	want(t, err, rosterdb.ErrBadItem)
}

func putRoster(t *testing.T, s rosterdb.Store) {
	in := &rosterdb.Roster{Ver: 7, Items: []rosterdb.Item{
		{Contact: far, Sub: rosterdb.SubTo, Name: "Dan"},
		{Contact: bob, Sub: rosterdb.SubBoth, Groups: []string{"x"}},
	}}
	old, err := s.PutRoster(ann, in)
	must(t, err)
	if len(old.Items) != 0 {
		t.Fatalf("old: %+v", old)
	}
	r, err := s.Roster(ann)
	must(t, err)
	if len(r.Items) != 2 || r.Items[0].Contact != bob || !r.Items[0].Listed || r.Ver == 7 || r.Ver == 0 {
		t.Fatalf("stored: %+v", r)
	}
	kept := r.Items[0].Ver
	in.Items = []rosterdb.Item{{Contact: bob, Sub: rosterdb.SubBoth, Groups: []string{"x"}}, {Contact: cat}}
	old, err = s.PutRoster(ann, in)
	must(t, err)
	if len(old.Items) != 2 || old.Ver != r.Ver {
		t.Fatalf("old: %+v", old)
	}
	now, err := s.Roster(ann)
	must(t, err)
	if now.Ver <= r.Ver || now.Items[0].Ver != kept || now.Items[1].Ver != now.Ver {
		t.Fatalf("versions after the second: %+v, was %d", now, r.Ver)
	}
	in.Items = []rosterdb.Item{{Contact: bob}, {Contact: bob}}
	_, err = s.PutRoster(ann, in)
	want(t, err, rosterdb.ErrBadItem)
	in.Items = []rosterdb.Item{{Contact: ann}}
	_, err = s.PutRoster(ann, in)
	want(t, err, rosterdb.ErrBadItem)
	in.Items = []rosterdb.Item{{Contact: bob, Name: strings.Repeat("x", 600<<10)}}
	_, err = s.PutRoster(ann, in)
	want(t, err, rosterdb.ErrTooBig)
}

func versionsNeverRepeat(t *testing.T, s rosterdb.Store) {
	seen := map[uint64]bool{}
	for i := range 5 {
		for k := range 3 {
			c, err := s.SetItem(ann, bob, fmt.Sprint(i, k), nil, rosterdb.Limits{})
			must(t, err)
			if k > 0 && seen[c.Ver] {
				t.Fatalf("version %d again", c.Ver)
			}
			seen[c.Ver] = true
		}
	}
	r, err := s.Roster(ann)
	must(t, err)
	// What clients do not see changes no version.
	send(t, s, far, ann, rosterdb.Subscribe)
	now, err := s.Roster(ann)
	must(t, err)
	if now.Ver != r.Ver {
		t.Fatalf("version %d became %d for a stranger's request", r.Ver, now.Ver)
	}
}

func unknownMembers(t *testing.T, s rosterdb.Store) {
	const in = `{"bob@a.example":{"name":"Bob","groups":["g"],"subscription":"none","pending_requests":{"later":[1,2]},"avatar":{"url":"x"},"n":1.50}}`
	r, err := rosterdb.ParseRosterJSON([]byte(in))
	must(t, err)
	_, err = s.PutRoster(ann, r)
	must(t, err)
	send(t, s, ann, bob, rosterdb.Subscribe)
	_, err = s.SetItem(ann, bob, "Rob", nil, rosterdb.Limits{})
	must(t, err)
	r, err = s.Roster(ann)
	must(t, err)
	const out = `{"bob@a.example":{"name":"Rob","groups":[],"subscription":"none","pending_requests":{"ask":true,"later":[1,2]},"avatar":{"url":"x"},"n":1.50}}`
	if got := string(rosterdb.RosterJSON(r)); got != out {
		t.Fatalf("got  %s\nwant %s", got, out)
	}
}

func rosters(t *testing.T, s rosterdb.Store) {
	owners := []jid.JID{j("z@a.example"), j("b@a.example"), j("b@a.example.org"), j("a.example"), j("c@b.example")}
	for _, o := range owners {
		_, err := s.SetItem(o, far, "", nil, rosterdb.Limits{})
		must(t, err)
	}
	var got []string
	must(t, s.Rosters("a.example", func(o jid.JID, r *rosterdb.Roster) error {
		if len(r.Items) != 1 {
			t.Errorf("%s: %+v", o, r)
		}
		got = append(got, o.String())
		return nil
	}))
	if !slices.Equal(got, []string{"a.example", "b@a.example", "z@a.example"}) {
		t.Fatalf("rosters of a.example: %v", got)
	}
	stop := fmt.Errorf("stop")
	n := 0
	err := s.Rosters("a.example", func(jid.JID, *rosterdb.Roster) error { n++; return stop })
	want(t, err, stop)
	if n != 1 {
		t.Fatalf("%d calls after the error", n)
	}
	if old, err := s.DeleteRoster(owners[0]); err != nil || len(old.Items) != 1 {
		t.Fatalf("delete: %+v, %v", old, err)
	}
	if r, err := s.Roster(owners[0]); err != nil || len(r.Items) != 0 {
		t.Fatalf("after delete: %+v, %v", r, err)
	}
}
