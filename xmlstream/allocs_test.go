//go:build !race

package xmlstream

import "testing"

// TestNoAllocations: in steady state a stanza costs none, whole or cut, looked at or not.
func TestNoAllocations(t *testing.T) {
	names, docs := corpus(t)
	var dst []byte
	for i, doc := range docs {
		tok := opened(t, nil)
		whole := func() {
			_, el, n, err := tok.Next(doc)
			if err != nil || n != len(doc) {
				t.Fatal(names[i], n, err)
			}
			dst = visit(el, dst[:0])
			tok.Release()
		}
		cut := func() {
			for to := 1; to < len(doc); to = to*2 + 1 {
				if _, _, n, err := tok.Next(doc[:to]); n != 0 || err != ErrShort {
					t.Fatal(names[i], to, n, err)
				}
			}
			whole()
		}
		for name, f := range map[string]func(){"whole": whole, "cut": cut} {
			f()
			if n := testing.AllocsPerRun(20, f); n >= 1 {
				t.Errorf("%s, %s: %v allocations per stanza, want 0", names[i], name, n)
			}
		}
	}
}

// visit looks at everything that e has.
func visit(e Element, dst []byte) []byte {
	dst = append(dst, e.Local()...)
	dst = append(dst, e.Space()...)
	dst = append(dst, e.Text()...)
	dst = e.AppendText(dst)
	for a := range e.Attrs() {
		dst = append(dst, a.Value...)
	}
	v, _ := e.Attr("id")
	dst = append(dst, v...)
	dst = e.AppendDecls(append(dst, e.Lang()...))
	for c := range e.Children() {
		dst = visit(c, dst)
	}
	return dst
}

// TestHeaderAllocations: a usual header costs nothing, and one with xml:lang two small pieces.
func TestHeaderAllocations(t *testing.T) {
	var tok Tokenizer
	for _, c := range []struct {
		doc  string
		want float64
	}{
		{head, 0},
		{head[:len(head)-1] + " xml:lang='en'>", 2},
	} {
		doc := []byte(c.doc)
		n := testing.AllocsPerRun(100, func() {
			tok.Reset(nil)
			if ev, _, _, err := tok.Next(doc); ev != Open || err != nil {
				t.Fatal(ev, err)
			}
			tok.Release()
		})
		if n > c.want+0.5 {
			t.Errorf("%s: %v allocations, want %v", c.doc, n, c.want)
		}
	}
}

func TestAppendAllocations(t *testing.T) {
	dst := make([]byte, 0, 1024)
	if n := testing.AllocsPerRun(100, func() {
		dst = AppendAttr(AppendText(dst[:0], "a<b>\x01жизнь"), "c", []byte("d'\xff"))
	}); n != 0 {
		t.Errorf("%v allocations, want 0", n)
	}
}
