package storetest

import (
	"bytes"
	"fmt"
	"strings"
	"sync"
	"testing"

	"roost/rosterdb"
	"roost/xmlstream/jid"
)

var deflt rosterdb.OfflineLimits

// waiting lists the messages of an account.
func waiting(t *testing.T, s rosterdb.Store, who jid.JID) (seqs []uint64, texts []string) {
	t.Helper()
	must(t, s.Offline(who, func(seq uint64, stanza []byte) error {
		seqs, texts = append(seqs, seq), append(texts, string(stanza))
		return nil
	}))
	n, err := s.CountOffline(who)
	must(t, err)
	if n != len(seqs) {
		t.Fatalf("count is %d of %d", n, len(seqs))
	}
	return seqs, texts
}

func offline(t *testing.T, s rosterdb.Store) {
	if n, err := s.DropOffline(ann, 99); n != 0 || err != nil {
		t.Fatalf("drop of nothing: %d, %v", n, err)
	}
	for i := range 5 {
		must(t, s.AddOffline(ann, fmt.Appendf(nil, "m%d", i), deflt))
	}
	must(t, s.AddOffline(bob, []byte("b"), deflt))
	seqs, texts := waiting(t, s, ann)
	if strings.Join(texts, " ") != "m0 m1 m2 m3 m4" {
		t.Fatalf("messages: %v", texts)
	}
	if n, err := s.DropOffline(ann, seqs[2]); n != 3 || err != nil {
		t.Fatalf("drop: %d, %v", n, err)
	}
	if _, texts = waiting(t, s, ann); strings.Join(texts, " ") != "m3 m4" {
		t.Fatalf("after the drop: %v", texts)
	}
	if n, err := s.DropOffline(ann, seqs[4]); n != 2 || err != nil {
		t.Fatalf("second drop: %d, %v", n, err)
	}
	// A late drop of what was read before does not touch what came after.
	must(t, s.AddOffline(ann, []byte("new"), deflt))
	if n, err := s.DropOffline(ann, seqs[4]); n != 0 || err != nil {
		t.Fatalf("late drop: %d, %v", n, err)
	}
	if _, texts = waiting(t, s, ann); strings.Join(texts, " ") != "new" {
		t.Fatalf("after the late drop: %v", texts)
	}
	if _, texts = waiting(t, s, bob); strings.Join(texts, " ") != "b" {
		t.Fatalf("somebody else's: %v", texts)
	}
	stop := fmt.Errorf("stop")
	want(t, s.Offline(ann, func(uint64, []byte) error { return stop }), stop)
}

func offlineLimits(t *testing.T, s rosterdb.Store) {
	l := rosterdb.OfflineLimits{MaxMessages: 3, MaxBytes: 10}
	must(t, s.AddOffline(ann, []byte("12345"), l))
	want(t, s.AddOffline(ann, []byte("123456"), l), rosterdb.ErrOfflineFull)
	must(t, s.AddOffline(ann, []byte("1234"), l))
	must(t, s.AddOffline(ann, []byte("1"), l))
	want(t, s.AddOffline(ann, nil, l), rosterdb.ErrOfflineFull)
	seqs, _ := waiting(t, s, ann)
	_, err := s.DropOffline(ann, seqs[0])
	must(t, err)
	must(t, s.AddOffline(ann, []byte("12345"), l))
	// The defaults of the design: 100 messages, 1 MiB.
	for range 100 {
		must(t, s.AddOffline(bob, []byte("x"), deflt))
	}
	want(t, s.AddOffline(bob, []byte("x"), deflt), rosterdb.ErrOfflineFull)
	must(t, s.AddOffline(cat, bytes.Repeat([]byte("x"), 600<<10), deflt))
	want(t, s.AddOffline(cat, bytes.Repeat([]byte("x"), 600<<10), deflt), rosterdb.ErrOfflineFull)
	want(t, s.AddOffline(cat, make([]byte, 2<<20), rosterdb.OfflineLimits{MaxBytes: 10 << 20}), rosterdb.ErrTooBig)
}

// offlineOrder: each sender's messages stay in order, and none is lost.
func offlineOrder(t *testing.T, s rosterdb.Store) {
	const senders, each = 8, 12
	l := rosterdb.OfflineLimits{MaxMessages: senders * each}
	var wg sync.WaitGroup
	for g := range senders {
		wg.Go(func() {
			for i := range each {
				if err := s.AddOffline(ann, fmt.Appendf(nil, "%d %d", g, i), l); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	seqs, texts := waiting(t, s, ann)
	if len(texts) != senders*each {
		t.Fatalf("%d messages of %d", len(texts), senders*each)
	}
	next := map[int]int{}
	for k, text := range texts {
		var g, i int
		if _, err := fmt.Sscan(text, &g, &i); err != nil || i != next[g] {
			t.Fatalf("message %q is out of order (%v)", text, err)
		}
		next[g]++
		if k > 0 && seqs[k] <= seqs[k-1] {
			t.Fatalf("sequence %d after %d", seqs[k], seqs[k-1])
		}
	}
}

func blobs(t *testing.T, s rosterdb.Store) {
	get := func(who jid.JID, ns string) string {
		t.Helper()
		b, err := s.Blob(who, ns)
		must(t, err)
		return string(b)
	}
	if b, err := s.Blob(ann, "vcard-temp"); b != nil || err != nil {
		t.Fatalf("no blob: %v, %v", b, err)
	}
	must(t, s.SetBlob(ann, "vcard-temp", []byte("card"), 10))
	must(t, s.SetBlob(ann, "private", []byte("xml"), 10))
	must(t, s.SetBlob(bob, "vcard-temp", []byte("other"), 10))
	must(t, s.SetBlob(ann, "vcard-temp", []byte("card2"), 5))
	if get(ann, "vcard-temp") != "card2" || get(ann, "private") != "xml" || get(bob, "vcard-temp") != "other" {
		t.Fatal("blobs are mixed up")
	}
	want(t, s.SetBlob(ann, "vcard-temp", []byte("123456"), 5), rosterdb.ErrTooBig)
	must(t, s.SetBlob(ann, "vcard-temp", nil, 5))
	must(t, s.SetBlob(ann, "vcard-temp", []byte{}, 5))
	if b, err := s.Blob(ann, "vcard-temp"); b != nil || err != nil {
		t.Fatalf("deleted blob: %v, %v", b, err)
	}
	for _, ns := range []string{"", "a\x00b", strings.Repeat("n", 2000)} {
		if s.SetBlob(ann, ns, []byte("x"), 5) == nil {
			t.Fatalf("namespace %.20q was taken", ns)
		}
	}
	must(t, s.SetBlob(bob, "big", make([]byte, 900<<10), 1<<20))
	want(t, s.SetBlob(bob, "big", make([]byte, 2<<20), 4<<20), rosterdb.ErrTooBig)
}
