package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"roost/bench/report"
	"roost/bench/report/page"
)

// reportCmd is `roost-bench report`.
type reportCmd struct {
	Results  []string `arg:"" type:"existingpath" help:"A directory with a result.json, or such files. Several are put side by side: runs of one label and scenario are one side."`
	Out      string   `short:"o" placeholder:"FILE" help:"Where to write the page. Default: report.html beside the result; several need a place."`
	Title    string   `default:"Side by side" help:"What a page of several results is called."`
	Markdown bool     `help:"Print tables in Markdown instead: medians over the runs."`
}

// Run draws the pages.
func (c *reportCmd) Run(e *env) error {
	var names []string
	for _, name := range c.Results {
		if info, err := os.Stat(name); err == nil && info.IsDir() {
			name = filepath.Join(name, "result.json")
		}
		names = append(names, name)
	}
	rs, err := readAll(names)
	if err != nil {
		return err
	}
	out := c.Out
	switch {
	case c.Markdown:
		return report.Markdown(e.out, report.Groups(rs))
	case len(rs) == 1:
		if out == "" {
			out = filepath.Join(filepath.Dir(names[0]), reportName)
		}
		return c.write(e, out, func(w io.Writer) error { return page.Write(w, rs[0]) })
	case out == "":
		return errors.New("several results become one page: say where with -o FILE")
	}
	return c.write(e, out, func(w io.Writer) error { return page.WriteGroups(w, c.Title, report.Groups(rs)) })
}

func (c *reportCmd) write(e *env, name string, draw func(io.Writer) error) error {
	if err := writePage(name, draw); err != nil {
		return err
	}
	_, err := fmt.Fprintln(e.out, "wrote", name)
	return err
}

// reportName is what the page of a result is called.
const reportName = "report.html"

// writePage writes a page into a file.
func writePage(name string, draw func(io.Writer) error) error {
	f, err := os.Create(name)
	if err != nil {
		return err
	}
	w := bufio.NewWriter(f)
	if err := errors.Join(draw(w), w.Flush(), f.Close()); err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	return nil
}
