package s2s

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"roost/xmlstream"
	"roost/xmlstream/stanza"
)

// TestProofs: the whole table. A pair becomes proven only from pending, by a yes.
func TestProofs(t *testing.T) {
	for from := range nProofs {
		for s := range nSteps {
			to := proofs[from][s]
			if (to == proven) != (from == proven || from == pending && s == confirmed) {
				t.Errorf("%d by %d: %d", from, s, to)
			}
			if (to == pending) != (s == asked && from != proven) {
				t.Errorf("%d by %d: %d", from, s, to)
			}
		}
	}
}

// TestStates: every state has a name and a step.
func TestStates(t *testing.T) {
	for st := range nInStates {
		if inSteps[st] == nil || st.String() == "" {
			t.Errorf("in %d %q", st, st)
		}
	}
	for st := range nOutStates {
		if outSteps[st] == nil || st.String() == "" {
			t.Errorf("out %d %q", st, st)
		}
	}
}

// TestSpeaks: who may exchange stanzas with whom.
func TestSpeaks(t *testing.T) {
	s := New(Config{Rules: Rules{Domains: map[string]*Local{"listed": {}, "open": {Mode: Open}, "closed": {Mode: Closed}},
		Remotes: map[string]Remote{"friend": {}}}})
	for _, c := range []struct {
		local, remote string
		want          bool
	}{
		{"listed", "friend", true}, {"listed", "stranger", false}, {"open", "friend", true}, {"open", "stranger", true},
		{"closed", "friend", false}, {"nowhere", "friend", false}, {"listed", "open", false}, {"open", "open", false},
	} {
		if s.speaks(Pair{c.local, c.remote}) != c.want {
			t.Errorf("%s with %s: %v", c.local, c.remote, !c.want)
		}
	}
}

// TestSecret: a secret for a domain of theirs goes before that of a domain of ours.
func TestSecret(t *testing.T) {
	own := NewSecret("theirs")
	s := New(Config{Rules: Rules{Domains: map[string]*Local{"x": {Secret: NewSecret("x")}}, Remotes: map[string]Remote{"a": {Secret: &own}, "b": {}}}})
	if *s.secret(Pair{"x", "a"}) != own || *s.secret(Pair{"x", "b"}) != NewSecret("x") || *s.secret(Pair{"x", "c"}) != NewSecret("x") {
		t.Error("another secret")
	}
}

// TestHold: the wait after failures doubles up to its limit, and ends with success.
func TestHold(t *testing.T) {
	now := time.Unix(1000, 0)
	s := New(Config{Rules: Rules{Domains: map[string]*Local{"x": {Mode: Open}}, Others: Remote{Retry: 10 * time.Second}}, Now: func() time.Time { return now }})
	p := Pair{"x", "y"}
	var waits []int
	for range 6 {
		o, fresh, e := s.stream(p, false)
		if e != nil || !fresh {
			t.Fatal(e, fresh)
		}
		s.forget(o)
		s.putOff(Pair{Remote: "y"}, o.rem.Retry, stanza.RemoteServerTimeout.New())
		if _, _, e := s.stream(p, false); e == nil || e.Condition != stanza.RemoteServerTimeout {
			t.Fatalf("not held: %v", e)
		}
		if o, _, e := s.stream(p, true); e != nil {
			t.Fatalf("what is urgent is held: %v", e)
		} else {
			s.forget(o)
		}
		n := 0
		for ; s.holds[Pair{Remote: "y"}].until.After(now); n++ {
			now = now.Add(time.Second)
		}
		waits = append(waits, n)
	}
	if !slices.Equal(waits, []int{1, 2, 4, 8, 10, 10}) {
		t.Errorf("%v", waits)
	}
	now = now.Add(time.Hour)
	s.putOff(Pair{"x", "y"}, 10*time.Second, stanza.RemoteServerTimeout.New())
	s.putOff(Pair{Remote: "y"}, 10*time.Second, stanza.RemoteServerTimeout.New())
	if d := s.holds[Pair{Remote: "y"}].delay; d != firstHold {
		t.Errorf("an hour later the wait begins with %v", d)
	}
	s.reached(Pair{"x", "y"})
	if st := s.Stats(); st.Held != 1 || st.Out != 0 || len(s.perRemote) != 0 {
		t.Errorf("%+v, %v", st, s.perRemote)
	}
}

// TestMaxStreams: the limits of one domain and of all.
func TestMaxStreams(t *testing.T) {
	s := New(Config{Rules: Rules{Domains: map[string]*Local{"a": {Mode: Open}, "b": {Mode: Open}, "c": {Mode: Open}}, Others: Remote{MaxStreams: 2}, MaxStreams: 3}})
	for _, c := range []struct {
		p    Pair
		want bool
	}{{Pair{"a", "y"}, true}, {Pair{"b", "y"}, true}, {Pair{"c", "y"}, false}, {Pair{"a", "z"}, true}, {Pair{"b", "z"}, false}, {Pair{"a", "y"}, true}} {
		_, _, e := s.stream(c.p, false)
		if (e == nil) != c.want || e != nil && e.Condition != stanza.ResourceConstraint {
			t.Errorf("%v: %v", c.p, e)
		}
	}
}

// TestQueue: what waits for a stream is bounded, in bytes and in number, and given back whole.
func TestQueue(t *testing.T) {
	s := New(Config{Rules: Rules{Domains: map[string]*Local{"x": {Mode: Open}}}, MaxQueue: 1000})
	o, _, _ := s.stream(Pair{"x", "y"}, false)
	frame := func(n int) *stanza.Frame { return stanza.FrameString(strings.Repeat("m", n)) }
	for i, c := range []struct {
		size int
		ok   bool
	}{{5000, true}, {1, false}} { // one stanza always fits
		if taken, e := o.send(frame(c.size)); !taken || (e == nil) != c.ok {
			t.Errorf("%d: %v, %v", i, taken, e)
		}
	}
	o, _, _ = s.stream(Pair{"x", "z"}, false)
	s.c.MaxQueue = 1 << 20
	for i := range maxWaiting + 1 {
		if _, e := o.send(frame(1)); (e == nil) != (i < maxWaiting) {
			t.Fatalf("%d: %v", i, e)
		}
	}
	for i := range maxAsks + 1 {
		done := make(chan verdict, 1)
		o.ask(&inquiry{done: func(v verdict) { done <- v }})
		if i == maxAsks {
			if v := <-done; v.err == nil || v.err.Condition != stanza.ResourceConstraint {
				t.Errorf("%+v", v)
			}
		}
	}
}

// TestDialbackElements: what we write is what we read.
func TestDialbackElements(t *testing.T) {
	p := Pair{"our.example", "their.example"}
	for _, c := range []struct{ wrote, name, want string }{
		{string(appendResult(nil, p, "k")), "result", "{{their.example our.example}   k }"},
		{string(appendVerify(nil, p, "i<d", "k&")), "verify", "{{their.example our.example} i<d  k& }"},
		{string(appendVerdict(nil, "verify", p, "id", valid, nil)), "verify", "{{their.example our.example} id valid  }"},
		{string(appendVerdict(nil, "result", p, "", failed, stanza.ItemNotFound.With("<why>"))), "result", "{{their.example our.example}  error  item-not-found}"},
	} {
		d, err := parseDB(element(t, c.wrote))
		if got := fmt.Sprintf("{{%s %s} %s %s %s %s}", d.pair.Local, d.pair.Remote, d.id, d.verdict, d.key, d.cause); err != nil || got != c.want {
			t.Errorf("%s: %s, %v", c.wrote, got, err)
		}
	}
	for _, bad := range []string{"<db:result/>", "<db:result from='a@b' to='c'/>", "<db:result from='b' to='c/d'/>", "<db:result from='b'/>",
		"<db:verify from='b' to='c' id='" + strings.Repeat("x", maxKey+1) + "'/>", "<db:result from='b' to='c'>" + strings.Repeat("x", maxKey+1) + "</db:result>"} {
		if d, err := parseDB(element(t, bad)); err == nil {
			t.Errorf("%s: %+v", bad, d)
		}
	}
}

// element cuts one element out of a stream of servers.
func element(t testing.TB, text string) xmlstream.Element {
	t.Helper()
	el, err := xmlstream.ParseElement([]byte("<x xmlns='jabber:server' xmlns:db='"+nsDialback+"'>"+text+"</x>"), nil)
	if err != nil {
		t.Fatal(err, text)
	}
	return el.First()
}
