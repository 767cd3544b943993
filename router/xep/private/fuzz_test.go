package private

import (
	"fmt"
	"strings"
	"testing"

	. "roost/router/routertest"
	"roost/xmlstream"
)

// FuzzSetGet stores what a client may send and reads it back: it means the same, also once another set
// has copied it.
func FuzzSetGet(f *testing.F) {
	for _, seed := range []string{
		query("<e xmlns='urn:e'><f/></e>"),
		"<query xmlns='" + NS + "' xmlns:e='urn:e'><e:x e:a='&lt;'><e:y/><z/></e:x></query>",
		"<p:query xmlns:p='" + NS + "' xmlns=''><e:x xmlns:e='urn:e'><y/></e:x></p:query>",
		"<p:query xmlns:p='" + NS + "' xmlns='urn:e'><x><y/></x></p:query>",
		"<p:query xmlns:p='" + NS + "' xmlns='urn:e'><x xmlns='urn:e'><y/></x></p:query>",
		query("<e xmlns='urn:e'>a<![CDATA[<]]>&#13;b</e><f xmlns='urn:e' s:a='1'/>"),
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, q string) {
		const header = "<stream:stream xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams' xmlns:s='urn:s'>"
		el, err := xmlstream.ParseElement([]byte(header+"<iq>"+q+"</iq></stream:stream>"), nil)
		if err != nil || !el.First().First().Is(NS, "query") {
			return
		}
		el = el.First().First()
		s := New(t, Options{})
		Register(s.Router, &Blobs{}, Limits{})
		a := s.Bind("a@x/r")
		st := "<iq type='set' id='1' xmlns:stream='http://etherx.jabber.org/streams' xmlns:s='urn:s'>" + q + "</iq>"
		if _, err := xmlstream.ParseElement([]byte(st), nil); err != nil {
			return
		}
		if a.Ask(st) != done {
			return
		}
		if got := a.Ask(set("<other xmlns='urn:other'>1</other>")); got != done {
			t.Fatal(got)
		}
		for c := range el.Children() {
			name := string(xmlstream.AppendAttr(append([]byte("<"), c.Local()...), "xmlns", c.Space())) + "/>"
			got, err := xmlstream.ParseElement([]byte("<stream xmlns='jabber:client'>"+a.Ask(get(name))+"</stream>"), nil)
			if err != nil {
				t.Fatalf("%s: %v", q, err)
			}
			want, have := same1(el, c), same1(got.First().First(), c)
			if want != have && string(c.Space()) != "urn:other" {
				t.Errorf("stored %s\ngot    %s\nfor    %s", want, have, q)
			}
		}
	})
}

// same1 writes the children of el that are namesakes of c so that equal meaning is equal text. Empty
// ones are not kept, and asked for they come back once.
func same1(el, c xmlstream.Element) string {
	var b strings.Builder
	for x := range el.Children() {
		if same(x, c) && !empty(x) {
			canon(&b, x)
		}
	}
	return b.String()
}

func canon(b *strings.Builder, el xmlstream.Element) {
	fmt.Fprintf(b, "<%q %q", el.Space(), el.Local())
	for a := range el.Attrs() {
		fmt.Fprintf(b, " %q %q=%q", a.Space, a.Local, a.Value)
	}
	fmt.Fprintf(b, "> %q", el.Text())
	for c := range el.Children() {
		canon(b, c)
	}
	b.WriteString("</>")
}
