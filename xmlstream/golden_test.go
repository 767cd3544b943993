package xmlstream

import (
	"bytes"
	"errors"
	"strings"
	"testing"
)

// wellFormed are elements that must be taken, each with what dump writes, from the namespace on.
var wellFormed = []struct{ name, doc, want string }{
	{"empty", `<a/>`, `{jabber:client}:a text=""`},
	{"empty with space", "<a \t\r\n/>", `{jabber:client}:a text=""`},
	{"start and end", `<a></a >`, `{jabber:client}:a text=""`},
	{"text", `<a>hello world</a>`, `:a text="hello world"`},
	{"predefined entities", `<a>&lt;&gt;&amp;&apos;&quot;</a>`, `:a text="<>&'\""`},
	{"character references", `<a>&#65;&#x42;&#x1F600;&#0000000000000000000067;</a>`, `:a text="AB😀C"`},
	{"hex in either case", `<a>&#xE9;&#xe9;&#x00e9;</a>`, `:a text="ééé"`},
	{"tab by reference", `<a>&#9;&#xA;&#xd;</a>`, `:a text="\t\n\r"`},
	{"line ends", "<a>1\r\n2\r3\n4\r\r\n5</a>", `:a text="1\n2\n3\n4\n\n5"`},
	{"line ends by reference", "<a>1&#13;\n2</a>", `:a text="1\r\n2"`},
	{"cdata", `<a><![CDATA[<b>&amp;]]></a>`, `:a text="<b>&amp;"`},
	{"cdata among text", `<a>1<![CDATA[2]]>3<![CDATA[]]>4</a>`, `:a text="1234"`},
	{"cdata with brackets", `<a><![CDATA[]]]]><![CDATA[>]]]]]></a>`, `:a text="]]>]]]"`},
	{"cdata with line ends", "<a><![CDATA[1\r\n2\r3]]></a>", `:a text="1\n2\n3"`},
	{"brackets in text", `<a>]] ]> ]]]</a>`, `:a text="]] ]> ]]]"`},
	{"> in text", `<a>1>2</a>`, `:a text="1>2"`},
	{"quotes in text", `<a>'"</a>`, `:a text="'\""`},
	{"DEL and C1", "<a>\x7f\u0080\u009f</a>", `:a text="\x7f\u0080\u009f"`},
	{"two bytes", `<a>жЖ߿</a>`, `:a text="жЖ߿"`},
	{"three bytes", "<a>\u0800\u20ac\ud7ff\ue000\ufffd</a>", "text=\"\u0800\u20ac\\ud7ff\\ue000\ufffd\""},
	{"four bytes", "<a>\U00010000\U0010ffff</a>", `text="𐀀\U0010ffff"`},
	{"attribute", `<a b='c'/>`, `:a {}b="c" text`},
	{"attributes with space around =", "<a b = 'c'\n d\t=\r\"e\" />", `:a {}b="c" {}d="e" text`},
	{"empty attribute", `<a b=''/>`, `:a {}b="" text`},
	{"attribute with the other quote", `<a b='"' c="'"/>`, `:a {}b="\"" {}c="'" text`},
	{"> in an attribute", `<a b='>'/>`, `:a {}b=">" text`},
	{"]]> in an attribute", `<a b=']]>'/>`, `:a {}b="]]>" text`},
	{"references in an attribute", `<a b='1&lt;2&#x33;&quot;'/>`, `:a {}b="1<23\"" text`},
	{"normalised attribute", "<a b=' 1\t2\n3\r4\r\n5\r\r6 '/>", `:a {}b=" 1 2 3 4 5  6 " text`},
	{"references are not normalised", `<a b='&#9;&#10;&#13;'/>`, `:a {}b="\t\n\r" text`},
	{"attribute beyond ASCII", `<a b='жизнь€😀'/>`, `:a {}b="жизнь€😀" text`},
	{"name characters", `<_a.b-c1·é/>`, `:_a.b-c1·é text`},
	{"name beyond ASCII", `<жизнь добра='да'/>`, `:жизнь {}добра="да" text`},
	{"name of four bytes", "<\U00010000\U000effff/>", "{jabber:client}:\U00010000"},
	{"default namespace", `<a xmlns='u'/>`, `{u}:a text`},
	{"no namespace", `<a xmlns=''/>`, `{}:a text`},
	{"namespace with references", `<a xmlns='u&amp;v'/>`, `{u&v}:a text`},
	{"prefix", `<p:a xmlns:p='u'/>`, `{u}p:a text`},
	{"prefix of the header", `<stream:a/>`, `{http://etherx.jabber.org/streams}stream:a text="" lang="" raw="<stream:a/>" inner="" decls=" xmlns:stream='http://etherx.jabber.org/streams'"`},
	{"declared after use", `<p:a p:b='1' xmlns:p='u'/>`, `{u}p:a {u}b="1" text`},
	{"default does not touch attributes", `<a xmlns='u' b='1'/>`, `{u}:a {}b="1" text`},
	{"same local part in two namespaces", `<a xmlns:p='u' xmlns:q='v' p:b='1' q:b='2' b='3'/>`, `:a {u}b="1" {v}b="2" {}b="3" text`},
	{"prefix redeclared below", `<p:a xmlns:p='u'><p:b xmlns:p='v'/><p:c/></p:a>`, "{u}p:a text=\"\" lang=\"\" raw=\"<p:a xmlns:p='u'><p:b xmlns:p='v'/><p:c/></p:a>\" inner=\"<p:b xmlns:p='v'/><p:c/>\" decls=\"\"\n    {v}p:b text=\"\" lang=\"\" raw=\"<p:b xmlns:p='v'/>\" inner=\"\" decls=\"\"\n    {u}p:c text=\"\" lang=\"\" raw=\"<p:c/>\" inner=\"\" decls=\" xmlns:p='u'\"\n"},
	{"default restored", `<a xmlns='u'><b xmlns='v'><c/></b><d/></a>`, "    {v}:b text=\"\" lang=\"\" raw=\"<b xmlns='v'><c/></b>\" inner=\"<c/>\" decls=\"\"\n      {v}:c text=\"\" lang=\"\" raw=\"<c/>\" inner=\"\" decls=\"\"\n    {u}:d text"},
	{"xml prefix", `<a xml:lang='de' xml:space='preserve'/>`, `:a {http://www.w3.org/XML/1998/namespace}lang="de" {http://www.w3.org/XML/1998/namespace}space="preserve" text="" lang="de"`},
	{"xml prefix declared", `<a xmlns:xml='http://www.w3.org/XML/1998/namespace' xml:lang='de'/>`, `lang="de" text="" lang="de"`},
	{"element with prefix xml", `<xml:a/>`, `{http://www.w3.org/XML/1998/namespace}xml:a text`},
	{"attribute like xmlns", `<a xmlnsx='1' xmln='2'/>`, `:a {}xmlnsx="1" {}xmln="2" text`},
	{"lang is inherited", `<a xml:lang='de'><b/><c xml:lang='fr'><d/></c><e xml:lang=''/></a>`, "    {jabber:client}:b text=\"\" lang=\"de\" raw=\"<b/>\" inner=\"\" decls=\"\"\n    {jabber:client}:c {http://www.w3.org/XML/1998/namespace}lang=\"fr\" text=\"\" lang=\"fr\" raw=\"<c xml:lang='fr'><d/></c>\" inner=\"<d/>\" decls=\"\"\n      {jabber:client}:d text=\"\" lang=\"fr\" raw=\"<d/>\" inner=\"\" decls=\"\"\n    {jabber:client}:e {http://www.w3.org/XML/1998/namespace}lang=\"\" text=\"\" lang=\"\""},
	{"mixed content", `<a>1<b>2</b>3<c/>4</a>`, `:a text="134"`},
	{"mixed content with references", `<a>1&lt;<b>2</b>3<c/><![CDATA[4]]></a>`, `:a text="1<34"`},
	{"one run beside children", `<a><b/>1<c/></a>`, `:a text="1"`},
	{"decls of attributes", `<a xmlns:p='u'><b p:c=''/></a>`, `decls=" xmlns:p='u'"`},
	{"decls once each", `<stream:a><stream:b stream:c=''/></stream:a>`, `inner="<stream:b stream:c=''/>" decls=" xmlns:stream='http://etherx.jabber.org/streams'"`},
	{"end tag with space", "<ab><c></c\n\t ></ab >", `{jabber:client}:ab text="" lang="" raw="<ab><c></c\n\t ></ab >" inner="<c></c\n\t >"`},
}

func TestWellFormed(t *testing.T) {
	for _, c := range wellFormed {
		got := run(nil, []byte(head+c.doc))
		if !strings.Contains(got, c.want) || strings.Count(got, "\nComplete\n") != 1 {
			t.Errorf("%s: %s\nis   %s\nwant %s", c.name, c.doc, got, c.want)
		}
	}
}

// refused are bytes behind a stream header that end the stream; at is the place of the
// fault, counted from the first of them.
var refused = []struct {
	name, doc string
	err       error
	at        int
}{
	{"comment", `<!-- x -->`, ErrRestricted, 0},
	{"comment inside", `<a><!-- x --></a>`, ErrRestricted, 3},
	{"comment as soon as it is one", `<!-`, ErrRestricted, 0},
	{"processing instruction", `<?php ?>`, ErrRestricted, 0},
	{"processing instruction inside", `<a><?`, ErrRestricted, 3},
	{"late declaration", `<?xml version='1.0'?>`, ErrRestricted, 0},
	{"doctype", `<!DOCTYPE a>`, ErrRestricted, 0},
	{"doctype inside", `<a><!D`, ErrRestricted, 3},
	{"undeclared entity", `<a>&nbsp;</a>`, ErrRestricted, 3},
	{"undeclared entity in an attribute", `<a b='&eacute;'/>`, ErrRestricted, 6},
	{"undeclared entity that starts like one", `<a>&ltx;</a>`, ErrRestricted, 3},
	{"undeclared entity that is shorter", `<a>&am;</a>`, ErrRestricted, 3},
	{"undeclared entity beyond ASCII", `<a>&é;</a>`, ErrRestricted, 3},
	{"bare ampersand", `<a>& b</a>`, ErrNotWellFormed, 3},
	{"ampersand and semicolon", `<a>&;</a>`, ErrNotWellFormed, 3},
	{"unfinished entity", `<a>&lt </a>`, ErrNotWellFormed, 3},
	{"no digits", `<a>&#;</a>`, ErrNotWellFormed, 3},
	{"no hex digits", `<a>&#x;</a>`, ErrNotWellFormed, 3},
	{"capital X", `<a>&#X41;</a>`, ErrNotWellFormed, 3},
	{"hex digits in decimal", `<a>&#4A;</a>`, ErrNotWellFormed, 3},
	{"reference to NUL", `<a>&#0;</a>`, ErrNotWellFormed, 3},
	{"reference to a control", `<a>&#x1F;</a>`, ErrNotWellFormed, 3},
	{"reference to a surrogate", `<a>&#xD800;</a>`, ErrNotWellFormed, 3},
	{"reference to U+FFFF", `<a>&#xFFFF;</a>`, ErrNotWellFormed, 3},
	{"reference beyond Unicode", `<a>&#x110000;</a>`, ErrNotWellFormed, 3},
	{"reference that overflows", `<a>&#4294967361;</a>`, ErrNotWellFormed, 3},
	{"]]> in text", `<a>1]]>2</a>`, ErrNotWellFormed, 4},
	{"]]]> in text", `<a>]]]></a>`, ErrNotWellFormed, 4},
	{"control in text", "<a>\x01</a>", ErrNotWellFormed, 3},
	{"NUL in text", "<a>12345678\x00</a>", ErrNotWellFormed, 11},
	{"control in cdata", "<a><![CDATA[\x1f]]></a>", ErrNotWellFormed, 12},
	{"control in an attribute", "<a b='\x0b'/>", ErrNotWellFormed, 6},
	{"U+FFFE in text", "<a>\uFFFE</a>", ErrNotWellFormed, 3},
	{"U+FFFF in an attribute", "<a b='\uFFFF'/>", ErrNotWellFormed, 6},
	{"U+FFFF in cdata", "<a><![CDATA[\uFFFF]]></a>", ErrNotWellFormed, 12},
	{"invalid UTF-8 in text", "<a>\xff</a>", ErrEncoding, 3},
	{"lone continuation", "<a>é\x80</a>", ErrEncoding, 5},
	{"overlong two bytes", "<a>\xc0\xaf</a>", ErrEncoding, 3},
	{"overlong three bytes", "<a>\xe0\x80\xaf</a>", ErrEncoding, 3},
	{"surrogate", "<a>\xed\xa0\x80</a>", ErrEncoding, 3},
	{"beyond Unicode", "<a>\xf4\x90\x80\x80</a>", ErrEncoding, 3},
	{"cut two bytes", "<a>\xc3<</a>", ErrEncoding, 3},
	{"cut three bytes", "<a>\xe2\x82<</a>", ErrEncoding, 3},
	{"invalid UTF-8 in an attribute", "<a b='\xe9'/>", ErrEncoding, 6},
	{"invalid UTF-8 in a name", "<a\xe9/>", ErrEncoding, 2},
	{"invalid UTF-8 in cdata", "<a><![CDATA[\xe9]]></a>", ErrEncoding, 12},
	{"< in an attribute", `<a b='<'/>`, ErrNotWellFormed, 6},
	{"no quotes", `<a b=c/>`, ErrNotWellFormed, 5},
	{"no value", `<a b/>`, ErrNotWellFormed, 4},
	{"no space between attributes", `<a b=''c=''/>`, ErrNotWellFormed, 7},
	{"slash in a tag", `<a / >`, ErrNotWellFormed, 4},
	{"< in a tag", `<a <b/>`, ErrNotWellFormed, 3},
	{"space before the name", `< a/>`, ErrNotWellFormed, 1},
	{"space in an end tag", `<a></ a>`, ErrNotWellFormed, 5},
	{"digit starts a name", `<1a/>`, ErrNotWellFormed, 1},
	{"dot starts an attribute", `<a .b=''/>`, ErrNotWellFormed, 3},
	{"combining mark starts a name", "<\u0300a/>", ErrNotWellFormed, 1},
	{"middle dot starts a local part", "<stream:·/>", ErrNotWellFormed, 8},
	{"multiplication sign in a name", `<a×b/>`, ErrNotWellFormed, 2},
	{"symbol starts a name", `<→/>`, ErrNotWellFormed, 1},
	{"digit starts a local part", `<stream:1/>`, ErrNotWellFormed, 8},
	{"colon starts a name", `<:a/>`, ErrNotWellFormed, 1},
	{"colon ends a name", `<stream:/>`, ErrNotWellFormed, 8},
	{"two colons", `<stream:a:b/>`, ErrNotWellFormed, 9},
	{"colon ends an attribute", `<a stream:='1'/>`, ErrNotWellFormed, 10},
	{"undeclared prefix", `<p:a/>`, ErrNotWellFormed, 1},
	{"undeclared prefix of an attribute", `<a p:b=''/>`, ErrNotWellFormed, 3},
	{"prefix out of scope", `<a><b xmlns:p='u'/><p:c/></a>`, ErrNotWellFormed, 20},
	{"element with prefix xmlns", `<xmlns:a/>`, ErrNotWellFormed, 1},
	{"duplicate attribute", `<a b='1' b='1'/>`, ErrNotWellFormed, 9},
	{"duplicate after resolution", `<a xmlns:p='u' xmlns:q='u' p:b='1' q:b='2'/>`, ErrNotWellFormed, 35},
	{"duplicate after resolution with references", `<a xmlns:p='u&#x76;' xmlns:q='uv' p:b='1' q:b='2'/>`, ErrNotWellFormed, 42},
	{"duplicate default declaration", `<a xmlns='u' xmlns='v'/>`, ErrNotWellFormed, 13},
	{"duplicate declaration", `<a xmlns:p='u' xmlns:p='u'/>`, ErrNotWellFormed, 15},
	{"prefix undeclared", `<a xmlns:p=''/>`, ErrNotWellFormed, 3},
	{"xml bound to another", `<a xmlns:xml='u'/>`, ErrNotWellFormed, 3},
	{"another bound to xml", `<a xmlns:p='http://www.w3.org/XML/1998/namespace'/>`, ErrNotWellFormed, 3},
	{"default bound to xml", `<a xmlns='http://www.w3.org/XML/1998/namespace'/>`, ErrNotWellFormed, 3},
	{"xmlns declared", `<a xmlns:xmlns='http://www.w3.org/2000/xmlns/'/>`, ErrNotWellFormed, 3},
	{"another bound to xmlns", `<a xmlns:p='http://www.w3.org/2000/xmlns/'/>`, ErrNotWellFormed, 3},
	{"default bound to xmlns", `<a xmlns='http://www.w3.org/2000/xmlns/'/>`, ErrNotWellFormed, 3},
	{"wrong end tag", `<a><b></a></b>`, ErrNotWellFormed, 8},
	{"longer end tag", `<a></ab>`, ErrNotWellFormed, 6},
	{"shorter end tag", `<ab></a>`, ErrNotWellFormed, 6},
	{"end tag with an attribute", `<a></a b=''>`, ErrNotWellFormed, 7},
	{"end tag of another prefix", `<p:a xmlns:p='u' xmlns:q='u'></q:a>`, ErrNotWellFormed, 31},
	{"wrong end of the stream", `</stream:streams>`, ErrNotWellFormed, 15},
	{"end of no stream", `</a>`, ErrNotWellFormed, 2},
	{"unknown section", `<a><![INCLUDE[`, ErrNotWellFormed, 3},
	{"lower case cdata", `<a><![cdata[`, ErrNotWellFormed, 3},
	{"bang and space", `<a><! `, ErrNotWellFormed, 3},
	{"text between stanzas", `<a/>x`, ErrStrayText, 4},
	{"reference between stanzas", `<a/>&#32;`, ErrStrayText, 4},
	{"cdata between stanzas", `<a/><![CDATA[ ]]>`, ErrStrayText, 4},
	{"text beyond ASCII between stanzas", "<a/>é", ErrStrayText, 4},
	{"byte order mark between stanzas", "<a/>\ufeff", ErrStrayText, 4},
	{"invalid UTF-8 between stanzas", "<a/>\xff", ErrEncoding, 4},
	{"section between stanzas", "<![00", ErrStrayText, 0},
	{"control between stanzas", "<a/>\x00", ErrNotWellFormed, 4},
	{"bytes behind the stream", `</stream:stream> <a/>`, ErrNotWellFormed, 17},
}

func TestRefused(t *testing.T) {
	for _, c := range refused {
		err := firstError([]byte(head + c.doc))
		se, ok := errors.AsType[*SyntaxError](err)
		if !ok || !errors.Is(err, c.err) || se.Offset != int64(len(head)+c.at) {
			t.Errorf("%s: %q: error is %v, want %v at byte %d", c.name, c.doc, err, c.err, len(head)+c.at)
		}
	}
}

// firstError feeds b in one piece.
func firstError(b []byte) error {
	var tok Tokenizer
	defer tok.Release()
	for {
		_, _, used, err := tok.Next(b)
		if err != nil {
			return err
		}
		b = b[used:]
	}
}

func TestErrorText(t *testing.T) {
	err := firstError([]byte(head + "<a b='1' b='2'/>"))
	if got := err.Error(); got != "xmlstream: byte 123: not well-formed: duplicate attribute" {
		t.Error(got)
	}
	if got := (&SyntaxError{7, ErrTooDeep, ""}).Error(); got != "xmlstream: byte 7: element nested too deep" {
		t.Error(got)
	}
}

// TestErrorStays: after an error nothing is read until Reset.
func TestErrorStays(t *testing.T) {
	tok := opened(t, nil)
	_, _, used, err := tok.Next([]byte(" <a/"))
	if used != 1 || err != ErrShort {
		t.Fatal(used, err)
	}
	_, _, used, err = tok.Next([]byte("<a/a"))
	if used != 0 || !errors.Is(err, ErrNotWellFormed) {
		t.Fatal(used, err)
	}
	if _, _, _, again := tok.Next([]byte("<b/>")); again != err {
		t.Error(again)
	}
	if tok.doc != nil {
		t.Error("scratch is kept after an error")
	}
	tok.Reset(nil)
	if ev, _, _, err := tok.Next([]byte(head)); ev != Open || err != nil {
		t.Error(ev, err)
	}
}

// prologs are starts of a stream, with the first event or error.
var prologs = []struct {
	name, doc string
	err       error
	at        int
}{
	{"nothing", `<a/>`, nil, 0},
	{"white space", " \r\n\t<a/>", nil, 0},
	{"byte order mark", "\ufeff<a/>", ErrNotWellFormed, 0}, // RFC 6120 §11.6: not to be taken for one
	{"byte order mark and declaration", "\ufeff<?xml version='1.0'?><a/>", ErrNotWellFormed, 0},
	{"declaration", `<?xml version='1.0'?><a/>`, nil, 0},
	{"declaration and white space", "<?xml version=\"1.0\"?> \n<a/>", nil, 0},
	{"white space and declaration", "\n<?xml version='1.0'?><a/>", nil, 0},
	{"encoding", `<?xml version='1.0' encoding='UTF-8'?><a/>`, nil, 0},
	{"encoding in lower case", `<?xml version="1.0" encoding="utf-8" ?><a/>`, nil, 0},
	{"standalone", `<?xml version='1.0' encoding='utf-8' standalone='yes'?><a/>`, nil, 0},
	{"standalone alone", `<?xml version='1.0' standalone='no'?><a/>`, nil, 0},
	{"space everywhere", "<?xml\tversion = '1.0'\n encoding\r=\t'utf-8'  ?><a/>", nil, 0},
	{"version 1.1", `<?xml version='1.1'?><a/>`, nil, 0},
	{"other encoding", `<?xml version='1.0' encoding='ISO-8859-1'?><a/>`, ErrEncoding, 29},
	{"UTF-16", `<?xml version='1.0' encoding='UTF-16'?><a/>`, ErrEncoding, 29},
	{"empty encoding", `<?xml version='1.0' encoding=''?><a/>`, ErrEncoding, 29},
	{"no version", `<?xml encoding='UTF-8'?><a/>`, ErrNotWellFormed, 6},
	{"no attributes", `<?xml ?><a/>`, ErrNotWellFormed, 6},
	{"version 2.0", `<?xml version='2.0'?><a/>`, ErrNotWellFormed, 14},
	{"version 1.", `<?xml version='1.'?><a/>`, ErrNotWellFormed, 14},
	{"version 1.x", `<?xml version='1.x'?><a/>`, ErrNotWellFormed, 14},
	{"wrong order", `<?xml version='1.0' standalone='yes' encoding='UTF-8'?><a/>`, ErrNotWellFormed, 37},
	{"version twice", `<?xml version='1.0' version='1.0'?><a/>`, ErrNotWellFormed, 20},
	{"bad standalone", `<?xml version='1.0' standalone='maybe'?><a/>`, ErrNotWellFormed, 31},
	{"no space", `<?xml version='1.0'encoding='UTF-8'?><a/>`, ErrNotWellFormed, 19},
	{"no equals sign", `<?xml version '1.0'?><a/>`, ErrNotWellFormed, 14},
	{"misspelled", `<?xml versoin='1.0'?><a/>`, ErrNotWellFormed, 6},
	{"no quotes", `<?xml version=1.0?><a/>`, ErrNotWellFormed, 14},
	{"bad end", `<?xml version='1.0'?a`, ErrNotWellFormed, 19},
	{"no end", `<?xml version='1.0'><a/>`, ErrNotWellFormed, 19},
	{"twice", `<?xml version='1.0'?><?xml version='1.0'?><a/>`, ErrRestricted, 21},
	{"other instruction", `<?xml-stylesheet href='a'?><a/>`, ErrRestricted, 0},
	{"in capitals", `<?XML version='1.0'?><a/>`, ErrRestricted, 0},
	{"comment", `<!-- x --><a/>`, ErrRestricted, 0},
	{"doctype", `<!DOCTYPE a><a/>`, ErrRestricted, 0},
	{"HTTP", "GET / HTTP/1.1\r\n", ErrNotWellFormed, 0},
	{"TLS", "\x16\x03\x01", ErrNotWellFormed, 0},
	{"UTF-16 with mark", "\xff\xfe<\x00", ErrEncoding, 0},
	{"UTF-16 without", "\x00<\x00a", ErrNotWellFormed, 0},
	{"ISO-8859-1", "\xe9<a/>", ErrEncoding, 0},
	{"half a byte order mark", "\xef\xbb<a/>", ErrEncoding, 0},
	{"late byte order mark", " \ufeff<a/>", ErrNotWellFormed, 1},
	{"end tag", `</a>`, ErrNotWellFormed, 0},
	{"cdata", `<![CDATA[x]]>`, ErrNotWellFormed, 0},
}

func TestProlog(t *testing.T) {
	for _, c := range prologs {
		err := firstError([]byte(c.doc))
		if c.err == nil {
			if err != ErrShort {
				t.Errorf("%s: %q: %v", c.name, c.doc, err)
			}
			continue
		}
		se, ok := errors.AsType[*SyntaxError](err)
		if !ok || !errors.Is(err, c.err) || se.Offset != int64(c.at) {
			t.Errorf("%s: %q: error is %v, want %v at byte %d", c.name, c.doc, err, c.err, c.at)
		}
	}
}

// TestRoots: headers with other names, prefixes and namespaces, and their ends.
func TestRoots(t *testing.T) {
	for _, c := range []struct{ doc, want string }{
		{head + "</stream:stream>", "{http://etherx.jabber.org/streams}stream:stream"},
		{"<stream xmlns='http://etherx.jabber.org/streams'><a xmlns='u'/></stream >", "{http://etherx.jabber.org/streams}:stream"},
		{"<s:stream xmlns='jabber:client' xmlns:s='http://etherx.jabber.org/streams' xmlns:x='y'><x:a/></s:stream>", "{y}x:a"},
		{"<s:stream xmlns='jabber:client' xmlns:s='http://etherx.jabber.org/streams'><a/></s:stream>", "{jabber:client}:a"},
		{"<s xmlns='' xml:lang='fr'><a/></s>", "{}:a text=\"\" lang=\"fr\""},
		{strings.Replace(head, " to", " xml:lang='fr' to", 1) + "<a/></stream:stream>", "{jabber:client}:a text=\"\" lang=\"fr\""},
		{"<stream:stream xmlns:db='jabber:server:dialback' xmlns='jabber:server' xmlns:stream='http://etherx.jabber.org/streams'><db:a/></stream:stream>", "{jabber:server:dialback}db:a"},
		{"<a/>", "Open\n  {}:a text=\"\" lang=\"\" raw=\"<a/>\""},
		{"<a b='1'\n/> ", "Open\n  {}:a {}b=\"1\" text=\"\""},
	} {
		got := run(nil, []byte(c.doc))
		if !strings.Contains(got, c.want) || !strings.HasSuffix(got, "\nClose\n") {
			t.Errorf("%s\nis   %s\nwant %s", c.doc, got, c.want)
		}
	}
}

// TestUsualHeaders: streams that say the usual share what they inherit.
func TestUsualHeaders(t *testing.T) {
	one, two := opened(t, nil), opened(t, nil)
	if one.hdr != two.hdr {
		t.Error("two usual headers are not shared")
	}
	for _, doc := range []string{
		strings.ReplaceAll(head, "jabber:client", "jabber:clients"),
		strings.ReplaceAll(head, "/streams", "/stream"),
		strings.ReplaceAll(head, "stream:stream", "stream:streams"),
		strings.ReplaceAll(head, "xmlns:stream", "xmlns:s='u' xmlns:stream"),
	} {
		var tok Tokenizer
		if ev, _, _, err := tok.Next([]byte(doc)); ev != Open || err != nil || tok.hdr == one.hdr {
			t.Error(doc, ev, err)
		}
		tok.Release()
	}
}

// TestCutEverywhere: all documents of the tables, cut at each byte and at each pair of bytes, give what they give in one piece.
func TestCutEverywhere(t *testing.T) {
	var docs []string
	for _, c := range wellFormed {
		docs = append(docs, c.doc+" <b>x</b></stream:stream>\n")
	}
	for _, c := range refused {
		docs = append(docs, c.doc)
	}
	for _, doc := range docs {
		// A short header keeps the pairs few: what it declares is what the tables need.
		doc := []byte(`<s xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams'>` + strings.ReplaceAll(doc, "</stream:stream>", "</s>"))
		cutPairs(t, doc, bytes.IndexByte(doc, '>'))
	}
	for _, c := range prologs {
		cutPairs(t, []byte(c.doc), 0)
	}
	long := []byte(head + "<message to='b&amp;c' xml:lang='de'><body>h\u00e9 &lt; <![CDATA[<x>]]></body><x xmlns='a' xmlns:p=\"q\"><p:y p:z='1'/></x></message>\n<stream:features/></stream:stream>")
	cutPairs(t, long, 100)
}

// cutPairs cuts doc at each pair of places from first on.
func cutPairs(t *testing.T, doc []byte, first int) {
	t.Helper()
	want := run(nil, doc)
	step := 1
	if checked { // the race detector makes it long; the other builds try all pairs
		step = 11
	}
	for i := first; i <= len(doc); i++ {
		for j := i; j <= len(doc); j += step {
			if got := run(nil, doc[:i], doc[i:j], doc[j:]); got != want {
				t.Fatalf("%q cut at %d and %d\nis   %s\nwant %s", doc, i, j, got, want)
			}
		}
	}
	var single [][]byte
	for i := range doc {
		single = append(single, doc[i:i+1])
	}
	if got := run(nil, single...); got != want {
		t.Fatalf("%q byte by byte\nis   %s\nwant %s", doc, got, want)
	}
}
