package sasl

import (
	"encoding/hex"
	"strings"
	"testing"
)

// TestBindingDataUnlogged: wrong channel-binding data fails like a wrong password, and the error for
// the log holds neither what the client sent nor what was expected.
func TestBindingDataUnlogged(t *testing.T) {
	wrong := Binding{Type: exporter.Type, Data: []byte("what somebody in between has seen")}
	x := start(t, secureEnv(oneUser()), "SCRAM-SHA-1-PLUS")
	_, err := run(t, x, scramClient(t, SHA1, user, password, "", "p", wrong))
	if condition(t, err) != NotAuthorized {
		t.Errorf("condition of %v", err)
	}
	for _, data := range [][]byte{wrong.Data, exporter.Data} {
		if strings.Contains(err.Error(), hex.EncodeToString(data)) || strings.Contains(err.Error(), string(data)) {
			t.Errorf("the error tells channel-binding data: %v", err)
		}
	}
}
