package stanza

import (
	"testing"

	"roost/xmlstream/jid"
)

func TestHeader(t *testing.T) {
	for _, c := range []struct {
		h    Header
		want string
	}{
		{Header{Kind: Presence}, "<presence"},
		{Header{Kind: Presence, Type: Unavailable}, "<presence type='unavailable'"},
		{Header{Kind: IQ, Type: Result, ID: []byte("<'>"), From: address1(t, "a@x/'&"), To: address1(t, "b@x/<")},
			"<iq from='a@x/&apos;&amp;' to='b@x/&lt;' type='result' id='&lt;&apos;&gt;'"},
		{Header{Kind: Message, Type: Chat}, "<message type='chat'"},
	} {
		if got := string(c.h.Append(nil)); got != c.want {
			t.Errorf("got %s, want %s", got, c.want)
		}
		if got, want := string(c.h.AppendEnd(nil)), "</"+c.h.Kind.String()+">"; got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
}

// TestAppendRelay: what is passed on stands alone in any other client's stream.
func TestAppendRelay(t *testing.T) {
	for _, c := range []struct{ name, header, in, to, want string }{
		{"from is stamped", "", "<message to='b@x'/>", "", "<message from='a@x/r' to='b@x'/>"},
		{"from is replaced", "", "<message from='liar@x' to='b@x' id='1'/>", "", "<message from='a@x/r' to='b@x' id='1'/>"},
		{"no to stays none", "", "<presence/>", "", "<presence from='a@x/r'/>"},
		{"to is replaced", "", "<presence to='c@x'/>", "b@x/r", "<presence from='a@x/r' to='b@x/r'/>"},
		{"to stays as it was sent", "", "<message to='B@X'/>", "", "<message from='a@x/r' to='B@X'/>"},
		{"content as sent", "", "<message to='b@x' ><body >a &amp;<![CDATA[<]]>\n</body ><x/> </message >", "",
			"<message from='a@x/r' to='b@x'><body >a &amp;<![CDATA[<]]>\n</body ><x/> </message>"},
		{"attributes without a meaning", "", "<message foo='1' to='b@x' type='odd' bar=\"'&quot;&#10;\"/>", "",
			"<message from='a@x/r' to='b@x' foo='1' type='odd' bar='&apos;&quot;&#10;'/>"},
		{"attributes of other namespaces", "", "<message xmlns:p='y' p:a='1' to='b@x'/>", "", "<message from='a@x/r' to='b@x'/>"},
		{"language of its own", "xml:lang='de'", "<message xml:lang='fr' to='b@x'/>", "", "<message from='a@x/r' to='b@x' xml:lang='fr'/>"},
		{"language of the stream", "xml:lang='de'", "<message to='b@x'/>", "", "<message from='a@x/r' to='b@x' xml:lang='de'/>"},
		{"language taken back", "xml:lang='de'", "<message xml:lang='' to='b@x'/>", "", "<message from='a@x/r' to='b@x' xml:lang=''/>"},
		{"prefix of the stream header", "xmlns:p='urn:p'", "<message to='b@x'><p:y p:a='1'/></message>", "",
			"<message from='a@x/r' to='b@x' xmlns:p='urn:p'><p:y p:a='1'/></message>"},
		{"prefix that is not used", "xmlns:p='urn:p'", "<message to='b@x'><y/></message>", "", "<message from='a@x/r' to='b@x'><y/></message>"},
		{"prefix of the stanza", "", "<message xmlns:p='urn:&apos;p' to='b@x'><y><p:z/></y></message>", "",
			"<message from='a@x/r' to='b@x' xmlns:p='urn:&apos;p'><y><p:z/></y></message>"},
		{"stanza over stream header", "xmlns:p='urn:outer'", "<message xmlns:p='urn:inner' to='b@x'><p:y/></message>", "",
			"<message from='a@x/r' to='b@x' xmlns:p='urn:inner'><p:y/></message>"},
		{"prefix declared where it is used", "xmlns:p='urn:outer'", "<message to='b@x'><p:y xmlns:p='urn:own'/></message>", "",
			"<message from='a@x/r' to='b@x'><p:y xmlns:p='urn:own'/></message>"},
		{"the prefix stream", "", "<message to='b@x'><stream:y/></message>", "",
			"<message from='a@x/r' to='b@x' xmlns:stream='" + NSStream + "'><stream:y/></message>"},
		{"used twice, declared once", "xmlns:p='urn:p'", "<message to='b@x'><p:y/><p:y><z p:a=''/></p:y></message>", "",
			"<message from='a@x/r' to='b@x' xmlns:p='urn:p'><p:y/><p:y><z p:a=''/></p:y></message>"},
	} {
		t.Run(c.name, func(t *testing.T) {
			st := cut(t, c.header, c.in)
			got := st.AppendRelay(nil, address1(t, "a@x/r"), address1(t, c.to))
			if string(got) != c.want {
				t.Errorf("got  %s\nwant %s", got, c.want)
			}
			again := cut(t, "", string(got)) // in a stream that declares nothing of it
			if twice := string(again.AppendRelay(nil, address1(t, "a@x/r"), jid.JID{})); twice != c.want {
				t.Errorf("passed on again: %s", twice)
			}
			own := st.Clone()
			if cloned := string(own.AppendRelay(nil, address1(t, "a@x/r"), address1(t, c.to))); cloned != c.want {
				t.Errorf("of a clone: %s", cloned)
			}
		})
	}
}

// FuzzRelay: what is passed on reads as what was sent, but for the addresses.
func FuzzRelay(f *testing.F) {
	f.Add("xmlns:p='urn:p' xml:lang='de'", "<message to='b@x' id='&lt;'><p:body p:a='1'>x</p:body></message>")
	f.Add("", "<presence xmlns:q='z' q:b=''><q:x xmlns='y'><z/></q:x></presence>")
	f.Fuzz(func(t *testing.T, header, text string) {
		el, ok := open(header, text)
		if !ok || len(el.Prefix()) > 0 {
			return
		}
		st := Parse(el, NSClient)
		if st.Kind == NotStanza {
			return
		}
		out := st.AppendRelay(nil, address1(t, "a@x/r"), jid.JID{})
		got, ok := open("", string(out))
		if !ok {
			t.Fatalf("%s became %s", text, out)
		}
		back := Parse(got, NSClient)
		if back.Kind != st.Kind || back.Type != st.Type || string(back.ID) != string(st.ID) || back.To != st.To || back.From != address1(t, "a@x/r") {
			t.Fatalf("%s became %s", text, out)
		}
		if string(got.Lang()) != string(el.Lang()) {
			t.Fatalf("%s has language %s, became %s", text, el.Lang(), out)
		}
		sameContent(t, el, got)
	})
}
