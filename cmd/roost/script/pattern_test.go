package script

import (
	"maps"
	"strings"
	"testing"
)

func TestPatterns(t *testing.T) {
	for _, c := range []struct{ pattern, got, err string }{
		{"<a/>", "<a/>", ""},
		{"<a x='1' y='2'/>", `<a y="2" x="1"></a>`, ""},
		{"<a x='1'/>", "<a x='1' y='2'/>", "is not expected"},
		{"<a x='1' .../>", "<a x='1' y='2'/>", ""},
		{"<a x='1' ...>t</a>", "<a x='1' y='2'>t</a>", ""},
		{"<a x='*'/>", "<a/>", "no attribute x"},
		{"<a x='*'/>", "<a x=''/>", ""},
		{"<a x='{v}' y='{v}'/>", "<a x='1' y='1'/>", ""},
		{"<a x='{v}' y='{v}'/>", "<a x='1' y='2'/>", "want"},
		{"<a x='{v}'/>", "<a x=''/>", "want"},
		{"<a x='pre-{v}'/>", "<a x='pre-5'/>", ""},
		{`<a>re:\d+</a>`, "<a>12</a>", ""},
		{`<a>re:\d+</a>`, "<a>12x</a>", "text"},
		{`<a>{base64 "n=alice,r={n}"}</a>`, "<a>bj1hbGljZSxyPTEyMw==</a>", ""},
		{`<a>{base64 "n=bob,r={n}"}</a>`, "<a>bj1hbGljZSxyPTEyMw==</a>", "text"},
		{"<a><b/><c/></a>", "<a><c/><b/></a>", "}c, want"},
		{"<a>(any order)<b/><c/></a>", "<a><c/><b/></a>", ""},
		{"<a>(any order)<b/></a>", "<a><c/><b/></a>", "2 children"},
		{"<a><b/>...</a>", "<a><c/><b/></a>", ""},
		{"<a>...</a>", "<a>text<c/></a>", ""},
		{"<a>...<b x='{v}'/><b x='2'/></a>", "<a><b x='2'/><b x='1'/></a>", ""},
		{"<a>... !<b/></a>", "<a><c/></a>", ""},
		{"<a>... !<b/></a>", "<a><c/><b/></a>", "must not be there"},
		{"<a>\n  <b/>\n</a>", "<a><b/></a>", ""},
		{"<a> x </a>", "<a>x</a>", "text"},
		{"<a/>", "<a><b/></a>", "not expected"},
		{"<a><b/></a>", "<a/>", "no child"},
		{"<a xmlns='u'/>", "<p:a xmlns:p='u'/>", ""},
		{"<e:gone/>", "<gone xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/>", ""},
		{"<a/>", "<p:a/>", "not declared"},
		{"<a/>", "<a x='1' x='1'/>", "twice"},
		{"<a x='>'/>", "<a x='&gt;'/>", ""},
		{"<a xml:lang='de'/>", "<a xml:lang='de'/>", ""},
	} {
		ps, err := parsePatterns(c.pattern)
		if err != nil {
			t.Errorf("%s: %v", c.pattern, err)
			continue
		}
		r := newReader(strings.NewReader("<root xmlns='jabber:client'>" + c.got + "</root>"))
		r.next()
		it, err := r.next()
		v := vars{}
		if err == nil {
			err = ps[0].match(it, v)
		}
		switch {
		case err == nil && c.err != "":
			t.Errorf("%s matches %s", c.pattern, c.got)
		case err != nil && c.err == "":
			t.Errorf("%s on %s: %v", c.pattern, c.got, err)
		case err != nil && !strings.Contains(err.Error(), c.err):
			t.Errorf("%s on %s: %v, want %q", c.pattern, c.got, err, c.err)
		case err != nil && len(v) > 0:
			t.Errorf("%s: a failed match has captured %v", c.pattern, v)
		}
	}
}

func TestStreamTags(t *testing.T) {
	ps, err := parsePatterns("<?xml version='1.0'?><stream:stream id='{id}' xmlns='jabber:client' ...>\n<stream:features/></stream:stream>")
	if err != nil || len(ps) != 3 || ps[0].kind != opened || ps[1].kind != element || ps[2].kind != closed {
		t.Fatalf("%v %v", ps, err)
	}
	const in = "<?xml version='1.0'?><stream:stream xmlns='%' xmlns:stream='" + nsStream + "' id='7' from='x'><stream:features/></stream:stream>"
	r := newReader(strings.NewReader(strings.Replace(in, "%", nsClient, 1)))
	v := vars{}
	for _, p := range ps {
		it, err := r.next()
		if err != nil {
			t.Fatal(err)
		}
		if err := p.match(it, v); err != nil {
			t.Error(err)
		}
	}
	if !maps.Equal(v, vars{"id": "7"}) {
		t.Error(v)
	}
	it, err := newReader(strings.NewReader(strings.Replace(in, "%", "jabber:server", 1))).next()
	if err != nil || ps[0].match(it, v) == nil {
		t.Error("the wrong content namespace passes", err)
	}
}

func TestParse(t *testing.T) {
	s, err := Parse("x", []byte(`# comment
login alice@localhost/x as a online
a> <message>
   <body/>
   </message>

a< <presence/>
a<? {
<a/>
  <b/>
}
a>raw*3 "\xff"
a<nothing
a<stream-error policy-violation <stanza-too-big xmlns='urn:xmpp:errors'/>
-- users --
alice:x
-- listener.conf --
`))
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, l := range s.lines {
		got = append(got, l.actor+"/"+l.verb)
	}
	want := "/login a/send a/expect a/any a/raw a/nothing a/stream-error"
	if g := strings.Join(got, " "); g != want {
		t.Errorf("%s\nwant %s", g, want)
	}
	if s.lines[1].text != "<message>\n   <body/>\n   </message>" || s.lines[4].text != "\xff" || s.lines[4].times != 3 {
		t.Errorf("%+v", s.lines)
	}
	if s.files["users"] != "alice:x\n" {
		t.Errorf("%q", s.files)
	}
	for _, bad := range []string{" <x/>", "a>raw x", "a<? {\n<x/>", "a< <x", "a< ", "a>zap <x/>"} {
		if _, err := Parse("x", []byte(bad)); err == nil {
			t.Errorf("%q is accepted", bad)
		}
	}
}
