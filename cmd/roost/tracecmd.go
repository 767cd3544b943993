package main

import (
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"roost/cmd/roost/console"
	"roost/cmd/roost/xmpplog"
	"roost/router/c2s"
	"roost/xmlstream/jid"
	"roost/xmlstream/stanza"
)

// traceCmd is `trace JID`: the stanzas of sessions as they pass, until the caller goes.
type traceCmd struct {
	JID    string `arg:"" help:"user@domain, or user@domain/resource for one session; it need not be there yet."`
	Bodies bool   `help:"Also show the text inside of stanzas: it belongs to those who wrote it."`
	Count  int    `help:"End after so many stanzas; 0: never." default:"0"`
}

// maxTrace is how many lines may wait for the one who watches; those beyond are counted.
const maxTrace = 1024

// traces are those that go on. Without one nothing watches the streams.
type traces struct {
	mu  sync.Mutex // guards changes of all
	all atomic.Pointer[[]*trace]
}

// trace is one of them.
type trace struct {
	jid    jid.JID
	bodies bool
	lines  chan string
	lost   atomic.Int64
}

// Received implements c2s.Watcher.
func (t *traces) Received(s *c2s.Stream, st *stanza.Stanza) { t.show(s, "<-", st.El.Raw()) }

// Delivered implements c2s.Watcher.
func (t *traces) Delivered(s *c2s.Stream, b []byte) { t.show(s, "->", b) }

func (t *traces) show(s *c2s.Stream, direction string, raw []byte) {
	who := s.JID()
	for _, tr := range *t.all.Load() {
		if who != tr.jid && (!tr.jid.IsBare() || who.Bare() != tr.jid) {
			continue
		}
		text := raw
		if !tr.bodies {
			text = xmpplog.AppendWithoutText(nil, raw)
		}
		select {
		case tr.lines <- fmt.Sprintf("%s %s %s %s", time.Now().Format("15:04:05.000"), who, direction, console.Clean(string(text))):
		default:
			tr.lost.Add(1)
		}
	}
}

// begin adds a trace, and end takes it away. The first and the last switch watching on and off.
func (t *traces) begin(srv *c2s.Server, tr *trace) { t.change(srv, tr, true) }
func (t *traces) end(srv *c2s.Server, tr *trace)   { t.change(srv, tr, false) }

func (t *traces) change(srv *c2s.Server, tr *trace, on bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	var now []*trace
	if old := t.all.Load(); old != nil {
		now = slices.DeleteFunc(slices.Clone(*old), func(x *trace) bool { return x == tr })
	}
	if on {
		now = append(now, tr)
	}
	t.all.Store(&now)
	if len(now) > 0 {
		srv.SetWatcher(t)
	} else {
		srv.SetWatcher(nil)
	}
}

func (c *traceCmd) Run(e *env, a *admin) error {
	j, err := jid.Parse(c.JID)
	if err != nil {
		return err
	}
	s := a.live
	tr := &trace{jid: j, bodies: c.Bodies, lines: make(chan string, maxTrace)}
	s.traces.begin(s.c2s, tr)
	defer s.traces.end(s.c2s, tr)
	s.log.Info("trace begins", "jid", j.String(), "bodies", c.Bodies)
	defer s.log.Info("trace ends", "jid", j.String())
	e.printf("tracing %s: <- from the client, -> to it; end with Ctrl-C\n", j)
	for n := 0; c.Count == 0 || n < c.Count; n++ {
		select {
		case <-e.ctx.Done():
			return nil
		case <-s.stopping:
			return nil
		case line := <-tr.lines:
			if lost := tr.lost.Swap(0); lost > 0 {
				e.printf("%s not shown: more than can be written\n", count(int(lost), "stanza"))
			}
			if _, err := fmt.Fprintln(e.out, line); err != nil {
				return nil // the caller is gone
			}
		}
	}
	return nil
}
