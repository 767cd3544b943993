package load

import (
	"context"
	"math"
	"reflect"
	"strings"
	"testing"

	"roost/bench/people"
	"roost/bench/scenario"
)

// planOf returns the first n arrivals of every load in every hold.
func planOf(t *testing.T, yaml string, shard, shards, n int) [][4]int64 {
	t.Helper()
	sc, err := scenario.Read("test.yaml", []byte(yaml), nil)
	if err != nil {
		t.Fatal(err)
	}
	e, err := New(context.Background(), Config{Scenario: sc, Shard: shard, Shards: shards, Target: Target{Addrs: []string{"127.0.0.1:1"},
		Names: people.Names{Domain: "localhost", User: "u%d"}}})
	if err != nil {
		t.Fatal(err)
	}
	defer e.Close()
	var out [][4]int64
	for _, seg := range sc.Segments() {
		for k := range seg.Load {
			st := e.newStream(&seg, k)
			for range n {
				at, i, d := st.arrival()
				out = append(out, [4]int64{at, int64(i), int64(st.size(d)), int64(d.whom >> 1)})
			}
		}
	}
	return out
}

const mixed = `
seed: %SEED
users: 1000
mix: [ { name: a, weight: 1 }, { name: b, weight: 3 } ]
roster: { contacts: 10, online: 0.5 }
phases:
  - kind: hold
    for: 5s
    load:
      - { do: message, rate: 800, to: contact, size: [ { bytes: 50, upto: 90, weight: 3 }, { bytes: 2000 } ] }
      - { do: message, group: a, think: 2s, to: offline }
      - { do: ping, every: 10s }
`

// TestSeed: the same seed gives the same load, another one another, and no two shards the same.
func TestSeed(t *testing.T) {
	with := func(seed string) string {
		return strings.ReplaceAll(mixed, "%SEED", seed)
	}
	a := planOf(t, with("7"), 0, 2, 200)
	if b := planOf(t, with("7"), 0, 2, 200); !reflect.DeepEqual(a, b) {
		t.Error("the same seed gave two loads")
	}
	if b := planOf(t, with("8"), 0, 2, 200); reflect.DeepEqual(a, b) {
		t.Error("another seed gave the same load")
	}
	if b := planOf(t, with("7"), 1, 2, 200); reflect.DeepEqual(a, b) {
		t.Error("two shards make the same load")
	}
}

// TestRates: the arrivals of a stream are as many as asked for, over all shards together, and the group gets its part.
func TestRates(t *testing.T) {
	yaml := strings.ReplaceAll(mixed, "%SEED", "3")
	const n = 20000
	var rate [3]float64
	for shard := range 3 {
		plan := planOf(t, yaml, shard, 3, n)
		for k := range 3 {
			part := plan[k*n : (k+1)*n]
			rate[k] += float64(n-1) * 1e9 / float64(part[n-1][0]-part[0][0])
		}
	}
	// 800 a second; 500 sessions of whom a quarter think for 2 s; 500 sessions that ping every 10 s.
	for k, want := range [3]float64{800, 62.5, 50} {
		if math.Abs(rate[k]-want) > want*0.08 {
			t.Errorf("load %d: %.1f a second, want %.1f", k, rate[k], want)
		}
	}
}

// TestStamp: what is written is read, and one changed letter is seen.
func TestStamp(t *testing.T) {
	in := stamp{run: 7, sender: 1 << 30, receiver: 12, seq: 99, intended: -1, sent: 1 << 60}
	for _, size := range []int{stampText, 49, 100, 5000} {
		b := in.appendBody(nil, size, new(rawStamp))
		if len(b) != size {
			t.Fatalf("%d bytes, want %d", len(b), size)
		}
		var out stamp
		if r := out.read(b, 7, new(rawStamp)); r != isOurs || out != in {
			t.Fatalf("%d bytes: %d, %+v", size, r, out)
		}
		if r := out.read(b, 8, new(rawStamp)); r != isForeign {
			t.Errorf("another run's: %d", r)
		}
		for i := range b {
			b[i] ^= 1
			if r := out.read(b, 7, new(rawStamp)); r == isOurs && out != in {
				t.Errorf("%d bytes: letter %d was changed, and read is %+v", size, i, out)
			} else if r == isOurs && i >= stampText {
				t.Errorf("%d bytes: letter %d was changed, and nobody saw it", size, i)
			}
			b[i] ^= 1
		}
		if out.read(b[:size-1], 7, new(rawStamp)) == isOurs && size > stampText {
			t.Error("a cut text passes")
		}
	}
}

func FuzzStamp(f *testing.F) {
	f.Add([]byte("x"))
	f.Add((&stamp{run: 7}).appendBody(nil, 60, new(rawStamp)))
	f.Fuzz(func(_ *testing.T, b []byte) {
		var st stamp
		st.read(b, 7, new(rawStamp))
		splitID(b)
	})
}

// TestTimers: what is due first comes first.
func TestTimers(t *testing.T) {
	var h timers
	x := uint64(1)
	for range 5000 {
		x = x*6364136223846793005 + 1442695040888963407
		h.push(timer{at: int64(x >> 40)})
		if x>>60 == 0 {
			h.pop()
		}
	}
	for last := int64(-1); len(h) > 0; {
		at := h.pop().at
		if at < last {
			t.Fatalf("%d after %d", at, last)
		}
		last = at
	}
}
