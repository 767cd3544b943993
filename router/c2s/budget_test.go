//go:build !race

package c2s_test

import "testing"

// TestIdleBudget: what a session holds while nothing happens. A tokenizer's scratch that is not given
// back is 1500 bytes.
func TestIdleBudget(t *testing.T) {
	for _, presence := range []bool{false, true} {
		b := idleHeap(t, 2000, false, presence)
		t.Logf("%.0f bytes, presence %v", b, presence)
		if b > 430 {
			t.Errorf("an idle session holds %.0f bytes of heap, presence %v; want at most 430", b, presence)
		}
	}
}

// TestChatBudget: a message from socket to socket allocates nothing of its own; what a batch costs is
// the client's.
func TestChatBudget(t *testing.T) {
	const batch = 64
	chat := newChat(t, benchHouse(t, 2, false), 0, 1, false)
	n := testing.AllocsPerRun(50, func() {
		if err := chat(batch); err != nil {
			t.Error(err)
		}
	})
	if n > batch/4 {
		t.Errorf("%.0f allocations for %d messages", n, batch)
	}
}
