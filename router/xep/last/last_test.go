package last

import (
	"errors"
	"strings"
	"testing"
	"time"

	"log/slog"

	. "roost/router/routertest"
)

type clock struct{ t time.Time }

func (c *clock) now() time.Time { return c.t }

func setup(t *testing.T) (*Server, *Blobs, *clock) {
	s := New(t, Options{})
	store, c := &Blobs{}, &clock{time.Unix(1_000_000, 0)}
	Register(s.Router, store, c.now, slog.New(s.Log))
	return s, store, c
}

func query(seconds, status string) string {
	if status == "" {
		return "<query xmlns='" + NS + "' seconds='" + seconds + "'/>"
	}
	return "<query xmlns='" + NS + "' seconds='" + seconds + "'>" + status + "</query>"
}

const q = "<query xmlns='" + NS + "'/>"

func TestLast(t *testing.T) {
	s, _, c := setup(t)
	a := s.Bind("a@x/r")
	s.Watches("a@x", "b@x")
	s.Watches("a@x", "never@x")
	s.Accounts.Add(JID(t, "stranger@x"), JID(t, "never@x"))
	b := s.Online("b@x/r", "")
	c.t = c.t.Add(123456*time.Second + 900*time.Millisecond)
	Run(t, a, []Case{
		{"server", "<iq type='get' id='1' to='x'>" + q + "</iq>", Result("1", "x", "a@x/r", query("123456", ""))},
		{"no to", "<iq type='get' id='1'>" + q + "</iq>", Result("1", "", "a@x/r", query("0", ""))},
		{"own account", "<iq type='get' id='1' to='a@x'>" + q + "</iq>", Result("1", "a@x", "a@x/r", query("0", ""))},
		{"available contact", "<iq type='get' id='1' to='b@x'>" + q + "</iq>", Result("1", "b@x", "a@x/r", query("0", ""))},
		{"never here", "<iq type='get' id='1' to='never@x'>" + q + "</iq>", Refused("iq", "1", "never@x", "a@x/r", "cancel", "item-not-found")},
		{"stranger", "<iq type='get' id='1' to='stranger@x'>" + q + "</iq>", Refused("iq", "1", "stranger@x", "a@x/r", "auth", "forbidden")},
		{"nobody looks the same", "<iq type='get' id='1' to='nobody@x'>" + q + "</iq>", Refused("iq", "1", "nobody@x", "a@x/r", "auth", "forbidden")},
		{"set", "<iq type='set' id='1' to='x'>" + q + "</iq>", Refused("iq", "1", "x", "a@x/r", "cancel", "feature-not-implemented")},
	})
	b.Send("<presence type='unavailable'><status>Heading &lt;Home&gt;</status></presence>")
	c.t = c.t.Add(903 * time.Second)
	s.Drain()
	Run(t, a, []Case{{"away", "<iq type='get' id='1' to='b@x'>" + q + "</iq>",
		Result("1", "b@x", "a@x/r", query("903", "Heading &lt;Home&gt;"))}})
	b.Leave() // it was not available any more: nothing changes
	c.t = c.t.Add(time.Second)
	Run(t, a, []Case{{"gone", "<iq type='get' id='1' to='b@x'>" + q + "</iq>",
		Result("1", "b@x", "a@x/r", query("904", "Heading &lt;Home&gt;"))}})
}

func TestUncleanEndAndClockSetBack(t *testing.T) {
	s, _, c := setup(t)
	a := s.Bind("a@x/r")
	s.Watches("a@x", "b@x")
	s.Online("b@x/r", "").Leave()
	ask := "<iq type='get' id='1' to='b@x'>" + q + "</iq>"
	c.t = c.t.Add(5 * time.Second)
	Run(t, a, []Case{{"no status", ask, Result("1", "b@x", "a@x/r", query("5", ""))}})
	c.t = c.t.Add(-time.Hour)
	Run(t, a, []Case{{"never negative", ask, Result("1", "b@x", "a@x/r", query("0", ""))}})
}

func TestOnlyTheLastResourceCounts(t *testing.T) {
	s, store, _ := setup(t)
	b1, b2 := s.Online("b@x/1", ""), s.Online("b@x/2", "")
	b1.Leave()
	if store.Len() != 0 {
		t.Error("stored while another resource is available")
	}
	b2.Leave()
	if store.Len() != 1 {
		t.Error("not stored when the last resource went")
	}
}

func TestLongStatusIsCut(t *testing.T) {
	s, store, _ := setup(t)
	b := s.Online("b@x/r", "")
	b.Send("<presence type='unavailable'><status>x" + strings.Repeat("ä", MaxStatus) + "</status></presence>")
	blob, _ := store.Blob(JID(t, "b@x"), NS)
	_, status, ok := decode(blob)
	if !ok || len(status) != MaxStatus-1 || !strings.HasSuffix(status, "ä") {
		t.Errorf("kept %d bytes (%v), want %d, whole characters", len(status), ok, MaxStatus-1)
	}
}

func TestStoreFails(t *testing.T) {
	s, store, _ := setup(t)
	a := s.Bind("a@x/r")
	s.Watches("a@x", "b@x")
	s.Accounts.Add(JID(t, "b@x"))
	ask := "<iq type='get' id='1' to='b@x'>" + q + "</iq>"
	fault := Refused("iq", "1", "b@x", "a@x/r", "cancel", "internal-server-error")
	store.Err = errors.New("broken")
	Run(t, a, []Case{{"read", ask, fault}})
	if lines := s.Log.Lines(); len(lines) != 1 {
		t.Errorf("logged %q, want one line", lines)
	}
	s.Online("b@x/r", "").Leave()
	if lines := s.Log.Lines(); len(lines) != 1 || lines[0] != "last activity was not stored" {
		t.Errorf("logged %q", lines)
	}
	s.Rosters.Err, store.Err = errors.New("broken"), nil
	Run(t, a, []Case{{"roster", ask, fault}})
}

func TestDecode(t *testing.T) {
	for _, k := range []struct {
		in     string
		ok     bool
		status string
	}{
		{"1 5 away, far", true, "away, far"}, {"1 5 ", true, ""},
		{"", false, ""}, {"1 5", false, ""}, {"2 5 x", false, ""}, {"1 x y", false, ""},
	} {
		at, status, ok := decode([]byte(k.in))
		if ok != k.ok || ok && (status != k.status || at.Unix() != 5) {
			t.Errorf("decode(%q) = %v %q %v", k.in, at, status, ok)
		}
	}
}
