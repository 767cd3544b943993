package load

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"roost/bench/benchtest"
	"roost/bench/measure"
	"roost/bench/people"
	"roost/bench/scenario"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// play runs a scenario against a server and returns its measured segments by name, and all together.
func play(t *testing.T, srv *benchtest.Server, yaml string) (map[string]*measure.Segment, *measure.Segment) {
	t.Helper()
	e, sc := engine(t, srv, yaml)
	defer e.Close()
	all, by := measure.NewSegment(nil), map[string]*measure.Segment{}
	for _, seg := range sc.Segments() {
		m, err := e.Run(context.Background(), seg, nil)
		if err != nil {
			t.Fatal(err)
		}
		by[seg.Name] = m
		all.Merge(m)
	}
	return by, all
}

func engine(t *testing.T, srv *benchtest.Server, yaml string) (*Engine, *scenario.Scenario) {
	t.Helper()
	sc, err := scenario.Read("test.yaml", []byte(yaml), nil)
	if err != nil {
		t.Fatal(err)
	}
	e, err := New(context.Background(), Config{Scenario: sc, Shards: 1, Run: 77, Target: Target{Addrs: []string{srv.Addr},
		Names: people.Names{Domain: "localhost", User: "u%d", Password: "secret"}}})
	if err != nil {
		t.Fatal(err)
	}
	return e, sc
}

const pair = `
users: %d
login: { tls: none, mechanisms: [PLAIN] }
roster: { contacts: %d }
phases:
  - { name: ramp, kind: ramp }
  - name: load
    kind: hold
    for: %s
    settle: 1s
    load:
      - %s
`

// every makes a plan of one fault in n, that leaves out the last ones of the load: a held message needs one behind it.
func every(n, limit int, f benchtest.Fault) benchtest.Plan {
	return func(i int) benchtest.Fault {
		if i%n == n-1 && i < limit {
			return f
		}
		return benchtest.Deliver
	}
}

// TestFaults: what the server does to messages is reported exactly.
func TestFaults(t *testing.T) {
	for _, c := range []struct {
		name  string
		fault benchtest.Fault
		want  func(n int64, sent int64) measure.Tally
	}{
		{"none", benchtest.Deliver, func(_, sent int64) measure.Tally { return measure.Tally{Sent: sent, Delivered: sent} }},
		{"lost", benchtest.Lose, func(n, sent int64) measure.Tally {
			return measure.Tally{Sent: sent, Delivered: sent - n, Lost: n}
		}},
		{"duplicated", benchtest.Duplicate, func(n, sent int64) measure.Tally {
			return measure.Tally{Sent: sent, Delivered: sent, Duplicated: n}
		}},
		{"reordered", benchtest.Swap, func(n, sent int64) measure.Tally {
			return measure.Tally{Sent: sent, Delivered: sent, Reordered: n}
		}},
		{"corrupted", benchtest.Corrupt, func(n, sent int64) measure.Tally {
			return measure.Tally{Sent: sent, Delivered: sent - n, Lost: n, Corrupted: n}
		}},
		{"refused", benchtest.Refuse, func(n, sent int64) measure.Tally {
			return measure.Tally{Sent: sent, Delivered: sent - n, Refused: n}
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			srv := &benchtest.Server{Messages: every(10, 200, c.fault)}
			srv.Start(t)
			_, all := play(t, srv, fmt.Sprintf(pair, 2, 0, "500ms", "{ do: message, sessions: 1, rate: 600, arrival: constant, to: pair, size: 120 }"))
			got := all.Account[measure.Messages]
			n := int64(srv.Counts[c.fault])
			if c.fault == benchtest.Deliver {
				n = 0
			}
			if want := c.want(n, got.Sent); got != want || got.Sent < 250 || c.fault != benchtest.Deliver && n != 20 {
				t.Errorf("%d faults were made; got %+v\nwant %+v", n, got, want)
			}
			if !got.Balanced() {
				t.Errorf("out of balance: %+v", got)
			}
		})
	}
}

// TestPresenceFaults: the same for broadcasts.
func TestPresenceFaults(t *testing.T) {
	for _, c := range []struct {
		name  string
		fault benchtest.Fault
		want  func(n int64, sent int64) measure.Tally
	}{
		{"lost", benchtest.Lose, func(n, sent int64) measure.Tally {
			return measure.Tally{Sent: sent, Delivered: sent - n, Lost: n}
		}},
		{"duplicated", benchtest.Duplicate, func(n, sent int64) measure.Tally {
			return measure.Tally{Sent: sent, Delivered: sent, Duplicated: n}
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			srv := &benchtest.Server{Presence: every(10, 200, c.fault)}
			srv.Start(t)
			_, all := play(t, srv, fmt.Sprintf(pair, 4, 3, "500ms", "{ do: presence, rate: 200 }"))
			got := all.Account[measure.Presences]
			if want := c.want(20, got.Sent); got != want || srv.Counts[c.fault] != 20 || got.Sent < 210 {
				t.Errorf("got %+v\nwant %+v", got, want)
			}
		})
	}
}

// TestPresenceInTurn: in a closed loop a change of presence follows when all who are to see the last one have.
func TestPresenceInTurn(t *testing.T) {
	srv := &benchtest.Server{}
	srv.Start(t)
	_, all := play(t, srv, fmt.Sprintf(pair, 4, 3, "500ms", "{ do: presence, window: 1 }"))
	got := all.Account[measure.Presences]
	if got != (measure.Tally{Sent: got.Sent, Delivered: got.Sent}) || got.Sent <= 3*4 {
		t.Errorf("got %+v; want more than one from each of 4 to 3, and all delivered", got)
	}
}

// TestDelay: a known delay is what is measured, and no message counts for less.
func TestDelay(t *testing.T) {
	const delay = 30 * time.Millisecond
	srv := &benchtest.Server{Delay: delay}
	srv.Start(t)
	by, _ := play(t, srv, fmt.Sprintf(pair, 2, 0, "1s", "{ do: message, rate: 200, to: pair }"))
	h := &by["load"].Kind(measure.Message).Intended
	low, mid := h.At(0), h.At(.5)
	if slack := delay / 1000; low < delay-slack || mid > delay+100*time.Millisecond || h.Count() < 100 {
		t.Errorf("%d messages, the fastest %v, half of them %v, the slowest %v; want %v", h.Count(), low, mid, h.Max(), delay)
	}
}

// TestPauseShows: a server that stands still for 200 ms shows in full in an open loop.
func TestPauseShows(t *testing.T) {
	srv := new(benchtest.Server)
	srv.Start(t)
	e, sc := engine(t, srv, fmt.Sprintf(pair, 2, 0, "2s", "{ do: message, rate: 500, arrival: constant, to: pair }"))
	defer e.Close()
	segs := sc.Segments()
	if _, err := e.Run(context.Background(), segs[0], nil); err != nil {
		t.Fatal(err)
	}
	m, err := e.Run(context.Background(), segs[1], func(s *measure.Second) {
		if s.T == 0 {
			go srv.Pause(200 * time.Millisecond)
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	h := &m.Kind(measure.Message).Intended
	if p := h.At(.999); p < 190*time.Millisecond {
		t.Errorf("p99.9 is %v after a pause of 200ms", p)
	}
	// A tenth of the messages were sent in the pause, at even times: a twentieth of all waited for half of it.
	if p := h.At(.96); p < 80*time.Millisecond {
		t.Errorf("p96 is %v: too few of the messages that waited are there", p)
	}
	if tally := m.Account[measure.Messages]; tally.Delivered != tally.Sent || tally.Sent < 990 {
		t.Errorf("%+v", tally)
	}
}

// TestOwnPauseShows: when the load tester itself stands still, the intended time tells, the real one does not, and its lag is
// reported.
func TestOwnPauseShows(t *testing.T) {
	srv := new(benchtest.Server)
	srv.Start(t)
	e, sc := engine(t, srv, fmt.Sprintf(pair, 2, 0, "1s", "{ do: message, rate: 500, arrival: constant, to: pair }"))
	defer e.Close()
	segs := sc.Segments()
	if _, err := e.Run(context.Background(), segs[0], nil); err != nil {
		t.Fatal(err)
	}
	time.AfterFunc(300*time.Millisecond, func() { e.post(func() { time.Sleep(200 * time.Millisecond) }) })
	m, err := e.Run(context.Background(), segs[1], nil)
	if err != nil {
		t.Fatal(err)
	}
	p, lag := m.Kind(measure.Message), m.Kind(measure.Lag)
	if p.Intended.At(.99) < 150*time.Millisecond || p.Service.At(.5) > 20*time.Millisecond || lag.Service.Max() < 180*time.Millisecond {
		t.Errorf("intended p99 %v, service p50 %v, longest lag %v", p.Intended.At(.99), p.Service.At(.5), lag.Service.Max())
	}
}

// TestLoginErrors: failures have names, and retries come.
func TestLoginErrors(t *testing.T) {
	srv := &benchtest.Server{Mechs: []string{"EXTERNAL"}}
	srv.Start(t)
	_, all := play(t, srv, "users: 3\nlogin: { tls: none, retries: 1 }\nphases: [ { kind: ramp } ]\n")
	if n := all.Kind(measure.Auth).Errors; n != 6 || len(all.Errors) != 1 {
		t.Errorf("%d errors, %v; want 3 logins, twice", n, all.Errors)
	}
	for name := range all.Errors {
		if !strings.Contains(name, "offers EXTERNAL") {
			t.Errorf("the error is called %q", name)
		}
	}
}

// TestKicked: a session that the server ends is an error, and what was under way to it is lost, not cut.
func TestKicked(t *testing.T) {
	srv := &benchtest.Server{Delay: 50 * time.Millisecond}
	srv.Start(t)
	e, sc := engine(t, srv, fmt.Sprintf(pair, 2, 0, "600ms", "{ do: message, sessions: 1, rate: 200, to: pair }"))
	defer e.Close()
	segs := sc.Segments()
	if _, err := e.Run(context.Background(), segs[0], nil); err != nil {
		t.Fatal(err)
	}
	time.AfterFunc(300*time.Millisecond, func() { srv.Kick("u1@localhost/rb-a") })
	m, err := e.Run(context.Background(), segs[1], nil)
	if err != nil {
		t.Fatal(err)
	}
	tally := m.Account[measure.Messages]
	if tally.Lost == 0 || tally.Cut != 0 || !tally.Balanced() || m.Skipped == 0 || m.Kind(measure.Login).Errors != 1 {
		t.Errorf("%+v, %d skipped, %v", tally, m.Skipped, m.Errors)
	}
}

// TestStorm: everybody comes back, and nothing is lost that was under way when we cut.
func TestStorm(t *testing.T) {
	srv := new(benchtest.Server)
	srv.Start(t)
	by, all := play(t, srv, `
users: 60
login: { tls: none }
phases:
  - { kind: ramp }
  - { name: reset, kind: storm, sessions: 40 }
  - { name: clean, kind: storm, clean: true }
  - name: traffic
    kind: hold
    for: 500ms
    load: [ { do: disconnect, rate: 50, away: 50ms }, { do: message, to: pair, rate: 500 }, { do: ping, rate: 100 }, { do: roster-set, window: 1, sessions: 3 } ]
  - { kind: drain }
`)
	for name, want := range map[string]int64{"ramp": 60, "reset": 40, "clean": 60} {
		if n := by[name].Kind(measure.Login).Service.Count(); n != want || by[name].Sessions != 60 {
			t.Errorf("%s: %d logins and %d on line, want %d", name, n, by[name].Sessions, want)
		}
	}
	for _, c := range measure.Classes() {
		if a := all.Account[c]; !a.Balanced() || a.Lost > 0 || a.Duplicated > 0 || a.Foreign > 0 {
			t.Errorf("%s: %+v", c, a)
		}
	}
	if by["drain"].Sessions != 0 || len(all.Errors) > 0 {
		t.Errorf("%d are left, errors %v", by["drain"].Sessions, all.Errors)
	}
}

// TestWire: accounts are made, and everybody asks all contacts and is agreed with.
func TestWire(t *testing.T) {
	srv := new(benchtest.Server)
	srv.Start(t)
	by, all := play(t, srv, `
users: 30
login: { tls: none }
roster: { contacts: 6, groups: 2, circle: 10 }
phases:
  - { name: accounts, kind: register, window: 4 }
  - { name: ramp, kind: ramp }
  - { name: rosters, kind: befriend }
`)
	if n := by["accounts"].Kind(measure.Register).Service.Count(); n != 30 || by["accounts"].Sessions != 0 {
		t.Errorf("%d accounts, %d sessions are left", n, by["accounts"].Sessions)
	}
	if a := by["rosters"].Account[measure.Presences]; a.Sent != 180 || a.Delivered != 180 {
		t.Errorf("%+v", a)
	}
	if a := by["rosters"].Account[measure.IQs]; a.Sent != 180 || a.Delivered != 180 || len(all.Errors) > 0 {
		t.Errorf("%+v, %v", a, all.Errors)
	}
}
