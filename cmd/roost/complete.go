package main

import (
	"slices"
	"strings"

	"github.com/alecthomas/kong"

	"roost/cmd/internal/ecconf"
	"roost/cmd/roost/conf"
)

// complete offers how a line of the prompt may go on: by the grammar of the console and, behind config, by the
// table of stanzas and options.
func complete(line string) (out []string) {
	cut := strings.LastIndexByte(line, ' ') + 1
	done, begun := strings.Fields(line[:cut]), line[cut:]
	for _, word := range candidates(done) {
		if len(word) >= len(begun) && strings.EqualFold(word[:len(begun)], begun) {
			out = append(out, line[:cut]+word)
		}
	}
	return out
}

// candidates are the words that may follow done.
func candidates(done []string) (out []string) {
	k, err := kong.New(&consoleCLI{}, kong.NoDefaultHelp())
	if err != nil {
		return nil
	}
	node := k.Model.Node
	for i, word := range done {
		if i == 0 && word == "help" {
			continue
		}
		next := child(node, word)
		if next == nil {
			if len(done) > 2 && done[0] == "config" || len(done) == 2 {
				return configWords(done[2:])
			}
			return nil
		}
		if node = next; i == 1 && done[0] == "config" {
			return configWords(done[2:])
		}
	}
	for _, c := range node.Children {
		out = append(out, c.Name)
	}
	if len(done) == 0 {
		out = append(out, "help", "quit")
	}
	if len(node.Children) == 0 {
		for _, f := range node.Flags {
			out = append(out, "--"+f.Name)
		}
		out = append(out, "--json")
	}
	slices.Sort(out)
	return slices.Compact(out)
}

func child(node *kong.Node, word string) *kong.Node {
	for _, c := range node.Children {
		if c.Name == word {
			return c
		}
	}
	return nil
}

// configWords are the stanzas and options inside of a stanza.
func configWords(way []string) (out []string) {
	cfg, err := conf.Default()
	if err != nil {
		return nil
	}
	p, rest, err := cfg.Place(way)
	if err != nil || len(rest) > 0 {
		return nil
	}
	id := ecconf.GlobalScope
	if n := len(p.Steps); n > 0 {
		id = p.Steps[n-1].Scope.ID
	}
	return cfg.Tree.Schema().Names(id)
}
