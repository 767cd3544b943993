package xmlstream

import (
	"bytes"
	"errors"
	"strings"
	"sync"
	"testing"
)

// parse returns the stanza in doc as an owned element, as it would come behind head.
func parse(t testing.TB, doc string) Element {
	t.Helper()
	tok := opened(t, nil)
	defer tok.Release()
	ev, el, n, err := tok.Next([]byte(doc))
	if ev != Complete || n != len(doc) || err != nil {
		t.Fatalf("%s: %v %d %v", doc, ev, n, err)
	}
	return el.Clone()
}

func TestZeroElement(t *testing.T) {
	var e Element
	if !e.IsZero() || e.Local() != nil || e.Prefix() != nil || e.Space() != nil || e.Is("", "") || e.Text() != nil ||
		e.AppendText(nil) != nil || e.Raw() != nil || e.Inner() != nil || e.AppendDecls(nil) != nil || e.Lang() != nil ||
		!e.First().IsZero() || !e.Child("", "a").IsZero() || !e.Clone().IsZero() {
		t.Error("the zero Element shows something")
	}
	if _, ok := e.Attr("a"); ok {
		t.Error("the zero Element has an attribute")
	}
	if _, ok := e.AttrNS("", "a"); ok {
		t.Error("the zero Element has an attribute")
	}
	for range e.Attrs() {
		t.Error("the zero Element has attributes")
	}
	for range e.Children() {
		t.Error("the zero Element has children")
	}
}

func TestElement(t *testing.T) {
	e := parse(t, `<iq id='1' xmlns:p='u' p:id='2' xml:lang='de'><p:q/><q xmlns='v'>a<r/>b</q><q/></iq>`)
	if !e.Is("jabber:client", "iq") || e.Is("", "iq") || e.Is("jabber:client", "i") || e.IsZero() {
		t.Error("Is")
	}
	if v, ok := e.Attr("id"); !ok || string(v) != "1" {
		t.Error("Attr", v, ok)
	}
	if v, ok := e.AttrNS("u", "id"); !ok || string(v) != "2" {
		t.Error("AttrNS", v, ok)
	}
	if v, ok := e.AttrNS("", "id"); !ok || string(v) != "1" {
		t.Error("AttrNS without a namespace", v, ok)
	}
	for _, name := range []string{"", "p:id", "lang", "xml:lang", "xmlns", "xmlns:p", "p"} {
		if v, ok := e.Attr(name); ok {
			t.Errorf("Attr(%q) is %q", name, v)
		}
	}
	if f := e.First(); !f.Is("u", "q") || string(f.Prefix()) != "p" || string(f.Raw()) != "<p:q/>" {
		t.Errorf("First is %s", f.Raw())
	}
	if c := e.Child("v", "q"); string(c.Raw()) != "<q xmlns='v'>a<r/>b</q>" || string(c.Text()) != "ab" || c.Prefix() != nil {
		t.Errorf("Child is %s", c.Raw())
	}
	if c := e.Child("jabber:client", "q"); string(c.Raw()) != "<q/>" || c.Inner() != nil || c.Text() != nil || !c.First().IsZero() {
		t.Errorf("Child is %s", c.Raw())
	}
	if c := e.Child("v", "r"); !c.IsZero() {
		t.Error("Child finds grandchildren")
	}
	for range e.Children() {
		break
	}
	for range e.Attrs() {
		break
	}
}

// TestTextIsBorrowed: one plain run is returned as it stands, and an append to it does not write behind it.
func TestTextIsBorrowed(t *testing.T) {
	doc := []byte(`<a b='c'>plain<d/></a>`)
	tok := opened(t, nil)
	_, el, _, err := tok.Next(doc)
	if err != nil {
		t.Fatal(err)
	}
	b, _ := el.Attr("b")
	for _, got := range [][]byte{el.Text(), b, el.Local(), el.First().Raw(), el.Inner()} {
		at := bytes.Index(doc, got)
		if &doc[at] != &got[0] && string(got) != "a" {
			t.Errorf("%q is a copy", got)
		}
		if cap(got) != len(got) {
			t.Errorf("%q leaves room to write into the stanza", got)
		}
	}
	tok.Release()
}

// TestClone: copies of all elements of the tables and the corpus show what the originals show, and stay when those go.
func TestClone(t *testing.T) {
	_, docs := corpus(t)
	for _, c := range wellFormed {
		docs = append(docs, []byte(c.doc))
	}
	for _, doc := range docs {
		tok := opened(t, nil)
		own := bytes.Clone(doc)
		_, el, _, err := tok.Next(own)
		if err != nil {
			t.Fatal(err)
		}
		var want, copies []string
		var clones []Element
		var walk func(e Element)
		walk = func(e Element) {
			if len(clones) > 200 {
				return
			}
			var w strings.Builder
			dump(&w, e, 0)
			want = append(want, w.String())
			clones = append(clones, e.Clone(), e.Clone().Clone())
			for c := range e.Children() {
				walk(c)
			}
		}
		walk(el)
		tok.Release()
		clear(own)
		for _, e := range clones {
			var w strings.Builder
			dump(&w, e, 0)
			copies = append(copies, w.String())
		}
		for i := range want {
			if copies[2*i] != want[i] || copies[2*i+1] != want[i] {
				t.Errorf("%.200s\nclone %s\nclone's %s\nwant %s", doc, copies[2*i], copies[2*i+1], want[i])
			}
		}
	}
}

// TestCloneOuter: a copy of a child keeps what it inherits, and drops what it does not.
func TestCloneOuter(t *testing.T) {
	e := parse(t, `<a xmlns:p='u&amp;v' xmlns:q='w' xml:lang='de'><x xmlns:r='r'/><b xmlns:r='s'><p:c p:d='1' r:e='2'/></b></a>`)
	c := e.Child("jabber:client", "b").First().Clone()
	if got := string(c.AppendDecls(nil)); got != " xmlns:p='u&amp;v' xmlns:r='s'" {
		t.Error(got)
	}
	if string(c.Space()) != "u&v" || string(c.Lang()) != "de" || string(c.Raw()) != "<p:c p:d='1' r:e='2'/>" {
		t.Errorf("%s %s %s", c.Space(), c.Lang(), c.Raw())
	}
	for prefix, want := range map[string]string{"p": "u&v", "q": "w", "r": "s", "": "jabber:client", "x": ""} {
		if got := string(c.Namespace(prefix)); got != want {
			t.Errorf("Namespace(%q) is %q, want %q", prefix, got, want)
		}
	}
	if len(c.d.binds) != 3 {
		t.Errorf("%d bindings, want the 3 in scope", len(c.d.binds))
	}
}

// TestNamespace: the innermost binding of a prefix counts, and the stream header's last.
func TestNamespace(t *testing.T) {
	e := parse(t, `<a xmlns:p='1' xmlns:q='2'><b xmlns:p='3' xmlns=''><c xmlns='d'/></b><f xmlns:p='4'/></a>`)
	b := e.First()
	for _, c := range []struct {
		e            Element
		prefix, want string
	}{
		{e, "p", "1"}, {e, "q", "2"}, {e, "", "jabber:client"}, {e, "stream", "http://etherx.jabber.org/streams"}, {e, "xml", nsXML}, {e, "z", ""},
		{b, "p", "3"}, {b, "q", "2"}, {b, "", ""}, {b.First(), "", "d"}, {b.First(), "p", "3"}, {b.First().Clone().Clone(), "p", "3"},
		{e.Child("jabber:client", "f"), "p", "4"}, {e.Child("jabber:client", "f"), "", "jabber:client"}, {Element{}, "p", ""},
	} {
		for _, x := range []Element{c.e, c.e.Clone()} {
			if got := string(x.Namespace(c.prefix)); got != c.want {
				t.Errorf("%s: Namespace(%q) is %q, want %q", x.Raw(), c.prefix, got, c.want)
			}
		}
	}
}

// TestInnerDecls: what is inside means the same in a start tag of other making.
func TestInnerDecls(t *testing.T) {
	for _, c := range []struct{ doc, want string }{
		{`<a><b/></a>`, ""},
		{`<stream:a/>`, ""},
		{`<stream:a><b/></stream:a>`, ""},
		{`<a><stream:b/></a>`, " xmlns:stream='http://etherx.jabber.org/streams'"},
		{`<a xmlns:p='u'/>`, ""},
		{`<p:a xmlns:p='u' p:b=''/>`, ""},
		{`<a xmlns:p='u'><p:b/><c p:d=''/></a>`, " xmlns:p='u'"},
		{`<a xmlns:p='u'><p:b xmlns:p='v'/></a>`, ""},
		{`<a xmlns:stream='u&amp;v'><stream:b/></a>`, " xmlns:stream='u&amp;v'"},
		{`<a xmlns:p='u'><b xmlns:q='v'><p:c/><q:d/></b></a>`, " xmlns:p='u'"},
		{`<a xml:lang='de'><b xml:lang='fr'/></a>`, ""},
	} {
		e := parse(t, c.doc)
		for _, x := range []Element{e, e.Clone()} {
			if got := string(x.AppendInnerDecls(nil)); got != c.want {
				t.Errorf("%s: %q, want %q", c.doc, got, c.want)
			}
		}
	}
	e := parse(t, `<a xmlns:p='u'><b><p:c/></b></a>`).First()
	if got := string(e.Clone().AppendInnerDecls(nil)); got != " xmlns:p='u'" {
		t.Error(got)
	}
	if got := (Element{}).AppendInnerDecls(nil); got != nil {
		t.Error(got)
	}
}

// TestDeclsStandAlone: an element with its declarations means the same without the stream header.
func TestDeclsStandAlone(t *testing.T) {
	e := parse(t, `<stream:error xmlns:p='u'><a xmlns='x'><p:b stream:c='1'/></a></stream:error>`)
	for _, x := range []Element{e, e.First(), e.First().First()} {
		raw := x.Raw()
		at := bytes.IndexAny(raw, " />")
		alone := append(append(bytes.Clone(raw[:at]), x.AppendDecls(nil)...), raw[at:]...)
		got, err := ParseElement(alone, nil)
		if err != nil {
			t.Fatalf("%s: %v", alone, err)
		}
		if !bytes.Equal(got.Local(), x.Local()) || len(x.Prefix()) > 0 && !bytes.Equal(got.Space(), x.Space()) {
			t.Errorf("%s", alone)
		}
	}
}

// TestSharedClone: an owned element may be read by many at once.
func TestSharedClone(t *testing.T) {
	e := parse(t, `<a b='&lt;'>1&amp;2<c/>3</a>`)
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for range 100 {
				if b, _ := e.Attr("b"); string(e.Text()) != "1&23" || string(b) != "<" {
					t.Error("a shared element changes")
				}
			}
		})
	}
	wg.Wait()
}

func TestParseElement(t *testing.T) {
	e, err := ParseElement([]byte(" \n<a xmlns='u' b='1'><c/>x</a>\r\n"), nil)
	if err != nil || !e.Is("u", "a") || string(e.Raw()) != "<a xmlns='u' b='1'><c/>x</a>" || !e.First().Is("u", "c") {
		t.Errorf("%s %v", e.Raw(), err)
	}
	big := &Limits{MaxStanza: 10}
	for _, c := range []struct {
		doc string
		l   *Limits
		err error
		at  int64
	}{
		{"", nil, ErrNotWellFormed, 0}, {"  ", nil, ErrNotWellFormed, 2}, {"x", nil, ErrNotWellFormed, 0}, {" <a>", nil, ErrNotWellFormed, 4},
		{" <a/>x", nil, ErrNotWellFormed, 5}, {"<a/><b/>", nil, ErrNotWellFormed, 4}, {" </a>", nil, ErrNotWellFormed, 1},
		{"<![CDATA[x]]>", nil, ErrNotWellFormed, 0}, {"<!-- --><a/>", nil, ErrRestricted, 0}, {"<?xml version='1.0'?><a/>", nil, ErrRestricted, 0},
		{"<p:a/>", nil, ErrNotWellFormed, 1}, {"<a>1234</a>", big, ErrStanzaTooBig, 10}, {"<a>123</a>", big, nil, 0}, {"<a>123</a>   ", big, nil, 0},
		{" <a>12345678", big, ErrStanzaTooBig, 11},
	} {
		_, err := ParseElement([]byte(c.doc), c.l)
		se, ok := errors.AsType[*SyntaxError](err)
		if (err == nil) != (c.err == nil) || err != nil && (!ok || se.Err != c.err || se.Offset != c.at) {
			t.Errorf("%q: %v, want %v at byte %d", c.doc, err, c.err, c.at)
		}
	}
}

func TestAppend(t *testing.T) {
	for _, c := range []struct{ in, text, quoted string }{
		{"", "", ""},
		{"plain text", "plain text", "plain text"},
		{`a<b>&'"`, `a&lt;b&gt;&amp;'"`, `a&lt;b&gt;&amp;&apos;&quot;`},
		{"]]>", "]]&gt;", "]]&gt;"},
		{"\t\n\r", "\t\n&#13;", "&#9;&#10;&#13;"},
		{"a\x00b\x1fc\x7f", "a\uFFFDb\uFFFDc\x7f", "a\uFFFDb\uFFFDc\x7f"},
		{"жизнь€😀", "жизнь€😀", "жизнь€😀"},
		{"a\xffb\xe2\x82", "a\uFFFDb\uFFFD\uFFFD", "a\uFFFDb\uFFFD\uFFFD"},
		{"\uFFFE-\uFFFF", "\uFFFD-\uFFFD", "\uFFFD-\uFFFD"},
	} {
		if got := string(AppendText([]byte("_"), c.in)); got != "_"+c.text {
			t.Errorf("AppendText(%q) is %q", c.in, got)
		}
		if got := string(AppendEscaped([]byte("_"), []byte(c.in))); got != "_"+c.quoted {
			t.Errorf("AppendEscaped(%q) is %q", c.in, got)
		}
		if got := string(AppendAttr([]byte("<a"), "b", c.in)); got != "<a b='"+c.quoted+"'" {
			t.Errorf("AppendAttr(%q) is %q", c.in, got)
		}
	}
}

func TestEventString(t *testing.T) {
	if s := Open.String() + Complete.String() + Close.String() + Event(0).String(); s != "OpenCompleteCloseno event" {
		t.Error(s)
	}
}
