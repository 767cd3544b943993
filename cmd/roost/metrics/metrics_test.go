package metrics

import (
	"io"
	"log/slog"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil/promlint"
)

// fill puts a value for every name of the table.
func fill(s *Sheet) {
	for _, f := range families {
		labels := slices.Repeat([]string{"x"}, len(f.labels))
		s.Put(f.name, 1, labels...)
	}
}

func scrape(t *testing.T, m *Metrics) string {
	t.Helper()
	w := httptest.NewRecorder()
	m.Handler(slog.New(slog.DiscardHandler)).ServeHTTP(w, httptest.NewRequest("GET", "/metrics", nil))
	b, err := io.ReadAll(w.Body)
	if err != nil || w.Code != 200 {
		t.Fatalf("%d %v %s", w.Code, err, b)
	}
	return string(b)
}

// TestNames: all names are there, and are as Prometheus wants them.
func TestNames(t *testing.T) {
	m := New(fill)
	m.Login("PLAIN", "")
	m.Took(time.Millisecond)
	text := scrape(t, m)
	for _, f := range families {
		if !strings.Contains(text, "\n"+f.name) && !strings.HasPrefix(text, f.name) {
			t.Errorf("%s is missing", f.name)
		}
	}
	var own strings.Builder
	for line := range strings.Lines(text) {
		if strings.Contains(line, "roost_") {
			own.WriteString(line)
		}
	}
	problems, err := promlint.New(strings.NewReader(own.String())).Lint()
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range problems {
		t.Errorf("%s: %s", p.Metric, p.Text)
	}
}

func TestLogins(t *testing.T) {
	m := New(func(*Sheet) {})
	m.Login("PLAIN", "")
	m.Login("PLAIN", "")
	m.Login("", "invalid-mechanism")
	got := m.Logins()
	slices.SortFunc(got, func(a, b LoginCount) int { return strings.Compare(a.Mechanism, b.Mechanism) })
	if want := []LoginCount{{"PLAIN", "success", 2}, {"none", "invalid-mechanism", 1}}; !slices.Equal(got, want) {
		t.Errorf("%+v", got)
	}
}

// TestLatency: quantiles of the last minute, not of what was before.
func TestLatency(t *testing.T) {
	m := New(func(*Sheet) {})
	start := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	if got := m.Latency(start, 0.5, 0.99); got[0] != 0 || got[1] != 0 {
		t.Errorf("of nothing: %v", got)
	}
	for range 99 {
		m.Took(60 * time.Microsecond)
	}
	m.Took(time.Minute)
	got := m.Latency(start.Add(10*time.Second), 0.5, 0.99, 1)
	if got[0] < 50*time.Microsecond || got[0] > 100*time.Microsecond || got[1] > 100*time.Microsecond || got[2] != 10*time.Second {
		t.Errorf("%v", got)
	}
	m.Latency(start.Add(65*time.Second), 0.5)
	if got := m.Latency(start.Add(75*time.Second), 0.5); got[0] != 0 {
		t.Errorf("a minute later: %v", got)
	}
}
