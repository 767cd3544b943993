// Package console writes what commands find out: for people as columns, for programs as JSON.
package console

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
)

// Table is rows of equal columns.
type Table struct {
	columns []string
	rows    [][]any
	sum     string
}

// NewTable makes a table; the names of its columns are words in lower case.
func NewTable(columns ...string) *Table { return &Table{columns: columns} }

// Row adds a row: one cell for each column. In JSON a cell is what encoding/json makes of it, as text
// what fmt makes of it; nil and "" are a dash.
func (t *Table) Row(cells ...any) { t.rows = append(t.rows, cells) }

// Sum is a sentence below the columns; JSON does not have it.
func (t *Table) Sum(format string, args ...any) { t.sum = fmt.Sprintf(format, args...) }

// Len is the number of rows.
func (t *Table) Len() int { return len(t.rows) }

// Write writes the columns under their names, or one JSON array of objects.
func (t *Table) Write(w io.Writer, asJSON bool) error {
	if asJSON {
		return t.json(w)
	}
	tw := tabwriter.NewWriter(w, 0, 4, 2, ' ', 0)
	fmt.Fprintln(tw, strings.ToUpper(strings.Join(t.columns, "\t")))
	for _, r := range t.rows {
		for i, c := range r {
			if i > 0 {
				fmt.Fprint(tw, "\t")
			}
			if s := fmt.Sprint(c); c != nil && s != "" {
				fmt.Fprint(tw, Clean(s))
			} else {
				fmt.Fprint(tw, "-")
			}
		}
		fmt.Fprintln(tw)
	}
	if err := tw.Flush(); err != nil {
		return err
	}
	if t.sum != "" {
		_, err := fmt.Fprintln(w, t.sum)
		return err
	}
	return nil
}

// json keeps the columns in their order, which a map would not.
func (t *Table) json(w io.Writer) error {
	var b strings.Builder
	b.WriteString("[")
	for i, r := range t.rows {
		if i > 0 {
			b.WriteString(",")
		}
		b.WriteString("\n {")
		for j, c := range r {
			if j > 0 {
				b.WriteString(", ")
			}
			v, err := json.Marshal(c)
			if err != nil {
				return err
			}
			fmt.Fprintf(&b, "%q: %s", strings.ReplaceAll(t.columns[j], " ", "_"), v)
		}
		b.WriteString("}")
	}
	b.WriteString("\n]\n")
	_, err := io.WriteString(w, b.String())
	return err
}

// Clean keeps what comes from outside from moving the cursor or the columns of a terminal.
func Clean(s string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f || r >= 0x80 && r < 0xa0 {
			return '?'
		}
		return r
	}, s)
}
