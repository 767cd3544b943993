package main

import (
	"cmp"
	"crypto/sha256"
	"crypto/tls"
	"fmt"
	"log/slog"
	"maps"
	"os"
	"runtime"
	"slices"
	"strings"
	"sync"
	"time"

	"roost/cmd/roost/conf"
	"roost/cmd/roost/console"
	"roost/netio"
	"roost/router/c2s"
	"roost/router/s2s"
	"roost/router/stream"
	"roost/xmlstream/stanza"
)

// table prints what a command found out, as the caller wants it.
func (a *admin) table(e *env, t *console.Table) error { return t.Write(e.out, a.json) }

// moduleCmd is `module list`.
type moduleCmd struct {
	List moduleListCmd `cmd:"" help:"List the modules, and whether they are enabled."`
}
type moduleListCmd struct{}

// moduleStanzas are the stanzas that are modules.
var moduleStanzas = []struct{ scope, doc string }{
	{"xmpp", "XMPP: streams of clients and of servers"},
	{"xmpp_logger", "a line for each stanza in a file"},
	{"scriptlet", "roster and presence, by the script msys.xmpp.presence"},
}

func (moduleListCmd) Run(e *env, a *admin) error {
	t := console.NewTable("scope name", "instance name", "enabled", "api", "description")
	for _, m := range moduleStanzas {
		for _, b := range a.cfg.Tree.Root.All(m.scope) {
			enabled := true
			if a.cfg.Tree.Schema().Option(m.scope, "enabled") != nil {
				enabled = a.cfg.Tree.View(b).Bool("enabled")
			}
			api := "Singleton"
			if b.Name != "" {
				api = "Instance"
			}
			t.Row(b.Scope.Name, b.Name, enabled, api, m.doc)
		}
	}
	return a.table(e, t)
}

// showCmd is `show inbound` and `show outbound`.
type showCmd struct {
	Inbound  showInboundCmd  `cmd:"" help:"A line for each connection that was accepted."`
	Outbound showOutboundCmd `cmd:"" help:"A line for each stream to another server."`
}
type showInboundCmd struct{}
type showOutboundCmd struct{}

// inbound is one accepted connection.
type inbound struct {
	address, kind, state, who, tls string
	idle                           int
}

func (showInboundCmd) Run(e *env, a *admin) error {
	var mu sync.Mutex
	var all []inbound
	a.live.engine.Each(func(c *netio.Conn, h netio.Handler) {
		v := inbound{address: c.RemoteAddr().String(), idle: c.IdleSeconds()}
		if version, _ := c.TLS(); version != 0 {
			v.tls = tls.VersionName(version)
		}
		switch st := h.(type) {
		case *c2s.Stream:
			state, who := st.State()
			v.kind, v.state, v.who = "client", state, who.String()
		case *s2s.In:
			view := st.View()
			v.kind, v.state, v.who = "server", view.State, view.Remote
		case *s2s.Out:
			return
		default:
			v.kind, v.state = "new", "header"
		}
		mu.Lock()
		all = append(all, v)
		mu.Unlock()
	})
	slices.SortFunc(all, func(x, y inbound) int {
		return cmp.Or(cmp.Compare(x.kind, y.kind), cmp.Compare(x.who, y.who), cmp.Compare(x.address, y.address))
	})
	t := console.NewTable("address", "kind", "state", "who", "tls", "idle seconds")
	for _, v := range all {
		t.Row(v.address, v.kind, v.state, v.who, v.tls, v.idle)
	}
	t.Sum("%s", count(t.Len(), "connection"))
	return a.table(e, t)
}

func (showOutboundCmd) Run(e *env, a *admin) error {
	t := console.NewTable("from", "to", "state", "waiting", "error")
	for _, v := range a.live.s2s.Outs() {
		t.Row(v.Local, v.Remote, v.State, v.Waiting, v.Error)
	}
	t.Sum("%s", count(t.Len(), "stream"))
	return a.table(e, t)
}

// summaryCmd is `summary` and `summary reset`.
type summaryCmd struct {
	What string `arg:"" optional:"" enum:"reset," default:"" help:"reset: count from now on."`
}

// total is a counter of the summary.
type total struct {
	name  string
	value uint64
}

// totals are the counters that only grow.
func (s *Server) totals() (out []total) {
	n := s.engine.Stats()
	in, gone := s.c2s.Meter.Counts()
	out = []total{{"connections accepted", n.Accepted}, {"connections made", n.Dialed}, {"connections refused", n.Refused + n.RefusedFiles},
		{"connections cut for not reading", n.Overflows}, {"TLS handshakes", n.Handshakes}, {"TLS handshakes failed", n.HandshakesFailed},
		{"bytes in", n.BytesIn}, {"bytes out", n.BytesOut}}
	for k := stanza.Message; k <= stanza.IQ; k++ {
		out = append(out, total{k.String() + " in", in[k]}, total{k.String() + " out", gone[k]})
	}
	var good, bad uint64
	for _, l := range s.metrics.Logins() {
		if l.Result == "success" {
			good += l.Count
		} else {
			bad += l.Count
		}
	}
	return append(out, total{"logins", good}, total{"logins failed", bad})
}

// since are counters at the last `summary reset`.
type since struct {
	mu sync.Mutex
	at time.Time
	of map[string]uint64
}

func (c *summaryCmd) Run(e *env, a *admin) error {
	s := a.live
	s.since.mu.Lock()
	defer s.since.mu.Unlock()
	if c.What == "reset" {
		s.since.at, s.since.of = time.Now(), map[string]uint64{}
		for _, n := range s.totals() {
			s.since.of[n.name] = n.value
		}
		e.printf("counters begin again\n")
		return nil
	}
	from := s.since.at
	if from.IsZero() {
		from = s.started
	}
	seconds := max(time.Since(from).Seconds(), 1)
	t := console.NewTable("counter", "value", "per second")
	bound, available := s.router.Count()
	for _, g := range []total{{"connections", uint64(s.engine.Stats().Conns)}, {"sessions", uint64(bound)}, {"sessions available", uint64(available)}} {
		t.Row(g.name, g.value, nil)
	}
	for _, n := range s.totals() {
		v := n.value - s.since.of[n.name]
		t.Row(n.name, v, float64(int(float64(v)/seconds*100))/100)
	}
	t.Sum("counted since %s", from.Format(time.DateTime))
	return a.table(e, t)
}

// threadsCmd is `threads stats`.
type threadsCmd struct {
	Stats threadsStatsCmd `cmd:"" help:"Event loops, and the pools of what waits or computes."`
}
type threadsStatsCmd struct{}

func (threadsStatsCmd) Run(e *env, a *admin) error {
	t := console.NewTable("pool", "concurrency", "running", "waiting", "for")
	s := a.live
	t.Row("loops", s.engine.Stats().Loops, nil, nil, "sockets")
	pool := func(name string, p *stream.Pool, what string) {
		st := p.Stats()
		t.Row(name, st.Max, st.Running, st.Waiting, what)
	}
	pool("work", s.work, "stores")
	pool("auth", s.c2s.Auth, "credentials")
	to := s.delegation.Load().to
	for _, domain := range slices.Sorted(maps.Keys(to)) {
		pool("rosters of "+domain, to[domain].pool, "the web application")
	}
	t.Row("goroutines", nil, runtime.NumGoroutine(), nil, "all of the process")
	return a.table(e, t)
}

// tlsCmd is `tls show` and `tls rekey`.
type tlsCmd struct {
	Show  tlsShowCmd  `cmd:"" help:"List the certificates in use."`
	Rekey tlsRekeyCmd `cmd:"" help:"Make new keys for session tickets: no client resumes an old session."`
}
type tlsShowCmd struct{}
type tlsRekeyCmd struct{}

func (tlsShowCmd) Run(e *env, a *admin) error {
	t := console.NewTable("file", "expires", "days left", "names", "sha-256")
	seen := map[string]bool{}
	for _, c := range a.live.secrets.Load().all() {
		leaf := c.Leaf("")
		at, file := c.Expires()
		if leaf == nil || seen[file] {
			continue
		}
		seen[file] = true
		t.Row(file, at.Format(time.DateOnly), int(time.Until(at).Hours()/24), strings.Join(leaf.DNSNames, " "), fmt.Sprintf("%x", sha256.Sum256(leaf.Raw)))
	}
	return a.table(e, t)
}

func (tlsRekeyCmd) Run(e *env, a *admin) error {
	n := 0
	for _, c := range a.live.secrets.Load().all() {
		n += c.Rekey()
	}
	e.printf("new keys for session tickets in %s\n", count(n, "place"))
	return nil
}

// dnsCacheCmd is `dns_cache` and `dns_cache flush`.
type dnsCacheCmd struct {
	What string `arg:"" optional:"" enum:"flush," default:"" help:"flush: forget every answer."`
}

func (c *dnsCacheCmd) Run(e *env, a *admin) error {
	d, ok := a.live.resolver.(*s2s.DNS)
	if !ok {
		return fmt.Errorf("this server does not ask DNS")
	}
	if c.What == "flush" {
		e.printf("%s forgotten\n", count(d.Flush(), "answer"))
		return nil
	}
	t := console.NewTable("name", "type", "records", "seconds left", "error")
	for _, q := range d.Kept() {
		t.Row(q.Name, q.Type, q.Records, int(q.Left.Seconds()), q.Error)
	}
	t.Sum("%s", count(t.Len(), "answer"))
	return a.table(e, t)
}

type sysinfoCmd struct{}

func (sysinfoCmd) Run(e *env, a *admin) error {
	host, _ := os.Hostname()
	l := machine()
	t := console.NewTable("what", "value")
	for _, r := range [][2]any{{"version", versionLine()}, {"host", host}, {"process", os.Getpid()}, {"up seconds", int(time.Since(a.live.started).Seconds())},
		{"processors", runtime.NumCPU()}, {"configuration", a.cfg.File}, {"data", a.cfg.DataDir}, {"memory resident bytes", rss()},
		{"memory heap bytes", heap()}, {"open files at most", l.files}, {"longest listen queue", l.backlog}} {
		t.Row(r[0], r[1])
	}
	return a.table(e, t)
}

type paniclogCmd struct{}

func (paniclogCmd) Run(e *env, a *admin) error {
	t := console.NewTable("time", "level", "times", "text")
	for _, l := range a.live.recent.lines() {
		t.Row(l.Time.Format(time.DateTime), l.Level, l.Times, l.Text)
	}
	t.Sum("%s", count(t.Len(), "line"))
	return a.table(e, t)
}

// debugLevelCmd is `debug_level`.
type debugLevelCmd struct {
	Level  string `arg:"" optional:"" help:"DEBUG, INFO, NOTICE, WARNING, ERROR or CRITICAL; without one the levels are listed."`
	Module string `arg:"" optional:"" help:"Module or subsystem; default all."`
}

func (c *debugLevelCmd) Run(e *env, a *admin) error {
	if c.Level == "" {
		t := console.NewTable("module", "level")
		a.live.levels.each(func(module string, v *slog.LevelVar) { t.Row(module, conf.LevelName(v.Level())) })
		return a.table(e, t)
	}
	level, ok := conf.ParseLevel(c.Level)
	if !ok {
		return fmt.Errorf("%q is no level; the levels are DEBUG INFO NOTICE WARNING ERROR CRITICAL", c.Level)
	}
	n := 0
	a.live.levels.each(func(module string, v *slog.LevelVar) {
		if c.Module == "" || strings.EqualFold(module, c.Module) {
			v.Set(level)
			n++
		}
	})
	if n == 0 {
		return fmt.Errorf("no module %q writes a log; \"debug_level\" lists them", c.Module)
	}
	e.printf("%s at %s until the next reload\n", count(n, "module"), conf.LevelName(level))
	return nil
}
