//go:build race

package xmlstream

// checked makes a view that outlived its stanza panic instead of showing other bytes.
const checked = true

// scribble fills the scratch with nonsense, so that what was kept of it is seen to be wrong.
func scribble(d *doc) {
	for i := range d.text[:cap(d.text)] {
		d.text[:cap(d.text)][i] = 0xA5
	}
	for i := range d.nodes[:cap(d.nodes)] {
		d.nodes[:cap(d.nodes)][i] = node{start: -1, inner: -1, close: -1, next: -1, ns: -1}
	}
	for i := range d.attrs[:cap(d.attrs)] {
		d.attrs[:cap(d.attrs)][i] = attr{off: -1, name: -1, ns: -1}
	}
}
