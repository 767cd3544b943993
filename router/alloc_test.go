//go:build !race

package router_test

import (
	"testing"

	. "roost/router/routertest"
)

// One message to one session costs one allocation at most.
func TestRouteAllocations(t *testing.T) {
	for _, k := range []struct{ name, send string }{
		{"chat to a bare address", "<message to='b@x' type='chat' id='1'><body>hello</body></message>"},
		{"chat to a resource", "<message to='b@x/r' type='chat' id='1'><body>hello</body></message>"},
		{"directed presence", "<presence to='b@x/r'/>"},
		{"request to an own resource", "<iq to='a@x/2' type='get' id='1'><q xmlns='urn:q'/></iq>"},
	} {
		s, sess := quiet(t)
		st := Parse(t, k.send)
		s.Router.Route(sess, st, false)
		n := testing.AllocsPerRun(200, func() {
			if !s.Router.Route(sess, st, false) {
				t.Fatal("not done")
			}
		})
		if n > 1 {
			t.Errorf("%s: %v allocations, want ≤ 1", k.name, n)
		}
	}
}
