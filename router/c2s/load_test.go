package c2s_test

import (
	"fmt"
	"strings"
	"sync"
	"testing"

	"roost/netio"
	"roost/router"
	"roost/router/c2s"
	"roost/router/routertest"
	"roost/xmlstream/jid"
	"roost/xmlstream/stanza"
)

// together runs fn for 0 to n-1 beside each other and gives the clients' errors to the test.
func together(t *testing.T, n int, fn func(i int) *client) {
	t.Helper()
	var all sync.WaitGroup
	clients := make([]*client, n)
	for i := range n {
		all.Go(func() { clients[i] = fn(i) })
	}
	all.Wait()
	for i, c := range clients {
		if c != nil && c.err != nil {
			t.Errorf("client %d: %v", i, c.err)
		}
	}
}

// TestManyLogins: 100 users, each subscribed to some others, come and go at the same time.
func TestManyLogins(t *testing.T) {
	const users, rounds = 100, 3
	h := newHouse(t, options{net: netio.Config{Loops: 2}})
	name := func(i int) string { return fmt.Sprintf("user%d", i%users) }
	for i := range users {
		h.Accounts.Add(routertest.JID(t, name(i)+"@x"))
	}
	for i := range users {
		for _, d := range []int{1, 7, 31} {
			h.Friends(name(i)+"@x", name(i+d)+"@x")
		}
	}
	together(t, users, func(i int) *client {
		for round := range rounds {
			c := h.dial().login(name(i), "r")
			c.send("<presence/><message to='" + name(i+1) + "@x'><body>hi</body></message>")
			for got := ""; c.err == nil && !strings.HasPrefix(got, "<presence from='"+name(i)+"@x/r'"); {
				got = c.next()
			}
			switch (i + round) % 3 {
			case 0:
				c.logout()
			case 1:
				c.Close()
			default:
				c.reset()
			}
			if c.err != nil {
				return c
			}
		}
		return nil
	})
	h.empty(t)
}

// TestConflict: 50 streams bind one resource at the same time. Whatever the policy, a full JID never
// has two sessions, and each stream knows where it stands.
func TestConflict(t *testing.T) {
	const streams = 50
	for policy, want := range map[router.ConflictPolicy]int{router.Replace: 1, router.Refuse: 1, router.Rename: streams} {
		t.Run(fmt.Sprint(policy), func(t *testing.T) {
			h := newHouse(t, options{net: netio.Config{Loops: 2}, router: routertest.Options{Limits: router.Limits{MaxSessions: streams}},
				cfg: func(c *c2s.Config) { c.Conflict = policy }})
			clients := make([]*client, streams)
			for i := range clients {
				clients[i] = h.dial().open().auth("alice").check(t)
			}
			bound := make([]bool, streams)
			together(t, streams, func(i int) *client {
				got := clients[i].send(bind("a")).next()
				if bound[i] = strings.Contains(got, "<jid>"); !bound[i] && (policy != router.Refuse || !strings.Contains(got, "<conflict")) {
					clients[i].fail("got %q", got)
				}
				return clients[i]
			})
			left := 0
			for i, c := range clients {
				switch {
				case !bound[i]: // refused, but not ended
					c.bind("another").logout()
				case c.outlives():
					left++
				}
				c.check(t)
			}
			seen := map[jid.JID]int{}
			for _, s := range h.Router.Sessions(routertest.JID(t, "alice@x")) {
				seen[s.JID]++
			}
			if left != want || len(seen) != want || seen[routertest.JID(t, "alice@x/a")] != 1 {
				t.Errorf("%d streams go on, want %d; sessions by JID: %v", left, want, seen)
			}
			for _, c := range clients {
				c.Close()
			}
			h.empty(t)
		})
	}
}

// outlives reports that a stream goes on; else it was ended with a conflict. That may come after one
// answer, for it was posted to the loop while the request was read; it does not come after two.
func (c *client) outlives() bool {
	c.send("<iq type='get' id='1'><here xmlns='t'/></iq>")
	for c.err == nil {
		switch got := c.next(); {
		case strings.Contains(got, "id='1'"):
			c.Write([]byte("<iq type='get' id='2'><here xmlns='t'/></iq>")) // the connection may be closed
		case strings.Contains(got, "id='2'"):
			return true
		case strings.Contains(got, condition(stanza.StreamConflict)):
			c.want("</stream>")
			return false
		default:
			c.fail("got %q", got)
		}
	}
	return false
}

// TestOrder: 1000 messages reach a client in the order in which they were sent, without loss, while
// it goes off line and on line again: some live, some out of the store (RFC 6120 §10.1).
func TestOrder(t *testing.T) {
	const messages = 1000
	for _, leave := range []string{"presence", "logout"} {
		t.Run(leave, func(t *testing.T) {
			h := newHouse(t, options{net: netio.Config{Loops: 2}})
			alice := h.dial().login("alice", "a").check(t)
			go func() {
				for i := range messages {
					alice.send(fmt.Sprintf("<message to='bob@x' type='chat'><body>%d</body></message>", i))
				}
			}()
			next := 0
			see := func(got string) {
				if _, rest, ok := strings.Cut(got, "<body>"); ok {
					if body, _, _ := strings.Cut(rest, "<"); body != fmt.Sprint(next) {
						t.Fatalf("got message %s, want %d", body, next)
					}
					next++
				}
			}
			until := func(c *client, part string) {
				for got := ""; !strings.Contains(got, part); see(got) {
					got = c.next()
					c.check(t)
				}
			}
			var bob *client
			for round := 0; next < messages; round++ {
				if bob == nil {
					bob = h.dial().login("bob", "b")
				}
				bob.send("<presence/>")
				for some := next + 1 + round%17; next < min(some, messages); {
					see(bob.next())
					bob.check(t)
				}
				if leave == "presence" {
					bob.send("<presence type='unavailable'/>")
					until(bob, "type='unavailable'")
					continue
				}
				bob.send(footer)
				until(bob, "</stream>")
				bob.gone()
				bob.check(t)
				bob = nil
			}
			if bob != nil {
				bob.logout().check(t)
			}
			alice.logout().check(t)
			if kept := h.Offline.Kept(routertest.JID(t, "bob@x")); len(kept) != 0 {
				t.Errorf("%d messages are still stored", len(kept))
			}
			h.empty(t)
		})
	}
}
