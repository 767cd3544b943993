package main

import (
	"bytes"
	"flag"
	"os"
	"strings"
	"testing"

	"roost/cmd/roost/conf"
)

var update = flag.Bool("update", false, "write what the tests expect")

// TestREADMEOptions holds the option table of the README against the one that the server obeys.
func TestREADMEOptions(t *testing.T) {
	const path, begin, end = "../../README.md", "<!-- options:", "<!-- /options -->"
	readme, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	head, rest, ok1 := strings.Cut(string(readme), begin)
	note, rest, ok2 := strings.Cut(rest, "\n")
	have, tail, ok3 := strings.Cut(rest, end)
	if !ok1 || !ok2 || !ok3 {
		t.Fatalf("README.md has no place for the options: %s … %s", begin, end)
	}
	var want bytes.Buffer
	if err := conf.WriteMarkdown(&want); err != nil {
		t.Fatal(err)
	}
	if have == want.String() {
		return
	}
	if !*update {
		t.Fatal("the options in README.md are not those of the server; run go test ./cmd/roost -run README -update")
	}
	out := head + begin + note + "\n" + want.String() + end + tail
	if err := os.WriteFile(path, []byte(out), 0o644); err != nil {
		t.Fatal(err)
	}
}
