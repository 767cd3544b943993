package s2s

import (
	"io"
	"testing"
	"time"

	"roost/netio"
)

// TestChange: streams of a pair that may not speak any more end, on both sides; with new rules they speak
// again at once.
func TestChange(t *testing.T) {
	w := newWorld(t, 2, Remote{ConnectTimeout: 10 * time.Second}, io.Discard)
	a, b := w.domains[0], w.domains[1]
	delivered := func(from, to *domain, id string) {
		t.Helper()
		from.send(to.name, id)
		w.settle(id, func() bool { got, _ := w.tally(id); return got == 1 })
	}
	delivered(a, b, "1")
	delivered(b, a, "2")
	rules := func(mode Mode) Rules {
		return Rules{Others: w.remote, Domains: map[string]*Local{a.name: {Mode: mode, Secret: NewSecret(a.name)}}}
	}
	a.srv.Change(rules(Closed))
	w.engine.Each(func(_ *netio.Conn, h netio.Handler) {
		if in, ok := h.(*In); ok {
			in.Recheck()
		}
	})
	w.settle("the streams have ended", func() bool { return w.streams() == 0 })
	a.send(b.name, "3")
	w.settle("refused", func() bool { _, bounced := w.tally("3"); return bounced == 1 })
	if len(a.srv.Outs()) != 0 {
		t.Errorf("%+v", a.srv.Outs())
	}
	a.srv.Change(rules(Open))
	delivered(a, b, "4")
	if out := a.srv.Outs(); len(out) != 1 || out[0].Remote != b.name || out[0].State != "open" {
		t.Errorf("%+v", out)
	}
}
