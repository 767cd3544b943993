package ecconf

import (
	"fmt"
	"io"
	"slices"
	"strings"
)

// Step is one stanza on the way to an option.
type Step struct {
	Scope *Scope
	Name  string // instance name; "" for none
}

// key is the canonical form of an instance name.
func (s Step) key() string { return s.Scope.key(s.Name) }

func (sc *Scope) key(name string) string {
	if name != "" && sc.Key != nil {
		if k, _, err := sc.Key(name); err == nil {
			return k
		}
	}
	return name
}

// Edit sets an option, or takes it away.
type Edit struct {
	Path   []Step
	Option string
	Value  *Value // nil: the option is taken away
}

// Statement is the edit as one line of the language; it must not take anything away.
func (e Edit) Statement() string {
	var b strings.Builder
	for _, s := range e.Path {
		b.WriteString(s.Scope.Name + " ")
		if s.Name != "" {
			b.WriteString(Quote(s.Name) + " ")
		}
		b.WriteString("{ ")
	}
	b.WriteString(e.Option + " = " + e.Value.String())
	b.WriteString(strings.Repeat(" }", len(e.Path)))
	return b.String()
}

// Shown is the edit for people: no secrets, and what is taken away as such.
func (e Edit) Shown(s *Schema) string {
	id := GlobalScope
	if n := len(e.Path); n > 0 {
		id = e.Path[n-1].Scope.ID
	}
	v := e.Value
	if o := s.Option(id, e.Option); v == nil {
		v = &Value{Text: "(unset)"}
	} else if o != nil && o.hides() {
		v = &Value{Kind: String, Text: "***"}
	}
	e.Value = v
	return e.Statement()
}

// Same reports whether both edits are about the same option in the same place.
func (e Edit) Same(f Edit) bool {
	return strings.EqualFold(e.Option, f.Option) && slices.EqualFunc(e.Path, f.Path,
		func(a, b Step) bool { return a.Scope.ID == b.Scope.ID && a.key() == b.key() })
}

// With returns a copy of d with an edit made; d stays as it is. What was set before is not in the copy.
func (d *Document) With(e Edit) *Document {
	c := *d
	c.Items = without(d.Items, e.Path, e.Option)
	if e.Value == nil {
		return &c
	}
	it := &Item{Kind: OptionItem, Pos: e.Value.Pos, Name: e.Option, Value: *e.Value}
	for _, s := range slices.Backward(e.Path) {
		it = &Item{Kind: StanzaItem, Pos: e.Value.Pos, Name: s.Scope.Name, Instance: s.Name, InstancePos: e.Value.Pos,
			Named: s.Name != "", Items: []*Item{it}}
	}
	c.Items = append(c.Items, it)
	return &c
}

// without copies items less what sets an option in a place.
func without(items []*Item, path []Step, option string) []*Item {
	out := make([]*Item, 0, len(items)+1)
	for _, it := range items {
		switch {
		case len(path) == 0 && it.Kind == OptionItem && strings.EqualFold(it.Name, option):
			continue
		case len(path) > 0 && it.Kind == StanzaItem && strings.EqualFold(it.Name, path[0].Scope.Name) && path[0].Scope.key(it.Instance) == path[0].key():
			own := *it
			own.Items = without(it.Items, path[1:], option)
			it = &own
		}
		out = append(out, it)
	}
	return out
}

// Print writes what is set in a block, and the stanzas inside: as a whole, or only their heads. Secrets are
// not shown.
func (b *Block) Print(w io.Writer, recurse bool) { b.print(w, "", recurse, (*Setting).Shown) }

// PrintAll writes the block as a whole, secrets and all, in the language.
func (b *Block) PrintAll(w io.Writer) {
	b.print(w, "", true, func(s *Setting) string { return s.Value.String() })
}

func (b *Block) print(w io.Writer, indent string, recurse bool, shown func(*Setting) string) {
	for _, s := range b.order {
		fmt.Fprintf(w, "%s%s = %s\n", indent, s.Option.Name, shown(s))
	}
	for _, c := range b.Blocks {
		if !recurse {
			fmt.Fprintf(w, "%s%s { ... }\n", indent, c.Label())
			continue
		}
		if len(c.order)+len(c.Blocks) == 0 {
			fmt.Fprintf(w, "%s%s {}\n", indent, c.Label())
			continue
		}
		fmt.Fprintf(w, "%s%s {\n", indent, c.Label())
		c.print(w, indent+"  ", true, shown)
		fmt.Fprintf(w, "%s}\n", indent)
	}
}

// Shown is the value in the language, unless it is a secret.
func (s *Setting) Shown() string {
	if s.Option.hides() {
		return `"***"`
	}
	return s.Value.String()
}

// Locate calls fn for every block of the tree and the stanzas around it, outermost first.
func (t *Tree) Locate(fn func(around []*Block)) { locate([]*Block{t.Root}, fn) }

func locate(around []*Block, fn func([]*Block)) {
	fn(around[1:])
	for _, b := range around[len(around)-1].Blocks {
		locate(append(slices.Clone(around), b), fn)
	}
}

// Schema is what the tree was held against.
func (t *Tree) Schema() *Schema { return t.schema }
