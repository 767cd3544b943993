package s2s

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"net/netip"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"roost/netio"
	"roost/netio/netiotest"
	"roost/router"
	"roost/router/stream"
	"roost/xmlstream"
	"roost/xmlstream/jid"
	"roost/xmlstream/stanza"
)

// world is many domains in one process: servers of their own on one engine, found by name.
type world struct {
	t       testing.TB
	engine  *netio.Engine
	work    *stream.Pool
	log     *slog.Logger
	remote  Remote
	domains []*domain

	mu sync.Mutex
	at map[string]netip.AddrPort
}

// domain is one server with the user u, whose one resource counts what it gets.
type domain struct {
	w    *world
	name string
	srv  *Server
	ln   *netio.Listener
	user *router.Session

	mu      sync.Mutex
	got     map[string]int // messages by id
	bounced map[string]int
}

func newWorld(t testing.TB, n int, r Remote, log io.Writer) *world {
	w := &world{t: t, work: stream.NewPool(16), log: slog.New(slog.NewTextHandler(log, nil)), remote: r, at: map[string]netip.AddrPort{}}
	w.engine = netiotest.Engine(t, netio.Config{Loops: 2, Log: w.log})
	t.Cleanup(w.close)
	for i := range n {
		w.add(fmt.Sprintf("d%d.test", i))
	}
	return w
}

func (w *world) close() {
	for _, d := range w.domains {
		d.srv.Close()
	}
	ctx, cancel := context.WithTimeout(context.Background(), netiotest.Patience)
	defer cancel()
	w.engine.Shutdown(ctx)
	w.work.Wait()
}

// Service and Host implement Resolver.
func (w *world) Service(_ context.Context, domain string) ([]Candidate, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if at, ok := w.at[domain]; ok {
		return []Candidate{{Host: domain, Addr: at}}, nil
	}
	return nil, ErrNoServer
}

func (w *world) Host(context.Context, string, uint16) ([]Candidate, error) { return nil, ErrNoServer }

func (w *world) add(name string) *domain {
	d := &domain{w: w, name: name, got: map[string]int{}, bounced: map[string]int{}}
	d.boot()
	w.domains = append(w.domains, d)
	return d
}

// boot starts the server of a domain.
func (d *domain) boot() {
	w, name := d.w, d.name
	d.srv = New(Config{Engine: w.engine, Resolver: w, Work: w.work, Log: w.log,
		Rules: Rules{Others: w.remote, Domains: map[string]*Local{name: {Mode: Open, Secret: NewSecret(name)}}}})
	d.srv.Router = router.New(router.Config{Domains: []string{name}, Accounts: d, Federation: d.srv, Log: w.log})
	d.listen()
	j, err := jid.New("u", name, "r")
	if err != nil {
		w.t.Fatal(err)
	}
	s, e := d.srv.Router.Bind(router.Request{JID: j, Out: d, Welcome: func(jid.JID) *stanza.Frame { return stanza.FrameString("<welcome/>") }})
	if e != nil {
		w.t.Fatal(e)
	}
	d.user = s
}

func (d *domain) listen() {
	limits, srv := xmlstream.Limits{MaxStanza: 100_000}, d.srv
	d.ln = netiotest.Listen(d.w.t, d.w.engine, netio.ListenOptions{Address: "127.0.0.1:0"}, func(c *netio.Conn) netio.Handler {
		return srv.Accept(c, &Accepting{PreAuth: limits, Proven: limits})
	})
	d.w.mu.Lock()
	d.w.at[d.name] = netip.MustParseAddrPort(d.ln.Addr().String())
	d.w.mu.Unlock()
}

// Exists implements router.Accounts.
func (d *domain) Exists(j jid.JID) (bool, error) { return j.Local() == "u", nil }

// Deliver implements router.Outlet.
func (d *domain) Deliver(f *stanza.Frame) bool {
	defer f.Release()
	text := string(f.Bytes())
	_, rest, _ := strings.Cut(text, " id='")
	id, _, ok := strings.Cut(rest, "'")
	if !ok {
		return true
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if strings.Contains(text, " type='error'") {
		d.bounced[id]++
	} else {
		d.got[id]++
	}
	return true
}

// End implements router.Outlet.
func (d *domain) End(*stanza.StreamError) {}

// send has the user send a message to the user of another domain.
func (d *domain) send(to, id string) {
	el, err := xmlstream.ParseElement([]byte("<message xmlns='jabber:client' type='chat' to='u@"+to+"/r' id='"+id+"'><body>b</body></message>"), nil)
	if err != nil {
		d.w.t.Fatal(err)
	}
	st := stanza.Parse(el, stanza.NSClient)
	if !d.srv.Router.Route(d.user, &st, false) {
		d.srv.Router.Route(d.user, st.Clone(), true)
	}
}

// tally is how often a message was delivered anywhere, and how often it came back.
func (w *world) tally(id string) (got, bounced int) {
	for _, d := range w.domains {
		d.mu.Lock()
		got += d.got[id]
		bounced += d.bounced[id]
		d.mu.Unlock()
	}
	return got, bounced
}

// settle waits until cond holds.
func (w *world) settle(what string, cond func() bool) {
	w.t.Helper()
	for end := time.Now().Add(netiotest.Patience); !cond(); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			w.t.Fatal("never: ", what)
		}
	}
}

// streams is how many streams there are, in all domains.
func (w *world) streams() (n int) {
	for _, d := range w.domains {
		st := d.srv.Stats()
		n += st.In + st.Out
	}
	return n
}

// TestWorld: domains write to each other at once, some of which are not there. Every message arrives
// once, or comes back once; then the streams end by themselves.
func TestWorld(t *testing.T) {
	const domains, messages = 20, 4000
	w := newWorld(t, domains, Remote{IdleTimeout: time.Second, ConnectTimeout: 5 * time.Second}, io.Discard)
	gone := w.domains[3]
	gone.ln.Close() // refuses
	w.mu.Lock()
	delete(w.at, "d4.test") // is not found, but finds others: dialback fails
	w.mu.Unlock()
	rnd := rand.New(rand.NewPCG(1, 2))
	type letter struct{ from, to int }
	var all []letter
	for range messages {
		l := letter{rnd.IntN(domains), rnd.IntN(domains)}
		if l.from != l.to {
			all = append(all, l)
		}
	}
	var wg sync.WaitGroup
	for from, d := range w.domains {
		wg.Go(func() {
			for i, l := range all {
				if l.from == from {
					d.send(w.domains[l.to].name, fmt.Sprint(i))
				}
			}
		})
	}
	wg.Wait()
	for i, l := range all {
		id := fmt.Sprint(i)
		w.settle("message "+id, func() bool { got, bounced := w.tally(id); return got+bounced > 0 })
		got, bounced := w.tally(id)
		if reachable := l.to != 3 && l.to != 4 && l.from != 3 && l.from != 4; got+bounced != 1 || reachable && bounced > 0 {
			t.Errorf("message %d from %d to %d: delivered %d times, came back %d times", i, l.from, l.to, got, bounced)
		}
	}
	w.settle("no streams", func() bool { return w.streams() == 0 })
	for _, d := range w.domains {
		d.srv.mu.Lock()
		if len(d.srv.outs)+len(d.srv.bidi)+len(d.srv.perRemote) > 0 {
			t.Errorf("%s keeps %d, %d, %d", d.name, len(d.srv.outs), len(d.srv.bidi), len(d.srv.perRemote))
		}
		d.srv.mu.Unlock()
	}
}

// TestWorldCut: connections are cut while messages go. None arrives twice, none comes back twice, none
// does both; afterwards all goes well again.
func TestWorldCut(t *testing.T) {
	w := newWorld(t, 6, Remote{ConnectTimeout: 5 * time.Second, Retry: time.Millisecond}, io.Discard)
	var wg sync.WaitGroup
	const rounds, each = 100, 20
	for i, d := range w.domains {
		wg.Go(func() {
			for r := range rounds {
				for k := range each {
					d.send(w.domains[(i+1+k%5)%6].name, fmt.Sprintf("%d-%d-%d", i, r, k))
				}
				time.Sleep(time.Millisecond) // so that streams come into use
				if i == 0 && r%5 == 4 {
					w.engine.Each(func(c *netio.Conn, _ netio.Handler) { c.Abort(nil) })
				}
			}
		})
	}
	wg.Wait()
	lost := 0
	for i := range w.domains {
		for r := range rounds {
			for k := range each {
				got, bounced := w.tally(fmt.Sprintf("%d-%d-%d", i, r, k))
				if got+bounced > 1 {
					t.Errorf("%d-%d-%d: delivered %d times, came back %d times", i, r, k, got, bounced)
				}
				if got+bounced == 0 {
					lost++
				}
			}
		}
	}
	t.Logf("%d of %d messages were in the kernel when their connection was cut, or are still on their way", lost, 6*rounds*each)
	w.domains[0].srv.reached(Pair{Remote: "d1.test"})
	w.settle("a message after the cuts", func() bool {
		id := fmt.Sprint("after", rand.Int())
		w.domains[0].send("d1.test", id)
		var got int
		w.settle("an answer", func() bool { g, b := w.tally(id); got = g; return g+b > 0 })
		return got == 1
	})
}

// TestIdlePeer says what a pair of domains costs while it is idle: one stream each way, all ends of
// which are here.
func TestIdlePeer(t *testing.T) {
	const n = 200
	w := newWorld(t, n+1, Remote{ConnectTimeout: 10 * time.Second, MaxStreams: n}, io.Discard)
	hub := w.domains[0]
	heap := func() uint64 {
		runtime.GC()
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return m.HeapAlloc
	}
	before := heap()
	for i := range n {
		hub.send(w.domains[i+1].name, fmt.Sprint("x", i))
	}
	w.settle("all delivered", func() bool {
		sum := 0
		for _, d := range w.domains[1:] {
			d.mu.Lock()
			sum += len(d.got)
			d.mu.Unlock()
		}
		return sum == n
	})
	per := (int64(heap()) - int64(before)) / n
	t.Logf("%d bytes of heap for a peer, both ends of %d streams included", per, w.streams()/n)
	if per > 16<<10 {
		t.Errorf("%d bytes for a peer", per)
	}
}
