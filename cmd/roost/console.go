package main

import (
	"fmt"
	"path/filepath"

	"roost/cmd/roost/console"
	"roost/router"
	"roost/xmlstream/jid"
	"roost/xmlstream/stanza"
)

// consoleCLI is the grammar of what the control socket runs. The prompt completes by it.
type consoleCLI struct {
	JSON bool `name:"json" help:"Tables as JSON."`

	Status   statusCmd     `cmd:"" help:"Listeners, connections, sessions, memory."`
	Sessions sessionsCmd   `cmd:"" help:"List the sessions, of one account or of all."`
	Kick     kickCmd       `cmd:"" help:"End the sessions of an account, or one of them."`
	Trace    traceCmd      `cmd:"" help:"Show the stanzas of an account or session as they pass."`
	Config   configCmd     `cmd:"" help:"Look at the configuration in use, and change it."`
	Reload   reloadCmd     `cmd:"" help:"Read the configuration and everything that it names again, and go over to it."`
	Reopen   reopenCmd     `cmd:"" help:"Open log files anew, as after a rotation."`
	Show     showCmd       `cmd:"" help:"List connections."`
	Summary  summaryCmd    `cmd:"" help:"Counters since the start or the last reset."`
	Threads  threadsCmd    `cmd:"" help:"Event loops and pools."`
	Module   moduleCmd     `cmd:"" help:"Modules."`
	TLS      tlsCmd        `cmd:"" name:"tls" help:"Certificates and keys of session tickets."`
	DNSCache dnsCacheCmd   `cmd:"" name:"dns_cache" help:"What DNS said about other domains."`
	Debug    debugLevelCmd `cmd:"" name:"debug_level" help:"Which messages are logged, until the next reload."`
	Paniclog paniclogCmd   `cmd:"" help:"The last warnings and errors."`
	Sysinfo  sysinfoCmd    `cmd:"" help:"Process, machine and limits."`
	Drain    drainCmd      `cmd:"" help:"Accept no clients and send those away that are there, so many a second."`
	Upgrade  upgradeCmd    `cmd:"" help:"Go over to a new program without refusing a connection."`
	Shutdown shutdownCmd   `cmd:"" help:"Close all streams with system-shutdown and stop."`
	Version  versionCmd    `cmd:"" help:"Version, commit and Go version."`
	User     userCmd       `cmd:"" help:"Manage accounts."`
	Roster   rosterCmd     `cmd:"" help:"Read and write rosters."`
	Backup   backupCmd     `cmd:"" help:"Write everything that the store holds to a file."`
}

// command runs one command of the control socket.
func (s *Server) command(args []string, e *env) int {
	if len(args) > 0 && args[0] == "help" {
		args = append(args[1:], "--help")
	}
	if err := allowed(s.conf().Control, caller(e.ctx), args); err != nil {
		return finish(err, e.err)
	}
	grammar := &consoleCLI{}
	kctx, code := parse(grammar, "roost console", "Commands of the running server.", args, e)
	if kctx == nil {
		return code
	}
	a := &admin{cfg: s.conf(), store: s.store, live: s, json: grammar.JSON}
	if cmd, ok := kctx.Selected().Target.Addr().Interface().(managed); ok {
		return finish(cmd.do(a, e), e.err)
	}
	return finish(kctx.Run(e, a), e.err)
}

type statusCmd struct{}

func (statusCmd) Run(e *env, a *admin) error {
	a.live.status(e.out)
	return nil
}

type sessionsCmd struct {
	JID string `arg:"" optional:"" help:"user@domain"`
}

func (c sessionsCmd) Run(e *env, a *admin) error {
	t := console.NewTable("jid", "available", "priority", "interested")
	err := a.each(c.JID, func(s *router.Session) {
		st := s.Status()
		t.Row(s.JID.String(), st.Available, st.Priority, st.Interested)
	})
	if err != nil {
		return err
	}
	t.Sum("%s", count(t.Len(), "session"))
	return a.table(e, t)
}

// each calls fn for the sessions of an address: a full JID, a bare one, or all for none.
func (a *admin) each(address string, fn func(*router.Session)) error {
	if address == "" {
		a.live.router.EachSession(fn)
		return nil
	}
	j, err := jid.Parse(address)
	if err != nil {
		return err
	}
	for _, s := range a.live.router.Sessions(j.Bare()) {
		if j.IsBare() || s.JID == j {
			fn(s)
		}
	}
	return nil
}

type kickCmd struct {
	JID string `arg:"" help:"user@domain or user@domain/resource"`
}

func (c kickCmd) Run(e *env, a *admin) error {
	n := 0
	err := a.each(c.JID, func(s *router.Session) {
		a.live.router.Unbind(s, "") // at once, not when the client gives in
		s.End(stanza.StreamPolicyViolation.With("closed by an administrator"))
		n++
	})
	if err != nil {
		return err
	}
	if n == 0 {
		return fmt.Errorf("%s has no session", c.JID)
	}
	e.printf("%s closed\n", count(n, "session"))
	return nil
}

type reloadCmd struct {
	File string `arg:"" optional:"" help:"Another configuration, by its whole path; default the one in use."`
}

func (c *reloadCmd) Run(e *env, a *admin) error {
	if c.File != "" && !filepath.IsAbs(c.File) {
		return fmt.Errorf("%s: the server needs the whole path of the file", c.File)
	}
	return a.live.reload(e.out, c.File)
}

// reopenCmd is `reopen logs`.
type reopenCmd struct {
	Logs reopenLogsCmd `cmd:"" help:"Close and open the files of every xmpp_logger."`
}

type reopenLogsCmd struct{}

func (reopenLogsCmd) Run(e *env, a *admin) error {
	n, err := a.live.reopenLogs()
	if err != nil {
		return err
	}
	e.printf("%s opened anew\n", count(n, "log file"))
	return nil
}

type shutdownCmd struct{}

func (shutdownCmd) Run(e *env, a *admin) error {
	e.printf("shutting down\n")
	a.live.requestStop()
	return nil
}
