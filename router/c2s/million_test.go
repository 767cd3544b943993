package c2s_test

import (
	"fmt"
	"log/slog"
	"os"
	"runtime"
	"runtime/debug"
	"slices"
	"strconv"
	"sync/atomic"
	"testing"
	"time"

	"roost/netio"
	"roost/netio/netiotest"
	"roost/router"
	"roost/router/c2s"
	"roost/router/stream"
	"roost/xmlstream"
	"roost/xmlstream/jid"
	"roost/xmlstream/stanza"
)

// bare is a server of client streams whose surroundings hold nothing: every name is an account with
// itself for a password and an empty roster.
type bare struct {
	router  *router.Router
	srv     *c2s.Server
	engine  *netio.Engine
	ls      *netio.Listener
	present atomic.Int64 // sessions that have sent presence
}

// Exists implements router.Accounts.
func (*bare) Exists(jid.JID) (bool, error) { return true, nil }

// Contacts implements router.Rosters, as the next ones do.
func (*bare) Contacts(jid.JID) ([]router.Contact, error) { return nil, nil }

func (*bare) Sees(jid.JID, jid.JID) (bool, error) { return false, nil }

func (p *bare) Pending(jid.JID, func([]byte)) error { // the last thing that a first presence does
	p.present.Add(1)
	return nil
}

func (*bare) Subscription(_, _ jid.JID, _ *stanza.Stanza) *stanza.StanzaError { return nil }

func newBare(b *testing.B) *bare {
	b.Helper()
	log := slog.New(slog.DiscardHandler)
	p := &bare{}
	p.router = router.New(router.Config{Domains: []string{"localhost"}, Accounts: p, Log: log})
	p.router.SetRosters(p)
	p.router.Handle(c2s.Rows()...)
	p.router.Handle(router.Row{Space: stanza.NSRoster, Local: "query", Get: true, To: router.ToOwn, Handle: func(q *router.IQ) {
		q.Session.SetInterested()
		q.Result(func(dst []byte) []byte { return append(dst, "<query xmlns='"+stanza.NSRoster+"'/>"...) })
	}})
	p.srv = &c2s.Server{Router: p.router, Accounts: p, Log: log, Work: stream.NewPool(256), Auth: stream.NewPool(runtime.GOMAXPROCS(0))}
	cfg := &c2s.Config{AllowPlain: true, Store: passwords{}, PreAuth: xmlstream.Limits{MaxStanza: 10000},
		AuthTimeout: time.Hour, IdleTime: 24 * time.Hour, MaxAuthFailures: 5}
	p.engine = netiotest.Engine(b, netio.Config{Log: log, Tick: time.Second, Loops: runtime.GOMAXPROCS(0), MaxConns: 1 << 30})
	p.ls = netiotest.Listen(b, p.engine, netio.ListenOptions{}, func(c *netio.Conn) netio.Handler { return p.srv.Accept(c, cfg) })
	return p
}

// entrance is all that a client says to be on line.
func entrance(user string) []byte {
	const open = "<stream:stream xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams' to='localhost' version='1.0'>"
	return []byte(open + plain(user, user) + open + bind("phone") +
		"<iq type='get' id='r'><query xmlns='jabber:iq:roster'/></iq><presence/>")
}

// BenchmarkMillion logs a million users in, in one process: connections without sockets (netio's
// Unplugged), and everything above them as it is in the server, but for the store, which is canned and
// has empty rosters. It says what a session holds, what the collector has to do, and how long it takes
// to reach all of them and to be rid of them. Run it with -benchtime 1x; ROOST_SESSIONS is another number.
func BenchmarkMillion(b *testing.B) {
	n := 1_000_000
	if v, err := strconv.Atoi(os.Getenv("ROOST_SESSIONS")); err == nil {
		n = v
	}
	for b.Loop() {
		million(b, n)
	}
}

func million(b *testing.B, n int) {
	b.Helper()
	defer debug.SetGCPercent(debug.SetGCPercent(50)) // as the program does
	h := newBare(b)
	null, err := os.OpenFile(os.DevNull, os.O_WRONLY, 0)
	if err != nil {
		b.Fatal(err)
	}
	defer null.Close()
	heapBefore, rssBefore, madeBefore := heap(), resident(b), made()

	start, used := time.Now(), cpu(b)
	for i := range n {
		h.ls.Unplugged(null, entrance(fmt.Sprintf("user%07d", i)))
		if i%1000 == 0 { // not all of them wait in the pools at once
			eventually(b, "the logins", func() bool { return h.present.Load() > int64(i-10000) })
		}
	}
	eventually(b, "all are there", func() bool { return h.present.Load() == int64(n) })
	h.srv.Work.Wait()
	per := func(d time.Duration) float64 { return float64(d.Nanoseconds()) / 1e3 / float64(n) }
	b.ReportMetric(per(cpu(b)-used), "cpu-µs/login")
	b.ReportMetric(time.Since(start).Seconds(), "s/logins")
	b.ReportMetric(float64(made()-madeBefore)/float64(n), "B-made/login")

	b.ReportMetric(float64(int64(heap()-heapBefore))/float64(n), "B/session")
	debug.FreeOSMemory()
	b.ReportMetric((resident(b)-rssBefore)/float64(n), "B-resident/session")
	collections(b)

	frame := stanza.FrameString("<message from='localhost'><body>The server will be restarted in five minutes.</body></message>")
	written := h.engine.Stats().Writes
	start, used = time.Now(), cpu(b)
	h.router.EachSession(func(s *router.Session) { s.Deliver(frame.Retain()) })
	eventually(b, "all have it", func() bool { return h.engine.Stats().Writes == written+uint64(n) })
	frame.Release()
	b.ReportMetric(time.Since(start).Seconds(), "s/broadcast")
	b.ReportMetric(per(cpu(b)-used), "cpu-µs/broadcast")

	start, used = time.Now(), cpu(b)
	h.router.EachSession(func(s *router.Session) { s.End(nil) })
	eventually(b, "all are gone", func() bool { return h.engine.Stats().Conns == 0 })
	h.srv.Work.Wait()
	b.ReportMetric(time.Since(start).Seconds(), "s/reap")
	b.ReportMetric(per(cpu(b)-used), "cpu-µs/reap")
	b.ReportMetric(float64(int64(heap()-heapBefore))/1e6, "MB-left")
}

// collections measures what one cycle of the collector costs while nothing else happens: processor time,
// and the longest time that the program stood still.
func collections(b *testing.B) {
	b.Helper()
	const rounds = 5
	runtime.GC()
	var stats debug.GCStats
	used, start := cpu(b), time.Now()
	for range rounds {
		runtime.GC()
	}
	b.ReportMetric(float64((cpu(b)-used).Microseconds())/1e3/rounds, "cpu-ms/gc")
	b.ReportMetric(float64(time.Since(start).Microseconds())/1e3/rounds, "ms/gc")
	debug.ReadGCStats(&stats)
	b.ReportMetric(float64(slices.Max(stats.Pause[:rounds]).Microseconds()), "pause-µs")
}

// made is how many bytes this process has ever allocated.
func made() uint64 {
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.TotalAlloc
}

// resident is the process's memory, in bytes.
func resident(b *testing.B) float64 {
	b.Helper()
	text, err := os.ReadFile("/proc/self/statm")
	if err != nil {
		b.Fatal(err)
	}
	var size, pages float64
	if _, err := fmt.Sscan(string(text), &size, &pages); err != nil {
		b.Fatal(err)
	}
	return pages * float64(os.Getpagesize())
}
