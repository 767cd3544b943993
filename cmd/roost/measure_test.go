package main

import (
	"io"
	"log/slog"
	"net/http"
	"strconv"
	"strings"
	"testing"
)

// scrape gives the values of /metrics by name and labels.
func scrape(t *testing.T, url string) map[string]float64 {
	t.Helper()
	code, body := get(t, url+"/metrics", "")
	if code != http.StatusOK {
		t.Fatal(code, body)
	}
	out := map[string]float64{}
	for line := range strings.Lines(body) {
		name, value, ok := strings.Cut(strings.TrimSpace(line), "} ")
		if ok {
			name += "}"
		} else if name, value, ok = strings.Cut(strings.TrimSpace(line), " "); !ok || name == "#" {
			continue
		}
		v, err := strconv.ParseFloat(value, 64)
		if err != nil {
			t.Errorf("%q: %v", line, err)
		}
		out[name] = v
	}
	return out
}

// TestMetrics: what clients do is what is counted.
func TestMetrics(t *testing.T) {
	p := newPlace(t, "", `HTTP_Listener { Listen "127.0.0.1:0" {} }`)
	for _, u := range []string{"alice", "bob"} {
		p.do("secret\n", "user", "add", u+"@localhost")
	}
	s := p.start()
	url := "http://" + s.webs()[0].ln.Addr().String()
	before := scrape(t, url)
	alice, bob := s.login(t, "alice", "r"), s.login(t, "bob", "r")
	bob.send("<presence/>")
	bob.until("<presence")
	const messages = 200
	for range messages {
		alice.send("<message to='bob@localhost/r'><body>hi</body></message>")
		bob.until("</message>")
	}
	var after map[string]float64
	p.until(func() error { // the last message is there before it is counted
		if after = scrape(t, url); after[`roost_stanzas_total{direction="out",kind="message"}`] < messages {
			return errAgain
		}
		return nil
	})
	for name, want := range map[string]float64{
		`roost_connections`:                                      2,
		`roost_connections_accepted_total`:                       2,
		`roost_sessions{state="available"}`:                      1,
		`roost_sessions{state="unavailable"}`:                    1,
		`roost_logins_total{mechanism="PLAIN",result="success"}`: 2,
		`roost_stanzas_total{direction="in",kind="message"}`:     messages,
		`roost_stanzas_total{direction="out",kind="message"}`:    messages,
		`roost_stanzas_total{direction="in",kind="presence"}`:    1,
		`roost_stanza_seconds_count`:                             messages / 64,
		`roost_ready`:                                            1,
		`roost_panics_total`:                                     0,
	} {
		if got := after[name] - before[name]; got != want && name != "roost_ready" || after["roost_ready"] != 1 {
			t.Errorf("%s: %v, want %v", name, got, want)
		}
	}
	if after[`roost_network_bytes_total{direction="out"}`] < messages*60 {
		t.Error("no bytes are counted")
	}
}

// TestStatusPage: a browser gets the page with what is true at the moment, everybody else the text.
func TestStatusPage(t *testing.T) {
	p := newPlace(t, "", `HTTP_Listener { Listen "127.0.0.1:0" {} }`)
	p.do("secret\n", "user", "add", "alice@localhost")
	s := p.start()
	s.login(t, "alice", "r")
	s.logFor("xmpp").With("who", "<me>").Warn("something is odd", "n", 3)
	q, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+s.webs()[0].ln.Addr().String()+"/", nil)
	if err != nil {
		t.Fatal(err)
	}
	q.Header.Set("Accept", "text/html,application/xhtml+xml,*/*;q=0.8")
	r, err := http.DefaultClient.Do(q)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Body.Close()
	b := new(strings.Builder)
	if _, err := io.Copy(b, r.Body); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"<!doctype html>", "localhost", "serving", s.addr(), "PLAIN", "success", "something is odd who=&lt;me&gt; n=3"} {
		if !strings.Contains(b.String(), want) {
			t.Errorf("the page does not say %q", want)
		}
	}
}

// TestRecent: only so many lines are kept, and one that repeats is counted.
func TestRecent(t *testing.T) {
	var r recent
	log := slog.New(noting{Handler: slog.NewTextHandler(io.Discard, nil), to: &r})
	log.Info("quiet")
	for i := range maxRecent + 5 {
		log.Warn("w", "i", i)
		log.Error("w", "i", i)
	}
	got := r.lines()
	if len(got) != maxRecent || got[maxRecent-1].Text != "w i=24" || got[maxRecent-1].Times != 2 {
		t.Errorf("%+v", got)
	}
}
