package live

import (
	"bytes"
	"strings"
	"testing"
	"time"

	tea "github.com/charmbracelet/bubbletea"

	"roost/bench/measure"
	"roost/bench/report"
	"roost/bench/scenario"
)

const text = `
name: s
users: 100
phases:
  - { name: come, kind: ramp }
  - { name: talk, kind: hold, for: 10s, warm-up: 10s, load: [ { do: message, rate: 100 } ] }
  - { name: crash, kind: storm, sessions: 50 }
  - { name: go, kind: drain }
`

// stage is a model with a feed and a clock that the test turns.
type stage struct {
	t     *testing.T
	now   time.Time
	feed  *Feed
	model tea.Model
	segs  []scenario.Segment
	stops int
}

func newStage(t *testing.T) *stage {
	t.Helper()
	sc, err := scenario.Read("s.yaml", []byte(text), nil)
	if err != nil {
		t.Fatal(err)
	}
	s := &stage{t: t, now: time.Unix(1e9, 0), segs: sc.Segments()}
	clock := func() time.Time { return s.now }
	s.feed = NewFeed(sc, clock)
	m := model{feed: s.feed, title: "s", stop: func() { s.stops++ }, clock: clock}
	m.now, _ = s.feed.take()
	s.model = m
	return s
}

// see sends a tick, and returns the picture and whether lines were printed.
func (s *stage) see(want ...string) {
	s.t.Helper()
	var cmd tea.Cmd
	s.model, cmd = s.model.Update(tick(s.now))
	if cmd == nil {
		s.t.Error("there is no next tick")
	}
	got := s.model.View()
	for _, w := range want {
		if !strings.Contains(got, w) {
			s.t.Errorf("want %q in\n%s", w, got)
		}
	}
}

// bars returns the per cent of each phase, in order.
func (s *stage) bars() []string {
	var out []string
	for l := range strings.Lines(s.model.View()) {
		if l = strings.TrimSpace(l); strings.HasSuffix(l, "%") {
			out = append(out, l[strings.LastIndexByte(l, ' ')+1:])
		}
	}
	return out
}

func (s *stage) wantBars(want ...string) {
	s.t.Helper()
	if got := s.bars(); strings.Join(got, " ") != strings.Join(want, " ") {
		s.t.Errorf("bars %v, want %v", got, want)
	}
}

func second(sessions int, kinds map[measure.Kind]report.SecondKind) report.Second {
	return report.Second{Sessions: sessions, Kinds: kinds, RSS: 100 << 20, CPU: 0.5}
}

// TestView follows a run through all kinds of phases.
func TestView(t *testing.T) {
	s := newStage(t)
	s.see("come", "talk", "q stops the run")
	s.wantBars("0%", "0%", "0%", "0%")
	s.feed.SegmentBegins(s.segs[0], len(s.segs))
	s.feed.SecondPassed(s.segs[0], second(25, map[measure.Kind]report.SecondKind{measure.Login: {Count: 25, Errors: 3, P50: 1, P99: 2, Max: 1500}}))
	s.see("sessions 25", "now: come", "server: 100 MiB resident, 0.5 processors", "login                25       1 ms       2 ms      1.5 s", "3")
	s.wantBars("25%", "0%", "0%", "0%")
	s.feed.SegmentEnded(s.segs[0], &report.Segment{Name: "come", Sessions: 100, Errors: map[string]int64{"login: timeout": 3}})

	s.feed.SegmentBegins(s.segs[1], len(s.segs))
	s.now = s.now.Add(5 * time.Second) // half of the warm-up is a quarter of the phase
	s.see("3 × login: timeout", "sessions 100")
	s.wantBars("100%", "25%", "0%", "0%")
	s.feed.SecondPassed(s.segs[1], second(100, map[measure.Kind]report.SecondKind{measure.Message: {Count: 12345, P50: .25, P99: 3, Max: 40},
		measure.Lag: {Count: 100, P99: 2.5}}))
	s.see("message          12\u202f345     250 µs       3 ms      40 ms", "2.5 ms late at p99: saturated", "rate")
	s.feed.SegmentEnded(s.segs[1], &report.Segment{Sessions: 100, WarmUp: true, Saturate: true})

	s.feed.SegmentBegins(s.segs[2], len(s.segs))
	s.now = s.now.Add(30 * time.Second) // a hold that settles is not more than all of itself
	s.feed.SecondPassed(s.segs[2], second(100, map[measure.Kind]report.SecondKind{measure.Lag: {Count: 100, P99: .1}}))
	s.see("100 µs late at p99\n")
	s.wantBars("100%", "100%", "0%", "0%")
	s.feed.SegmentEnded(s.segs[2], &report.Segment{Sessions: 100, Saturate: true})

	s.feed.SegmentBegins(s.segs[3], len(s.segs))
	s.feed.SecondPassed(s.segs[3], second(60, map[measure.Kind]report.SecondKind{measure.Login: {Count: 10}, measure.Lag: {P99: .1}}))
	s.see("it was saturated before")
	s.wantBars("100%", "100%", "20%", "0%")
	s.feed.SegmentEnded(s.segs[3], &report.Segment{Sessions: 100})

	s.feed.SegmentBegins(s.segs[4], len(s.segs))
	s.feed.SecondPassed(s.segs[4], second(75, nil))
	s.see("now: go")
	s.wantBars("100%", "100%", "100%", "25%")
	s.feed.SegmentEnded(s.segs[4], &report.Segment{})
	s.see("sessions 0")
	s.wantBars("100%", "100%", "100%", "100%")
}

// TestKeys: q asks once for the end, and the view says so.
func TestKeys(t *testing.T) {
	s := newStage(t)
	for _, k := range []tea.KeyMsg{{Type: tea.KeyRunes, Runes: []rune("x")}, {Type: tea.KeyRunes, Runes: []rune("q")}, {Type: tea.KeyCtrlC}} {
		s.model, _ = s.model.Update(k)
	}
	if s.stops != 1 || !strings.Contains(s.model.View(), "stopping") {
		t.Errorf("stopped %d times\n%s", s.stops, s.model.View())
	}
}

// TestNarrow: no line is wider than the terminal.
func TestNarrow(t *testing.T) {
	s := newStage(t)
	s.feed.SegmentBegins(s.segs[0], len(s.segs))
	s.feed.SecondPassed(s.segs[0], second(25, map[measure.Kind]report.SecondKind{measure.Login: {Count: 25}}))
	for _, width := range []int{20, 40, 80} {
		s.model, _ = s.model.Update(tea.WindowSizeMsg{Width: width, Height: 24})
		s.see()
		for l := range strings.Lines(s.model.View()) {
			if n := len([]rune(strings.TrimRight(l, "\n"))); n > width {
				t.Errorf("a line of %d in a terminal of %d: %q", n, width, l)
			}
		}
	}
}

// TestShow: a view on something that is no terminal begins, prints what has ended, and closes.
func TestShow(t *testing.T) {
	sc, err := scenario.Read("s.yaml", []byte(text), nil)
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	if IsTerminal(&out) {
		t.Error("a buffer is a terminal")
	}
	v := Show(strings.NewReader(""), &out, "s", sc, func() {})
	segs := sc.Segments()
	v.SegmentBegins(segs[0], len(segs))
	v.SegmentEnded(segs[0], &report.Segment{Name: "come", Sessions: 100})
	if err := v.Close(); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(out.String(), "come") {
		t.Errorf("the line of the segment is missing in %q", out.String())
	}
}
