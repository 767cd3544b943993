package ecconf

import (
	"slices"
	"strings"
	"testing"
)

// bound reads a text by the small schema of these tests.
func bound(t *testing.T, text string) (*Document, *Tree) {
	t.Helper()
	doc, err := Parse("f", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	tree, err := editSchema(t).Bind(doc)
	if err != nil {
		t.Fatal(err)
	}
	return doc, tree
}

func editSchema(t *testing.T) *Schema {
	t.Helper()
	s, err := NewSchema([]Scope{
		{ID: "box", Name: "Box", Naming: Named, Key: func(name string) (string, string, error) { return strings.ToLower(name), "", nil }},
		{ID: "lid", Name: "Lid", In: []string{"box"}},
	}, []Option{
		{Name: "size", Kind: KindInt, Default: "5", Scopes: []string{GlobalScope, "box", "lid"}},
		{Name: "open", Kind: KindBool, Scopes: []string{"box"}},
		{Name: "names", Kind: KindList, Scopes: []string{"box"}},
		{Name: "key", Scopes: []string{"box"}, Secret: true},
	})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestDiff(t *testing.T) {
	const old = `size = 1 Box "A" { open = on names = ( a "b" ) key = x Lid { size = 5 } } Box "B" {}`
	for _, c := range []struct {
		next string
		want []string
	}{
		{old, nil},
		{`Box "B" {} Box "a" { Lid {size=05} names = ( "a" b ) key = "x" open = true } size = "1"`, []string{}},
		{`size = 2 Box "A" { open = off names = ( a c ) key = y Lid {} } Box "C" { size = 3 }`, []string{
			"size: 1 → 2", `Box "A" open: on → off`, `Box "A" names: ( a "b" ) → ( a c )`, `Box "A" key changed`,
			`Box "A" Lid size: 5 → 5 (default)`, `Box "C" added`, `Box "B" removed`}},
		{`Box "A" { open = on names = a }`, []string{`size: 1 → 5 (default)`, `Box "A" names: ( a "b" ) → a`, `Box "A" key changed`, `Box "B" removed`}},
	} {
		_, a := bound(t, old)
		_, b := bound(t, c.next)
		var got []string
		for _, change := range Diff(a, b) {
			got = append(got, change.String())
		}
		if c.next == `Box "A" { open = on names = a }` { // the lid went, too
			c.want = slices.Insert(c.want, 3, `Box "A" Lid removed`)
		}
		if strings.Join(got, "\n") != strings.Join(c.want, "\n") {
			t.Errorf("%s: got\n%s\nwant\n%s", c.next, strings.Join(got, "\n"), strings.Join(c.want, "\n"))
		}
	}
}

func TestEdit(t *testing.T) {
	doc, tree := bound(t, `size = 1 Box "A" { size = 2 } Box "a" { size = 3 open = on }`)
	s := tree.Schema()
	box := Step{Scope: s.Scope(GlobalScope, "box"), Name: "a"}
	lid := Step{Scope: s.Scope("box", "lid")}
	value := func(text string) *Value { return &Value{Kind: Word, Text: text} }
	for _, c := range []struct {
		e         Edit
		statement string // "" for one that takes away
		want      string
	}{
		{Edit{nil, "SIZE", value("9")}, "SIZE = 9", "Box \"A\" {\n  open = on\n  size = 3\n}\nsize = 9\n"},
		{Edit{[]Step{box}, "size", value("9")}, `Box "a" { size = 9 }`, "size = 1\nBox \"A\" {\n  open = on\n  size = 9\n}\n"},
		{Edit{[]Step{box, lid}, "size", value("9")}, `Box "a" { Lid { size = 9 } }`, "size = 1\nBox \"A\" {\n  size = 3\n  open = on\n  Lid {\n    size = 9\n  }\n}\n"},
		{Edit{[]Step{box}, "size", nil}, "", "size = 1\nBox \"A\" {\n  open = on\n}\n"},
		{Edit{[]Step{box}, "key", value("x")}, `Box "a" { key = x }`, "size = 1\nBox \"A\" {\n  size = 3\n  open = on\n  key = \"***\"\n}\n"},
	} {
		next, err := s.Bind(doc.With(c.e))
		if err != nil {
			t.Fatal(err)
		}
		var b strings.Builder
		next.Root.Print(&b, true)
		if got, want := sortedLines(b.String()), sortedLines(c.want); got != want {
			t.Errorf("%v: got\n%s\nwant\n%s", c.e, b.String(), c.want)
		}
		if c.statement != "" && c.e.Statement() != c.statement {
			t.Errorf("%s, want %s", c.e.Statement(), c.statement)
		}
	}
	var b strings.Builder
	if tree.Root.Print(&b, true); !strings.Contains(b.String(), "size = 3") {
		t.Errorf("the document that was edited has changed: %s", b.String())
	}
	if e := (Edit{[]Step{box}, "key", value("x")}); strings.Contains(e.Shown(s), "x }") {
		t.Error(e.Shown(s))
	}
}

// sortedLines is a text for which the order of statements does not matter.
func sortedLines(s string) string {
	lines := strings.Split(s, "\n")
	slices.Sort(lines)
	return strings.Join(lines, "\n")
}
