package people

import "testing"

// TestMutual: whoever is in a roster has its owner in his own, once, and never himself.
func TestMutual(t *testing.T) {
	for _, g := range []Graph{New(1000, 20, 0, 3), New(1000, 20, 21, 0), New(95, 7, 10, 0), New(7, 4, 0, 0), New(3, 20, 0, 0), New(1, 20, 0, 0), New(250, 99, 0, 0)} {
		for u := range g.Users {
			seen := map[int]bool{}
			for i := range g.Degree(u) {
				c := g.Contact(u, i)
				if c == u || seen[c] || c < 0 || c >= g.Users {
					t.Fatalf("%+v: contact %d of %d is %d (%v)", g, i, u, c, seen)
				}
				seen[c] = true
				back := false
				for j := range g.Degree(c) {
					back = back || g.Contact(c, j) == u
				}
				if !back {
					t.Errorf("%+v: %d knows %d, but not the other way", g, u, c)
				}
			}
		}
	}
}

// TestSplit: shards hold whole circles and everybody once.
func TestSplit(t *testing.T) {
	g := New(1050, 20, 0, 0)
	for n := 1; n < 14; n++ {
		next := 0
		for i := range n {
			from, to := g.Split(i, n)
			if from != next || from%g.Circle != 0 && from != g.Users {
				t.Errorf("shard %d of %d is %d to %d, want from %d", i, n, from, to, next)
			}
			next = to
		}
		if next != g.Users {
			t.Errorf("%d shards end at %d", n, next)
		}
	}
}

func TestNames(t *testing.T) {
	n := Names{Domain: "example.org", User: "u%d-x", Password: "p%d", First: 5}
	if err := n.Check(); err != nil {
		t.Fatal(err)
	}
	if got := n.Bare(7); got != "u12-x@example.org" {
		t.Errorf("Bare: %s", got)
	}
	if got := n.PasswordOf(7); got != "p12" {
		t.Errorf("PasswordOf: %s", got)
	}
	for name, want := range map[string]int{"u12-x": 7, "u5-x": 0, "u4-x": -1, "u-x": -1, "ux-x": -1, "v12-x": -1, "u12": -1, "u": -1, "": -1} {
		got, ok := n.NumberOf([]byte(name))
		if !ok {
			got = -1
		}
		if got != want {
			t.Errorf("NumberOf(%q) = %d, want %d", name, got, want)
		}
	}
	for _, bad := range []Names{{User: "u%d"}, {Domain: "d", User: "u"}, {Domain: "d", User: "%d%d"}, {Domain: "d", User: "%d", Password: "%d%d"}} {
		if bad.Check() == nil {
			t.Errorf("%+v is taken", bad)
		}
	}
}
