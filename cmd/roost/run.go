package main

import (
	"context"
	"fmt"
	"io"

	"github.com/alecthomas/kong"
)

// cli is the grammar of the command line.
type cli struct {
	Serve   serveCmd   `cmd:"" help:"Run the server."`
	Check   checkCmd   `cmd:"" help:"Check a configuration and list every error."`
	User    userCmd    `cmd:"" help:"Manage the accounts of the embedded store."`
	Roster  rosterCmd  `cmd:"" help:"Read and write rosters as JSON."`
	Console consoleCmd `cmd:"" help:"Talk to the running server."`
	Backup  backupCmd  `cmd:"" help:"Write everything that the store holds to a file, also while the server runs."`
	Restore restoreCmd `cmd:"" help:"Make the store from a backup; there must be none."`
	Version versionCmd `cmd:"" help:"Print version, commit and Go version."`
}

// run parses args, runs the command and gives the exit code.
func run(ctx context.Context, args []string, in io.Reader, out, stderr io.Writer) int {
	e := &env{ctx: ctx, in: in, out: out, err: stderr}
	kctx, code := parse(&cli{}, "roost", "An XMPP connection server.", args, e)
	if kctx == nil {
		return code
	}
	return finish(kctx.Run(e, &invocation{args: args}), stderr)
}

// invocation is the command line as it was typed, for a command that is run elsewhere.
type invocation struct{ args []string }

// parse reads args by a grammar. Without a command to run it gives nil and the exit code: 0 after
// --help, 2 for a line that is not understood.
func parse(grammar any, name, about string, args []string, e *env) (*kong.Context, int) {
	exited := -1
	k, err := kong.New(grammar, kong.Name(name), kong.Description(about), kong.Writers(e.out, e.err),
		kong.Exit(func(c int) { exited = c }), kong.ConfigureHelp(kong.HelpOptions{Compact: true}))
	if err != nil {
		fmt.Fprintln(e.err, "roost: "+err.Error())
		return nil, exitUsage
	}
	if len(args) == 0 {
		args = []string{"--help"}
	}
	kctx, err := k.Parse(args)
	switch {
	case exited >= 0:
		return nil, exited
	case err != nil:
		fmt.Fprintf(e.err, "roost: %v\nRun \"%s --help\" for the commands.\n", err, name)
		return nil, exitUsage
	}
	return kctx, exitOK
}

// versionCmd is `roost version`.
type versionCmd struct{}

func (versionCmd) Run(e *env) error {
	e.printf("%s\n", versionLine())
	return nil
}
