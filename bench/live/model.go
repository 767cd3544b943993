package live

import (
	"cmp"
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/charmbracelet/bubbles/progress"
	tea "github.com/charmbracelet/bubbletea"
	"github.com/charmbracelet/lipgloss"

	"roost/bench/measure"
	"roost/bench/report"
	"roost/bench/units"
)

// interval is how often the picture is drawn.
const interval = 500 * time.Millisecond

// late is the load tester's own lag, in milliseconds at p99, from which its latencies are not to be trusted.
const late = 1.0

// How many phases and errors are shown, and the widest bar.
const (
	mostPhases = 12
	mostErrors = 3
	widestBar  = 50
)

type tick time.Time

// model is the picture: what the feed said last.
type model struct {
	feed  *Feed
	title string
	stop  func()
	clock func() time.Time

	now      state
	width    int
	stopping bool
}

// Init implements tea.Model.
func (m model) Init() tea.Cmd { return next() }

func next() tea.Cmd { return tea.Tick(interval, func(t time.Time) tea.Msg { return tick(t) }) }

// Update implements tea.Model.
func (m model) Update(msg tea.Msg) (tea.Model, tea.Cmd) {
	switch msg := msg.(type) {
	case tea.WindowSizeMsg:
		m.width = msg.Width
	case tea.KeyMsg:
		if k := msg.String(); (k == "q" || k == "ctrl+c" || k == "esc") && !m.stopping {
			m.stopping = true
			m.stop()
		}
	case tick:
		var lines []string
		m.now, lines = m.feed.take()
		if len(lines) > 0 {
			return m, tea.Batch(tea.Println(m.wrapped(lines)), next())
		}
		return m, next()
	}
	return m, nil
}

var (
	strong = lipgloss.NewStyle().Bold(true)
	soft   = lipgloss.NewStyle().Faint(true)
	bad    = lipgloss.NewStyle().Bold(true).Foreground(lipgloss.Color("1"))
)

// View implements tea.Model.
func (m model) View() string {
	var b strings.Builder
	now := m.clock()
	fmt.Fprintf(&b, "\n%s  %s\n\n", strong.Render(m.title), soft.Render(now.Sub(m.now.began).Round(time.Second).String()))
	m.bars(&b, now)
	m.server(&b)
	m.kinds(&b)
	m.lag(&b)
	m.errors(&b)
	switch {
	case m.stopping:
		b.WriteString(bad.Render("stopping …"))
	default:
		b.WriteString(soft.Render("q stops the run; what was measured until then is kept"))
	}
	b.WriteByte('\n')
	return m.fit(b.String())
}

// wrapped breaks lines at the terminal's width and fills them up to it: what is printed covers what was drawn there.
func (m model) wrapped(lines []string) string {
	text := strings.Join(lines, "\n")
	if m.width == 0 {
		return text
	}
	return lipgloss.NewStyle().Width(m.width).Render(text)
}

// fit cuts lines to the terminal's width: a line that wraps would be drawn in the wrong place.
func (m model) fit(s string) string {
	if m.width == 0 {
		return s
	}
	return lipgloss.NewStyle().MaxWidth(m.width).Render(s)
}

// bars draws a bar for each phase, around the one that goes on where there are many.
func (m model) bars(b *strings.Builder, now time.Time) {
	width := widestBar
	if m.width > 0 {
		width = min(max(m.width-30, 10), widestBar)
	}
	bar := progress.New(progress.WithSolidFill("6"), progress.WithWidth(width))
	first := min(max(m.now.at-mostPhases/2, 0), max(len(m.now.phases)-mostPhases, 0))
	for i := first; i < min(first+mostPhases, len(m.now.phases)); i++ {
		name := fmt.Sprintf("%-20.20s ", m.now.phases[i].name)
		switch {
		case i == m.now.at:
			name = strong.Render(name)
		case i > m.now.at:
			name = soft.Render(name)
		}
		fmt.Fprintf(b, "%s%s\n", name, bar.ViewAs(m.now.part(i, now)))
	}
	b.WriteByte('\n')
}

// server says how many sessions there are and what the server takes for them.
func (m model) server(b *strings.Builder) {
	fmt.Fprintf(b, "sessions %s", strong.Render(units.Count(float64(m.now.sec.Sessions))))
	if m.now.seg.Name != "" {
		fmt.Fprintf(b, "   now: %s", m.now.seg.Name)
	}
	if s := m.now.sec; s.RSS > 0 {
		fmt.Fprintf(b, "   server: %s resident, %s processors", units.Bytes(float64(s.RSS)), units.Cores(s.CPU))
	}
	b.WriteString("\n\n")
}

// kinds is the table of the last second.
func (m model) kinds(b *strings.Builder) {
	fmt.Fprintln(b, soft.Render(fmt.Sprintf("%-12s %10s %10s %10s %10s %12s %8s", "", "/s", "p50", "p99", "slowest", "in all", "errors")))
	for _, k := range measure.Kinds() {
		t := m.now.totals[k]
		if k == measure.Lag || t == (total{}) {
			continue
		}
		fmt.Fprintln(b, m.kind(k, t, m.now.sec.Kinds[k]))
	}
	if len(m.now.rates) > 1 {
		fmt.Fprintf(b, "%-12s %s\n", "rate", spark(m.now.rates))
	}
	b.WriteByte('\n')
}

func (m model) kind(k measure.Kind, t total, s report.SecondKind) string {
	cells := []string{"–", "–", "–", "–"}
	if s.Count > 0 {
		cells = []string{units.Count(float64(s.Count)), units.Period(s.P50), units.Period(s.P99), units.Period(s.Max)}
	}
	errs := fmt.Sprintf("%8s", units.Count(float64(t.errors)))
	if t.errors > 0 {
		errs = bad.Render(errs)
	}
	return fmt.Sprintf("%-12s %10s %10s %10s %10s %12s %s", k, cells[0], cells[1], cells[2], cells[3], units.Count(float64(t.count)), errs)
}

// spark draws values as a line of blocks, the highest at the top.
func spark(vs []float64) string {
	blocks := []rune(" ▁▂▃▄▅▆▇█")
	top := max(slices.Max(vs), 1)
	out := make([]rune, len(vs))
	for i, v := range vs {
		out[i] = blocks[int(math.Ceil(v/top*float64(len(blocks)-1)))]
	}
	return string(out)
}

// lag says whether the load tester itself keeps up.
func (m model) lag(b *strings.Builder) {
	own, ok := m.now.sec.Kinds[measure.Lag]
	if !ok {
		return
	}
	text := fmt.Sprintf("the load tester comes %s late at p99", units.Period(own.P99))
	switch {
	case own.P99 > late:
		fmt.Fprintln(b, text+": "+bad.Render("saturated")+", latencies contain that")
	case m.now.late:
		fmt.Fprintln(b, text+"; it was saturated before")
	default:
		fmt.Fprintln(b, text)
	}
}

// errors lists the most frequent ones.
func (m model) errors(b *strings.Builder) {
	all := m.now.errors
	names := slices.SortedFunc(maps.Keys(all), func(x, y string) int { return cmp.Or(cmp.Compare(all[y], all[x]), cmp.Compare(x, y)) })
	for i, name := range names {
		if i == mostErrors {
			fmt.Fprintf(b, "and %d other kinds of errors\n", len(names)-i)
			break
		}
		fmt.Fprintf(b, "%s × %s\n", bad.Render(units.Count(float64(all[name]))), name)
	}
}
