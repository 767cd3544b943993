package live

import (
	"fmt"
	"io"
	"os"
	"time"

	tea "github.com/charmbracelet/bubbletea"
	"github.com/charmbracelet/x/term"

	"roost/bench/scenario"
)

// IsTerminal reports whether w is a terminal that can be drawn on.
func IsTerminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	return ok && term.IsTerminal(f.Fd()) && os.Getenv("TERM") != "dumb"
}

// A View shows a run on a terminal until it is closed.
type View struct {
	*Feed
	out     io.Writer
	program *tea.Program
	done    chan struct{}
	err     error
}

// Show begins to draw on out. stop is called once, when somebody wants the run to end; keys come from in.
func Show(in io.Reader, out io.Writer, title string, sc *scenario.Scenario, stop func()) *View {
	feed := NewFeed(sc, time.Now)
	m := model{feed: feed, title: title, stop: stop, clock: time.Now}
	m.now, _ = feed.take()
	v := &View{Feed: feed, out: out, done: make(chan struct{}),
		program: tea.NewProgram(m, tea.WithInput(in), tea.WithOutput(out), tea.WithoutSignalHandler())}
	go func() {
		defer close(v.done)
		_, v.err = v.program.Run()
	}()
	return v
}

// Close ends the view, leaves the terminal as it was, and prints the lines that are left.
func (v *View) Close() error {
	v.program.Quit()
	<-v.done
	_, lines := v.take()
	for _, l := range lines {
		fmt.Fprintln(v.out, l)
	}
	return v.err
}
