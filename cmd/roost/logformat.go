package main

import (
	"context"
	"io"
	"log/slog"
	"sync/atomic"
)

// formatted is the handler that writes lines, as text or as JSON. Which of them can change while loggers
// use it.
type formatted struct {
	text, json slog.Handler
	asJSON     *atomic.Bool
}

func newFormatted(w io.Writer, format string) formatted {
	o := &slog.HandlerOptions{Level: everything, ReplaceAttr: spell}
	f := formatted{slog.NewTextHandler(w, o), nil, new(atomic.Bool)}
	inSeconds := *o
	inSeconds.ReplaceAttr = func(groups []string, a slog.Attr) slog.Attr {
		if a.Value.Kind() == slog.KindDuration {
			return slog.Float64(a.Key, a.Value.Duration().Seconds())
		}
		return spell(groups, a)
	}
	f.json = slog.NewJSONHandler(w, &inSeconds)
	f.use(format)
	return f
}

// spell writes the levels that slog does not know by their names in Debug_Flags.
func spell(groups []string, a slog.Attr) slog.Attr {
	if lv, ok := a.Value.Any().(slog.Level); ok && a.Key == slog.LevelKey && len(groups) == 0 {
		switch lv {
		case slog.LevelInfo + 2:
			return slog.String(a.Key, "NOTICE")
		case slog.LevelError + 4:
			return slog.String(a.Key, "CRITICAL")
		}
	}
	return a
}

// use turns to the format of that name (Log_Format).
func (f formatted) use(format string) { f.asJSON.Store(format == "json") }

func (f formatted) now() slog.Handler {
	if f.asJSON.Load() {
		return f.json
	}
	return f.text
}

// Enabled implements slog.Handler.
func (f formatted) Enabled(ctx context.Context, lv slog.Level) bool { return f.now().Enabled(ctx, lv) }

// Handle implements slog.Handler.
func (f formatted) Handle(ctx context.Context, r slog.Record) error { return f.now().Handle(ctx, r) }

// WithAttrs implements slog.Handler.
func (f formatted) WithAttrs(as []slog.Attr) slog.Handler {
	return formatted{f.text.WithAttrs(as), f.json.WithAttrs(as), f.asJSON}
}

// WithGroup implements slog.Handler.
func (f formatted) WithGroup(name string) slog.Handler {
	return formatted{f.text.WithGroup(name), f.json.WithGroup(name), f.asJSON}
}
