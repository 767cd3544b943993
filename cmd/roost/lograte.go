package main

import (
	"context"
	"log/slog"
	"maps"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

const (
	// logWindow is the time that Log_Rate counts over.
	logWindow = time.Second
	// maxLogKeys bounds the messages that are counted apart; those beyond share one count.
	maxLogKeys = 256
)

// brake bounds how many lines of one message there are in a second, so that an attack fills neither the disk
// nor the log's reader. What is held back is counted, and told in one line at the end of that second.
type brake struct {
	rate atomic.Int64 // lines per message and second; 0: no bound
	mu   sync.Mutex   // guards seen
	seen map[string]*tally
}

// tally is what a window has of one message.
type tally struct {
	told, held int
	worst      slog.Level
}

// pass says whether a line may be written. The first one opens a window, whose end writes to what held
// lines would have gone to.
func (b *brake) pass(r slog.Record, to slog.Handler) bool {
	rate := int(b.rate.Load())
	if rate == 0 {
		return true
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.seen == nil {
		b.seen = map[string]*tally{}
		time.AfterFunc(logWindow, func() { b.tell(to) })
	}
	key := r.Message
	t := b.seen[key]
	if t == nil && len(b.seen) >= maxLogKeys {
		key = "other messages"
		t = b.seen[key]
	}
	if t == nil {
		t = &tally{}
		b.seen[key] = t
	}
	if t.told < rate {
		t.told++
		return true
	}
	t.held++
	t.worst = max(t.worst, r.Level)
	return false
}

// tell ends the window, and says what it has held back.
func (b *brake) tell(to slog.Handler) {
	b.mu.Lock()
	seen := b.seen
	b.seen = nil
	b.mu.Unlock()
	for _, msg := range slices.Sorted(maps.Keys(seen)) {
		t := seen[msg]
		if t.held == 0 {
			continue
		}
		r := slog.NewRecord(time.Now(), t.worst, "lines held back (Log_Rate)", 0)
		r.AddAttrs(slog.String("of", msg), slog.Int("count", t.held), slog.Int("written", t.told))
		to.Handle(context.Background(), r) // who writes a log has nobody to tell
	}
}

// braked is a handler behind a brake.
type braked struct {
	slog.Handler
	brake *brake
	root  slog.Handler // without the attributes of any logger
}

// Handle implements slog.Handler.
func (h braked) Handle(ctx context.Context, r slog.Record) error {
	if !h.brake.pass(r, h.root) {
		return nil
	}
	return h.Handler.Handle(ctx, r)
}

// WithAttrs implements slog.Handler.
func (h braked) WithAttrs(as []slog.Attr) slog.Handler {
	return braked{h.Handler.WithAttrs(as), h.brake, h.root}
}

// WithGroup implements slog.Handler.
func (h braked) WithGroup(name string) slog.Handler {
	return braked{h.Handler.WithGroup(name), h.brake, h.root}
}
