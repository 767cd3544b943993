package metrics

import (
	"encoding/json"
	"os"
	"regexp"
	"testing"

	"github.com/goccy/go-yaml"
)

// TestPackaging: what the dashboard and the alert rules ask for is there.
func TestPackaging(t *testing.T) {
	known := map[string]bool{"roost_logins_total": true, "roost_stanza_seconds_bucket": true}
	for _, f := range families {
		known[f.name] = true
	}
	for file, parse := range map[string]func([]byte, any) error{
		"grafana.json": json.Unmarshal,
		"alerts.yaml":  func(b []byte, v any) error { return yaml.Unmarshal(b, v) },
	} {
		b, err := os.ReadFile("../../../packaging/" + file)
		if err != nil {
			t.Fatal(err)
		}
		var v any
		if err := parse(b, &v); err != nil {
			t.Errorf("%s: %v", file, err)
		}
		names := regexp.MustCompile(`roost_[a-z0-9_]+`).FindAllString(string(b), -1)
		if len(names) < 8 {
			t.Errorf("%s names only %v", file, names)
		}
		for _, n := range names {
			if !known[n] {
				t.Errorf("%s asks for %s, which there is not", file, n)
			}
		}
	}
}
