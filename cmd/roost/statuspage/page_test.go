package statuspage

import (
	"bufio"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

var started = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// sample is a server that has seen something of everything.
func sample() *Snapshot {
	return &Snapshot{Time: started.Add(26 * time.Hour), Version: "roost 0.1.0", Started: started, State: "serving", Domains: []string{"example.org"},
		Connections: 12_345, LoggingIn: 7, Sessions: 12_338, Available: 12_000, Secured: 12_345,
		In: Stanzas{10, 20, 30}, Out: Stanzas{100, 200, 300}, Resident: 30 << 20, Heap: 14 << 20,
		Logins:    []Login{{"PLAIN", Success, 12}, {"SCRAM-SHA-1", "not-authorized", 3456}},
		Latency:   Latency{P50: 40 * time.Microsecond, P99: 3 * time.Millisecond},
		Listeners: []Listener{{"*:5222", "XMPP", "open"}},
		Links:     []Link{{Domain: "<evil>.example", Direction: "out", State: "waiting", Since: started, Reason: "connection refused", Waiting: 3}},
		Busiest:   []Peer{{"bot@example.org/x", 120}}, Slowest: []Peer{{"phone@example.org/y", 65536}},
		Errors: []LogLine{{started, "WARN", "the disk is slow", 1}, {started, "ERROR", "<script>alert(1)</script>", 3}}}
}

// serve runs a Page as the server does.
func serve(t *testing.T, look func() *Snapshot) *httptest.Server {
	t.Helper()
	p := New(look)
	mux := http.NewServeMux()
	mux.Handle("GET /{$}", p)
	mux.HandleFunc("GET /status/events", p.Events)
	s := httptest.NewServer(mux)
	t.Cleanup(s.Close)
	t.Cleanup(p.Close)
	return s
}

// TestPage: everything that a Snapshot says stands on the page, as text.
func TestPage(t *testing.T) {
	s := serve(t, sample)
	resp, err := http.Get(s.URL + "/")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	b, _ := io.ReadAll(resp.Body)
	got := string(b)
	for _, want := range []string{"example.org", "roost 0.1.0", "1 d 2 h", "12\u202f338", "30 MiB", "2.49 KiB", "SCRAM-SHA-1", "not-authorized", "3456",
		"*:5222", "&lt;evil&gt;.example", "connection refused", "bot@example.org/x", "120/s", "phone@example.org/y", "64 KiB",
		"the disk is slow", "&lt;script&gt;alert(1)", "×3", `role="img"`} {
		if !strings.Contains(got, want) {
			t.Errorf("the page does not say %q", want)
		}
	}
	for _, outside := range []string{"http://", "https://", "<link", "<img", "src="} {
		if strings.Contains(got, outside) {
			t.Errorf("the page needs something from outside: %q", outside)
		}
	}
	if csp := resp.Header.Get("Content-Security-Policy"); !strings.Contains(csp, "default-src 'none'") {
		t.Errorf("Content-Security-Policy %q", csp)
	}
}

// TestEvents: an open page is told every part, and its stream ends with the Page.
func TestEvents(t *testing.T) {
	p := New(sample)
	s := httptest.NewServer(http.HandlerFunc(p.Events))
	defer s.Close()
	resp, err := http.Get(s.URL)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	p.tell()
	r := bufio.NewReader(resp.Body)
	text, err := r.ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	var event map[string]string
	if err := json.Unmarshal([]byte(strings.TrimPrefix(text, "data: ")), &event); err != nil {
		t.Fatalf("%v: %s", err, text)
	}
	for _, name := range parts {
		if event[name] == "" {
			t.Errorf("part %s is missing", name)
		}
	}
	p.Close()
	if rest, err := io.ReadAll(r); err != nil || strings.TrimSpace(string(rest)) != "" {
		t.Errorf("after the end: %q, %v", rest, err)
	}
	if resp, err := http.Get(s.URL); err != nil || resp.StatusCode != http.StatusServiceUnavailable {
		t.Errorf("a closed page: %v, %v", resp, err)
	}
}

// TestWatchers: one too many is refused, and there is room again when one has left.
func TestWatchers(t *testing.T) {
	p := New(sample)
	defer p.Close()
	var last chan []byte
	for range MaxWatchers {
		if last = p.watch(); last == nil {
			t.Fatal("refused too early")
		}
	}
	if p.watch() != nil {
		t.Error("one too many")
	}
	p.tell()
	p.tell() // nobody reads, and nobody waits for that
	p.leave(last)
	if p.watch() == nil {
		t.Error("no room again")
	}
}

// TestHistory: points are made once a step, of what has grown since the one before, and the oldest go.
func TestHistory(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := uint64(0)
		p := New(func() *Snapshot {
			n++
			return &Snapshot{Time: time.Now(), Domains: []string{"x"}, Sessions: int(n), In: Stanzas{Message: 100 * n}}
		})
		defer p.Close()
		time.Sleep(span + 3*step + time.Millisecond)
		synctest.Wait()
		points := p.past.since(&Snapshot{Time: time.Now()})
		if len(points) != int(span/step) {
			t.Fatalf("%d points", len(points))
		}
		for i := 1; i < len(points); i++ {
			if points[i].at.Sub(points[i-1].at) != step || points[i].sessions != points[i-1].sessions+1 || points[i].in != 10 {
				t.Fatalf("point %d: %+v after %+v", i, points[i], points[i-1])
			}
		}
	})
}

func TestUnits(t *testing.T) {
	for _, c := range []struct{ got, want string }{
		{number(0), "0"}, {number(0.25), "0.25"}, {number(9999), "9999"}, {number(1_234_567), "1\u202f234\u202f567"}, {number(25e6), "25.0 M"},
		{size(999), "999 B"}, {size(1536), "1.5 KiB"}, {size(200 << 20), "200 MiB"}, {size(5 << 40), "5 TiB"},
		{ago(59 * time.Second), "59 s"}, {ago(61 * time.Second), "1 min 1 s"}, {ago(25 * time.Hour), "1 d 1 h"},
		{number(nice(0)), "1"}, {number(nice(7)), "10"}, {number(nice(1001)), "2000"}, {number(nice(0.3)), "0.5"}, {size(niceSize(30 << 20)), "50 MiB"}, {size(niceSize(700 << 10)), "1 MiB"},
	} {
		if c.got != c.want {
			t.Errorf("%q, want %q", c.got, c.want)
		}
	}
}

// TestThin: a long history becomes a drawable one that says the same.
func TestThin(t *testing.T) {
	var points []point
	for i := range 2160 {
		points = append(points, point{at: started.Add(time.Duration(i) * step), sessions: 100, in: float32(i % 2)})
	}
	got := thin(points)
	if len(got) > dots || len(got) < dots/2 || !got[len(got)-1].at.Equal(points[2159].at) {
		t.Fatalf("%d points to %v", len(got), got[len(got)-1].at)
	}
	for _, p := range got {
		if p.sessions != 100 || p.in < 0.4 || p.in > 0.6 {
			t.Fatalf("%+v", p)
		}
	}
}

// TestCurve: a gap in time breaks the line; one point makes none.
func TestCurve(t *testing.T) {
	value := func(p *point) float32 { return p.in }
	points := []point{{at: started, in: 1}, {at: started.Add(step), in: 2}, {at: started.Add(time.Hour), in: 1}, {at: started.Add(time.Hour + step), in: 1}}
	if got := curve(points, value, 2); strings.Count(got, "M") != 2 || strings.Count(got, "L") != 2 {
		t.Error(got)
	}
	if got := curve(points[:1], value, 2); got != "" {
		t.Error(got)
	}
}
