package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"time"

	"roost/cmd/roost/conf"
	"roost/cmd/roost/xmpplog"
)

// plan is the way from the configuration in use to another. First everything that can fail is done beside
// what runs: files are read, sockets opened. Then either all of it is put to use, or none.
type plan struct {
	s       *Server
	next    *generation
	secrets *secrets
	sockets sockets

	swaps, undos, laters []func()
	notes                []string // what went wrong after all
}

func (s *Server) newPlan(next *generation, x *secrets) *plan {
	return &plan{s: s, next: next, secrets: x, sockets: *s.sockets.Load()}
}

// swap has fn called when everything is ready. It must be quick, and cannot fail.
func (p *plan) swap(fn func()) { p.swaps = append(p.swaps, fn) }

// undo has fn called, last in first out, when nothing is to change.
func (p *plan) undo(fn func()) { p.undos = append(p.undos, fn) }

// later has fn called after the swap; it may take its time.
func (p *plan) later(fn func()) { p.laters = append(p.laters, fn) }

// note is for what goes wrong after the swap.
func (p *plan) note(format string, args ...any) {
	p.notes = append(p.notes, fmt.Sprintf(format, args...))
}

// run takes the steps, each of which prepares one part of the server, and swaps.
func (p *plan) run(steps ...func() error) error {
	for _, step := range steps {
		if err := step(); err != nil {
			for i := len(p.undos) - 1; i >= 0; i-- {
				p.undos[i]()
			}
			return err
		}
	}
	for _, fn := range p.swaps {
		fn()
	}
	p.s.now.Store(p.next)
	p.s.sockets.Store(&p.sockets)
	for _, fn := range p.laters {
		fn()
	}
	return nil
}

// serve opens what the configuration of the start wants open.
func (s *Server) serve(Options) error {
	p := s.newPlan(s.now.Load(), s.secrets.Load())
	return p.run(p.planLogs, p.planListeners, p.planControl, p.planHTTP)
}

// reload reads the configuration, or the one at path, with everything that it names, and goes over to it.
// What was changed on the console and not written back is dropped.
func (s *Server) reload(out io.Writer, path string) error {
	s.reloading.Lock()
	defer s.reloading.Unlock()
	cfg, err := s.reread(path)
	if err != nil {
		return fmt.Errorf("nothing was changed: %w", err)
	}
	did, err := s.adoptConfig(cfg)
	if err != nil {
		return fmt.Errorf("nothing was changed: %w", err)
	}
	did.tell(out)
	for _, w := range cfg.Warnings {
		fmt.Fprintf(out, "warning: %s\n", w)
	}
	for _, a := range advice(cfg, machine()) {
		fmt.Fprintf(out, "warning: %s\n", a)
	}
	if n := len(s.edits); n > 0 {
		fmt.Fprintf(out, "%s made on the console and not written back dropped\n", count(n, "change"))
	}
	s.edits, s.collected = nil, nil
	fmt.Fprintf(out, "%s in effect, %d at the next start; %s and %s read again, %s opened anew\n", count(len(did.live), "change"),
		len(did.pending), count(did.certs, "certificate"), count(did.files, "password file"), count(did.logs, "log file"))
	return nil
}

// reread loads the configuration anew; "" is where it came from.
func (s *Server) reread(path string) (*conf.Config, error) {
	if path == "" {
		path = s.conf().File
	}
	if path == builtin {
		return conf.Default()
	}
	return conf.Load(path)
}

// adoptConfig goes over to another configuration, without ending a session but those of domains that it does
// not serve. On an error nothing has changed. The caller holds s.reloading.
func (s *Server) adoptConfig(cfg *conf.Config) (*outcome, error) {
	if s.isStopping() {
		return nil, errStopping
	}
	if s.drained.Load() != nil { // it would open sockets
		return nil, errDraining
	}
	if err := check(cfg); err != nil {
		return nil, err
	}
	out := compare(s.first, s.conf(), cfg)
	cfg = pinned(s.first, cfg)
	p := s.newPlan(newGeneration(cfg), s.secrets.Load().next(cfg))
	err := p.run(p.planLimits, p.planSecrets, p.planDomains, p.planFederation, p.planDelegation, p.planLogs, p.planListeners,
		p.planControl, p.planHTTP)
	if err != nil {
		return nil, err
	}
	out.certs, out.files = p.secrets.counts()
	out.logs = s.taps.Load().Len()
	out.notes = p.notes
	return out, nil
}

// planLimits turns what is a number somewhere.
func (p *plan) planLimits() error {
	cfg := p.next.cfg
	p.swap(func() {
		p.s.levels.set(cfg.Log)
		p.s.turnLog(cfg)
		p.s.admission.budget.limit.Store(memoryLimit(cfg))
		if cfg.MaxConnections != p.s.conf().MaxConnections {
			if err := p.s.engine.SetMaxConns(cfg.MaxConnections); err != nil {
				p.note("Max_Connections: %v", err)
			}
		}
	})
	return nil
}

// planSecrets reads certificates and password files. Those of sockets are read when these are planned.
func (p *plan) planSecrets() error {
	users, err := p.secrets.users(p.next.cfg)
	if err != nil {
		return err
	}
	p.swap(func() {
		p.secrets.apply()
		p.s.secrets.Store(p.secrets)
		p.s.exists.files.Store(&users)
	})
	return nil
}

// planDomains changes what is served.
func (p *plan) planDomains() error {
	p.swap(func() { p.s.router.SetDomains(served(p.next.cfg)) })
	p.later(func() { p.s.leaveDomains() })
	return nil
}

// planFederation changes who speaks with other servers, and how.
func (p *plan) planFederation() error {
	rules, err := federation(p.next.cfg, p.secrets)
	if err != nil {
		return err
	}
	p.swap(func() { p.s.s2s.Change(rules) })
	return nil
}

// planLogs opens the stanza logs. Without an xmpp_logger nothing watches the streams, and nothing is
// spent on it. Those that stay are opened anew, as after a rotation.
func (p *plan) planLogs() error {
	before := p.s.taps.Load()
	next, parts, err := before.Next(p.next.cfg.Loggers, xmpplog.Options{Log: p.s.logFor("xmpp_logger")})
	if err != nil {
		return err
	}
	p.undo(func() { parts.Fresh.Close(context.Background()) })
	p.swap(func() {
		if next.Len() == 0 {
			p.s.taps.Store(nil)
			p.s.c2s.SetTap(nil)
			p.s.s2s.Watch(nil)
			return
		}
		p.s.taps.Store(next)
		p.s.c2s.SetTap(next)
		p.s.s2s.Watch(next)
	})
	p.later(func() {
		ctx, cancel := context.WithTimeout(context.Background(), closeGrace)
		defer cancel()
		if err := parts.Left.Close(ctx); err != nil {
			p.note("%v", err)
		}
		if before == nil {
			return
		}
		if err := next.Reopen(); err != nil {
			p.note("%v", err)
		}
	})
	return nil
}

// closeGrace is what the end of something that a configuration does not have any more may take.
const closeGrace = 5 * time.Second

// reopenLogs opens the stanza logs anew, as after a rotation, and tells how many there are.
func (s *Server) reopenLogs() (n int, err error) {
	t := s.taps.Load()
	if t == nil {
		return 0, nil
	}
	return t.Len(), t.Reopen()
}

// setMode gives the file of a Unix socket other rights.
func (p *plan) setMode(e conf.Endpoint) {
	if !e.Address.IsUnix() {
		return
	}
	if err := os.Chmod(e.Address.Path, e.FileMode); err != nil {
		p.note("%s%v", at(e), err)
	}
}
