package main

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/coreos/go-systemd/v22/daemon"

	"roost/cmd/roost/conf"
	"roost/tlsconf"
)

// builtin is conf.Config.File of the configuration that needs no file.
const builtin = "built-in"

// stopGrace is what a stop may take besides Stop_Timeout, which is the clients': for requests over
// HTTP and for logs.
const stopGrace = 6 * time.Second

// serveCmd is `roost serve`.
type serveCmd struct {
	configFlag
	Test bool `short:"t" help:"Only check the configuration."`
}

func (c serveCmd) Run(e *env, inv *invocation) error {
	cfg, err := c.loadChecked()
	if err != nil {
		return tellConfig(e, err)
	}
	if c.Test {
		return tellValid(e, cfg)
	}
	hup := make(chan os.Signal, 1)
	signal.Notify(hup, syscall.SIGHUP, syscall.SIGUSR2) // from here on they do not end the process
	defer signal.Stop(hup)
	base := newFormatted(e.err, cfg.LogFormat)
	log := slog.New(leveled{base, cfg.Log.For("start")})
	for _, w := range cfg.Warnings {
		log.Warn(w.Error())
	}
	inherited := inherit(log)
	s, err := Start(cfg, Options{Log: slog.New(base), heir: inherited, words: inv.args})
	if err != nil {
		return inherited.retreat(err, log)
	}
	s.settleIn(log)
	for _, a := range advice(cfg, machine()) {
		log.Warn(a)
	}
	tuning, untune := context.WithCancel(e.ctx)
	defer untune()
	tuneMemory(tuning, log, memoryLimit(cfg))
	s.banner(e)
	notify(log, s.ready())
	go s.watchdog(log)
	s.wait(e.ctx, hup)
	stop := func() error {
		ctx, cancel := context.WithTimeout(context.Background(), s.conf().StopTimeout+stopGrace)
		defer cancel()
		return s.Stop(ctx)
	}
	if path := s.successor.Load(); path != nil && e.ctx.Err() == nil {
		notifyReloading(log, "going over to "+*path)
		e.printf("going over to %s: closing all streams\n", *path)
		return s.handOver(*path, stop, log)
	}
	notify(log, daemon.SdNotifyStopping)
	e.printf("stopping: closing all streams\n")
	return stop()
}

// wait returns when the server is to stop. Of the signals, SIGHUP reloads and SIGUSR2 upgrades.
func (s *Server) wait(ctx context.Context, signals <-chan os.Signal) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-s.stopping:
			return
		case sig := <-signals:
			s.obey(sig)
		}
	}
}

func (s *Server) obey(sig os.Signal) {
	if sig == syscall.SIGUSR2 {
		if _, err := s.planUpgrade(""); err != nil {
			s.log.Error("no upgrade: nothing was changed", "err", err)
		}
		return
	}
	notifyReloading(s.log, "reading the configuration")
	if err := s.reload(logWriter{s.log}, ""); err != nil {
		s.log.Error("reload failed", "err", err)
	}
	notify(s.log, s.ready())
}

// logWriter turns what a command prints into log lines.
type logWriter struct{ log *slog.Logger }

func (w logWriter) Write(p []byte) (int, error) {
	w.log.Info(strings.TrimSpace(string(p)))
	return len(p), nil
}

// banner says what runs, and what to type next.
func (s *Server) banner(e *env) {
	e.printf("%s\n", versionLine())
	for _, l := range s.open() {
		e.printf("listening on %s\n", l)
	}
	for _, h := range s.webs() {
		e.printf("listening on %s (HTTP)\n", h.ln.Addr())
	}
	for _, c := range s.controls() {
		e.printf("listening on %s (console)\n", c.ln.Addr())
	}
	cert := filepath.Join(s.conf().DataDir, "selfsigned-cert.pem")
	if fp, err := tlsconf.Fingerprint(cert); err == nil && s.secrets.Load().generated() {
		e.printf("self-signed certificate %s\n  SHA-256 %s\n", cert, fp)
	}
	e.printf("next: %s user add alice@%s\n", os.Args[0], served(s.conf())[0])
}

// validWord is what a check says when all is well. An upgrade looks for it.
const validWord = "Configuration valid"

// checkCmd is `roost check`.
type checkCmd struct{ configFlag }

func (c checkCmd) Run(e *env) error {
	cfg, err := c.loadChecked()
	if err != nil {
		return tellConfig(e, err)
	}
	return tellValid(e, cfg)
}

// tellValid prints what is accepted but worth a word, a line each, and that all is well.
func tellValid(e *env, cfg *conf.Config) error {
	for _, w := range cfg.Warnings {
		at := ""
		if !w.Pos.IsZero() {
			at = w.Pos.String() + ": "
		}
		fmt.Fprintf(e.err, "%swarning: %s\n", at, w.Msg)
	}
	e.printf("%s\n", validWord)
	return nil
}

// loadChecked also opens the files that the configuration names.
func (f configFlag) loadChecked() (*conf.Config, error) {
	cfg, err := f.load()
	if err != nil {
		return nil, err
	}
	return cfg, check(cfg)
}

func check(cfg *conf.Config) error {
	return cfg.Check(conf.Checker{
		Ciphers: func(s string) error {
			_, err := tlsconf.ParseCiphers(s)
			return err
		},
		Passwords: func(scheme, path string) error {
			_, err := openPasswords(fileKey{scheme: scheme, path: path})
			return err
		},
	})
}

// planControl opens and closes the sockets of Control_Listener.
func (p *plan) planControl() error {
	old := slices.Clone(p.s.controls())
	p.sockets.control = nil
	for _, l := range p.next.cfg.Control.Listens {
		if !l.Address.IsUnix() {
			return fmt.Errorf("%s: Control_Listener: %s is no Unix socket", l.Pos, l.Address)
		}
		if i := slices.IndexFunc(old, func(c *control) bool { return c.path == l.Address.Path }); i >= 0 {
			p.sockets.control = append(p.sockets.control, old[i])
			old = slices.Delete(old, i, i+1)
			p.swap(func() { p.setMode(l) })
			continue
		}
		c, err := listenControl(l, p.s.command, p.s.heir)
		if err != nil {
			return fmt.Errorf("%s%w", at(l), err)
		}
		p.undo(func() { c.close(canceled()) })
		p.sockets.control = append(p.sockets.control, c)
	}
	for _, c := range old {
		p.later(func() {
			c.ln.Close()
			go closeSlowly(c.close) // the command that brought this about may come through it
		})
	}
	return nil
}
