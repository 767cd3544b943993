package ecconf

import (
	"fmt"
	"slices"
	"strings"
)

// GlobalScope is the scope of statements outside every stanza.
const GlobalScope = "global"

// Kind is what values an option takes.
type Kind uint8

const (
	KindString  Kind = iota // any text
	KindBool                // true/false, on/off, enabled/disabled, 1/0
	KindInt                 // a whole number between Min and Max
	KindSeconds             // likewise, seconds
	KindBytes               // likewise, bytes
	KindMode                // octal file access rights
	KindRate                // N or N/seconds
	KindWord                // one of Words, in any case
	KindPath                // a file name
	KindURI                 // scheme://…
	KindList                // ( … ); one value may stand without parentheses
	KindDict                // [ … ] with the keys in Keys
)

// Naming says whether a stanza takes an instance name.
type Naming uint8

const (
	Anonymous Naming = iota // xmpp { }
	Named                   // domain "x" { }
	MayBeNamed
)

// Scope is one row of the table of stanzas.
type Scope struct {
	ID     string   // unique; what Option.Scopes and In refer to
	Name   string   // as the stanza is written; several scopes in different parents may share it
	In     []string // IDs of the scopes in which it may stand; nil: GlobalScope
	Naming Naming
	Doc    string

	// Key checks an instance name and returns its canonical form: stanzas
	// whose keys are equal are one. nil: the name as it is. note, when not
	// empty, is a warning about the name.
	Key func(name string) (key, note string, err error)

	NotYet bool   // known, but refused in this release
	Note   string // warning given where the stanza is used
}

// Option is one row of the table of options. Two rows may have the same name
// when their scopes differ.
type Option struct {
	Name    string // canonical spelling
	Kind    Kind
	Default string   // as one would write it; "" when there is none
	Scopes  []string // IDs of the scopes in which it may stand
	Doc     string

	Words    []string // KindWord
	Min, Max int64    // numbers; Max 0 means no upper limit
	ZeroOK   bool     // numbers: 0 is allowed below Min
	Keys     []Option // KindDict
	Secret   bool     // the value is shown nowhere
	Required bool     // must be set in its scope (or dictionary)

	// NotYet refuses every value but the default; NotYetFor refuses single
	// words, and URIs when an entry ends in "://" ("*://" is any URI). Why is
	// added to that refusal.
	NotYet    bool
	NotYetFor []string
	Why       string

	Note string // warning given where the option is set

	// Check looks further at a value of the right kind; it sees every element
	// of a list on its own.
	Check func(v Value) error
}

// Schema is a table of stanzas and options, indexed. It is immutable.
type Schema struct {
	scopes   []Scope
	options  []Option
	byID     map[string]*Scope
	children map[string]map[string]*Scope  // parent ID → lower-case name → row
	byScope  map[string]map[string]*Option // scope ID → lower-case name → row
}

// NewSchema indexes a table. The error names the first row that contradicts
// another or itself: that is a mistake in the program, not in a file.
func NewSchema(scopes []Scope, options []Option) (*Schema, error) {
	s := &Schema{
		scopes: scopes, options: options,
		byID:     map[string]*Scope{GlobalScope: {ID: GlobalScope, Name: GlobalScope}},
		children: map[string]map[string]*Scope{},
		byScope:  map[string]map[string]*Option{},
	}
	for i := range scopes {
		sc := &scopes[i]
		if s.byID[sc.ID] != nil {
			return nil, fmt.Errorf("scope %s: two rows", sc.ID)
		}
		s.byID[sc.ID] = sc
	}
	for i := range scopes {
		sc := &scopes[i]
		for _, parent := range sc.parents() {
			if err := s.put(parent, sc); err != nil {
				return nil, err
			}
		}
	}
	for i := range options {
		if err := s.addOption(&options[i]); err != nil {
			return nil, err
		}
	}
	return s, nil
}

func (sc *Scope) parents() []string {
	if sc.In == nil {
		return []string{GlobalScope}
	}
	return sc.In
}

func (s *Schema) put(parent string, sc *Scope) error {
	if s.byID[parent] == nil {
		return fmt.Errorf("scope %s: parent %s has no row", sc.ID, parent)
	}
	if s.children[parent] == nil {
		s.children[parent] = map[string]*Scope{}
	}
	if s.children[parent][lower(sc.Name)] != nil {
		return fmt.Errorf("scope %s: two rows in %s", sc.Name, parent)
	}
	s.children[parent][lower(sc.Name)] = sc
	return nil
}

func (s *Schema) addOption(o *Option) error {
	if len(o.Scopes) == 0 {
		return fmt.Errorf("option %s: no scope", o.Name)
	}
	for _, id := range o.Scopes {
		switch {
		case s.byID[id] == nil:
			return fmt.Errorf("option %s: scope %s has no row", o.Name, id)
		case s.byScope[id][lower(o.Name)] != nil:
			return fmt.Errorf("option %s: two rows in %s", o.Name, id)
		case s.children[id][lower(o.Name)] != nil:
			return fmt.Errorf("option %s: also a stanza in %s", o.Name, id)
		case s.byScope[id] == nil:
			s.byScope[id] = map[string]*Option{}
		}
		s.byScope[id][lower(o.Name)] = o
	}
	if o.Default == "" {
		return nil
	}
	if o.Kind == KindList || o.Kind == KindDict {
		return fmt.Errorf("option %s: a list or dictionary has no default", o.Name)
	}
	if err := o.checkScalar(Value{Kind: String, Text: o.Default}); err != nil {
		return fmt.Errorf("option %s: default %s: %w", o.Name, o.Default, err)
	}
	return nil
}

// Scopes returns the rows of stanzas, in table order. They are read-only.
func (s *Schema) Scopes() []Scope { return s.scopes }

// Options returns the rows of options, in table order. They are read-only.
func (s *Schema) Options() []Option { return s.options }

// Option returns the row of the option name (in any case) in a scope, or nil.
func (s *Schema) Option(scopeID, name string) *Option {
	return s.byScope[scopeID][lower(name)]
}

// Scope returns the row of the stanza name (in any case) inside the scope
// parentID, or nil.
func (s *Schema) Scope(parentID, name string) *Scope {
	return s.children[parentID][lower(name)]
}

// names returns what may be written in a scope, options and stanzas, sorted.
func (s *Schema) names(scopeID string) []string {
	var all []string
	for _, o := range s.byScope[scopeID] {
		all = append(all, o.Name)
	}
	for _, sc := range s.children[scopeID] {
		all = append(all, sc.Name)
	}
	slices.Sort(all)
	return all
}

// label names a scope in a sentence: "xmpp_listener", "Listen of HTTP_Listener",
// "the global scope".
func (s *Schema) label(id string) string {
	if id == GlobalScope {
		return "the global scope"
	}
	sc := s.byID[id]
	shared := 0
	for i := range s.scopes {
		if strings.EqualFold(s.scopes[i].Name, sc.Name) {
			shared++
		}
	}
	if shared > 1 {
		in := make([]string, len(sc.In))
		for i, id := range sc.In {
			in[i] = s.byID[id].Name
		}
		return sc.Name + " of " + joinAnd(in)
	}
	return sc.Name
}

// validIn lists where a name that is not valid here could stand: "" when
// nowhere.
func (s *Schema) validIn(name string) string {
	var places []string
	add := func(id string) {
		if s.byID[id].NotYet {
			return
		}
		if l := s.label(id); !slices.Contains(places, l) {
			places = append(places, l)
		}
	}
	for i := range s.options {
		if strings.EqualFold(s.options[i].Name, name) {
			for _, id := range s.options[i].Scopes {
				add(id)
			}
		}
	}
	for i := range s.scopes {
		if strings.EqualFold(s.scopes[i].Name, name) && !s.scopes[i].NotYet {
			for _, id := range s.scopes[i].parents() {
				add(id)
			}
		}
	}
	return joinAnd(places)
}

// joinAnd returns "a", "a and b", "a, b and c".
func joinAnd(s []string) string {
	if len(s) < 2 {
		return strings.Join(s, "")
	}
	return strings.Join(s[:len(s)-1], ", ") + " and " + s[len(s)-1]
}
