package main

import (
	"encoding/json"
	"errors"
	"io"
	"os/exec"
	"path"
	"slices"
	"strings"
	"testing"
)

// arrows says which of our packages each package may import; a pattern ending in /... covers
// everything below. A package that matches no row is an error: the house has no unlisted rooms.
var arrows = []struct {
	pkg string
	may []string
}{
	{"roost/cmd/internal/ecconf", nil},
	{"roost/cmd/...", []string{"roost/..."}}, // the only place that wires
	{"roost/bench/...", []string{"roost/bench/...", "roost/xmlstream/..."}},
	{"roost/router/c2s", []string{"roost/router", "roost/router/stream", "roost/router/sasl", "roost/netio", "roost/tlsconf", "roost/xmlstream/..."}},
	{"roost/router/s2s", []string{"roost/router", "roost/router/stream", "roost/netio", "roost/tlsconf", "roost/xmlstream/..."}},
	{"roost/router/stream", []string{"roost/netio", "roost/xmlstream/..."}},
	{"roost/router/roster", []string{"roost/router", "roost/rosterdb", "roost/xmlstream/..."}},
	{"roost/router/routertest", []string{"roost/router", "roost/xmlstream/..."}},
	{"roost/router/sasl", nil},
	{"roost/router/xep/...", []string{"roost/router", "roost/xmlstream/..."}},
	{"roost/router", []string{"roost/xmlstream/..."}},
	{"roost/rosterdb/...", []string{"roost/rosterdb", "roost/xmlstream/jid"}},
	{"roost/xmlstream/stanza", []string{"roost/xmlstream", "roost/xmlstream/jid"}},
	{"roost/xmlstream/jid", nil},
	{"roost/xmlstream", nil},
	{"roost/netio", []string{"roost/netio/record"}},
	{"roost/netio/record", nil},
	{"roost/netio/...", []string{"roost/netio"}},
	{"roost/tlsconf", nil},
}

// walls says which outside packages stay in one room.
var walls = map[string]string{
	"github.com/dgraph-io/badger/v4":      "roost/rosterdb",
	"github.com/cloudwego/netpoll":        "roost/netio",
	"golang.org/x/sys":                    "roost/netio",
	"github.com/prometheus/client_golang": "roost/cmd/roost",
}

func matches(pattern, pkg string) bool {
	if base, ok := strings.CutSuffix(pattern, "/..."); ok {
		return pkg == base || strings.HasPrefix(pkg, base+"/")
	}
	return pkg == pattern
}

// TestArrows holds the imports of every package, tests left out, against the plan in
// ARCHITECTURE.md.
func TestArrows(t *testing.T) {
	for _, p := range listPackages(t) {
		i := slices.IndexFunc(arrows, func(a struct {
			pkg string
			may []string
		}) bool {
			return matches(a.pkg, p.ImportPath)
		})
		if i < 0 {
			t.Errorf("package %s is in no row of arrows: say what it may import", p.ImportPath)
			continue
		}
		for _, imp := range p.Imports {
			checkImport(t, p.ImportPath, imp, arrows[i].may)
		}
	}
}

func checkImport(t *testing.T, pkg, imp string, may []string) {
	if strings.HasPrefix(imp, "roost/") && !slices.ContainsFunc(may, func(m string) bool { return matches(m, imp) }) {
		t.Errorf("%s must not import %s", pkg, imp)
	}
	for outside, room := range walls {
		if (imp == outside || strings.HasPrefix(imp, outside+"/")) && pkg != room && path.Dir(pkg) != room {
			t.Errorf("%s must not import %s: it belongs to %s", pkg, imp, room)
		}
	}
}

type listed struct {
	ImportPath string
	Imports    []string
}

func listPackages(t *testing.T) []listed {
	cmd := exec.Command("go", "list", "-json=ImportPath,Imports", "roost/...")
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	var pkgs []listed
	for dec := json.NewDecoder(out); ; {
		var p listed
		if err := dec.Decode(&p); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			t.Fatal(err)
		}
		pkgs = append(pkgs, p)
	}
	if err := cmd.Wait(); err != nil {
		t.Fatal(err)
	}
	if len(pkgs) < 10 {
		t.Fatalf("go list found only %d packages", len(pkgs))
	}
	return pkgs
}
