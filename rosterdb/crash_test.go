//go:build unix

package rosterdb_test

import (
	"bufio"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"

	"roost/rosterdb"
	"roost/xmlstream/jid"
)

// The test binary runs itself as the process that is killed; childEnv says as what.
const childEnv = "ROSTERDB_TEST_CHILD"

func TestMain(m *testing.M) {
	role, dir, _ := strings.Cut(os.Getenv(childEnv), " ")
	run, ok := map[string]func(string) error{"crash": crashChild, "fsize": fsizeChild, "nofile": nofileChild, "tmpfs": tmpfsChild, "backupfull": backupFullChild}[role]
	if !ok {
		os.Exit(m.Run())
	}
	if err := run(dir); err != nil {
		fmt.Println("error:", err)
		os.Exit(1)
	}
	fmt.Println("child is done")
	os.Exit(0)
}

// child is this test binary as another process.
func child(t *testing.T, role, dir string) *exec.Cmd {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), childEnv+"="+role+" "+dir)
	cmd.Stderr = os.Stderr
	return cmd
}

const crashWorkers = 6

// crashUsers are the pair of one worker in one round.
func crashUsers(round, worker int) (a, b jid.JID, err error) {
	if a, err = jid.Parse(fmt.Sprintf("a%d-%d@x.example", round, worker)); err == nil {
		b, err = jid.Parse(fmt.Sprintf("b%d-%d@x.example", round, worker))
	}
	return a, b, err
}

// crashStep is change n of a worker: the events of a subscription forth and
// back between its two users, with an entry, an offline message and a document
// in between. It is a function of n alone, so that the parent can repeat it.
func crashStep(db rosterdb.Store, a, b jid.JID, n int) error {
	events := []rosterdb.Event{rosterdb.Subscribe, rosterdb.Subscribed, rosterdb.Unsubscribe, rosterdb.Unsubscribed}
	from, to := a, b
	if n/7%2 == 1 {
		from, to = b, a
	}
	switch n % 7 {
	case 5:
		contact, err := jid.Parse(fmt.Sprintf("c%d@y.example", n))
		if err == nil {
			_, err = db.SetItem(a, contact, fmt.Sprint(n), []string{"g"}, rosterdb.Limits{MaxItems: 1 << 20})
		}
		return err
	case 6:
		if err := db.AddOffline(a, fmt.Append(nil, n), rosterdb.OfflineLimits{MaxMessages: 1 << 20}); err != nil {
			return err
		}
		return db.SetBlob(b, "n", fmt.Append(nil, n), 100)
	}
	ev := events[n*(n+3)/2%4]
	if ev == rosterdb.Subscribed || ev == rosterdb.Unsubscribe && n%2 == 0 {
		from, to = to, from
	}
	_, err := db.Subscription(rosterdb.Exchange{From: from, To: to, Event: ev, FromLocal: true, ToLocal: true, Stanza: []byte("<presence/>")})
	return err
}

// crashChild works until it is killed; it prints a line for each change after
// its acknowledgement.
func crashChild(arg string) error {
	var round int
	var dir string
	if _, err := fmt.Sscan(arg, &round, &dir); err != nil {
		return err
	}
	db, err := rosterdb.Open(options(dir))
	if err != nil {
		return err
	}
	var wg sync.WaitGroup
	for w := range crashWorkers {
		a, b, err := crashUsers(round, w)
		if err != nil {
			return err
		}
		wg.Go(func() {
			for n := 0; ; n++ {
				if err := crashStep(db, a, b, n); err != nil {
					fmt.Println("error:", err)
					return
				}
				if _, err := fmt.Fprintf(os.Stdout, "%d %d\n", w, n); err != nil {
					return // the parent is gone
				}
			}
		})
	}
	wg.Wait()
	return io.ErrClosedPipe
}

// What was acknowledged before kill -9 is there afterwards, whole, and what was
// not is there whole or not at all.
func TestCrash(t *testing.T) {
	dir := t.TempDir()
	mem := openStore(t, options("")) // the same changes, for comparison
	rnd := rand.New(rand.NewPCG(9, 9))
	for round := range crashes(t) {
		acked := crashRound(t, dir, round, 20+rnd.IntN(600))
		db, err := rosterdb.Open(options(dir))
		if err != nil {
			t.Fatalf("round %d: %v", round, err)
		}
		for w, n := range acked {
			checkCrash(t, db, mem, round, w, n)
		}
		if err := db.Check(); err != nil {
			t.Error(err)
		}
		must(t, db.Close())
	}
}

// crashes is how often the child is killed; crashesEnv asks for another number.
func crashes(t *testing.T) int {
	n := defaultCrashes
	if v := os.Getenv(crashesEnv); v != "" {
		_, err := fmt.Sscan(v, &n)
		must(t, err)
	}
	return n
}

const (
	crashesEnv     = "ROSTERDB_CRASHES"
	defaultCrashes = 200
)

// crashRound lets a child work for that many acknowledgements and kills it; it
// returns how many changes of each worker were acknowledged.
func crashRound(t *testing.T, dir string, round, lines int) (acked [crashWorkers]int) {
	t.Helper()
	cmd := child(t, "crash", fmt.Sprintf("%d %s", round, dir))
	out, err := cmd.StdoutPipe()
	must(t, err)
	must(t, cmd.Start())
	in := bufio.NewScanner(out)
	for i := 0; in.Scan(); i++ {
		var w, n int
		if _, err := fmt.Sscan(in.Text(), &w, &n); err != nil {
			if i < lines {
				t.Errorf("the child says %q", in.Text())
			}
			continue // a line that the kill cut
		}
		acked[w] = n + 1
		if i == lines {
			must(t, cmd.Process.Kill())
		}
	}
	_ = cmd.Wait() // killed
	return acked
}

// checkCrash compares what a worker left with the same changes in memory: n of
// them, or n+1, the last one not acknowledged.
func checkCrash(t *testing.T, db, mem rosterdb.Store, round, worker, n int) {
	t.Helper()
	a, b, err := crashUsers(round, worker)
	must(t, err)
	got := crashDump(t, db, a, b)
	for i := range n {
		must(t, crashStep(mem, a, b, i))
	}
	want := crashDump(t, mem, a, b)
	if got == want {
		return
	}
	if n%7 == 6 { // two changes: the message may be there without the document
		must(t, mem.AddOffline(a, fmt.Append(nil, n), rosterdb.OfflineLimits{MaxMessages: 1 << 20}))
		if got == crashDump(t, mem, a, b) {
			return
		}
		must(t, mem.SetBlob(b, "n", fmt.Append(nil, n), 100))
	} else {
		must(t, crashStep(mem, a, b, n))
	}
	if next := crashDump(t, mem, a, b); got != next {
		t.Errorf("round %d, worker %d after %d changes:\n got %s\nwant %s\n  or %s", round, worker, n, got, want, next)
	}
}

// crashDump is all that a pair has, without versions.
func crashDump(t *testing.T, db rosterdb.Store, a, b jid.JID) string {
	t.Helper()
	var s strings.Builder
	for _, who := range []jid.JID{a, b} {
		r, err := db.Roster(who)
		must(t, err)
		fmt.Fprintf(&s, "%s\n", rosterdb.RosterJSON(r))
		must(t, db.Offline(who, func(seq uint64, m []byte) error { fmt.Fprintf(&s, "%d %s,", seq, m); return nil }))
		blob, err := db.Blob(who, "n")
		must(t, err)
		fmt.Fprintf(&s, "%s\n", blob)
	}
	mine, _, err := db.Item(a, b)
	must(t, err)
	theirs, _, err := db.Item(b, a)
	must(t, err)
	if mine.Sub.HasTo() != theirs.Sub.HasFrom() || mine.Sub.HasFrom() != theirs.Sub.HasTo() || mine.Ask != theirs.PendingIn || mine.PendingIn != theirs.Ask {
		t.Errorf("%s and %s do not agree: %v, %v", a, b, mine.State(), theirs.State())
	}
	return s.String()
}
