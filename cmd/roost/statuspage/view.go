package statuspage

import (
	"cmp"
	"slices"
	"strings"
	"time"
)

// view is a Snapshot as the template shows it.
type view struct {
	*Snapshot
	Up      string
	At      string
	Numbers []figure
	Charts  []chart
	Logins  []loginRow
	Links   []linkRow
	Busiest []peerRow
	Slowest []peerRow
	Errors  []errorRow
}

type figure struct{ Name, Value, Note string }

type loginRow struct{ Mechanism, Result, Count, Class string }

type linkRow struct {
	Link
	For, Class string
}

type peerRow struct{ JID, Value string }

type errorRow struct {
	At, Level, Text string
	Times           int
}

func (p *Page) view() *view {
	s := p.look()
	points := thin(p.past.since(s))
	v := &view{Snapshot: s, Up: ago(s.Time.Sub(s.Started)), At: s.Time.Format("2006-01-02 15:04:05 MST"),
		Numbers: figures(s), Charts: charts(points)}
	for _, l := range slices.SortedFunc(slices.Values(s.Logins), func(a, b Login) int { return cmp.Compare(b.Count, a.Count) }) {
		row := loginRow{Mechanism: l.Mechanism, Result: l.Result, Count: number(float64(l.Count)), Class: "bad"}
		if l.Result == Success {
			row.Class = "good"
		}
		v.Logins = append(v.Logins, row)
	}
	for _, l := range s.Links {
		row := linkRow{Link: l, For: ago(s.Time.Sub(l.Since)), Class: "good"}
		if l.Reason != "" {
			row.Class = "bad"
		}
		v.Links = append(v.Links, row)
	}
	for _, b := range s.Busiest {
		v.Busiest = append(v.Busiest, peerRow{b.JID, perSecond(b.Value)})
	}
	for _, b := range s.Slowest {
		v.Slowest = append(v.Slowest, peerRow{b.JID, size(b.Value)})
	}
	for _, e := range slices.Backward(s.Errors) {
		v.Errors = append(v.Errors, errorRow{e.Time.Format(time.TimeOnly), strings.ToLower(e.Level), e.Text, e.Times})
	}
	return v
}

func figures(s *Snapshot) []figure {
	each := "–"
	if s.Sessions > 0 {
		each = size(float64(s.Resident) / float64(s.Sessions))
	}
	return []figure{
		{"Sessions", number(float64(s.Sessions)), number(float64(s.Available)) + " available"},
		{"Connections", number(float64(s.Connections)), number(float64(s.LoggingIn)) + " logging in, " + number(float64(s.Secured)) + " with TLS"},
		{"Memory", size(float64(s.Resident)), size(float64(s.Heap)) + " in objects"},
		{"Memory per session", each, "resident, shared out"},
	}
}

func charts(points []point) []chart {
	return []chart{
		draw("c-sessions", "Sessions", points, counts, series{"sessions", "a", func(p *point) float32 { return p.sessions }}),
		draw("c-stanzas", "Stanzas", points, rates,
			series{"received", "a", func(p *point) float32 { return p.in }},
			series{"delivered", "b", func(p *point) float32 { return p.out }}),
		draw("c-logins", "Logins", points, rates,
			series{"accepted", "a", func(p *point) float32 { return p.logins }},
			series{"refused", "c", func(p *point) float32 { return p.fail }}),
		draw("c-latency", "Time through the server", points, periods,
			series{"p50", "a", func(p *point) float32 { return p.p50 }},
			series{"p99", "b", func(p *point) float32 { return p.p99 }}),
		draw("c-memory", "Resident memory", points, sizes, series{"resident", "a", func(p *point) float32 { return p.resident }}),
		draw("c-each", "Memory per session", points, sizes, series{"resident, shared out", "a", func(p *point) float32 { return p.resident / max(p.sessions, 1) }}),
	}
}
