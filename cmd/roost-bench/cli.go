package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"runtime"
	"runtime/debug"

	"github.com/alecthomas/kong"
)

// Exit codes.
const (
	exitOK     = 0
	exitFailed = 1 // the run failed, or the server did
	exitUsage  = 2
)

// commit is set by the linker; see the Makefile.
var commit string

// cli is the grammar of the command line.
type cli struct {
	Run     runCmd     `cmd:"" help:"Run a scenario against a server."`
	Check   checkCmd   `cmd:"" help:"Check a scenario and say in words what it does."`
	Worker  workerCmd  `cmd:"" help:"Make a part of the load for a coordinator elsewhere (run --workers)."`
	Prepare prepareCmd `cmd:"" help:"Write accounts and rosters in a form that a server loads in bulk."`
	Compare compareCmd `cmd:"" help:"Compare two results, and fail when one is worse."`
	Show    showCmd    `cmd:"" help:"Print results again; several become one table."`
	Report  reportCmd  `cmd:"" help:"Draw results as a web page; several side by side."`
	Version versionCmd `cmd:"" help:"Print version, commit and Go version."`
}

// env is the world that a command sees.
type env struct {
	ctx context.Context
	in  io.Reader
	out io.Writer
	err io.Writer
}

// errVerdict ends a command whose output has already said what is wrong.
var errVerdict = errors.New("failed")

// run parses args, runs the command and gives the exit code.
func run(ctx context.Context, args []string, in io.Reader, out, stderr io.Writer) int {
	e := &env{ctx: ctx, in: in, out: out, err: stderr}
	exited := -1
	k, err := kong.New(&cli{}, kong.Name("roost-bench"), kong.Description("A load tester for XMPP servers."),
		kong.Writers(out, stderr), kong.Exit(func(c int) { exited = c }), kong.ConfigureHelp(kong.HelpOptions{Compact: true}))
	if err != nil {
		fmt.Fprintln(stderr, "roost-bench: "+err.Error())
		return exitUsage
	}
	if len(args) == 0 {
		args = []string{"--help"}
	}
	kctx, err := k.Parse(args)
	switch {
	case exited >= 0:
		return exited
	case err != nil:
		fmt.Fprintf(stderr, "roost-bench: %v\nRun \"roost-bench --help\" for the commands.\n", err)
		return exitUsage
	}
	switch err := kctx.Run(e); {
	case err == nil:
		return exitOK
	case errors.Is(err, errVerdict):
		return exitFailed
	default:
		fmt.Fprintln(stderr, "roost-bench: "+err.Error())
		return exitFailed
	}
}

// versionCmd is `roost-bench version`.
type versionCmd struct{}

// Run prints the version.
func (versionCmd) Run(e *env) error {
	_, err := fmt.Fprintln(e.out, tool(), runtime.Version())
	return err
}

// tool names this program and its version in results.
func tool() string {
	v := "(devel)"
	if info, ok := debug.ReadBuildInfo(); ok && info.Main.Version != "" {
		v = info.Main.Version
	}
	if commit != "" {
		v += " " + commit
	}
	return "roost-bench " + v
}
