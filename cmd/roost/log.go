package main

import (
	"context"
	"log/slog"

	"roost/cmd/roost/conf"
)

// leveled lets through what is at least as severe as a level (Debug_Flags, debug_level), and what the
// handler behind it lets through.
type leveled struct {
	slog.Handler
	least slog.Leveler
}

// Enabled implements slog.Handler.
func (l leveled) Enabled(ctx context.Context, lv slog.Level) bool {
	return lv >= l.least.Level() && l.Handler.Enabled(ctx, lv)
}

// WithAttrs implements slog.Handler.
func (l leveled) WithAttrs(as []slog.Attr) slog.Handler {
	return leveled{l.Handler.WithAttrs(as), l.least}
}

// WithGroup implements slog.Handler.
func (l leveled) WithGroup(name string) slog.Handler {
	return leveled{l.Handler.WithGroup(name), l.least}
}

// behind is what the logs of all modules end in: h, but for lines that are too many (Log_Rate); what is
// severe is kept for the status page, too.
func (s *Server) behind(h slog.Handler) *slog.Logger {
	s.format, _ = h.(formatted)
	s.turnLog(s.conf())
	last := noting{Handler: h, to: s.recent}
	return slog.New(braked{last, &s.brake, last})
}

// turnLog has the log written as a configuration says.
func (s *Server) turnLog(cfg *conf.Config) {
	s.brake.rate.Store(int64(cfg.LogRate))
	if s.format.asJSON != nil {
		s.format.use(cfg.LogFormat)
	}
}

// everything is a level below all others: each module's own level decides.
const everything = slog.LevelDebug - 100

// logFor is the log of one module or subsystem of the configuration.
func (s *Server) logFor(module string) *slog.Logger {
	return slog.New(leveled{s.base.Handler(), s.levels.of(module, s.conf().Log)})
}
