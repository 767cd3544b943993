package stanza

import (
	"bytes"
	"testing"

	"roost/xmlstream"
)

// open cuts a stanza as cut does, out of anything; it is false when that is none.
func open(header, text string) (xmlstream.Element, bool) {
	tok := new(xmlstream.Tokenizer)
	buf := []byte("<stream:stream xmlns='jabber:client' xmlns:stream='" + NSStream + "' " + header + ">" + text)
	ev, _, used, err := tok.Next(buf)
	if err != nil || ev != xmlstream.Open {
		return xmlstream.Element{}, false
	}
	ev, el, _, err := tok.Next(buf[used:])
	return el, err == nil && ev == xmlstream.Complete
}

// sameContent compares children and text, with names resolved.
func sameContent(t *testing.T, a, b xmlstream.Element) {
	t.Helper()
	if !bytes.Equal(a.Text(), b.Text()) {
		t.Fatalf("text of %s became that of %s", a.Raw(), b.Raw())
	}
	x, y := children(a), children(b)
	if len(x) != len(y) {
		t.Fatalf("%s became %s", a.Raw(), b.Raw())
	}
	for i := range x {
		if !bytes.Equal(x[i].Local(), y[i].Local()) || !bytes.Equal(x[i].Space(), y[i].Space()) {
			t.Fatalf("%s became %s", x[i].Raw(), y[i].Raw())
		}
		p, q := attrs(x[i]), attrs(y[i])
		if len(p) != len(q) {
			t.Fatalf("%s became %s", x[i].Raw(), y[i].Raw())
		}
		for k := range p {
			if !bytes.Equal(p[k].Space, q[k].Space) || !bytes.Equal(p[k].Local, q[k].Local) || !bytes.Equal(p[k].Value, q[k].Value) {
				t.Fatalf("%s became %s", x[i].Raw(), y[i].Raw())
			}
		}
		sameContent(t, x[i], y[i])
	}
}

func children(e xmlstream.Element) (out []xmlstream.Element) {
	for c := range e.Children() {
		out = append(out, c)
	}
	return out
}

func attrs(e xmlstream.Element) (out []xmlstream.Attr) {
	for a := range e.Attrs() {
		out = append(out, a)
	}
	return out
}
