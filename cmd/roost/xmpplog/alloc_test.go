//go:build !race

package xmpplog

import "testing"

// TestAllocations: a record costs the one who hands in a stanza no memory of its own.
func TestAllocations(t *testing.T) {
	l := start(t, Options{}, logger(t, "/dev/null", "%t+R+%st+%at+%af+%ai+%ay+%H+%so"))
	st := parse(t, chat)
	raw := []byte(chat)
	for range 1000 { // the buffers have their size
		l.Received(peer, st)
		l.Delivered(peer, raw)
	}
	if n := testing.AllocsPerRun(1000, func() { l.Received(peer, st) }); n > 0 {
		t.Errorf("Received: %v allocations, want 0", n)
	}
	if n := testing.AllocsPerRun(1000, func() { l.Delivered(peer, raw) }); n > 0 {
		t.Errorf("Delivered: %v allocations, want 0", n)
	}
}
