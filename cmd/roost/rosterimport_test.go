package main

import (
	"fmt"
	"io"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// TestRosterImportFrom: an import that broke off says where it goes on.
func TestRosterImportFrom(t *testing.T) {
	everywhere(t, func(t *testing.T, p *place) {
		good := `{"jid":"alice@localhost","roster":{"bob@localhost":{}}}` + "\n"
		p.refuse(good+"{}\n"+good, []string{"roster", "import"}, "1 roster imported", "line 2", "--from 2")
		if got := p.do("junk\njunk\n"+good, "roster", "import", "--from", "3"); got != "1 roster imported\n" {
			t.Error(got)
		}
		p.refuse("", []string{"roster", "import", "--from", "0"}, "--from 0")
	})
}

// TestRosterImportPosition: a long import says now and then where to go on, for one that is killed cannot.
func TestRosterImportPosition(t *testing.T) {
	t.Parallel()
	everywhere(t, func(t *testing.T, p *place) {
		var in strings.Builder
		for i := range importEvery + 1000 {
			fmt.Fprintf(&in, `{"jid":"user%d@localhost","roster":{}}`+"\n", i%1000)
		}
		got := p.do(in.String(), "roster", "import")
		var stored, from int
		if _, err := fmt.Sscanf(got, "%d rosters imported so far; should this be killed go on with --from %d\n51000 rosters imported\n", &stored, &from); err != nil || stored < importEvery || from != stored+1 {
			t.Errorf("%v in %s", err, got)
		}
	})
}

// TestMeter: the line shows how far the reading is, and what else is written stands below it.
func TestMeter(t *testing.T) {
	var out strings.Builder
	m := &meter{in: strings.NewReader("one\ntwo\nthree\nfour\n"), out: &out, size: 19, began: time.Now()}
	half := make([]byte, 8)
	if _, err := io.ReadFull(m, half); err != nil {
		t.Fatal(err)
	}
	m.shown = time.Time{}
	io.ReadAll(m)
	fmt.Fprint(below{m, &out}, "done\n")
	fmt.Fprint(below{m, &out}, "really\n")
	got := out.String()
	for _, want := range []string{"\r[########------------]  42 %  2 lines, ", "\r[####################] 100 %  4 lines, ", "/s \ndone\nreally\n"} {
		if !strings.Contains(got, want) {
			t.Errorf("%q does not hold %q", got, want)
		}
	}
	(*meter)(nil).end()
}

// endless is lines of an import that never ends; at the line stopAt it calls stop. The command may
// end while its connection still reads.
type endless struct {
	line   atomic.Int64
	stopAt int64
	stop   func()
	rest   string
}

func (e *endless) Read(b []byte) (int, error) {
	if e.rest == "" {
		line := e.line.Add(1)
		if line == e.stopAt {
			e.stop()
		}
		e.rest = fmt.Sprintf(`{"jid":"user%08d@localhost","roster":{}}`+"\n", line)
	}
	n := copy(b, e.rest)
	e.rest = e.rest[n:]
	return n, nil
}

// TestImportStopped: a server that stops ends an import with the line to go on with.
func TestImportStopped(t *testing.T) {
	t.Parallel()
	p := newPlace(t, "", "")
	s := p.start()
	stopped := make(chan error, 1)
	in := &endless{stopAt: 10000, stop: func() { go func() { stopped <- s.Stop(t.Context()) }() }}
	var out, stderr strings.Builder
	code := run(t.Context(), []string{"roster", "-c", p.file, "import"}, in, &out, &stderr)
	if code != exitFailed || !strings.Contains(stderr.String(), "the server is stopping") || !strings.Contains(stderr.String(), "--from ") || out.Len() > 0 {
		t.Errorf("exit code %d: %s%s", code, out.String(), stderr.String())
	}
	if n := in.line.Load(); n < in.stopAt {
		t.Fatalf("ended at line %d, before the stop", n)
	}
	if err := <-stopped; err != nil {
		t.Error(err)
	}
}
