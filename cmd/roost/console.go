package main

import (
	"fmt"
	"text/tabwriter"

	"roost/router"
	"roost/xmlstream/jid"
	"roost/xmlstream/stanza"
)

// consoleWords are the commands that the prompt completes.
var consoleWords = []string{"help", "status", "sessions", "kick", "reload", "reopen logs", "backup", "shutdown", "version", "quit",
	"user add", "user passwd", "user remove", "user list", "user export", "roster show", "roster export"}

// consoleCLI is the grammar of what the control socket runs.
type consoleCLI struct {
	Status   statusCmd   `cmd:"" help:"Listeners, connections, sessions, memory."`
	Sessions sessionsCmd `cmd:"" help:"List the sessions, of one account or of all."`
	Kick     kickCmd     `cmd:"" help:"End the sessions of an account, or one of them."`
	Reload   reloadCmd   `cmd:"" help:"Read certificates and password files again, reopen logs; check the configuration."`
	Reopen   reopenCmd   `cmd:"" help:"Open log files anew, as after a rotation."`
	Shutdown shutdownCmd `cmd:"" help:"Close all streams with system-shutdown and stop."`
	Version  versionCmd  `cmd:"" help:"Version, commit and Go version."`
	User     userCmd     `cmd:"" help:"Manage accounts."`
	Roster   rosterCmd   `cmd:"" help:"Read and write rosters."`
	Backup   backupCmd   `cmd:"" help:"Write everything that the store holds to a file."`
}

// command runs one command of the control socket.
func (s *Server) command(args []string, e *env) int {
	if len(args) > 0 && args[0] == "help" {
		args = append(args[1:], "--help")
	}
	kctx, code := parse(&consoleCLI{}, "roost console", "Commands of the running server.", args, e)
	if kctx == nil {
		return code
	}
	a := &admin{cfg: s.conf(), store: s.store, live: s}
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
	w := tabwriter.NewWriter(e.out, 0, 4, 2, ' ', 0)
	fmt.Fprintln(w, "JID\tAVAILABLE\tPRIORITY\tINTERESTED")
	n := 0
	err := a.each(c.JID, func(s *router.Session) {
		st := s.Status()
		fmt.Fprintf(w, "%s\t%v\t%d\t%v\n", s.JID, st.Available, st.Priority, st.Interested)
		n++
	})
	if err != nil {
		return err
	}
	fmt.Fprintf(w, "%s\n", count(n, "session"))
	return w.Flush()
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

type reloadCmd struct{}

func (reloadCmd) Run(e *env, a *admin) error { return a.live.reload(e.out) }

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
