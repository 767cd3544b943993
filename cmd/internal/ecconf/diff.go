package ecconf

import (
	"slices"
	"strings"
)

// Change is one way in which a tree differs from another: an option, or, when Option is nil, a stanza that
// came or went as a whole.
type Change struct {
	Where  string  // the stanza, outermost first: `xmpp_listener Listen "*:5222"`; "" for the global scope
	Option *Option // nil: the stanza
	Block  *Block  // that stanza, in the tree that has it
	Old    string  // value as written, "" when it was not set; of a stanza: "" when it was not there
	New    string
	Pos    Pos // in the new tree, or, when nothing is there any more, in the old
}

// String is the change on one line. What is not set is shown by its default; secrets are not shown.
func (c Change) String() string {
	if c.Option == nil {
		if c.Old == "" {
			return c.Where + " added"
		}
		return c.Where + " removed"
	}
	name := strings.TrimSpace(c.Where + " " + c.Option.Name)
	if c.Option.hides() {
		return name + " changed"
	}
	return name + ": " + c.Option.shown(c.Old) + " → " + c.Option.shown(c.New)
}

// hides reports whether values of the option are shown nowhere.
func (o *Option) hides() bool {
	return o.Secret || slices.ContainsFunc(o.Keys, func(k Option) bool { return k.Secret })
}

// shown is a value, or what holds without one.
func (o *Option) shown(value string) string {
	switch {
	case value != "":
		return value
	case o.Default != "":
		return o.Default + " (default)"
	}
	return "unset"
}

// Diff lists how next differs from old, in the order of next, what is not in next last. The same value in
// another spelling, and another order of stanzas, are no change.
func Diff(old, next *Tree) []Change { return diffBlocks(nil, old.Root, next.Root, "") }

func diffBlocks(out []Change, old, next *Block, where string) []Change {
	for _, s := range next.order {
		was := old.Get(s.Option.Name)
		switch {
		case was == nil:
			out = append(out, Change{Where: where, Option: s.Option, New: s.Value.String(), Pos: s.Pos})
		case !was.Value.equal(s.Value) && !s.Option.same(was.Value, s.Value):
			out = append(out, Change{Where: where, Option: s.Option, Old: was.Value.String(), New: s.Value.String(), Pos: s.Pos})
		}
	}
	for _, s := range old.order {
		if next.Get(s.Option.Name) == nil {
			out = append(out, Change{Where: where, Option: s.Option, Old: s.Value.String(), Pos: s.Pos})
		}
	}
	for _, b := range next.Blocks {
		at := strings.TrimSpace(where + " " + b.Label())
		was := old.index[[2]string{b.Scope.ID, b.Key}]
		if was == nil {
			out = append(out, Change{Where: at, Block: b, New: at, Pos: b.Pos})
			continue
		}
		out = diffBlocks(out, was, b, at)
	}
	for _, b := range old.Blocks {
		if next.index[[2]string{b.Scope.ID, b.Key}] == nil {
			at := strings.TrimSpace(where + " " + b.Label())
			out = append(out, Change{Where: at, Block: b, Old: at, Pos: b.Pos})
		}
	}
	return out
}

// equal reports whether two values say the same, wherever they stand and however they are quoted.
func (v Value) equal(w Value) bool {
	if v.Scalar() != w.Scalar() || !v.Scalar() && v.Kind != w.Kind {
		return false
	}
	return v.Text == w.Text && slices.EqualFunc(v.Items, w.Items, Value.equal) &&
		slices.EqualFunc(v.Entries, w.Entries, func(a, b Entry) bool { return lower(a.Key) == lower(b.Key) && a.Value.equal(b.Value) })
}
