package roster

import (
	"fmt"
	"math/rand/v2"
	"regexp"
	"strings"
	"sync"
	"testing"

	"roost/rosterdb"
	"roost/router/routertest"
)

var (
	wholeAnswer = regexp.MustCompile(`^<iq to='[^']*' type='result' id='v'><query xmlns='jabber:iq:roster' ver='([^']*)'>(.*)</query></iq>$`)
	items       = regexp.MustCompile(`<item jid='([^']*)'(?:[^>]*/>|.*?</item>)`)
)

// askVer sends a roster get with a version.
func askVer(c *routertest.Client, ver string) {
	c.Send("<iq type='get' id='v'><query xmlns='jabber:iq:roster' ver='" + ver + "'/></iq>")
}

// setOf is a roster set.
func setOf(item string) string {
	return "<iq type='set' id='s'><query xmlns='jabber:iq:roster'>" + item + "</query></iq>"
}

// current is the version that the store has.
func (w *world) current(owner string) uint64 {
	w.T.Helper()
	r, err := w.db.Roster(routertest.JID(w.T, owner))
	if err != nil {
		w.T.Fatal(err)
	}
	return r.Ver
}

// TestVersions: RFC 6121 §2.6.3; what comes for which version.
func TestVersions(t *testing.T) {
	w := newWorld(t, routertest.Options{}, rosterdb.Limits{})
	w.put("alice@x", `{"a@y":{},"b@y":{},"c@y":{},"d@y":{"groups":["g"]}}`)
	start := w.current("alice@x")
	alice := w.Bind("alice@x/r")
	for _, item := range []string{"<item jid='e@y'/>", "<item jid='a@y' name='A'/>", "<item jid='b@y' subscription='remove'/>", "<item jid='e@y' name='E'/>"} {
		alice.Send(setOf(item))
	}
	alice.Got()
	const none = "<iq to='alice@x/r' type='result' id='v'/>"
	now := w.current("alice@x")
	for _, c := range []struct {
		ver  string
		want []string // nil: the whole roster
	}{
		{verString(now), []string{none}},
		{verString(start), []string{none, "push <item jid='a@y' name='A' subscription='none'/>", "push <item jid='b@y' subscription='remove'/>",
			"push <item jid='e@y' name='E' subscription='none'/>"}},
		{verString(now - 1), []string{none, "push <item jid='e@y' name='E' subscription='none'/>"}},
		{"", nil},
		{"0", nil},
		{"1", nil},
		{"ver14", nil},
		{"a3f5c1d2e4b6978812345678901234567890abcd", nil}, // another server's
		{verString(start - 1000), nil},
		{verString(now + 1), nil},
		{strings.ToUpper(verString(start)), nil},
		{"+" + verString(start), nil},
		{"0" + verString(start), nil},
		{" " + verString(start), nil},
		{"-1", nil},
		{"&lt;&apos;", nil},
	} {
		askVer(alice, c.ver)
		if c.want != nil {
			last := ""
			for _, s := range alice.Got() {
				if m := pushed.FindStringSubmatch(s); m != nil {
					if len(m[1]) < len(last) || len(m[1]) == len(last) && m[1] <= last {
						t.Errorf("ver=%q: version %s after %s", c.ver, m[1], last)
					}
					last = m[1]
				}
				if got := brief([]string{s}); len(c.want) == 0 || got[0] != c.want[0] {
					t.Errorf("ver=%q: %s, want %v", c.ver, got[0], c.want)
				} else {
					c.want = c.want[1:]
				}
			}
			if len(c.want) > 0 || last != "" && last != verString(now) {
				t.Errorf("ver=%q: missing %v, last version %s of %s", c.ver, c.want, last, verString(now))
			}
			continue
		}
		m := wholeAnswer.FindStringSubmatch(alice.One())
		if m == nil || m[1] != verString(now) || len(items.FindAllString(m[2], -1)) != 4 {
			t.Errorf("ver=%q: %v", c.ver, m)
		}
	}
}

// TestVersionsShorter: the whole roster when it is the shorter answer, for whatever reason.
func TestVersionsShorter(t *testing.T) {
	var many strings.Builder
	for i := range 60 {
		fmt.Fprintf(&many, `"c%02d@y":{},`, i)
	}
	big := "{" + strings.TrimSuffix(many.String(), ",") + "}"
	for _, c := range []struct {
		name, old, now string
		whole          bool
	}{
		{"one of one", `{"a@y":{}}`, `{"a@y":{"name":"A"}}`, false},
		{"one of two removed", `{"a@y":{},"b@y":{}}`, `{"a@y":{}}`, false},
		{"all removed", `{"a@y":{}}`, `{}`, true},
		{"two of three removed", `{"a@y":{},"b@y":{},"c@y":{}}`, `{"a@y":{}}`, true},
		{"five of five", `{"a@y":{},"b@y":{},"c@y":{},"d@y":{},"e@y":{}}`,
			`{"a@y":{"name":"x"},"b@y":{"name":"x"},"c@y":{"name":"x"},"d@y":{"name":"x"},"e@y":{"name":"x"}}`, true},
		{"ten of sixty", big, strings.ReplaceAll(big, `"c0`, `"d0`), true}, // ten removed and ten added
		{"five of sixty", big, strings.NewReplacer(`"c00@y":{}`, `"c00@y":{"name":"x"}`, `"c11@y":{}`, `"c11@y":{"name":"x"}`,
			`"c22@y":{}`, `"c22@y":{"name":"x"}`, `"c33@y":{},`, ``, `"c44@y":{},`, ``).Replace(big), false},
		{"a long name", `{"a@y":{},"b@y":{}}`, `{"a@y":{"name":"` + strings.Repeat("x", 900) + `"},"b@y":{}}`, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := newWorld(t, routertest.Options{}, rosterdb.Limits{})
			w.put("alice@x", c.old)
			ver := verString(w.current("alice@x"))
			w.put("alice@x", c.now)
			alice := w.Bind("alice@x/r")
			askVer(alice, ver)
			got := alice.Got()
			if whole := strings.Contains(got[0], "<query"); whole != c.whole || whole && len(got) != 1 {
				t.Errorf("%v", got)
			}
		})
	}
}

// TestVersionsOwnOnly: the pushes are for who asked, who gets later ones, too.
func TestVersionsOwnOnly(t *testing.T) {
	w := newWorld(t, routertest.Options{}, rosterdb.Limits{})
	w.put("alice@x", `{"a@y":{},"b@y":{}}`)
	ver := verString(w.current("alice@x"))
	other, alice := w.here("alice@x/other"), w.Bind("alice@x/r")
	w.put("alice@x", `{"a@y":{"name":"A"},"b@y":{}}`)
	askVer(alice, ver)
	const a = "push <item jid='a@y' name='A' subscription='none'/>"
	expect(t, alice, "<iq to='alice@x/r' type='result' id='v'/>", a)
	expect(t, other)
	other.Send(setOf("<item jid='c@y'/>"))
	expect(t, alice, "push <item jid='c@y' subscription='none'/>")
}

// replay is a client that is on and off, and keeps its roster meanwhile.
type replay struct {
	ver   string
	items map[string]string
	whole int // times that it got the whole roster
}

// take goes through what the client received.
func (r *replay) take(t *testing.T, got []string) {
	t.Helper()
	for _, s := range got {
		if m := wholeAnswer.FindStringSubmatch(s); m != nil {
			r.ver, r.items = m[1], map[string]string{}
			r.whole++
			for _, it := range items.FindAllStringSubmatch(m[2], -1) {
				r.items[it[1]] = it[0]
			}
			continue
		}
		m := pushed.FindStringSubmatch(s)
		if m == nil {
			continue
		}
		if len(m[1]) < len(r.ver) || len(m[1]) == len(r.ver) && m[1] < r.ver {
			t.Errorf("a push with version %s after %s", m[1], r.ver)
		}
		r.ver = m[1]
		it := items.FindStringSubmatch(m[2])
		if r.items[it[1]] = it[0]; strings.Contains(it[0], "subscription='remove'") {
			delete(r.items, it[1])
		}
	}
}

// TestVersionsWhileChanging: a client comes again and again while others change its roster. On no
// stream does the version go back, nothing is lost between the answer and the pushes, and the client
// has in the end what is stored.
func TestVersionsWhileChanging(t *testing.T) {
	const rounds = 150
	w := newWorld(t, routertest.Options{}, rosterdb.Limits{})
	var more strings.Builder // so that the whole roster is never the shorter answer
	for i := range 50 {
		fmt.Fprintf(&more, `,"more%d@y":{}`, i)
	}
	w.put("alice@x", `{"c1@y":{},"c2@y":{}`+more.String()+`}`)
	var wg sync.WaitGroup
	for k := range 2 {
		c := w.Bind(fmt.Sprintf("alice@x/w%d", k))
		rnd := rand.New(rand.NewPCG(6121, uint64(k)))
		wg.Go(func() {
			for range rounds {
				to := fmt.Sprintf("c%d@y", rnd.IntN(10))
				switch rnd.IntN(4) {
				case 0:
					c.Send(setOf("<item jid='" + to + "' subscription='remove'/>"))
				case 1:
					c.Send("<presence type='subscribe' to='" + to + "'/>")
				default:
					c.Send(setOf(fmt.Sprintf("<item jid='%s' name='n%d'/>", to, rnd.IntN(1000))))
				}
			}
		})
	}
	wg.Go(func() {
		for n := range rounds / 10 {
			r := fmt.Sprintf(`{"c1@y":{},"c2@y":{"name":"%d"},"c3@y":{},"c4@y":{},"c5@y":{},"c6@y":{},"c7@y":{"groups":["g"]}%s}`, n, more.String())
			if err := w.Replace(routertest.JID(t, "alice@x"), w.parse(r)); err != nil {
				t.Error(err)
			}
		}
	})
	r := &replay{}
	for n := range rounds {
		c := w.Bind(fmt.Sprintf("alice@x/r%d", n))
		askVer(c, r.ver)
		r.take(t, c.Got())
		c.Leave()
		r.take(t, c.Got()) // what came in between
	}
	wg.Wait()
	c := w.Bind("alice@x/last")
	askVer(c, r.ver)
	r.take(t, c.Got())
	ro, err := w.db.Roster(routertest.JID(t, "alice@x"))
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for it := range ro.Visible() {
		n++
		if want := string(appendItem(nil, it, false)); r.items[it.Contact.String()] != want {
			t.Errorf("stored %s, the client has %s", want, r.items[it.Contact.String()])
		}
	}
	if n != len(r.items) || r.ver != verString(ro.Ver) {
		t.Errorf("%d items and version %s stored, the client has %v and %s", n, verString(ro.Ver), r.items, r.ver)
	}
	if r.whole != 1 {
		t.Errorf("the whole roster %d times, want once", r.whole)
	}
}
