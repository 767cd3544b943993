package xmlstream

import (
	"bytes"
	"errors"
	"strings"
	"testing"
)

// nested returns n elements, one in the other.
func nested(n int) string { return strings.Repeat("<a>", n) + strings.Repeat("</a>", n) }

// attrs returns an element with n attributes, and declared one with n declarations.
func attrsDoc(n int, prefix string) string {
	var w strings.Builder
	w.WriteString("<a")
	for i := range n {
		w.WriteString(" " + prefix + string(rune('a'+i/26/26)) + string(rune('a'+i/26%26)) + string(rune('a'+i%26)) + "='u'")
	}
	w.WriteString("/>")
	return w.String()
}

// TestLimits: each field holds exactly where it says, and its default does. The header declares two namespaces.
func TestLimits(t *testing.T) {
	big := func(n int) string { return "<a>" + strings.Repeat("x", n-7) + "</a>" }
	for _, c := range []struct {
		name     string
		l        *Limits
		fit, not string
		err      error
		at       int // in not
	}{
		{"MaxStanza", &Limits{MaxStanza: 150}, big(150), big(151), ErrStanzaTooBig, 150},
		{"MaxStanza, empty element", &Limits{MaxStanza: 150}, "<" + strings.Repeat("a", 147) + "/>", "<" + strings.Repeat("a", 148) + "/>", ErrStanzaTooBig, 150},
		{"MaxStanza, default", nil, big(DefaultMaxStanza), big(DefaultMaxStanza + 1), ErrStanzaTooBig, DefaultMaxStanza},
		{"MaxStanza, negative", &Limits{MaxStanza: -1}, big(DefaultMaxStanza), big(DefaultMaxStanza + 1), ErrStanzaTooBig, DefaultMaxStanza},
		{"MaxDepth", &Limits{MaxDepth: 3}, nested(3), nested(4), ErrTooDeep, 9},
		{"MaxDepth, empty element", &Limits{MaxDepth: 1}, "<a/>", "<a><b/></a>", ErrTooDeep, 3},
		{"MaxDepth, default", nil, nested(DefaultMaxDepth), nested(DefaultMaxDepth + 1), ErrTooDeep, 3 * DefaultMaxDepth},
		{"MaxAttrs", &Limits{MaxAttrs: 3}, attrsDoc(3, ""), attrsDoc(4, ""), ErrTooManyAttrs, 2 + 3*8 + 1},
		{"MaxAttrs counts declarations", &Limits{MaxAttrs: 3}, attrsDoc(3, "xmlns:"), attrsDoc(4, "xmlns:"), ErrTooManyAttrs, 2 + 3*14 + 1},
		{"MaxAttrs, default", nil, attrsDoc(DefaultMaxAttrs, ""), attrsDoc(DefaultMaxAttrs+1, ""), ErrTooManyAttrs, 2 + DefaultMaxAttrs*8 + 1},
		{"MaxAttrs, ceiling", &Limits{MaxAttrs: 1 << 20}, attrsDoc(ceilMaxAttrs, ""), attrsDoc(ceilMaxAttrs+1, ""), ErrTooManyAttrs, 2 + ceilMaxAttrs*8 + 1},
		{"MaxNamespaces", &Limits{MaxNamespaces: 5}, attrsDoc(3, "xmlns:"), attrsDoc(4, "xmlns:"), ErrTooManyNamespaces, 2 + 3*14 + 1},
		{"MaxNamespaces in scope", &Limits{MaxNamespaces: 3}, "<a><b xmlns='u'/><b xmlns='v'/></a>", "<a><b xmlns='u'><b xmlns='v'/></b></a>", ErrTooManyNamespaces, 19},
		{"MaxNamespaces, default", nil, attrsDoc(DefaultMaxNamespaces-2, "xmlns:"), attrsDoc(DefaultMaxNamespaces-1, "xmlns:"), ErrTooManyNamespaces, 2 + (DefaultMaxNamespaces-2)*14 + 1},
	} {
		tok := opened(t, nil)
		tok.SetLimits(c.l)
		if ev, _, n, err := tok.Next([]byte(c.fit)); ev != Complete || n != len(c.fit) || err != nil {
			t.Errorf("%s: what fits is refused: %v %v", c.name, n, err)
		}
		_, _, _, err := tok.Next([]byte(c.not))
		se, ok := errors.AsType[*SyntaxError](err)
		if want := int64(len(head) + len(c.fit) + c.at); !ok || se.Err != c.err || se.Offset != want {
			t.Errorf("%s: error is %v, want %v at byte %d", c.name, err, c.err, want)
		}
	}
}

// TestLimitsCut: a limit does not depend on how the bytes come, nor do errors around it.
func TestLimitsCut(t *testing.T) {
	l := &Limits{MaxStanza: 60, MaxDepth: 2, MaxAttrs: 3, MaxNamespaces: 3}
	for _, doc := range []string{
		"<a>" + strings.Repeat("x", 100), "<a>" + strings.Repeat("x", 56) + "\x00", "<a>" + strings.Repeat("x", 57) + "\x00",
		"<a>" + strings.Repeat("x", 55) + "&#65;", "<a b='" + strings.Repeat("x", 100), "<" + strings.Repeat("x", 100),
		"<a " + strings.Repeat(" ", 100), "<a></a" + strings.Repeat(" ", 100), "<a>&#" + strings.Repeat("0", 100),
		"<a><b><c/></b></a>", "<a b='' c='' d='' e=''/>", "<a xmlns='b'><c xmlns='d'><e/></c></a>",
	} {
		cutPairs(t, []byte("<s xmlns='u'>"+doc), 0)
		want := run(l, []byte("<s xmlns='u'>"+doc))
		if !strings.Contains(want, "xmlstream: ") {
			t.Errorf("%q is taken: %s", doc, want)
		}
		doc := []byte("<s xmlns='u'>" + doc)
		for i := range doc {
			if got := run(l, doc[:i], doc[i:]); got != want {
				t.Errorf("%q cut at %d: %s, want %s", doc, i, got, want)
			}
		}
	}
}

// TestHeaderLimits: the header obeys them, too, and the XML declaration its own.
func TestHeaderLimits(t *testing.T) {
	for _, c := range []struct {
		doc string
		l   Limits
		err error
	}{
		{head, Limits{MaxStanza: len(head) - 1}, ErrStanzaTooBig},
		{head, Limits{MaxStanza: len(head)}, ErrShort},
		{head, Limits{MaxAttrs: 3}, ErrTooManyAttrs},
		{head, Limits{MaxAttrs: 4}, ErrShort},
		{head, Limits{MaxNamespaces: 1}, ErrTooManyNamespaces},
		{head, Limits{MaxNamespaces: 2}, ErrShort},
		{"<?xml version='1.0'" + strings.Repeat(" ", maxDecl-len("<?xml version='1.0'?>")) + "?><a/>", Limits{}, nil},
		{"<?xml version='1.0'" + strings.Repeat(" ", maxDecl-len("<?xml version='1.0'?>")+1) + "?><a/>", Limits{}, ErrStanzaTooBig},
		{"<?xml version='" + strings.Repeat("1", maxDecl), Limits{}, ErrStanzaTooBig},
	} {
		want := run(&c.l, []byte(c.doc))
		if ok := strings.HasPrefix(want, "Open"); ok != (c.err == nil || c.err == ErrShort) || !ok && !strings.Contains(want, c.err.Error()) {
			t.Errorf("%q, %+v: %s", c.doc, c.l, want)
		}
		for i := range c.doc {
			if got := run(&c.l, []byte(c.doc[:i]), []byte(c.doc[i:])); got != want {
				t.Errorf("%q cut at %d: %s", c.doc, i, got)
			}
		}
	}
}

// TestSetLimitsInside: a smaller limit meets an element that is already larger.
func TestSetLimitsInside(t *testing.T) {
	tok := opened(t, nil)
	doc := []byte("<a>" + strings.Repeat("x", 100))
	if _, _, _, err := tok.Next(doc); err != ErrShort {
		t.Fatal(err)
	}
	tok.SetLimits(&Limits{MaxStanza: 50})
	if _, _, _, err := tok.Next(append(doc, 'x')); !errors.Is(err, ErrStanzaTooBig) {
		t.Error(err)
	}
}

// TestLinear: bytes that were looked at are not looked at again, however slowly they come. In each call all work
// is done on the bytes behind doc.pos.
func TestLinear(t *testing.T) {
	const n = 5000
	for _, doc := range []string{
		"<a>" + strings.Repeat("x", n), "<a>" + strings.Repeat("é", n/2), "<a>" + strings.Repeat("]", n),
		"<a>" + strings.Repeat("&amp;", n/5), "<a>&#" + strings.Repeat("0", n), "<a><![CDATA[" + strings.Repeat("x]", n/2),
		"<a>" + strings.Repeat("<b/>", n/4), "<a>" + strings.Repeat("\r", n),
		"<" + strings.Repeat("x", n), "<" + strings.Repeat("é", n/2), "<a " + strings.Repeat(" ", n),
		"<a b" + strings.Repeat("x", n), "<a b" + strings.Repeat(" ", n), "<a b=" + strings.Repeat(" ", n),
		"<a b='" + strings.Repeat("x", n), "<a b='" + strings.Repeat("\n", n), "<a b='&#x" + strings.Repeat("0", n),
		"<a xmlns:" + strings.Repeat("x", n), "<a></a" + strings.Repeat(" ", n),
		"<" + strings.Repeat("x", n/2) + "></" + strings.Repeat("x", n/2-1),
	} {
		tok := opened(t, nil)
		looked := 0
		for i := 1; i <= len(doc); i++ {
			from := 0
			if tok.part {
				from = tok.doc.pos
			}
			looked += i - from
			if _, _, used, err := tok.Next([]byte(doc)[:i]); err != ErrShort || used != 0 {
				t.Fatalf("%.20q…: %d %v", doc, used, err)
			}
		}
		if looked > 4*len(doc) {
			t.Errorf("%.20q…: %d bytes looked at for %d", doc, looked, len(doc))
		}
		tok.Release()
	}
}

// TestFewerBytes: a caller that breaks the rule and returns with less gets ErrShort, not a panic.
func TestFewerBytes(t *testing.T) {
	tok := opened(t, nil)
	if _, _, _, err := tok.Next([]byte("<abc><d")); err != ErrShort {
		t.Fatal(err)
	}
	for _, b := range []string{"", "<", "<abc"} {
		if _, _, n, err := tok.Next([]byte(b)); n != 0 || err != ErrShort {
			t.Error(n, err)
		}
	}
	if ev, _, _, err := tok.Next([]byte("<abc><d/></abc>")); ev != Complete || err != nil {
		t.Error(ev, err)
	}
}

// TestReleaseInside: scratch may be taken back in the middle; the kept bytes are read once more.
func TestReleaseInside(t *testing.T) {
	doc := []byte("<a b='1'>x<c/></a>")
	for i := range doc {
		tok := opened(t, nil)
		if _, _, n, err := tok.Next(doc[:i]); n != 0 || err != ErrShort {
			t.Fatal(n, err)
		}
		tok.Release()
		if ev, el, n, err := tok.Next(doc); ev != Complete || n != len(doc) || err != nil || !bytes.Equal(el.Raw(), doc) {
			t.Errorf("released at %d: %v %d %v", i, ev, n, err)
		}
	}
}

// TestIdle: a stream that has nothing partial holds no scratch.
func TestIdle(t *testing.T) {
	tok := opened(t, nil)
	if _, _, n, err := tok.Next([]byte(" \n")); n != 2 || err != ErrShort || tok.doc != nil {
		t.Error("scratch is kept between stanzas", n, err)
	}
	if ev, _, _, _ := tok.Next([]byte("<a/>")); ev != Complete || tok.doc == nil {
		t.Error("no scratch under an element", ev)
	}
	if _, _, n, err := tok.Next(nil); n != 0 || err != ErrShort || tok.doc != nil {
		t.Error("scratch is kept behind a stanza", n, err)
	}
	if ev, _, _, _ := tok.Next([]byte("</stream:stream>")); ev != Close || tok.doc != nil || tok.hdr != nil {
		t.Error("something is kept behind the stream", ev)
	}
}

// TestGiantScratch: what a giant stanza needed does not stay in the pool.
func TestGiantScratch(t *testing.T) {
	tok := opened(t, &Limits{MaxStanza: 1 << 20})
	doc := []byte("<a>" + strings.Repeat("<b/>", 100000) + "</a>")
	if ev, _, _, err := tok.Next(doc); ev != Complete || err != nil {
		t.Fatal(ev, err)
	}
	if r := tok.doc.room(); r <= keepScratch {
		t.Errorf("room is %d, the test means to be above %d", r, keepScratch)
	}
	tok.Release()
	if d := getDoc(); d.room() > keepScratch {
		t.Error("the pool keeps a giant")
	}
}
