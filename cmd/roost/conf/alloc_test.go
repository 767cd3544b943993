//go:build !race

package conf

import (
	"net/netip"
	"testing"
)

// Every accepted connection asks For; it allocates nothing.
func TestForAllocates(t *testing.T) {
	l := parse(t, minimal(`Peer "10.0.0.0/8" { idle_time = 1 } Listen "*:1" { Peer "10.1.0.0/16" { idle_time = 2 } Peer "fd00::/8" { idle_time = 3 } }`)).Listeners[0].Listens[0]
	for _, s := range []string{"10.1.1.1", "192.0.2.1", "fd00::1", "::ffff:10.2.1.1"} {
		addr := netip.MustParseAddr(s)
		if n := testing.AllocsPerRun(100, func() { l.For(addr) }); n != 0 {
			t.Errorf("For(%s): %v allocations, want 0", s, n)
		}
	}
}
