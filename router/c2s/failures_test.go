package c2s

import (
	"fmt"
	"net/netip"
	"testing"
	"time"

	"roost/xmlstream/jid"
)

func account(t *testing.T, s string) jid.JID {
	t.Helper()
	j, err := jid.Parse(s)
	if err != nil {
		t.Fatal(err)
	}
	return j
}

// near compares times that were taken at different moments.
func near(got, want time.Duration) bool { return got <= want && got > want-time.Second/2 }

// TestFailureDelays: the delay grows for one account from one address, and for nobody else.
func TestFailureDelays(t *testing.T) {
	var f failures
	p := penalty{first: time.Second, most: 15 * time.Second}
	here, there := netip.MustParseAddr("192.0.2.1"), netip.MustParseAddr("192.0.2.2")
	alice, bob := account(t, "alice@x"), account(t, "bob@x")
	for i := range accountGrace {
		if d, ok := f.after(p, here, alice, true); d != 0 || !ok {
			t.Errorf("wrong password %d: %v %v", i, d, ok)
		}
	}
	for _, want := range []time.Duration{1, 3, 7, 15} { // each behind the one before
		if d, ok := f.after(p, here, alice, true); !ok || !near(d, want*time.Second) {
			t.Errorf("%v %v, want %vs", d, ok, int(want))
		}
	}
	for range 3 {
		if d, ok := f.after(p, here, alice, true); ok {
			t.Errorf("answered after %v", d)
		}
	}
	if d, ok := f.after(p, here, alice, false); !ok || !near(d, 15*time.Second) {
		t.Errorf("the right password: %v %v", d, ok)
	}
	for who, from := range map[jid.JID]netip.Addr{alice: there, bob: here} {
		if d, ok := f.after(p, from, who, false); !ok || d != 0 {
			t.Errorf("%v from %v waits: %v %v", who, from, d, ok)
		}
	}
	if d, ok := f.before(p, here); !ok || d != 0 {
		t.Errorf("the address waits: %v %v", d, ok)
	}
}

// TestFailureAddress: an address that tries many accounts is slowed down, to an attempt a second; right passwords
// from there make up for wrong ones.
func TestFailureAddress(t *testing.T) {
	var f failures
	p := penalty{first: time.Second, most: 10 * time.Second}
	here := netip.MustParseAddr("2001:db8::1")
	try := func(i int, wrong bool) {
		at := netip.MustParseAddr(fmt.Sprintf("2001:db8::%x", i+1)) // all of one /64
		f.after(p, at, account(t, fmt.Sprintf("user%d@x", i)), wrong)
	}
	for i := range addressGrace {
		try(i, true)
	}
	if d, ok := f.before(p, here); !ok || d != 0 {
		t.Errorf("after the grace: %v %v", d, ok)
	}
	for i := range 10 {
		try(100+i, true)
	}
	n := 0
	for ok, d, last := true, time.Duration(0), time.Duration(0); ; n++ {
		if d, ok = f.before(p, here); !ok {
			break
		}
		if !near(d-last, time.Second) && !near(last-d, -time.Second) {
			t.Errorf("attempt %d waits %v, the one before %v", n, d, last)
		}
		last = d
	}
	if n < 9 || n > 10 {
		t.Errorf("%d attempts wait, want 10", n)
	}
	if d, ok := f.before(p, netip.MustParseAddr("2001:db8:0:1::1")); !ok || d != 0 {
		t.Errorf("another network waits: %v %v", d, ok)
	}
	for i := range 20 {
		try(200+i, false)
	}
	row := f.find(f.key(here, ""), time.Now().UnixNano())
	if row == nil || row.wrong != addressGrace+10-20 {
		t.Errorf("%+v", row)
	}
}

// TestFailureFades: what is remembered halves each minute, until nothing is left.
func TestFailureFades(t *testing.T) {
	r := failure{wrong: 100, at: 0}
	for _, tt := range []struct {
		now  time.Duration
		want uint32
	}{{time.Minute - 1, 100}, {time.Minute, 50}, {3*time.Minute + 1, 12}, {10 * time.Minute, 0}, {1 << 60, 0}} {
		if r.fade(int64(tt.now)); r.wrong != tt.want {
			t.Errorf("at %v: %d, want %d", tt.now, r.wrong, tt.want)
		}
	}
}

// TestFailuresBounded: more accounts and addresses than there is room for take no more room, and
// those with most wrong passwords stay.
func TestFailuresBounded(t *testing.T) {
	var f failures
	p := penalty{first: time.Second, most: time.Hour}
	if d, ok := f.after(p, netip.Addr{}, jid.JID{}, false); d != 0 || !ok || f.rows != nil {
		t.Error("memory is taken although nobody has failed")
	}
	worst, alice := netip.MustParseAddr("192.0.2.1"), account(t, "alice@x")
	for range 2 * accountGrace {
		f.after(p, worst, alice, true)
	}
	for i := range 4 * failureRows * failureWays {
		f.after(p, netip.AddrFrom4([4]byte{10, byte(i >> 16), byte(i >> 8), byte(i)}), alice, true)
	}
	if len(f.rows) != failureRows {
		t.Errorf("%d rows", len(f.rows))
	}
	if d, _ := f.after(p, worst, alice, true); d < time.Second {
		t.Errorf("the worst is forgotten: %v", d)
	}
}

// TestNoPenalty: without a delay nothing is remembered.
func TestNoPenalty(t *testing.T) {
	var f failures
	for range 100 {
		if d, ok := f.after(penalty{}, netip.MustParseAddr("192.0.2.1"), account(t, "a@x"), true); d != 0 || !ok {
			t.Error(d, ok)
		}
	}
	if f.rows != nil {
		t.Error("memory is taken")
	}
}
