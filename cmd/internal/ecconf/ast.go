package ecconf

import "strings"

// ItemKind says what a statement is.
type ItemKind uint8

const (
	OptionItem ItemKind = iota
	StanzaItem
	IncludeItem
)

// Item is one statement as it was written.
type Item struct {
	Kind ItemKind
	Pos  Pos    // of the name
	Name string // as written

	Value Value // OptionItem: the value; IncludeItem: the path

	Instance    string // StanzaItem: the instance name, when Named
	InstancePos Pos
	Named       bool
	Items       []*Item
	// Damaged says that a statement directly inside could not be read, so that
	// nothing should be concluded from what is missing here.
	Damaged bool

	ReadOnly bool // IncludeItem: written as readonly_include
}

// ValueKind says in which form a value was written.
type ValueKind uint8

const (
	Word ValueKind = iota
	String
	List
	Dict
)

// Value is the value of an option as it was written.
type Value struct {
	Kind    ValueKind
	Pos     Pos
	Text    string  // Word and String
	Items   []Value // List: words and strings
	Entries []Entry // Dict, in the order of the file
}

// Entry is one key of a dictionary.
type Entry struct {
	Pos   Pos // of the key
	Key   string
	Value Value
}

// Scalar reports whether v is one word or string.
func (v Value) Scalar() bool { return v.Kind == Word || v.Kind == String }

// String returns v in the language, on one line.
func (v Value) String() string {
	var b strings.Builder
	v.write(&b)
	return b.String()
}

func (v Value) write(b *strings.Builder) {
	switch v.Kind {
	case Word:
		b.WriteString(v.Text)
	case String:
		b.WriteString(Quote(v.Text))
	case List:
		b.WriteString("(")
		for _, it := range v.Items {
			b.WriteString(" ")
			it.write(b)
		}
		b.WriteString(" )")
	case Dict:
		b.WriteString("[")
		for _, e := range v.Entries {
			b.WriteString(" " + e.Key + " = ")
			e.Value.write(b)
		}
		b.WriteString(" ]")
	}
}

var quoter = strings.NewReplacer(`\`, `\\`, `"`, `\"`)

// Quote returns s as a quoted string of the language. A line break cannot be
// written in it and must not be in s.
func Quote(s string) string { return `"` + quoter.Replace(s) + `"` }

// Document is what was read: one file with everything that it includes.
type Document struct {
	Items    []*Item
	Files    []File // in the order in which they were first read
	Damaged  bool   // a statement at file level could not be read
	Warnings Errors
}

// File is one file that a document was read from.
type File struct {
	Path string
	// ReadOnly files must not be written back to: they came in through
	// readonly_include or more than once.
	ReadOnly bool
}
