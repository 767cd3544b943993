package page

import (
	"bytes"
	"math"
	"regexp"
	"strings"
	"testing"
	"time"

	"roost/bench/measure"
	"roost/bench/probe"
	"roost/bench/report"
	"roost/bench/scenario"
)

const text = `
name: made up
about: a run that never was
users: 400
phases:
  - { name: come, kind: ramp, from: 200, steps: 2 }
  - { name: talk, kind: hold, for: 5s, load: [ { do: message, rate: 100 } ] }
`

// made is a result with everything that pages show: two steps of a ramp, and messages that are slower from their
// intended time.
func made(t *testing.T, label string, slower time.Duration) *report.Result {
	t.Helper()
	sc, err := scenario.Read("made-up.yaml", []byte(text), nil)
	if err != nil {
		t.Fatal(err)
	}
	r := &report.Result{Tool: "roost-bench test", Label: label, Started: time.Unix(1e9, 0), Took: 9, Scenario: sc, Workers: 1,
		Target: report.Target{Addrs: []string{"127.0.0.1:5222"}, Domain: "localhost"}, Env: report.Env{Host: "h", CPUs: 2, Memory: 24 << 30, Files: 20000}}
	start, cpu := time.Duration(0), time.Second
	for _, seg := range sc.Segments() {
		var series []report.Second
		m := measure.NewSegment(func(s *measure.Second) { series = append(series, report.NewSecond(s)) })
		m.Sessions = max(seg.Sessions, 200)
		for s := range 3 {
			for i := range 100 {
				wait := int64(time.Duration(i+1)*100*time.Microsecond + slower)
				if seg.Kind == scenario.Ramp {
					m.Record(measure.Connect, -1, wait/4)
					m.Record(measure.Login, -1, wait)
				} else {
					m.Record(measure.Message, 2*wait, wait)
				}
				m.Record(measure.Lag, -1, wait/100)
			}
			if s == 1 {
				m.Error(measure.Login, `timeout <b>&`)
			}
			m.Tick(s, m.Sessions)
		}
		m.Took = 3 * time.Second
		before := &probe.Sample{CPU: cpu, RSS: 30 << 20}
		cpu += time.Second
		s := report.NewSegment(seg, m, start, before, &probe.Sample{CPU: cpu, RSS: 30<<20 + int64(m.Sessions)*1000})
		for i := range series {
			series[i].RSS, series[i].CPU = 31<<20, .3
		}
		s.Series = series
		r.Segments = append(r.Segments, s)
		start += m.Took
	}
	r.Finish()
	return r
}

// wantPage checks what holds for every page, and what it must say.
func wantPage(t *testing.T, page string, want ...string) {
	t.Helper()
	for _, w := range want {
		if !strings.Contains(page, w) {
			t.Errorf("%q is not on the page", w)
		}
	}
	if m := regexp.MustCompile(`(?i)(src=|url\(|@import|https?://|href="[^#])`).FindString(page); m != "" {
		t.Errorf("the page asks for something else: %s", m)
	}
	if m := regexp.MustCompile(`ZgotmplZ|NaN|Inf|%!|<b>&`).FindString(page); m != "" {
		t.Errorf("%s is on the page", m)
	}
	pictures := strings.Count(page, `role="img"`)
	if spoken := len(regexp.MustCompile(`role="img" aria-label="[^"]+: [^"]+"`).FindAllString(page, -1)); pictures == 0 || spoken != pictures {
		t.Errorf("%d of %d pictures are in words", spoken, pictures)
	}
}

// TestRun: the page of a run has its pictures, tables and words, and what others wrote is escaped.
func TestRun(t *testing.T) {
	var b bytes.Buffer
	if err := Write(&b, made(t, `</title><script>alert(1)</script>`, 0)); err != nil {
		t.Fatal(err)
	}
	if strings.Contains(b.String(), "<script>alert") {
		t.Error("a label is not escaped")
	}
	wantPage(t, b.String(), "Latency: message", "Latency: login", "Steps of a login, p99", "own lag", "talk: message", "come: login",
		"Sessions on line", "Rates", "Errors", "resident memory", "Resident memory by sessions", "processors", "timeout &lt;b&gt;&amp;",
		"a run that never was", "bytes per session", "Failed", "from the intended time", "service (from the real time)")
}

// TestEmpty: a run that broke off before anything happened has a page, too.
func TestEmpty(t *testing.T) {
	r := made(t, "", 0)
	for _, segs := range [][]*report.Segment{nil, {{Name: "come", Phase: "come", Kind: scenario.Ramp}}} {
		r.Segments = segs
		r.Finish()
		var b bytes.Buffer
		if err := Write(&b, r); err != nil {
			t.Fatal(err)
		}
		if err := WriteGroups(&b, "none", report.Groups([]*report.Result{r, r})); err != nil {
			t.Fatal(err)
		}
	}
}

// TestSides: results are sorted into sides by their labels, with medians, and drawn in one picture.
func TestSides(t *testing.T) {
	a, b, c := made(t, "old", 0), made(t, "new", time.Millisecond), made(t, "new", 2*time.Millisecond)
	groups := report.Groups([]*report.Result{a, b, c})
	if len(groups) != 1 || len(groups[0].Sides) != 2 || len(groups[0].Sides[1].Runs) != 2 {
		t.Fatalf("groups %+v", groups)
	}
	var page bytes.Buffer
	if err := WriteGroups(&page, "Both", groups); err != nil {
		t.Fatal(err)
	}
	wantPage(t, page.String(), "Both", "old", "(2 runs)", "talk: message, percentiles", "talk: message, p99 over time", "talk: message, rate over time",
		"1 of 1 runs failed")
	page.Reset()
	x, y := groups[0].Sides[0], groups[0].Sides[1]
	if err := WriteComparison(&page, x, y, report.Compare(x.Runs, y.Runs)); err != nil {
		t.Fatal(err)
	}
	wantPage(t, page.String(), "made up: old and new", "with confidence", "talk: message p99 ms")
}

// TestMarkdown: the tables of medians.
func TestMarkdown(t *testing.T) {
	var b strings.Builder
	groups := report.Groups([]*report.Result{made(t, "x", 0), made(t, "y", 0), made(t, "y", time.Millisecond)})
	if err := report.Markdown(&b, groups); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"| | x | y |", "| talk: message/s | 100 | 100 |", "What the servers spend", "| made up, STARTTLS: come: CPU µs/login |", "- Failed: made up, STARTTLS"} {
		if !strings.Contains(b.String(), want) {
			t.Errorf("%q is not in\n%s", want, b.String())
		}
	}
}

// TestAxis: where values stand, and how far axes go.
func TestAxis(t *testing.T) {
	log := logarithmic(.3, 250, func(float64) string { return "" })
	lin := linear(130, func(float64) string { return "" }, nice)
	for _, c := range []struct {
		name      string
		got, want float64
	}{
		{"the decade below", log.low, .1}, {"the decade above", log.high, 1000}, {"the middle", log.at(10), .5}, {"below the end", log.at(0), 0},
		{"beyond the end", log.at(1e6), 1}, {"the next round value", lin.high, 200}, {"half of it", lin.at(100), .5},
		{"one value has a decade", logarithmic(10, 10, nil).high, 100}, {"a size ends in its unit", niceSize(900 << 10), 1 << 20}, {"time", niceTime(40), 40},
	} {
		if math.Abs(c.got-c.want) > 1e-9*max(c.want, 1) {
			t.Errorf("%s: %v, want %v", c.name, c.got, c.want)
		}
	}
}

// TestThinned: a long run is drawn with few points that keep the worst.
func TestThinned(t *testing.T) {
	ts := make(times, 10*most)
	for i := range ts {
		ts[i] = moment{at: float64(i + 1), length: 1, seg: &report.Segment{}, sec: &report.Second{T: i}}
	}
	ts[1234].sec.Kinds = map[measure.Kind]report.SecondKind{measure.Message: {Count: 1, P99: 77}}
	y := ts.thinned(kind(measure.Message, p99), highest)
	if len(y) != most || len(ts.x()) != most || highest(y) != 77 || ts.x()[most-1] != 10*most {
		t.Errorf("%d points, highest %v", len(y), highest(y))
	}
}
