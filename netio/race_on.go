//go:build race

package netio

// scribble overwrites bytes that nobody may look at any more.
func scribble(b []byte) {
	if len(b) == 0 {
		return
	}
	b[0] = 0xDB
	for i := 1; i < len(b); i *= 2 {
		copy(b[i:], b[:i])
	}
}
