package roster

import (
	"errors"
	"fmt"
	"regexp"
	"strings"
	"sync/atomic"
	"testing"

	"roost/rosterdb"
	"roost/router/routertest"
)

// world is a Router with the Service over a store in memory. alice, bob and carol of the domain x
// have accounts.
type world struct {
	*routertest.Server
	*Service
	db *rosterdb.DB

	full atomic.Bool // the disk takes no more
}

func newWorld(t testing.TB, o routertest.Options, limits rosterdb.Limits) *world {
	t.Helper()
	o.NoPresence = true // the canned rosters stay out of it
	w := &world{Server: routertest.New(t, o)}
	var err error
	w.db, err = rosterdb.Open(rosterdb.Options{InMemory: true, NoSync: true, MinFree: -1, BeforeCommit: func() error {
		if w.full.Load() {
			return fmt.Errorf("test: %w", rosterdb.ErrNoSpace)
		}
		return nil
	}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { w.db.Close() })
	w.Service = Register(w.Router, w.db, w.Accounts, limits)
	for _, who := range []string{"alice@x", "bob@x", "carol@x"} {
		w.Accounts.Add(routertest.JID(t, who))
	}
	return w
}

// here is a client that is available and has asked for its roster.
func (w *world) here(full string) *routertest.Client {
	w.T.Helper()
	c := w.Bind(full)
	c.Send("<iq type='get' id='r'><query xmlns='jabber:iq:roster'/></iq>")
	c.Send("<presence/>")
	w.Drain()
	return c
}

// put stores a roster, without telling anybody.
func (w *world) put(owner, json string) {
	w.T.Helper()
	if _, err := w.db.PutRoster(routertest.JID(w.T, owner), w.parse(json)); err != nil {
		w.T.Fatal(err)
	}
}

func (w *world) parse(json string) *rosterdb.Roster {
	w.T.Helper()
	r, err := rosterdb.ParseRosterJSON([]byte(json))
	if err != nil {
		w.T.Fatal(err)
	}
	return r
}

// stored is the roster as JSON, with only what is not usual.
func (w *world) stored(owner string) string {
	w.T.Helper()
	r, err := w.db.Roster(routertest.JID(w.T, owner))
	if err != nil {
		w.T.Fatal(err)
	}
	s := string(rosterdb.RosterJSON(r))
	for _, usual := range []string{`"name":"",`, `"groups":[],`, `,"pending_requests":{}`} {
		s = strings.ReplaceAll(s, usual, "")
	}
	return s
}

var pushed = regexp.MustCompile(`^<iq to='[^']*' type='set' id='push-[^']*'><query xmlns='jabber:iq:roster' ver='([^']*)'>(.*)</query></iq>$`)

// brief makes what a client got short: a push is its item, and the rest as it is.
func brief(got []string) []string {
	out := []string{}
	for _, s := range got {
		if m := pushed.FindStringSubmatch(s); m != nil {
			s = "push " + m[2]
		}
		out = append(out, s)
	}
	return out
}

// expect compares all that a client got since the last time, in its order.
func expect(t *testing.T, c *routertest.Client, want ...string) {
	t.Helper()
	if got := brief(c.Got()); strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("%s got\n  %s\nwant\n  %s", c.Session.JID, strings.Join(got, "\n  "), strings.Join(want, "\n  "))
	}
}

var errDisk = errors.New("the disk is gone")
