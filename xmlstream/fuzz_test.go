package xmlstream

import (
	"bytes"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
)

// seeds gives f the documents of all tables.
func seeds(f *testing.F, add func(doc []byte)) {
	_, docs := corpus(f)
	for _, d := range docs {
		if len(d) < 4096 {
			add(append([]byte(head), d...))
		}
	}
	for _, c := range wellFormed {
		add([]byte(head + c.doc + "</stream:stream>"))
	}
	for _, c := range refused {
		add([]byte(head + c.doc))
	}
	for _, c := range prologs {
		add([]byte(c.doc))
	}
}

// FuzzSplit: any bytes, cut anywhere, give the same events and the same error.
func FuzzSplit(f *testing.F) {
	n := 0
	seeds(f, func(doc []byte) {
		n += 7
		f.Add(doc, uint16(n%len(doc)), uint16(n*31%len(doc)), uint8(n%9))
	})
	small := &Limits{MaxStanza: 120, MaxDepth: 3, MaxAttrs: 4, MaxNamespaces: 4}
	f.Fuzz(func(t *testing.T, doc []byte, i, j uint16, step uint8) {
		a, b := int(i)%(len(doc)+1), int(j)%(len(doc)+1)
		a, b = min(a, b), max(a, b)
		var steps [][]byte
		for rest := doc; len(rest) > 0; {
			n := min(len(rest), int(step)%16+1)
			steps = append(steps, rest[:n])
			rest = rest[n:]
		}
		for _, l := range []*Limits{nil, small} {
			want := run(l, doc)
			if got := run(l, doc[:a], doc[a:b], doc[b:]); got != want {
				t.Errorf("%q cut at %d and %d\nis   %s\nwant %s", doc, a, b, got, want)
			}
			if got := run(l, steps...); got != want {
				t.Errorf("%q in steps of %d\nis   %s\nwant %s", doc, step%16+1, got, want)
			}
		}
	})
}

// FuzzClone: copies show what the originals show, and an element with its declarations stands alone.
func FuzzClone(f *testing.F) {
	seeds(f, func(doc []byte) { f.Add(doc) })
	f.Fuzz(func(t *testing.T, doc []byte) {
		var tok Tokenizer
		defer tok.Release()
		for {
			ev, el, n, err := tok.Next(doc)
			if err != nil {
				return
			}
			doc = doc[n:]
			if left := 30; ev == Complete {
				checkClones(t, el, &left)
			}
		}
	})
}

// checkClones looks at e and what is below, up to left elements.
func checkClones(t *testing.T, e Element, left *int) {
	if *left--; *left < 0 {
		return
	}
	var want, one, two strings.Builder
	dump(&want, e, 0)
	c := e.Clone()
	dump(&one, c, 0)
	dump(&two, c.Clone(), 0)
	if one.String() != want.String() || two.String() != want.String() {
		t.Errorf("clone %s\nclone's %s\nwant %s", one.String(), two.String(), want.String())
	}
	for p := range e.Attrs() {
		if name := string(p.Local); !bytes.Equal(e.Namespace(name), c.Namespace(name)) {
			t.Errorf("%s: Namespace(%q) is %q, the clone's is %q", e.Raw(), name, e.Namespace(name), c.Namespace(name))
		}
	}
	raw, at := e.Raw(), 1+len(e.Local())
	if len(e.Prefix()) > 0 {
		at += len(e.Prefix()) + 1
	}
	alone := append(append(bytes.Clone(raw[:at]), e.AppendDecls(nil)...), raw[at:]...)
	if _, err := ParseElement(alone, &Limits{MaxAttrs: 200, MaxNamespaces: 200}); err != nil {
		t.Errorf("%q: %v", alone, err)
	}
	for c := range e.Children() {
		checkClones(t, c, left)
	}
}

// FuzzAgainstEncodingXML: what both take, both understand alike. encoding/xml takes more than it should (it does not ask for
// declared prefixes, unique attributes, or names with one colon), and is not asked what it refuses.
func FuzzAgainstEncodingXML(f *testing.F) {
	seeds(f, func(doc []byte) { f.Add(doc) })
	f.Fuzz(func(t *testing.T, doc []byte) {
		ours, whole := ourTokens(doc)
		theirs, err := theirTokens(doc)
		if !whole {
			return
		}
		if err != nil {
			if !excused(err) {
				t.Errorf("%q: encoding/xml refuses what we take: %v", doc, err)
			}
			return
		}
		if ours != theirs {
			t.Errorf("%q\nours   %s\ntheirs %s", doc, ours, theirs)
		}
	})
}

// excused reports whether encoding/xml is known to refuse lawful documents for that reason.
func excused(err error) bool {
	s := err.Error()
	return strings.Contains(s, "unsupported version") || // it knows 1.0 alone
		strings.Contains(s, "invalid XML name") // it has the name characters of the fourth edition
}

// ourTokens writes down what a Tokenizer sees, with white space in attributes made alike; whole is false when it refuses doc or
// doc does not end.
func ourTokens(doc []byte) (s string, whole bool) {
	var w strings.Builder
	var tok Tokenizer
	defer tok.Release()
	for {
		ev, el, n, err := tok.Next(doc)
		if err != nil {
			return "", false
		}
		doc = doc[n:]
		switch ev {
		case Open:
			token(&w, el.Space(), el.Local(), func(yield func(space, local, value string)) {
				for a := range el.Attrs() {
					yield(string(a.Space), string(a.Local), string(a.Value))
				}
			})
		case Complete:
			tree(&w, el)
		case Close:
			return w.String(), len(bytes.TrimSpace(doc)) == 0
		}
	}
}

func tree(w *strings.Builder, e Element) {
	token(w, e.Space(), e.Local(), func(yield func(space, local, value string)) {
		for a := range e.Attrs() {
			yield(string(a.Space), string(a.Local), string(a.Value))
		}
	})
	for c := range e.Children() {
		tree(w, c)
	}
	fmt.Fprintf(w, "text %q\n", e.Text())
}

var blanks = strings.NewReplacer("\t", " ", "\n", " ")

func token(w *strings.Builder, space, local []byte, attrs func(func(space, local, value string))) {
	fmt.Fprintf(w, "{%s}%s", blanks.Replace(string(space)), local)
	attrs(func(space, local, value string) {
		fmt.Fprintf(w, " {%s}%s=%q", blanks.Replace(space), local, blanks.Replace(value))
	})
	w.WriteByte('\n')
}

// theirTokens does the same with encoding/xml.
func theirTokens(doc []byte) (string, error) {
	var w strings.Builder
	var texts []string // of open elements
	dec := xml.NewDecoder(bytes.NewReader(doc))
	for {
		tok, err := dec.Token()
		if errors.Is(err, io.EOF) {
			return w.String(), nil
		}
		if err != nil {
			return "", err
		}
		switch tok := tok.(type) {
		case xml.StartElement:
			token(&w, []byte(tok.Name.Space), []byte(tok.Name.Local), func(yield func(space, local, value string)) {
				for _, a := range tok.Attr {
					if a.Name.Space == "xmlns" || a.Name.Space == "" && a.Name.Local == "xmlns" {
						continue
					}
					yield(a.Name.Space, a.Name.Local, a.Value)
				}
			})
			texts = append(texts, "")
		case xml.CharData:
			if len(texts) > 0 {
				texts[len(texts)-1] += string(tok)
			}
		case xml.EndElement:
			if len(texts) > 1 {
				fmt.Fprintf(&w, "text %q\n", texts[len(texts)-1])
			}
			texts = texts[:len(texts)-1]
		}
	}
}

// FuzzAppend: what the writers write reads back as it was, up to what XML cannot carry.
func FuzzAppend(f *testing.F) {
	for _, s := range []string{"", "a<b>&'\"", "]]>", "\t\n\r", "\x00\xff\uFFFE", "жизнь"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		var fixed strings.Builder
		for i, r := range s {
			if r == '\uFFFD' && !strings.HasPrefix(s[i:], "\uFFFD") || !isChar(uint32(r)) {
				r = '\uFFFD'
			}
			fixed.WriteRune(r)
		}
		doc := append([]byte("<a"), []byte(AppendAttr(nil, "b", s))...)
		doc = append(AppendText(append(doc, '>'), s), "</a>"...)
		e, err := ParseElement(doc, &Limits{MaxStanza: 1 << 30})
		if err != nil {
			t.Fatalf("%q: %v", doc, err)
		}
		b, _ := e.Attr("b")
		if string(e.Text()) != fixed.String() || string(b) != fixed.String() {
			t.Errorf("%q: text %q, attribute %q, want %q", s, e.Text(), b, fixed.String())
		}
		again, err := ParseElement(append(AppendEscaped([]byte("<a>"), s), "</a>"...), &Limits{MaxStanza: 1 << 30})
		if err != nil || string(again.Text()) != fixed.String() {
			t.Errorf("%q: %v", s, err)
		}
	})
}
