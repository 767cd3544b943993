package ecconf

import (
	"slices"
)

// Tree is a document that was held against a schema.
type Tree struct {
	Root     *Block
	Files    []File
	Warnings Errors
	schema   *Schema
}

// Block is one stanza, merged from all statements with the same key.
type Block struct {
	Scope   *Scope
	Name    string // instance name as first written
	Key     string // its canonical form
	Pos     Pos    // of the first statement
	Seq     int    // order of first appearance over all files
	Damaged bool   // something inside was not understood: conclude nothing from what is missing
	Parent  *Block
	Blocks  []*Block // stanzas inside, in order of first appearance

	settings map[string]*Setting
	order    []*Setting
	index    map[[2]string]*Block
	byScope  map[string][]*Block
}

// Setting is an option that was set in a block.
type Setting struct {
	Option *Option
	Value  Value
	Pos    Pos // of the option's name
	Bad    bool
}

// Absent returns an empty block of a scope, to look up what holds where the
// stanza is not written.
func (t *Tree) Absent(scopeID string) *Block {
	return &Block{Scope: t.schema.byID[scopeID], Parent: t.Root}
}

// Label names the block in a sentence: `Listen "*:5222"`, `xmpp_listener`.
func (b *Block) Label() string {
	if b.Name == "" {
		return b.Scope.Name
	}
	return b.Scope.Name + " " + Quote(b.Name)
}

// Get returns the setting of an option in this block alone, or nil. A setting
// whose value was refused comes back with Bad set.
func (b *Block) Get(option string) *Setting { return b.settings[lower(option)] }

// Settings returns what is set in this block alone, in order of appearance.
func (b *Block) Settings() []*Setting { return slices.Clone(b.order) }

// All returns the stanzas of one scope inside b, in order of appearance. The
// slice is read-only.
func (b *Block) All(scopeID string) []*Block { return b.byScope[scopeID] }

// First returns the first stanza of one scope inside b, or nil.
func (b *Block) First(scopeID string) *Block {
	if all := b.byScope[scopeID]; len(all) > 0 {
		return all[0]
	}
	return nil
}
