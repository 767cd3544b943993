package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"slices"

	"roost/cmd/roost/conf"
	"roost/rosterdb"
	"roost/xmlstream/jid"
)

// admin is what a management command works on: the store, and the server when one runs on it.
type admin struct {
	cfg   *conf.Config
	store rosterdb.Store
	live  *Server // nil: no server runs
	json  bool    // tables are wanted as JSON
}

// configFlag is the -c of every command.
type configFlag struct {
	Config string `short:"c" placeholder:"FILE" help:"Configuration; default ./roost.conf if it is there, else the built-in one."`
}

// load reads the configuration that was asked for.
func (f configFlag) load() (*conf.Config, error) {
	path := f.Config
	if path == "" {
		if _, err := os.Stat(defaultConfig); errors.Is(err, os.ErrNotExist) {
			return conf.Default()
		}
		path = defaultConfig
	}
	return conf.Load(path)
}

const defaultConfig = "roost.conf"

// managed is a command on accounts or rosters.
type managed interface {
	// gather completes e.in on the caller's side: a prompt, a file of the caller's.
	gather(e *env) error
	// do works where the store is.
	do(a *admin, e *env) error
}

// manage runs a command in the running server, or on the store when no server runs.
func manage(cmd managed, f configFlag, e *env, inv *invocation) error {
	cfg, err := f.load()
	if err != nil {
		return tellConfig(e, err)
	}
	if err := cmd.gather(e); err != nil {
		return err
	}
	if path := controlSocket(cfg); path != "" {
		code, err := remote(path, inv.args, e)
		if !errors.Is(err, errNoServer) {
			if err == nil && code != exitOK {
				err = exitCode(code)
			}
			return err
		}
	}
	store, err := openStore(cfg, nil, 0)
	if err != nil {
		return err
	}
	return errors.Join(cmd.do(&admin{cfg: cfg, store: store}, e), store.Close())
}

// file replaces e.in by a file of the caller's; "-" and "" leave it.
func file(path string, e *env) error {
	if path == "" || path == "-" {
		return nil
	}
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	e.in = f
	return nil
}

// tellConfig prints every error of a configuration, a line each.
func tellConfig(e *env, err error) error {
	fmt.Fprintln(e.err, err)
	return exitCode(exitFailed)
}

// readAll reads a bounded standard input.
func readAll(r io.Reader, limit int64, what string) ([]byte, error) {
	b, err := io.ReadAll(io.LimitReader(r, limit+1))
	if err == nil && int64(len(b)) > limit {
		err = fmt.Errorf("%s is longer than %d bytes", what, limit)
	}
	return b, err
}

// controlSocket is the path of the first control socket, empty when there is none.
func controlSocket(cfg *conf.Config) string {
	for _, l := range cfg.Control.Listens {
		if l.Address.IsUnix() {
			return l.Address.Path
		}
	}
	return ""
}

// served are the domains that we serve, prepared as addresses are.
func served(cfg *conf.Config) (out []string) {
	for _, d := range cfg.Served() {
		out = append(out, prepared(d.Name))
	}
	return out
}

// prepared is the canonical form of a domain; one that has none is left as it is and serves nobody.
func prepared(domain string) string {
	j, err := jid.Parse(domain)
	if err != nil || !j.IsDomain() {
		return domain
	}
	return j.String()
}

// realms are those that a DIGEST-MD5 client may be told: the host name and the domains.
func realms(cfg *conf.Config) []string {
	all := append(served(cfg), cfg.Hostname)
	slices.Sort(all)
	return slices.Compact(all)
}
