package xmlstream

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
	"unsafe"
)

// dump writes everything that can be seen of e, one line per element.
func dump(w *strings.Builder, e Element, depth int) {
	fmt.Fprintf(w, "%*s{%s}%s:%s", depth*2, "", e.Space(), e.Prefix(), e.Local())
	for a := range e.Attrs() {
		fmt.Fprintf(w, " {%s}%s=%q", a.Space, a.Local, a.Value)
	}
	fmt.Fprintf(w, " text=%q lang=%q raw=%q inner=%q decls=%q\n", e.Text(), e.Lang(), e.Raw(), e.Inner(), e.AppendDecls(nil))
	for c := range e.Children() {
		dump(w, c, depth+1)
	}
}

// run feeds the pieces to a Tokenizer as a connection does, keeping what was not used, and
// writes down the events. The bytes move with each call.
func run(l *Limits, pieces ...[]byte) string {
	var w strings.Builder
	var t Tokenizer
	t.Reset(l)
	defer t.Release()
	var kept []byte
	for _, p := range pieces {
		kept = append(bytes.Clone(kept), p...)
		for {
			ev, el, used, err := t.Next(kept)
			kept = kept[used:]
			if err == ErrShort {
				break
			}
			if err != nil {
				fmt.Fprintf(&w, "%v\n", err)
				return w.String()
			}
			fmt.Fprintf(&w, "%v\n", ev)
			if !el.IsZero() {
				dump(&w, el, 1)
			}
		}
	}
	if bytes.HasPrefix(kept, []byte("<")) {
		fmt.Fprintf(&w, "short\n") // how much of a declaration is kept is of no interest
	}
	return w.String()
}

const head = `<stream:stream xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams' to='a.example' version='1.0'>`

func TestIdleSize(t *testing.T) {
	if n := unsafe.Sizeof(Tokenizer{}); n > 64 {
		t.Errorf("a Tokenizer has %d bytes, want at most 64", n)
	}
	if n := unsafe.Sizeof(node{}); n != 40 {
		t.Errorf("a node has %d bytes, room counts 40", n)
	}
}
