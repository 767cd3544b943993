//go:build race

package stanza

// scribble makes the use of a Frame after its last Release visible in race builds.
func scribble(b []byte) {
	for i := range b {
		b[i] = 0xA5
	}
}
