package conf

import (
	"fmt"
	"slices"
	"strings"

	"roost/cmd/internal/ecconf"
)

// Place is a stanza, by the way to it. Blocks has nil from the first stanza on that is not written.
type Place struct {
	Steps  []ecconf.Step
	Blocks []*ecconf.Block
	tree   *ecconf.Tree
}

// Place finds the stanza that words name, such as `xmpp_listener listen *:5222`, and gives the words that
// are left. A stanza that takes a name and is not there can be named all the same.
func (c *Config) Place(words []string) (p Place, rest []string, err error) {
	p.tree = c.Tree
	schema, at := c.Tree.Schema(), c.Tree.Root
	scope := ecconf.GlobalScope
	for len(words) > 0 {
		sc := schema.Scope(scope, words[0])
		if sc == nil {
			return p, words, nil
		}
		step := ecconf.Step{Scope: sc}
		n := 1
		if sc.Naming != ecconf.Anonymous && len(words) > 1 && (sc.Naming == ecconf.Named || named(schema, at, sc, words[1:])) {
			step.Name, n = words[1], 2
			if sc.Key != nil {
				if _, _, err := sc.Key(step.Name); err != nil {
					return p, words, fmt.Errorf("%s %q: %w", sc.Name, step.Name, err)
				}
			}
		} else if sc.Naming == ecconf.Named {
			return p, words, fmt.Errorf("%s needs its name: %s %q …", words[0], sc.Name, sc.Name+"'s name")
		}
		at = find(at, &step)
		p.Steps, p.Blocks = append(p.Steps, step), append(p.Blocks, at)
		scope, words = sc.ID, words[n:]
	}
	return p, nil, nil
}

// named reports whether the first word behind a stanza that may have a name is that name: of a stanza that is
// there, or because what belongs into it follows.
func named(schema *ecconf.Schema, at *ecconf.Block, sc *ecconf.Scope, words []string) bool {
	known := func(word string) bool { return schema.Option(sc.ID, word) != nil || schema.Scope(sc.ID, word) != nil }
	step := ecconf.Step{Scope: sc, Name: words[0]}
	return find(at, &step) != nil || !known(words[0]) && len(words) > 1 && known(words[1])
}

// find gives the block of a step, nil when it is not written. An endpoint is found by each of its
// spellings, and the step then has that of the block.
func find(at *ecconf.Block, step *ecconf.Step) *ecconf.Block {
	if at == nil {
		return nil
	}
	want, wantErr := ParseAddress(step.Name)
	for _, b := range at.All(step.Scope.ID) {
		key := step.Name
		if step.Name != "" && step.Scope.Key != nil {
			key, _, _ = step.Scope.Key(step.Name)
		}
		if b.Key == key {
			return b
		}
		if have, err := ParseAddress(b.Name); err == nil && wantErr == nil && have.Text == want.Text && strings.EqualFold(step.Scope.Name, "Listen") {
			step.Name = b.Name
			return b
		}
	}
	return nil
}

// Block is the stanza itself, nil when it is not written.
func (p Place) Block() *ecconf.Block {
	if len(p.Blocks) == 0 {
		return p.tree.Root
	}
	return p.Blocks[len(p.Blocks)-1]
}

// String names the stanza for people.
func (p Place) String() string {
	if len(p.Steps) == 0 {
		return ecconf.GlobalScope
	}
	var words []string
	for _, s := range p.Steps {
		words = append(words, s.Scope.Name)
		if s.Name != "" {
			words = append(words, ecconf.Quote(s.Name))
		}
	}
	return strings.Join(words, " ")
}

// Option is the row of an option of the stanza; an error says what may stand there.
func (p Place) Option(name string) (*ecconf.Option, error) {
	id := ecconf.GlobalScope
	if len(p.Steps) > 0 {
		id = p.Steps[len(p.Steps)-1].Scope.ID
	}
	if o := p.tree.Schema().Option(id, name); o != nil {
		return o, nil
	}
	return nil, fmt.Errorf("%s", p.tree.Schema().Unknown(name, id))
}

// Effective is the value of an option as it holds in the stanza, and where it is set; nil with the option's
// default when it is set nowhere.
func (p Place) Effective(option string) (*ecconf.Setting, *ecconf.Option, error) {
	if _, err := p.Option(option); err != nil {
		return nil, nil, err
	}
	var chain []*ecconf.Block
	for i, step := range slices.Backward(p.Steps) {
		b := p.Blocks[i]
		if b == nil {
			b = p.tree.Absent(step.Scope.ID)
		}
		chain = append(chain, b)
		if step.Scope.ID != "peer" {
			continue
		}
		if prefix, _, err := ecconf.ParsePrefix(step.Name); err == nil && i > 0 { // as for a client (Listen.For)
			for j := i - 1; j >= 0; j-- {
				if p.Blocks[j] != nil {
					chain = append(chain, p.Blocks[j].Covering("peer", prefix)...)
					chain = append(chain, p.Blocks[j])
				}
			}
			break
		}
	}
	if len(p.Steps) > 0 && p.Steps[0].Scope.ID == "domain" {
		chain = append(chain, p.tree.Root.All("xmpp")...)
	}
	s, o := p.tree.View(chain...).Lookup(option)
	return s, o, nil
}
