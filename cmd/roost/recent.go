package main

import (
	"context"
	"log/slog"
	"strings"
	"sync"

	"roost/cmd/roost/statuspage"
)

// maxRecent is how many warnings and errors the status page shows.
const maxRecent = 20

// recent keeps the last warnings and errors that were logged.
type recent struct {
	mu   sync.Mutex
	last []statuspage.LogLine // oldest first
}

// note keeps a line; one that is said again is counted.
func (r *recent) note(l statuspage.LogLine) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if n := len(r.last); n > 0 && r.last[n-1].Text == l.Text {
		r.last[n-1].Times++
		r.last[n-1].Time = l.Time
		return
	}
	l.Times = 1
	if len(r.last) == maxRecent {
		r.last = r.last[1:]
	}
	r.last = append(r.last, l)
}

func (r *recent) lines() []statuspage.LogLine {
	r.mu.Lock()
	defer r.mu.Unlock()
	return append([]statuspage.LogLine(nil), r.last...)
}

// noting is a handler that keeps warnings and errors besides handing everything on.
type noting struct {
	slog.Handler
	to    *recent
	attrs string // of With, as text
}

// Handle implements slog.Handler.
func (n noting) Handle(ctx context.Context, rec slog.Record) error {
	if rec.Level >= slog.LevelWarn {
		var b strings.Builder
		b.WriteString(rec.Message)
		b.WriteString(n.attrs)
		rec.Attrs(func(a slog.Attr) bool {
			b.WriteString(" " + a.String())
			return true
		})
		n.to.note(statuspage.LogLine{Time: rec.Time, Level: rec.Level.String(), Text: b.String()})
	}
	return n.Handler.Handle(ctx, rec)
}

// WithAttrs implements slog.Handler.
func (n noting) WithAttrs(as []slog.Attr) slog.Handler {
	text := n.attrs
	for _, a := range as {
		text += " " + a.String()
	}
	return noting{n.Handler.WithAttrs(as), n.to, text}
}

// WithGroup implements slog.Handler.
func (n noting) WithGroup(name string) slog.Handler {
	return noting{n.Handler.WithGroup(name), n.to, n.attrs}
}
