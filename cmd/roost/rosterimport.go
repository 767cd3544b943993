package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"golang.org/x/term"

	"roost/rosterdb"
	"roost/xmlstream/jid"
)

// rosterImport is `roost roster import`.
type rosterImport struct {
	File string `arg:"" optional:"" help:"File of JSON Lines or XEP-0227; default standard input."`
	From int    `default:"1" placeholder:"LINE" help:"First line that is imported, as an import that broke off says."`

	Format string `enum:"auto,jsonl,xep227" default:"auto" help:"jsonl, xep227 (of which only the rosters are taken), or auto: by the first byte."`

	meter *meter // nil where nobody watches
}

func (c *rosterImport) Run(e *env, r *rosterCmd, inv *invocation) error {
	err := manage(c, r.configFlag, e, inv)
	c.meter.end()
	return err
}

func (c *rosterImport) gather(e *env) error {
	if c.From < 1 {
		return fmt.Errorf("--from %d: lines are counted from 1", c.From)
	}
	err := file(c.File, e)
	if f, ok := e.err.(*os.File); err == nil && ok && term.IsTerminal(int(f.Fd())) {
		c.meter = &meter{in: e.in, out: f, began: time.Now()}
		if in, ok := e.in.(*os.File); ok {
			if st, err := in.Stat(); err == nil && st.Mode().IsRegular() {
				c.meter.size = st.Size()
			}
		}
		e.in, e.out, e.err = c.meter, below{c.meter, e.out}, below{c.meter, e.err}
	}
	return err
}

func (c *rosterImport) do(a *admin, e *env) error {
	in, portable := isPortable(c.Format, e.in)
	switch {
	case portable && c.From > 1:
		return fmt.Errorf("--from %d: only lines of JSON can be gone on with; import all of it again", c.From)
	case portable:
		return a.importPortable(e, in, rosterdb.AccountOptions{}, true)
	}
	p, err := rosterdb.Load(e.ctx, in, rosterdb.LoadOptions{Put: a.put, Owner: a.account, From: c.From, MaxLine: maxRosterJSON,
		Every: importEvery, Progress: func(p rosterdb.LoadProgress) error {
			e.printf("%s imported so far; should this be killed go on with --from %d\n", count(p.Stored, "roster"), p.Line+1)
			return nil
		}})
	if err != nil {
		return fmt.Errorf("%s imported, then: %w; when that is put right go on with --from %d", count(p.Stored, "roster"), err, p.Line+1)
	}
	e.printf("%s imported\n", count(p.Stored, "roster"))
	return nil
}

// importEvery is how many lines there are between two words of where to go on: who is killed says nothing.
const importEvery = 50000

// put stores a roster; people on line hear of it.
func (a *admin) put(owner jid.JID, ro *rosterdb.Roster) error {
	if err := a.owned(owner); err != nil {
		return err
	}
	if a.live != nil && a.live.rosters != nil {
		return a.live.rosters.Replace(owner, ro)
	}
	_, err := a.store.PutRoster(owner, ro)
	return err
}

// meter is an input whose reading is shown on a terminal. What is read is stored a moment later.
type meter struct {
	in    io.Reader
	out   io.Writer
	size  int64 // of the input; 0 when that is not known
	read  int64
	lines int
	began time.Time
	shown time.Time
	open  bool // the line on the terminal is not ended
}

// meterEvery is how often the line changes.
const meterEvery = 200 * time.Millisecond

func (m *meter) Read(b []byte) (int, error) {
	n, err := m.in.Read(b)
	m.read += int64(n)
	for _, c := range b[:n] {
		if c == '\n' {
			m.lines++
		}
	}
	if now := time.Now(); now.Sub(m.shown) >= meterEvery || errors.Is(err, io.EOF) {
		m.shown = now
		m.show(now)
	}
	return n, err
}

// show writes the line anew: `[########------------]  41 %  41000 lines, 20500/s`.
func (m *meter) show(now time.Time) {
	bar := ""
	if m.size > 0 {
		const width = 20
		part := min(m.read, m.size)
		done := int(part * width / m.size)
		bar = fmt.Sprintf("[%.*s%.*s] %3d %%  ", done, "####################", width-done, "--------------------", part*100/m.size)
	}
	fmt.Fprintf(m.out, "\r%s%d lines, %.0f/s ", bar, m.lines, float64(m.lines)/max(now.Sub(m.began).Seconds(), 0.001))
	m.open = true
}

// below writes to a terminal below the line of a meter.
type below struct {
	m *meter
	w io.Writer
}

func (b below) Write(p []byte) (int, error) {
	b.m.end()
	return b.w.Write(p)
}

// end ends the line on the terminal. A nil meter has none.
func (m *meter) end() {
	if m != nil && m.open {
		m.open = false
		fmt.Fprintln(m.out)
	}
}
