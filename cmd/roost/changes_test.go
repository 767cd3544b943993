package main

import (
	"maps"
	"slices"
	"strings"
	"testing"

	"roost/cmd/roost/conf"
)

// TestEveryOption: a reload either puts an option to use or names it, and the table says which. An option
// that is new must be entered in liveOptions or pins (changes.go).
func TestEveryOption(t *testing.T) {
	schema, err := conf.Schema()
	if err != nil {
		t.Fatal(err)
	}
	live, pinned := map[string]bool{}, map[string]bool{}
	for _, names := range liveOptions {
		for _, n := range names {
			live[strings.ToLower(n)] = true
		}
	}
	for _, p := range pins {
		for _, n := range p.options {
			pinned[strings.ToLower(n)] = true
		}
	}
	rows := map[string]bool{}
	for _, o := range schema.Options() {
		name := strings.ToLower(o.Name)
		rows[name] = true
		if o.NotYet { // it cannot change
			continue
		}
		if live[name] == pinned[name] {
			t.Errorf("%s: takes effect at once: %v; at the next start: %v", o.Name, live[name], pinned[name])
		}
	}
	for _, name := range slices.Concat(slices.Collect(maps.Keys(live)), slices.Collect(maps.Keys(pinned))) {
		if !rows[name] {
			t.Errorf("%s is no option", name)
		}
	}
}
