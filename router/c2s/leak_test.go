package c2s_test

import (
	"fmt"
	"log/slog"
	"math/rand/v2"
	"os"
	"strconv"
	"strings"
	"testing"

	"roost/netio"
	"roost/netio/netiotest"
	"roost/router/c2s"
	"roost/router/routertest"
)

// TestLeak: a great many sessions come and go, in order and not; descriptors, goroutines and the heap
// are then where they were after the first few. ROOST_CONNS says how many connections a leak test
// makes; a session costs ten of those that only connect.
func TestLeak(t *testing.T) {
	const users = 50
	n := 600
	if v, err := strconv.Atoi(os.Getenv("ROOST_CONNS")); err == nil {
		n = v / 10
	}
	silent := slog.New(slog.DiscardHandler)
	h := newHouse(t, options{net: netio.Config{Loops: 2, Log: silent}, tls: true, srv: func(s *c2s.Server) { s.Log = silent }})
	name := func(i int) string { return fmt.Sprintf("user%d", i%users) }
	for i := range users {
		h.Accounts.Add(routertest.JID(t, name(i)+"@x"))
	}
	for i := range users {
		h.Friends(name(i)+"@x", name(i+1)+"@x")
	}
	visit := func(i int, rng *rand.Rand) *client {
		c := h.dial()
		if rng.IntN(20) == 0 {
			c.open().secure()
		}
		c.login(name(i), fmt.Sprint(i)).send("<presence/><message to='" + name(i+1) + "@x' type='headline'><body>hi</body></message>")
		c.send("<iq type='get' id='end'><beside xmlns='t'/></iq>")
		for got := ""; c.err == nil && !strings.Contains(got, "id='end'"); {
			got = c.next()
		}
		switch rng.IntN(4) {
		case 0:
			c.send(footer)
			for got := ""; c.err == nil && got != "</stream>"; {
				got = c.next()
			}
		case 1:
			c.send("<a b>")
		case 2:
			c.send("<message to='")
		}
		if rng.IntN(2) == 0 {
			c.reset()
		} else {
			c.Close()
		}
		return c
	}
	run := func(n int) {
		const at = 10 // once
		together(t, at, func(w int) *client {
			rng := rand.New(rand.NewPCG(uint64(w), uint64(n)))
			for i := range n / at {
				if c := visit(w*users/at+i%(users/at), rng); c.err != nil {
					return c
				}
			}
			return nil
		})
		h.empty(t)
	}
	run(min(n/2, 5000))
	check := netiotest.Floor(t)
	run(n)
	check()
}
