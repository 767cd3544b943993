package rosterdb_test

import (
	"fmt"
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	"roost/rosterdb"
	"roost/xmlstream/jid"
)

// rosterOf makes a roster of n everyday entries.
func rosterOf(t testing.TB, n int) *rosterdb.Roster {
	r := &rosterdb.Roster{}
	for i := range n {
		r.Items = append(r.Items, rosterdb.Item{Contact: addr(t, fmt.Sprintf("contact%04d@example.org", i)),
			Name: fmt.Sprintf("Contact %d", i), Groups: []string{"Friends"}, Sub: rosterdb.SubBoth})
	}
	return r
}

// flushes is the rate of the bare disk in dir: 4 KiB appended to a file and
// flushed, one after the other, for a while.
func flushes(b *testing.B, dir string) (perSecond float64) {
	b.Helper()
	f, err := os.Create(filepath.Join(dir, "flushes"))
	must(b, err)
	defer os.Remove(f.Name())
	defer f.Close()
	buf := make([]byte, 4096)
	start, n := time.Now(), 0
	for time.Since(start) < 300*time.Millisecond {
		if _, err := f.Write(buf); err != nil {
			b.Fatal(err)
		}
		must(b, f.Sync())
		n++
	}
	return float64(n) / time.Since(start).Seconds()
}

func benchStore(b *testing.B) *rosterdb.DB { return openStore(b, options(b.TempDir())) }

func BenchmarkRead(b *testing.B) {
	db := benchStore(b)
	for _, n := range []int{30, 100, 1000, 2000} {
		owner := addr(b, fmt.Sprintf("ann%d@example.org", n))
		_, err := db.PutRoster(owner, rosterOf(b, n))
		must(b, err)
		contact := addr(b, "contact0020@example.org")
		b.Run(fmt.Sprintf("Roster%d", n), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				r, err := db.Roster(owner)
				if err != nil || len(r.Items) != n {
					b.Fatal(err)
				}
			}
		})
		b.Run(fmt.Sprintf("Item%d", n), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, ok, err := db.Item(owner, contact); !ok || err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkSet changes one entry of a roster of 100 at a time; a change has
// ended when it is flushed. Beside it, measured before and after in the same
// directory, what the bare disk does, and the changes per such flush.
func BenchmarkSet(b *testing.B) {
	for _, c := range []struct {
		name   string
		noSync bool
	}{{"sync", false}, {"nosync", true}} {
		for _, writers := range []int{1, 64} {
			b.Run(fmt.Sprintf("%s/writers%d", c.name, writers), func(b *testing.B) {
				o := options(b.TempDir())
				o.NoSync = c.noSync
				db := openStore(b, o)
				owners := make([]jid.JID, writers)
				for i := range owners {
					owners[i] = addr(b, fmt.Sprintf("u%d@example.org", i))
					_, err := db.PutRoster(owners[i], rosterOf(b, 100))
					must(b, err)
				}
				contact := addr(b, "contact0050@example.org")
				var writer, n atomic.Int64
				b.SetParallelism((writers + 1) / 2) // times GOMAXPROCS
				b.ReportAllocs()
				before := flushes(b, o.Dir)
				b.ResetTimer()
				set := func(owner jid.JID) {
					if _, err := db.SetItem(owner, contact, fmt.Sprint(n.Add(1)), nil, rosterdb.Limits{}); err != nil {
						b.Error(err)
					}
				}
				if writers == 1 {
					for range b.N {
						set(owners[0])
					}
				} else {
					b.RunParallel(func(pb *testing.PB) {
						owner := owners[int(writer.Add(1)-1)%writers]
						for pb.Next() {
							set(owner)
						}
					})
				}
				b.StopTimer()
				bare := (before + flushes(b, o.Dir)) / 2
				rate := float64(b.N) / b.Elapsed().Seconds()
				b.ReportMetric(rate, "changes/s")
				b.ReportMetric(bare, "bare-flushes/s")
				b.ReportMetric(rate/bare, "changes/bare-flush")
			})
		}
	}
}

// BenchmarkSubscription is one stanza between two local users with rosters of 100.
func BenchmarkSubscription(b *testing.B) {
	db := benchStore(b)
	ann, bob := addr(b, "ann@example.org"), addr(b, "bob@example.org")
	for _, u := range []jid.JID{ann, bob} {
		_, err := db.PutRoster(u, rosterOf(b, 100))
		must(b, err)
	}
	events := []rosterdb.Event{rosterdb.Subscribe, rosterdb.Unsubscribe}
	for i := range b.N {
		x := rosterdb.Exchange{From: ann, To: bob, Event: events[i%2], FromLocal: true, ToLocal: true, Stanza: []byte("<presence/>")}
		if _, err := db.Subscription(x); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "stanzas/s")
}

func BenchmarkImport100000(b *testing.B) {
	for b.Loop() {
		db := benchStore(b)
		n, err := db.ImportAccounts(func(yield func(jid.JID, string) bool) {
			for i := range 100000 {
				if !yield(addr(b, fmt.Sprintf("user%06d@example.org", i)), fmt.Sprintf("password %d", i)) {
					return
				}
			}
		}, rosterdb.AccountOptions{})
		if n != 100000 || err != nil {
			b.Fatal(n, err)
		}
		must(b, db.Close())
	}
}

// BenchmarkSince is what a client that was away costs, in a roster of 100
// entries with as many tombstones as there may be: reading it, and telling what
// has changed since the 10th change before.
func BenchmarkSince(b *testing.B) {
	db := benchStore(b)
	owner := addr(b, "ann@example.org")
	_, err := db.PutRoster(owner, rosterOf(b, 100))
	must(b, err)
	for i := range 256 {
		gone := addr(b, fmt.Sprintf("gone%04d@example.org", i))
		_, err := db.SetItem(owner, gone, "", nil, rosterdb.Limits{})
		must(b, err)
		_, err = db.Remove(owner, gone, false)
		must(b, err)
	}
	r, err := db.Roster(owner)
	must(b, err)
	b.Run("Roster100", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			_, err := db.Roster(owner)
			must(b, err)
		}
	})
	b.Run("Since", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if edits, ok := r.Since(r.Ver - 20); !ok || len(edits) != 10 {
				b.Fatal(len(edits))
			}
		}
	})
	b.Run("Change", func(b *testing.B) {
		b.ReportAllocs()
		n := 0
		for b.Loop() {
			n++
			_, err := db.SetItem(owner, addr(b, "contact0050@example.org"), fmt.Sprint(n), nil, rosterdb.Limits{})
			must(b, err)
		}
	})
}
