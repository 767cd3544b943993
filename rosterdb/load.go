package rosterdb

import (
	"bufio"
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"runtime"
	"sync"
	"sync/atomic"

	"roost/xmlstream/jid"
)

// Sizes of Load. A group of lines is read and parsed while the one before it is
// stored, so that three groups are in memory at once: 12 MiB of text, or three
// of the longest lines.
const (
	loadLines    = 512     // of a group
	loadBytes    = 4 << 20 // of a group; one longer line is a group of its own
	loadWriters  = 256     // rosters being stored at once, which share a flush of the disk
	defaultLine  = 16 << 20
	defaultEvery = 10000
)

// LoadOptions says how Load works. Put is needed; a zero field is the default.
type LoadOptions struct {
	// Put stores one roster. Many goroutines call it at once, but never two for
	// one owner, and in the order of the lines for each.
	Put func(owner jid.JID, r *Roster) error
	// Owner checks the address of a line; nil takes every bare JID.
	Owner   func(string) (jid.JID, error)
	From    int // the first line that is loaded; those before it are not looked at; default 1
	MaxLine int // bytes; default 16 MiB
	// Progress is told after every Every lines, about (default 10 000), but not of
	// the end, which Load returns. Its error ends the load.
	Progress func(LoadProgress) error
	Every    int
}

// LoadProgress is how far a load has come: all lines up to Line are stored, so
// that one that breaks off goes on From Line+1.
type LoadProgress struct {
	Line   int // the last line that is done; empty lines count
	Stored int // rosters
}

// LineError says which line of a load is wrong. It wraps the cause, a *JSONError
// when the JSON is wrong; its Offset counts from the start of the line.
type LineError struct {
	Line int
	Err  error
}

func (e *LineError) Error() string { return fmt.Sprintf("line %d: %v", e.Line, e.Err) }
func (e *LineError) Unwrap() error { return e.Err }

// Load stores rosters from JSON Lines, {"jid":"user@domain","roster":{…}} each,
// in any order; the last line of an owner holds. It stops at the first line
// that is wrong, when all before it are stored. The error is a *LineError where
// a line is to blame; that of ctx, of Progress and of Put are wrapped. Load
// reads on the goroutine that calls it: ctx ends it between two groups, and a
// Read that hangs is the caller's to break.
func Load(ctx context.Context, in io.Reader, o LoadOptions) (LoadProgress, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	o.setDefaults()
	w := &loadWriter{o: &o, cancel: cancel, groups: make(chan *group, 1), done: make(chan struct{})}
	w.now.Line = o.From - 1
	go w.run()
	readErr := o.read(ctx, in, w.groups)
	close(w.groups)
	<-w.done
	return w.now, cmp.Or(w.err, readErr)
}

func (o *LoadOptions) setDefaults() {
	o.From = max(o.From, 1)
	if o.MaxLine == 0 {
		o.MaxLine = defaultLine
	}
	if o.Every == 0 {
		o.Every = defaultEvery
	}
}

// group is some lines on their way.
type group struct {
	text    []byte
	entries []loadEntry
	last    int // number of the last line, also when that one is empty
}

// loadEntry is one line that is not empty.
type loadEntry struct {
	line     int
	from, to int // in text
	owner    jid.JID
	r        *Roster
	err      error
}

// read cuts in into groups, parses them, and passes them on until one is wrong.
func (o *LoadOptions) read(ctx context.Context, in io.Reader, out chan<- *group) error {
	br := bufio.NewReaderSize(in, 64<<10)
	line := 0
	var end error
	for end == nil {
		g := &group{last: line}
		for end == nil && len(g.entries) < loadLines && len(g.text) < loadBytes && ctx.Err() == nil {
			from := len(g.text)
			g.text, end = appendLine(g.text, br, o.MaxLine, line+1 < o.From)
			if end != nil && !errors.Is(end, errLastLine) {
				break
			}
			line++
			if g.last = line; len(bytes.TrimSpace(g.text[from:])) > 0 && line >= o.From {
				g.entries = append(g.entries, loadEntry{line: line, from: from, to: len(g.text)})
			} else {
				g.text = g.text[:from]
			}
		}
		o.parse(g)
		wrong := g.wrong() // before the writer has the group
		if line >= o.From {
			out <- g // taken also when the store has failed
		}
		if wrong != nil {
			return wrong
		}
		if end == nil && ctx.Err() != nil {
			return context.Cause(ctx)
		}
	}
	switch {
	case errors.Is(end, io.EOF), errors.Is(end, errLastLine):
		return nil
	case ctx.Err() != nil && errors.Is(end, context.Cause(ctx)):
		return end
	}
	return &LineError{line + 1, end}
}

// errLastLine comes with a last line that has no line end.
var errLastLine = errors.New("last line")

// appendLine reads a line to the end of b. io.EOF only when nothing is left. A
// line that is skipped may be of any length and leaves at most its end.
func appendLine(b []byte, r *bufio.Reader, limit int, skip bool) ([]byte, error) {
	start := len(b)
	for {
		part, err := r.ReadSlice('\n')
		if skip {
			b = b[:start]
		}
		b = append(b, part...)
		switch {
		case len(b)-start > limit:
			return b, fmt.Errorf("%w: the line is longer than %d bytes", ErrTooBig, limit)
		case err == nil:
			return b, nil
		case errors.Is(err, io.EOF) && len(b) > start:
			return b, errLastLine
		case !errors.Is(err, bufio.ErrBufferFull):
			return b, err
		}
	}
}

// wrong is the first entry that could not be parsed.
func (g *group) wrong() error {
	for i := range g.entries {
		if e := &g.entries[i]; e.err != nil {
			return &LineError{e.line, e.err}
		}
	}
	return nil
}

// parse fills the entries in, on all processors.
func (o *LoadOptions) parse(g *group) {
	each(len(g.entries), runtime.GOMAXPROCS(0), func(i int) bool {
		e := &g.entries[i]
		e.owner, e.r, e.err = o.parseLine(g.text[e.from:e.to])
		return e.err == nil
	})
	g.text = nil
}

// each calls fn for 0 to n-1 on several goroutines, in about that order; after
// a false it starts no more. What stands before the first false has been called.
func each(n, goroutines int, fn func(i int) bool) {
	var next atomic.Int64
	var stop atomic.Bool
	var wg sync.WaitGroup
	for range min(n, goroutines) {
		wg.Go(func() {
			for !stop.Load() {
				i := int(next.Add(1)) - 1
				if i >= n {
					return
				}
				if !fn(i) {
					stop.Store(true)
				}
			}
		})
	}
	wg.Wait()
}

// parseLine reads {"jid":…,"roster":{…}}.
func (o *LoadOptions) parseLine(b []byte) (owner jid.JID, r *Roster, err error) {
	if addr, body, ok := fastLine(b); ok {
		if r, ok = fastRoster(body); ok {
			if owner, err = o.owner(addr); err == nil {
				return owner, r, nil
			}
		}
	}
	var addr string
	var at int64
	var body value
	err = eachMember(b, 0, "", func(key string, v value) (err error) {
		switch key {
		case "jid":
			at = v.at
			addr, err = v.text()
		case "roster":
			body = v
		}
		return err
	})
	switch {
	case err != nil:
		return owner, nil, fmt.Errorf(`not of the form {"jid":"user@domain","roster":{…}}: %w`, err)
	case addr == "":
		return owner, nil, &JSONError{0, "", `there is no "jid": write {"jid":"user@domain","roster":{…}}`}
	}
	if owner, err = o.owner(addr); err != nil {
		return owner, nil, &JSONError{at, `"jid"`, err.Error()}
	}
	if body.raw == nil {
		return owner, nil, &JSONError{0, "", owner.String() + ` has no "roster": write {"jid":"user@domain","roster":{…}}`}
	}
	r, err = ParseRosterJSON(body.raw)
	if je, ok := errors.AsType[*JSONError](err); ok {
		je.Offset += body.at
		return owner, nil, fmt.Errorf("roster of %s: %w", owner, je)
	}
	return owner, r, err
}

func (o *LoadOptions) owner(addr string) (jid.JID, error) {
	if o.Owner != nil {
		return o.Owner(addr)
	}
	j, err := jid.Parse(addr)
	if err == nil && !j.IsBare() {
		err = fmt.Errorf("%q has a resource; an account is local@domain", addr)
	}
	return j, err
}

// loadWriter stores the groups, one after the other.
type loadWriter struct {
	o      *LoadOptions
	cancel context.CancelFunc // of the reading side
	groups chan *group
	done   chan struct{}

	now  LoadProgress // to be read when done is closed
	told int
	err  error
}

func (w *loadWriter) run() {
	defer close(w.done)
	for g := range w.groups {
		if w.err != nil {
			continue
		}
		if w.err = w.store(g); w.err != nil {
			w.cancel()
		}
	}
}

// store stores what stands before the first wrong line of a group.
func (w *loadWriter) store(g *group) error {
	good := g.entries
	for i := range good {
		if good[i].err != nil {
			good, g.last = good[:i], good[i].line-1
			break
		}
	}
	for len(good) > 0 {
		n := distinct(good)
		if err := w.put(good[:n]); err != nil {
			return err
		}
		good = good[n:]
	}
	w.now.Line = g.last
	if w.now.Line-max(w.told, w.o.From-1) < w.o.Every {
		return nil
	}
	w.told = w.now.Line
	if w.o.Progress == nil {
		return nil
	}
	return w.o.Progress(w.now)
}

// distinct is how many entries there are before an owner comes again.
func distinct(entries []loadEntry) int {
	seen := make(map[jid.JID]struct{}, len(entries))
	for i := range entries {
		if _, again := seen[entries[i].owner]; again {
			return i
		}
		seen[entries[i].owner] = struct{}{}
	}
	return len(entries)
}

func (w *loadWriter) put(entries []loadEntry) error {
	each(len(entries), loadWriters, func(i int) bool {
		e := &entries[i]
		e.err = w.o.Put(e.owner, e.r)
		return e.err == nil
	})
	for i := range entries {
		e := &entries[i]
		if e.err != nil {
			w.now.Line = e.line - 1
			return &LineError{e.line, e.err}
		}
		w.now.Line = e.line
		w.now.Stored++
	}
	return nil
}
