package conf

import (
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write the .err files anew")

// TestGoldenErrors: every file in testdata is refused with exactly the errors
// in the .err file beside it.
func TestGoldenErrors(t *testing.T) {
	t.Setenv("EC_CONF_SEARCH_PATH", "")
	t.Chdir("testdata")
	all, err := filepath.Glob("*.conf")
	if err != nil || len(all) < 10 {
		t.Fatalf("%d files, %v", len(all), err)
	}
	for _, name := range all {
		golden := strings.TrimSuffix(name, ".conf") + ".err"
		cfg, err := Load(name)
		if err == nil || cfg != nil {
			t.Errorf("%s is accepted", name)
			continue
		}
		got := err.Error() + "\n"
		if *update {
			if err := os.WriteFile(golden, []byte(got), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(golden)
		if err != nil {
			t.Fatal(err)
		}
		if got != string(want) {
			t.Errorf("%s: got\n%s\nwant\n%s", name, got, want)
		}
	}
}
