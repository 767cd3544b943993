package ecconf

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// MaxErrors is how many errors one load reports; what comes after them is
// most often noise made by the first ones.
const MaxErrors = 100

// Pos is a place in a file. Line and Col count from 1, Col in characters. The
// zero Pos is no place at all.
type Pos struct {
	File string
	Line int
	Col  int
}

// IsZero reports whether p is no place.
func (p Pos) IsZero() bool { return p.Line == 0 && p.File == "" }

// String returns "file:line:column", "file" when there is no line, and "" for
// the zero Pos.
func (p Pos) String() string {
	if p.Line == 0 {
		return p.File
	}
	return fmt.Sprintf("%s:%d:%d", p.File, p.Line, p.Col)
}

// near names p for use inside a message about from: a line of the same file,
// else the whole position.
func (p Pos) near(from Pos) string {
	if p.File == from.File {
		return fmt.Sprintf("line %d", p.Line)
	}
	return p.String()
}

// Error is one thing to say about one place.
type Error struct {
	Pos Pos
	Msg string
}

// Error returns "file:line:column: message".
func (e *Error) Error() string {
	if e.Pos.IsZero() {
		return e.Msg
	}
	return e.Pos.String() + ": " + e.Msg
}

// Errors is everything that is wrong with a configuration. The same type
// carries warnings. The zero value is ready to use.
type Errors []*Error

// Error returns one line per error.
func (es Errors) Error() string {
	lines := make([]string, len(es))
	for i, e := range es {
		lines[i] = e.Error()
	}
	return strings.Join(lines, "\n")
}

// Unwrap gives errors.Is and errors.As the single errors.
func (es Errors) Unwrap() []error {
	all := make([]error, len(es))
	for i, e := range es {
		all[i] = e
	}
	return all
}

// Err returns es as an error, or nil when it is empty.
func (es Errors) Err() error {
	if len(es) == 0 {
		return nil
	}
	return es
}

// Addf appends one error at p. Far beyond [MaxErrors] it forgets them, so that
// a file of another kind does not fill the memory with complaints.
func (es *Errors) Addf(p Pos, format string, args ...any) {
	if es.full() {
		return
	}
	*es = append(*es, &Error{Pos: p, Msg: fmt.Sprintf(format, args...)})
}

func (es *Errors) full() bool { return len(*es) >= 10*MaxErrors }

// Sorted returns es in reading order, without repetitions, and cut after
// [MaxErrors]. Files come in the order of files; others follow by name.
func (es Errors) Sorted(files []File) Errors {
	rank := make(map[string]int, len(files))
	for i, f := range files {
		if _, ok := rank[f.Path]; !ok {
			rank[f.Path] = i - len(files)
		}
	}
	out := slices.Clone(es)
	slices.SortStableFunc(out, func(a, b *Error) int {
		return cmp.Or(
			cmp.Compare(rank[a.Pos.File], rank[b.Pos.File]),
			cmp.Compare(a.Pos.File, b.Pos.File),
			cmp.Compare(a.Pos.Line, b.Pos.Line),
			cmp.Compare(a.Pos.Col, b.Pos.Col),
		)
	})
	out = slices.CompactFunc(out, func(a, b *Error) bool { return *a == *b })
	if len(out) > MaxErrors {
		out = append(out[:MaxErrors:MaxErrors], &Error{Msg: "there is more to say than the messages above; mend those first"})
	}
	return out
}

// quote shows a value in a message: in double quotes, shortened to 64
// characters, control characters escaped.
func quote(s string) string {
	const most = 64
	if r := []rune(s[:min(len(s), 4*(most+1))]); len(r) > most {
		s = string(r[:most]) + "…"
	}
	return fmt.Sprintf("%q", s)
}
