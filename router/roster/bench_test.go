package roster

import (
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"roost/rosterdb"
	"roost/router"
	"roost/router/routertest"
	"roost/xmlstream"
	"roost/xmlstream/jid"
	"roost/xmlstream/stanza"
)

// sink is a stream that counts what it is given.
type sink struct{ frames, bytes int }

func (o *sink) Deliver(f *stanza.Frame) bool {
	o.frames++
	o.bytes += len(f.Bytes())
	f.Release()
	return true
}

func (o *sink) End(*stanza.StreamError) {}

// bench is alice with a roster of n contacts in a store on the disk.
func bench(b *testing.B, n int) *world {
	b.Helper()
	w := &world{Server: routertest.New(b, routertest.Options{NoPresence: true, Limits: router.Limits{MaxSessions: 100}})}
	var err error
	if w.db, err = rosterdb.Open(rosterdb.Options{Dir: b.TempDir(), Log: slog.New(slog.DiscardHandler)}); err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { w.db.Close() })
	w.Service = Register(w.Router, w.db, w.Accounts, rosterdb.Limits{})
	var items []string
	for i := range n {
		items = append(items, fmt.Sprintf(`"contact%04d@example.org":{"name":"Contact %d","groups":["Friends"],"subscription":"both"}`, i, i))
	}
	w.Accounts.Add(routertest.JID(b, "alice@x"))
	w.put("alice@x", "{"+strings.Join(items, ",")+"}")
	return w
}

// join binds a resource of alice that asks for its roster.
func (w *world) join(b *testing.B, resource string) (*router.Session, *sink) {
	b.Helper()
	out := &sink{}
	s, e := w.Router.Bind(router.Request{JID: routertest.JID(b, "alice@x/"+resource), Policy: router.Refuse, Out: out,
		Welcome: func(jid.JID) *stanza.Frame { return stanza.FrameString("<welcome/>") }})
	if e != nil {
		b.Fatal(e)
	}
	w.route(b, s, "<iq xmlns='jabber:client' type='get' id='r'><query xmlns='jabber:iq:roster'/></iq>")
	return s, out
}

func (w *world) route(b *testing.B, s *router.Session, text string) {
	b.Helper()
	el, err := xmlstream.ParseElement([]byte(text), nil)
	if err != nil {
		b.Fatal(err)
	}
	st := stanza.Parse(el, stanza.NSClient)
	if !w.Router.Route(s, &st, true) {
		b.Fatal("it would not block")
	}
}

// BenchmarkRosterGet is a roster get of one resource: the record, and its answer as XML.
func BenchmarkRosterGet(b *testing.B) {
	for _, n := range []int{30, 1000} {
		b.Run(fmt.Sprintf("contacts=%d", n), func(b *testing.B) {
			w := bench(b, n)
			s, out := w.join(b, "r")
			*out = sink{}
			b.ReportAllocs()
			for b.Loop() {
				w.route(b, s, "<iq xmlns='jabber:client' type='get' id='r'><query xmlns='jabber:iq:roster'/></iq>")
			}
			if out.frames != b.N {
				b.Errorf("%d answers to %d requests", out.frames, b.N)
			}
			b.ReportMetric(float64(out.bytes)/float64(b.N), "B/answer")
		})
	}
}

// BenchmarkPush is a roster set, flushed to the disk, whose push goes to that many interested
// resources; the streams are replaced by counters.
func BenchmarkPush(b *testing.B) {
	for _, n := range []int{1, 10, 100} {
		b.Run(fmt.Sprintf("resources=%d", n), func(b *testing.B) {
			w := bench(b, 30)
			var sinks []*sink
			var s *router.Session
			for i := range n {
				var out *sink
				s, out = w.join(b, fmt.Sprintf("r%d", i))
				*out = sink{}
				sinks = append(sinks, out)
			}
			b.ReportAllocs()
			i := 0
			for b.Loop() {
				i++
				w.route(b, s, fmt.Sprintf("<iq xmlns='jabber:client' type='set' id='s'><query xmlns='jabber:iq:roster'>"+
					"<item jid='contact0007@example.org' name='%d'><group>Friends</group></item></query></iq>", i))
			}
			if got := sinks[0].frames; n > 1 && got != b.N {
				b.Errorf("%d pushes after %d changes", got, b.N)
			}
			b.ReportMetric(float64(n*b.N)/b.Elapsed().Seconds(), "pushes/s")
		})
	}
}
