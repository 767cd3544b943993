package s2s

import "testing"

// TestKey: the example of XEP-0185 §4.
func TestKey(t *testing.T) {
	s := NewSecret("s3cr3tf0rd14lb4ck")
	if got := string(s[:]); got != "a7136eb1f46c9ef18c5e78c36ca257067c69b3d518285f0b18a96c33beae9acc" {
		t.Errorf("hashed secret %s", got)
	}
	const want = "37c69b1cf07a3f67c04a5ef5902fa5114f2c76fe4a2686482ba5b89323075643"
	if got := s.Key("xmpp.example.com", "example.org", "D60000229F"); got != want {
		t.Errorf("key %s", got)
	}
	for _, c := range []struct {
		name, key, receiving, originating, id string
		holds                                 bool
	}{
		{"the key", want, "xmpp.example.com", "example.org", "D60000229F", true},
		{"of another stream", want, "xmpp.example.com", "example.org", "D60000229E", false},
		{"of the other direction", want, "example.org", "xmpp.example.com", "D60000229F", false},
		{"of another receiver", want, "example.com", "example.org", "D60000229F", false},
		{"none", "", "xmpp.example.com", "example.org", "D60000229F", false},
		{"a prefix", want[:63], "xmpp.example.com", "example.org", "D60000229F", false},
		{"longer", want + "0", "xmpp.example.com", "example.org", "D60000229F", false},
	} {
		if s.Holds(c.key, c.receiving, c.originating, c.id) != c.holds {
			t.Errorf("%s: holds is %v", c.name, !c.holds)
		}
	}
	a, b := NewSecret(""), NewSecret("")
	if a == b {
		t.Error("two random secrets are equal")
	}
}
