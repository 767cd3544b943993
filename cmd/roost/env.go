package main

import (
	"context"
	"errors"
	"fmt"
	"io"
)

// env is what a command may touch: nothing else, so that tests and the control socket run the same
// code as a person at a terminal.
type env struct {
	ctx context.Context
	in  io.Reader
	out io.Writer
	err io.Writer
}

func (e *env) printf(format string, args ...any) {
	fmt.Fprintf(e.out, format, args...)
}

// Exit codes of every command.
const (
	exitOK     = 0
	exitFailed = 1 // refused or failed; a sentence is on stderr
	exitUsage  = 2
)

// exitCode is an error that has been told already.
type exitCode int

func (c exitCode) Error() string { return fmt.Sprintf("exit code %d", int(c)) }

// finish turns the outcome of a command into its exit code and the sentence for stderr.
func finish(err error, stderr io.Writer) int {
	if err == nil {
		return exitOK
	}
	if c, ok := errors.AsType[exitCode](err); ok {
		return int(c)
	}
	fmt.Fprintln(stderr, "roost: "+err.Error())
	return exitFailed
}
