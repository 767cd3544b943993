package ecconf

import (
	"fmt"
	"io/fs"
	"net/netip"
	"slices"
	"time"
)

// View answers what the effective value of an option is: the first block of
// a chain that sets it, most specific first, else the default of the row.
// Settings whose value was refused are passed over.
//
// Asking for a name that has no row in any scope of the chain, or asking a row
// for a type that is not its own, panics: that is a mistake in the program,
// which no configuration file can cause.
type View struct {
	tree  *Tree
	chain []*Block
}

// View returns the view along chain, most specific block first. The global
// scope always stands behind it and need not be given.
func (t *Tree) View(chain ...*Block) View {
	return View{t, append(slices.Clone(chain), t.Root)}
}

// Lookup returns the winning setting of an option, or nil with the row when it
// is not set anywhere along the chain.
func (v View) Lookup(name string) (*Setting, *Option) {
	var row *Option
	for _, b := range v.chain {
		o := v.tree.schema.Option(b.Scope.ID, name)
		if o == nil {
			continue
		}
		if row == nil {
			row = o
		}
		if s := b.Get(name); s != nil && !s.Bad {
			return s, s.Option
		}
	}
	if row == nil {
		panic(fmt.Sprintf("ecconf: option %s has no row in any scope of the chain", name))
	}
	return nil, row
}

// IsSet reports whether an option is set along the chain.
func (v View) IsSet(name string) bool { s, _ := v.Lookup(name); return s != nil }

// Pos returns where the winning setting of an option stands, or the zero Pos.
func (v View) Pos(name string) Pos {
	if s, _ := v.Lookup(name); s != nil {
		return s.Pos
	}
	return Pos{}
}

// text returns the effective value as text, and "" when there is none.
func (v View) text(name string, kinds ...Kind) string {
	s, o := v.Lookup(name)
	if !slices.Contains(kinds, o.Kind) {
		panic(fmt.Sprintf("ecconf: option %s is not of the kind that is asked for", name))
	}
	if s == nil {
		return o.Default
	}
	return s.Value.Text
}

// Bool returns an option of KindBool.
func (v View) Bool(name string) bool {
	b, _ := ParseBool(v.text(name, KindBool))
	return b
}

// Int returns an option of KindInt, KindSeconds or KindBytes.
func (v View) Int(name string) int {
	n, _ := ParseInt(v.text(name, KindInt, KindSeconds, KindBytes))
	return int(n)
}

// Seconds returns an option of KindSeconds as a duration.
func (v View) Seconds(name string) time.Duration {
	n, _ := ParseInt(v.text(name, KindSeconds))
	return time.Duration(n) * time.Second
}

// Mode returns an option of KindMode.
func (v View) Mode(name string) fs.FileMode {
	m, _ := ParseMode(v.text(name, KindMode))
	return m
}

// Rate returns an option of KindRate.
func (v View) Rate(name string) Rate {
	r, _ := ParseRate(v.text(name, KindRate))
	return r
}

// Text returns an option of KindString, KindPath or KindURI as it is written,
// and one of KindWord in lower case.
func (v View) Text(name string) string {
	s := v.text(name, KindString, KindPath, KindURI, KindWord)
	if _, o := v.Lookup(name); o.Kind == KindWord {
		return lower(s)
	}
	return s
}

// List returns the items of an option of KindList, nil when it is not set.
func (v View) List(name string) []Value {
	s, o := v.Lookup(name)
	if o.Kind != KindList {
		panic(fmt.Sprintf("ecconf: option %s is not a list", name))
	}
	if s == nil {
		return nil
	}
	return s.Value.list()
}

func (v Value) list() []Value {
	if v.Kind == List {
		return v.Items
	}
	return []Value{v}
}

// Dict returns an option of KindDict, or nil when it is not set.
func (v View) Dict(name string) *DictView {
	s, o := v.Lookup(name)
	if o.Kind != KindDict {
		panic(fmt.Sprintf("ecconf: option %s is not a dictionary", name))
	}
	if s == nil {
		return nil
	}
	return &DictView{Pos: s.Pos, option: o, value: s.Value}
}

// DictView reads the keys of one dictionary. A dictionary falls back as a
// whole: keys that it does not have take their defaults.
type DictView struct {
	Pos    Pos // of the option
	option *Option
	value  Value
}

// Get returns the value of a key and whether it is there.
func (d *DictView) Get(key string) (Value, bool) {
	for _, e := range d.value.Entries {
		if lower(e.Key) == lower(key) {
			return e.Value, true
		}
	}
	return Value{}, false
}

func (d *DictView) row(key string) *Option {
	for i := range d.option.Keys {
		if lower(d.option.Keys[i].Name) == lower(key) {
			return &d.option.Keys[i]
		}
	}
	panic(fmt.Sprintf("ecconf: %s has no key %s", d.option.Name, key))
}

// Text returns the text of a key, or its default.
func (d *DictView) Text(key string) string {
	o := d.row(key)
	if v, ok := d.Get(key); ok {
		return v.Text
	}
	return o.Default
}

// Bool returns a key of KindBool, or its default.
func (d *DictView) Bool(key string) bool {
	b, _ := ParseBool(d.Text(key))
	return b
}

// List returns the items of a key of KindList, nil when it is not there.
func (d *DictView) List(key string) []Value {
	d.row(key)
	if v, ok := d.Get(key); ok {
		return v.list()
	}
	return nil
}

// Covering returns the stanzas of one scope inside b whose key is a CIDR block
// in the form of [netip.Prefix] that contains all of p, most specific first. Put
// in front of b in a chain they make the most specific block win, option by option.
func (b *Block) Covering(scopeID string, p netip.Prefix) []*Block {
	var out []*Block
	for bits := p.Bits(); bits >= 0; bits-- {
		q, err := p.Addr().Prefix(bits)
		if err != nil {
			return out
		}
		if c := b.index[[2]string{scopeID, q.String()}]; c != nil {
			out = append(out, c)
		}
	}
	return out
}
