package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"strings"

	"github.com/peterh/liner"
	"golang.org/x/term"
)

// consoleCmd is `roost console`: one command to the running server, or a prompt.
type consoleCmd struct {
	configFlag
	Socket string   `short:"s" placeholder:"SOCKET" help:"Control socket; default the one of the configuration."`
	Words  []string `arg:"" optional:"" passthrough:"" name:"command" help:"Command; without one an interactive prompt."`
}

func (c *consoleCmd) Run(e *env) error {
	path := c.Socket
	if path == "" {
		cfg, err := c.load()
		if err != nil {
			return tellConfig(e, err)
		}
		path = controlSocket(cfg)
	}
	switch {
	case path == "":
		return errors.New("the configuration has no Control_Listener; name its socket with -s")
	case len(c.Words) > 0:
		return command(path, c.Words, e)
	}
	if f, ok := e.in.(*os.File); ok && term.IsTerminal(int(f.Fd())) {
		return prompt(path, e)
	}
	return batch(path, e)
}

func command(path string, words []string, e *env) error {
	code, err := remote(path, fromHere(words), e)
	switch {
	case errors.Is(err, errNoServer):
		return fmt.Errorf("%w; start one with \"roost serve\", or name its socket with -s or its configuration with -c", err)
	case err == nil && code != exitOK:
		return exitCode(code)
	}
	return err
}

// batch runs one command per line of standard input; the first failure ends it.
func batch(path string, e *env) error {
	b, err := readAll(e.in, 1<<20, "the list of commands")
	if err != nil {
		return err
	}
	for line := range strings.Lines(string(b)) {
		words := strings.Fields(line)
		if len(words) == 0 || strings.HasPrefix(words[0], "#") {
			continue
		}
		own := *e
		own.in = strings.NewReader("")
		if err := command(path, words, &own); err != nil {
			return err
		}
	}
	return nil
}

// prompt reads commands at a terminal, with completion and history.
func prompt(path string, e *env) error {
	l := liner.NewLiner()
	defer l.Close()
	l.SetCtrlCAborts(true)
	l.SetCompleter(complete)
	history := filepath.Join(os.Getenv("HOME"), ".roost_history")
	if f, err := os.Open(history); err == nil {
		l.ReadHistory(f)
		f.Close()
	}
	fmt.Fprintln(e.out, "Connected to "+path+`. "help" lists the commands, "quit" leaves.`)
	for {
		line, err := l.Prompt("roost> ")
		if errors.Is(err, io.EOF) || errors.Is(err, liner.ErrPromptAborted) {
			break
		}
		if err != nil {
			return err
		}
		words := strings.Fields(line)
		if len(words) == 0 {
			continue
		}
		if words[0] == "quit" || words[0] == "exit" {
			break
		}
		l.AppendHistory(line)
		if err := ask(path, words, e); err != nil {
			fmt.Fprintln(e.err, "roost: "+err.Error())
		}
	}
	return saveHistory(l, history)
}

// ask runs one command of the prompt; commands that read get their input at the terminal.
func ask(path string, words []string, e *env) error {
	own := *e
	own.in = strings.NewReader("")
	if len(words) > 2 && words[0] == "user" && (words[1] == "add" || words[1] == "passwd") {
		own.in = e.in
		if err := gatherPassword(&own, words[2]); err != nil {
			return err
		}
	}
	// Ctrl-C ends the command, not the prompt, also after the first time.
	ctx, stop := signal.NotifyContext(context.WithoutCancel(e.ctx), os.Interrupt)
	defer stop()
	own.ctx = ctx
	_, err := remote(path, fromHere(words), &own) // a failure has told its reason on stderr
	return err
}

func saveHistory(l *liner.State, path string) error {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_WRONLY|os.O_TRUNC, 0o600)
	if err != nil {
		return nil // no home, no history
	}
	_, err = l.WriteHistory(f)
	return errors.Join(err, f.Close())
}
