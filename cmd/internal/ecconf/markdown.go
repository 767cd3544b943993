package ecconf

import (
	"bufio"
	"io"
	"slices"
	"strings"
)

// WriteMarkdown writes the table of stanzas and the table of options as they
// stand in the documentation. Rows of stanzas that are only known in order to
// be refused are left out.
func (s *Schema) WriteMarkdown(w io.Writer) error {
	b := bufio.NewWriter(w)
	b.WriteString("| Stanza | stands in | name | meaning |\n| --- | --- | --- | --- |\n")
	for i := range s.scopes {
		sc := &s.scopes[i]
		if sc.NotYet {
			continue
		}
		row(b, "`"+sc.Name+"`", s.labels(sc.parents()), [...]string{"none", "required", "optional"}[sc.Naming], sc.Doc)
	}
	b.WriteString("\n| Option | scopes | default | meaning |\n| --- | --- | --- | --- |\n")
	for i := range s.options {
		o := &s.options[i]
		def := "–"
		if o.Default != "" {
			def = "`" + o.Default + "`"
		}
		row(b, "`"+o.Name+"`", s.labels(o.Scopes), def, o.meaning())
	}
	return b.Flush()
}

// meaning is the documentation of a row with what the columns do not say.
func (o *Option) meaning() string {
	m := o.Doc
	if o.Kind == KindWord {
		m += " One of " + strings.Join(o.Words, ", ") + "."
	}
	if o.NotYet {
		m += " Not yet supported"
		if o.Default != "" {
			m += " (only the default is accepted)"
		}
		m += "."
	}
	if len(o.NotYetFor) > 0 {
		m += " Not yet supported: " + strings.Join(o.NotYetFor, ", ") + "."
	}
	for i := range o.Keys {
		m += " Key `" + o.Keys[i].Name + "`: " + o.Keys[i].meaning()
		if o.Keys[i].Default != "" {
			m += " Default `" + o.Keys[i].Default + "`."
		}
	}
	return m
}

// labels lists the names of scopes in table order, those left out that are
// refused as a whole.
func (s *Schema) labels(ids []string) string {
	var out []string
	if slices.Contains(ids, GlobalScope) {
		out = append(out, GlobalScope)
	}
	for i := range s.scopes {
		sc := &s.scopes[i]
		if slices.Contains(ids, sc.ID) && !sc.NotYet && !slices.Contains(out, sc.Name) {
			out = append(out, sc.Name)
		}
	}
	return strings.Join(out, ", ")
}

func row(b *bufio.Writer, cells ...string) {
	for _, c := range cells {
		b.WriteString("| " + strings.ReplaceAll(c, "|", `\|`) + " ")
	}
	b.WriteString("|\n")
}
