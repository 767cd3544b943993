package xmlstream

import (
	"bytes"
	"encoding/xml"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// corpus returns the stanzas of bench/xmlcorpus by name.
func corpus(t testing.TB) (names []string, docs [][]byte) {
	files, err := filepath.Glob("../bench/xmlcorpus/*.xml")
	if err != nil || len(files) == 0 {
		t.Fatalf("../bench/xmlcorpus: no stanzas (%v)", err)
	}
	for _, f := range files {
		b, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		names = append(names, strings.TrimSuffix(filepath.Base(f), ".xml"))
		docs = append(docs, bytes.TrimSpace(b))
	}
	return names, docs
}

// opened returns a Tokenizer that has read a stream header.
func opened(t testing.TB, l *Limits) *Tokenizer {
	tok := new(Tokenizer)
	tok.Reset(l)
	if ev, _, n, err := tok.Next([]byte(head)); ev != Open || n != len(head) || err != nil {
		t.Fatal(ev, n, err)
	}
	return tok
}

// BenchmarkCorpus measures whole stanzas as they come from a socket in one piece: one operation is
// one stanza, with the scratch taken from the pool and given back.
func BenchmarkCorpus(b *testing.B) {
	names, docs := corpus(b)
	for i, name := range names {
		b.Run("xmlstream/"+name, func(b *testing.B) { benchTokenizer(b, docs[i]) })
	}
	for i, name := range names {
		b.Run("visited/"+name, func(b *testing.B) { benchVisited(b, docs[i]) })
	}
	for i, name := range names {
		b.Run("encoding-xml/"+name, func(b *testing.B) { benchEncodingXML(b, docs[i]) })
	}
}

func benchTokenizer(b *testing.B, doc []byte) {
	tok := opened(b, nil)
	b.SetBytes(int64(len(doc)))
	b.ReportAllocs()
	for b.Loop() {
		ev, el, n, err := tok.Next(doc)
		if err != nil || ev != Complete || n != len(doc) || el.IsZero() {
			b.Fatal(ev, n, err)
		}
		tok.Release()
	}
}

// benchVisited also walks the whole stanza and looks at each name, namespace, attribute and text, decoded, as
// expat's handlers do. A server looks at the envelope alone.
func benchVisited(b *testing.B, doc []byte) {
	tok := opened(b, nil)
	b.SetBytes(int64(len(doc)))
	b.ReportAllocs()
	for b.Loop() {
		_, el, _, err := tok.Next(doc)
		if err != nil || walk(el) == 0 {
			b.Fatal(err)
		}
		tok.Release()
	}
}

func walk(e Element) int {
	n := len(e.Local()) + len(e.Space()) + len(e.Text())
	for a := range e.Attrs() {
		n += len(a.Space) + len(a.Local) + len(a.Value)
	}
	for c := range e.Children() {
		n += walk(c)
	}
	return n
}

// TestCorpus: real stanzas are taken, in packets of any size.
func TestCorpus(t *testing.T) {
	names, docs := corpus(t)
	for i, doc := range docs {
		doc = append([]byte(head), doc...)
		want := run(nil, doc)
		if !strings.Contains(want, "\nComplete\n") {
			t.Errorf("%s: %s", names[i], want)
		}
		for _, size := range []int{7, 100, 1448, 16384} {
			var pieces [][]byte
			for rest := doc; len(rest) > 0; rest = rest[min(size, len(rest)):] {
				pieces = append(pieces, rest[:min(size, len(rest))])
			}
			if size*100 < len(doc) {
				continue // run copies all that is kept with each piece
			}
			if got := run(nil, pieces...); got != want {
				t.Errorf("%s in pieces of %d differs", names[i], size)
			}
		}
	}
}

// again reads doc endlessly behind a stream header.
type again struct {
	head, doc, rest []byte
}

func (r *again) Read(p []byte) (int, error) {
	if len(r.rest) == 0 {
		r.rest = r.doc
		if r.head != nil {
			r.rest, r.head = r.head, nil
		}
	}
	n := copy(p, r.rest)
	r.rest = r.rest[n:]
	return n, nil
}

func benchEncodingXML(b *testing.B, doc []byte) {
	dec := xml.NewDecoder(&again{head: []byte(head), doc: doc})
	if _, err := dec.Token(); err != nil {
		b.Fatal(err)
	}
	b.SetBytes(int64(len(doc)))
	b.ReportAllocs()
	for b.Loop() {
		for depth, first := 0, true; first || depth > 0; first = false {
			tok, err := dec.Token()
			if err != nil && err != io.EOF {
				b.Fatal(err)
			}
			switch tok.(type) {
			case xml.StartElement:
				depth++
			case xml.EndElement:
				depth--
			}
		}
	}
}
