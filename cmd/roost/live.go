package main

import (
	"log/slog"
	"maps"
	"slices"
	"strings"
	"sync"

	"roost/cmd/roost/conf"
	"roost/rosterdb"
)

// generation is a configuration in use, with what is looked up in it often. It never changes: a reload
// puts another in its place.
type generation struct {
	cfg     *conf.Config
	open    map[string]bool                   // served domains, and whether strangers may register there
	offline map[string]rosterdb.OfflineLimits // by domain; one that is not there keeps nothing
}

func newGeneration(cfg *conf.Config) *generation {
	g := &generation{cfg: cfg, open: map[string]bool{}, offline: map[string]rosterdb.OfflineLimits{}}
	for _, d := range cfg.Served() {
		name := prepared(d.Name)
		g.open[name] = d.Registration
		if d.OfflineMessages > 0 && d.OfflineBytes > 0 {
			g.offline[name] = rosterdb.OfflineLimits{MaxMessages: d.OfflineMessages, MaxBytes: d.OfflineBytes}
		}
	}
	return g
}

// conf is the configuration in use.
func (s *Server) conf() *conf.Config { return s.now.Load().cfg }

// levels are how severe a message must be to be logged, by module. They can be turned while loggers
// use them.
type levels struct {
	mu sync.Mutex // guards by
	by map[string]*slog.LevelVar
}

// of is the level of a module; from says what it is when nobody has asked before.
func (l *levels) of(module string, from conf.LogLevels) *slog.LevelVar {
	l.mu.Lock()
	defer l.mu.Unlock()
	module = strings.ToLower(module)
	v := l.by[module]
	if v == nil {
		if l.by == nil {
			l.by = map[string]*slog.LevelVar{}
		}
		v = new(slog.LevelVar)
		v.Set(from.For(module))
		l.by[module] = v
	}
	return v
}

// set turns all levels to what a configuration says.
func (l *levels) set(to conf.LogLevels) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for module, v := range l.by {
		v.Set(to.For(module))
	}
}

// isStopping reports whether the server was asked to stop.
func (s *Server) isStopping() bool {
	select {
	case <-s.stopping:
		return true
	default:
		return false
	}
}

// each calls fn for every module that has a level, by name.
func (l *levels) each(fn func(module string, v *slog.LevelVar)) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, module := range slices.Sorted(maps.Keys(l.by)) {
		fn(module, l.by[module])
	}
}
