package s2s

import (
	"fmt"
	"io"
	"math/rand/v2"
	"net/netip"
	"os"
	"strconv"
	"sync"
	"testing"
	"time"

	"roost/netio"
	"roost/netio/netiotest"
)

// Size of TestInternet; the environment variables ROOST_INTERNET_DOMAINS and ROOST_INTERNET_WAVES set another, as
// make internet does.
const (
	internetDomains = 100
	internetWaves   = 5
	internetLinks   = 3  // domains that one writes to
	internetLetters = 10 // of each domain in a wave
)

func fromEnv(t *testing.T, name string, def int) int {
	v, ok := os.LookupEnv(name)
	if !ok {
		return def
	}
	n, err := strconv.Atoi(v)
	if err != nil || n < internetLinks+2 {
		t.Fatalf("%s=%q is not a number of at least %d", name, v, internetLinks+2)
	}
	return n
}

// internet is a world whose domains write to a few others each, some of which do not exist.
type internet struct {
	*world
	rnd   *rand.Rand
	links [][]string // by domain
	sent  int
}

// TestInternet: links are cut and servers restarted between waves of messages, while streams are still being made anew.
// Every message arrives once or comes back once; in the end nothing is left. A stanza that the kernel
// has taken when its connection is cut is lost without a word, which TestWorldCut looks at: here the cut comes first.
func TestInternet(t *testing.T) {
	domains, waves := fromEnv(t, "ROOST_INTERNET_DOMAINS", internetDomains), fromEnv(t, "ROOST_INTERNET_WAVES", internetWaves)
	started := time.Now()
	in := &internet{rnd: rand.New(rand.NewPCG(5, 1000)),
		world: newWorld(t, domains, Remote{IdleTimeout: 3 * time.Second, ConnectTimeout: 10 * time.Second, Retry: 20 * time.Millisecond}, io.Discard)}
	for from := range in.domains {
		var to []string
		for range internetLinks {
			to = append(to, in.domains[(from+1+in.rnd.IntN(domains-1))%domains].name)
		}
		if in.rnd.IntN(10) == 0 {
			to[0] = fmt.Sprintf("nowhere%d.test", from)
		}
		in.links = append(in.links, to)
	}
	for w := range 3 { // what is made once and kept, such as the room in maps, is made now
		in.wave(fmt.Sprint("warm", w))
		in.disturb()
	}
	in.rest()
	floor := netiotest.Floor(t)
	most := 0
	for w := range waves {
		in.disturb()
		in.wave(fmt.Sprint(w))
		most = max(most, in.streams())
		if links := in.domains[w%domains].srv.Links(); len(links) == 0 {
			in.t.Errorf("%s has no links after a wave", in.domains[w%domains].name)
		}
	}
	got, bounced := in.count()
	in.rest()
	floor()
	t.Logf("%d domains: %d messages, of which %d arrived and %d came back; up to %d streams; %v", domains, got+bounced, got, bounced, most, time.Since(started).Round(time.Millisecond))
	if got < bounced {
		t.Errorf("%d messages arrived and %d came back", got, bounced)
	}
}

// wave has every domain send, all at once, and waits until each message has arrived or come back.
func (in *internet) wave(name string) {
	in.t.Helper()
	var wg sync.WaitGroup
	for i, d := range in.domains {
		wg.Go(func() {
			for n := range internetLetters {
				to := in.links[i][n%internetLinks]
				d.send(to, fmt.Sprintf("%s %d %d %s", name, i, n, to))
			}
		})
	}
	wg.Wait()
	in.sent += len(in.domains) * internetLetters
	for end := time.Now().Add(netiotest.Patience); ; time.Sleep(time.Millisecond) {
		if got, bounced := in.count(); got+bounced >= in.sent {
			break
		}
		if time.Now().After(end) {
			in.missing(name)
		}
	}
	in.audit()
}

// count is how many messages have arrived, and how many have come back, in all.
func (in *internet) count() (got, bounced int) {
	for _, d := range in.domains {
		d.mu.Lock()
		for _, n := range d.got {
			got += n
		}
		for _, n := range d.bounced {
			bounced += n
		}
		d.mu.Unlock()
	}
	return got, bounced
}

// missing says which messages of a wave were lost.
func (in *internet) missing(wave string) {
	in.t.Helper()
	for i, d := range in.domains {
		for n := range internetLetters {
			to := in.links[i][n%internetLinks]
			id := fmt.Sprintf("%s %d %d %s", wave, i, n, to)
			if got, bounced := in.tally(id); got+bounced == 0 {
				in.t.Errorf("lost: %q from %s", id, d.name)
			}
		}
	}
	in.t.FailNow()
}

// audit looks for a message that was there twice or in the wrong place.
func (in *internet) audit() {
	in.t.Helper()
	seen := map[string]bool{}
	once := func(id, where string, n int, right bool) {
		if n != 1 || seen[id] || !right {
			in.t.Errorf("message %q: %d times at %s, seen elsewhere: %v, in its place: %v", id, n, where, seen[id], right)
		}
		seen[id] = true
	}
	for i, d := range in.domains {
		d.mu.Lock()
		for id, n := range d.got {
			var wave, to string
			var from, k int
			fmt.Sscan(id, &wave, &from, &k, &to)
			once(id, d.name, n, to == d.name)
		}
		for id, n := range d.bounced {
			var wave, to string
			var from, k int
			fmt.Sscan(id, &wave, &from, &k, &to)
			once(id, d.name, n, from == i)
		}
		d.mu.Unlock()
	}
	if len(seen) != in.sent {
		in.t.Errorf("%d messages were sent, %d seen", in.sent, len(seen))
	}
}

// disturb cuts every fifth link, and restarts every twentieth server.
func (in *internet) disturb() {
	restart := map[string]bool{}
	for _, d := range in.domains {
		restart[d.name] = in.rnd.IntN(20) == 0
	}
	cut := map[Pair]bool{}
	for i, links := range in.links {
		for _, to := range links {
			cut[Pair{in.domains[i].name, to}] = in.rnd.IntN(5) == 0
		}
	}
	in.cut(func(p Pair) bool { return cut[p] || restart[p.Local] || restart[p.Remote] })
	for _, d := range in.domains {
		if restart[d.name] {
			d.srv.Close()
			d.ln.Close()
			d.boot()
		}
	}
}

// cut ends connections, at both ends.
func (in *internet) cut(which func(Pair) bool) {
	var mu sync.Mutex                    // guards ends: each loop asks for its own
	ends := map[[2]netip.AddrPort]bool{} // a port may be that of many connections
	in.engine.Each(func(c *netio.Conn, h netio.Handler) {
		if o, ok := h.(*Out); ok && which(o.pair) {
			mu.Lock()
			ends[[2]netip.AddrPort{c.LocalAddr(), c.RemoteAddr()}] = true
			mu.Unlock()
			c.Abort(nil)
		}
	})
	in.engine.Each(func(c *netio.Conn, h netio.Handler) {
		if _, ok := h.(*In); ok && ends[[2]netip.AddrPort{c.RemoteAddr(), c.LocalAddr()}] {
			c.Abort(nil)
		}
	})
}

// rest waits until every stream has ended for want of work, and forgets the messages.
func (in *internet) rest() {
	in.t.Helper()
	in.settle("no streams", func() bool { return in.streams() == 0 })
	in.work.Wait() // their idle goroutines end
	for _, d := range in.domains {
		d.srv.names.Wait()
		d.mu.Lock()
		d.got, d.bounced = map[string]int{}, map[string]int{}
		d.mu.Unlock()
		d.srv.mu.Lock()
		if len(d.srv.outs)+len(d.srv.bidi)+len(d.srv.perRemote)+len(d.srv.proven) > 0 {
			in.t.Errorf("%s keeps %d, %d, %d, %d", d.name, len(d.srv.outs), len(d.srv.bidi), len(d.srv.perRemote), len(d.srv.proven))
		}
		d.srv.mu.Unlock()
	}
	in.sent = 0
}
