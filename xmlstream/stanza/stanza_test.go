package stanza

import (
	"strings"
	"testing"

	"roost/xmlstream"
	"roost/xmlstream/jid"
)

// cut gives the first stanza behind a client's stream header with these further attributes. It is
// owned by a tokenizer that nobody else uses.
func cut(t testing.TB, header, text string) Stanza {
	t.Helper()
	return Parse(element(t, header, text), NSClient)
}

func element(t testing.TB, header, text string) xmlstream.Element {
	t.Helper()
	tok := new(xmlstream.Tokenizer)
	buf := []byte("<stream:stream xmlns='jabber:client' xmlns:stream='" + NSStream + "' " + header + ">" + text)
	ev, _, used, err := tok.Next(buf)
	if err != nil || ev != xmlstream.Open {
		t.Fatal(ev, err)
	}
	ev, el, _, err := tok.Next(buf[used:])
	if err != nil || ev != xmlstream.Complete {
		t.Fatalf("%v %v in %s", ev, err, text)
	}
	return el
}

func address1(t testing.TB, s string) jid.JID {
	t.Helper()
	if s == "" {
		return jid.JID{}
	}
	j, err := jid.Parse(s)
	if err != nil {
		t.Fatal(err)
	}
	return j
}

func TestParse(t *testing.T) {
	for _, c := range []struct {
		in       string
		kind     Kind
		typ      Type
		id       string
		from, to string
		bad      Condition
	}{
		// RFC 6121 §5.2.2
		{"<message/>", Message, Normal, "", "", "", ""},
		{"<message type='normal'/>", Message, Normal, "", "", "", ""},
		{"<message type='chat' id='1' to='b@x/r' from='a@x'/>", Message, Chat, "1", "a@x", "b@x/r", ""},
		{"<message type='groupchat'/>", Message, Groupchat, "", "", "", ""},
		{"<message type='headline'/>", Message, Headline, "", "", "", ""},
		{"<message type='error'/>", Message, Error, "", "", "", ""},
		{"<message type='unknown'/>", Message, Normal, "", "", "", ""},
		{"<message type='get'/>", Message, Normal, "", "", "", ""},
		{"<message type=''/>", Message, Normal, "", "", "", ""},
		// RFC 6121 §4.7.1
		{"<presence/>", Presence, NoType, "", "", "", ""},
		{"<presence type='unavailable'/>", Presence, Unavailable, "", "", "", ""},
		{"<presence type='subscribe' to='B@X'/>", Presence, Subscribe, "", "", "b@x", ""},
		{"<presence type='subscribed'/>", Presence, Subscribed, "", "", "", ""},
		{"<presence type='unsubscribe'/>", Presence, Unsubscribe, "", "", "", ""},
		{"<presence type='unsubscribed'/>", Presence, Unsubscribed, "", "", "", ""},
		{"<presence type='probe'/>", Presence, Probe, "", "", "", ""},
		{"<presence type='error'/>", Presence, Error, "", "", "", ""},
		{"<presence type='available'/>", Presence, Unknown, "", "", "", BadRequest},
		{"<presence type='chat'/>", Presence, Unknown, "", "", "", BadRequest},
		{"<presence type=''/>", Presence, Unknown, "", "", "", BadRequest},
		// RFC 6120 §8.2.3
		{"<iq type='get' id='1'><q/></iq>", IQ, Get, "1", "", "", ""},
		{"<iq type='set' id='1'> <q xmlns='y'/>\n</iq>", IQ, Set, "1", "", "", ""},
		{"<iq type='result' id='1'/>", IQ, Result, "1", "", "", ""},
		{"<iq type='result' id='1'><q/></iq>", IQ, Result, "1", "", "", ""},
		{"<iq type='error' id='1'><q/><error/></iq>", IQ, Error, "1", "", "", ""},
		{"<iq type='get' id='1'/>", IQ, Get, "1", "", "", BadRequest},
		{"<iq type='set' id='1'><a/><b/></iq>", IQ, Set, "1", "", "", BadRequest},
		{"<iq type='get'><q/></iq>", IQ, Get, "", "", "", BadRequest},
		{"<iq type='get' id=''><q/></iq>", IQ, Get, "", "", "", BadRequest},
		{"<iq type='result'/>", IQ, Result, "", "", "", BadRequest},
		{"<iq id='1'><q/></iq>", IQ, NoType, "1", "", "", BadRequest},
		{"<iq type='chat' id='1'><q/></iq>", IQ, Unknown, "1", "", "", BadRequest},
		// addresses: RFC 6120 §8.1.1, §8.1.2, §8.3.3.8
		{"<message to='@x'/>", Message, Normal, "", "", "", JIDMalformed},
		{"<message to=''/>", Message, Normal, "", "", "", JIDMalformed},
		{"<message from='a b@x' to='b@x'/>", Message, Normal, "", "", "b@x", JIDMalformed},
		{"<iq type='get' to='a@b@c/'/>", IQ, Get, "", "", "", JIDMalformed},
		{"<message to='x'/>", Message, Normal, "", "", "x", ""},
		{"<message to='b@x/&#x201C;&amp;' id='&lt;&#9;'/>", Message, Normal, "<\t", "", "b@x/“&", ""},
		// other namespaces, other names
		{"<message xmlns='jabber:server'/>", NotStanza, NoType, "", "", "", ""},
		{"<p:message xmlns:p='jabber:client' type='chat'/>", Message, Chat, "", "", "", ""},
		{"<messages/>", NotStanza, NoType, "", "", "", ""},
		{"<stream:error/>", NotStanza, NoType, "", "", "", ""},
		{"<message p:type='chat' p:id='1' p:to='b@x' xmlns:p='y'/>", Message, Normal, "", "", "", ""},
	} {
		st := cut(t, "", c.in)
		if st.Kind != c.kind || st.Type != c.typ || string(st.ID) != c.id || st.From != address1(t, c.from) || st.To != address1(t, c.to) {
			t.Errorf("%s: %v %v id %q from %s to %s", c.in, st.Kind, st.Type, st.ID, st.From, st.To)
		}
		if (st.Bad != nil) != (c.bad != "") || st.Bad != nil && st.Bad.Condition != c.bad {
			t.Errorf("%s: bad %v, want %q", c.in, st.Bad, c.bad)
		}
		if wants := c.typ != Error && c.typ != Result; st.Wants() != wants {
			t.Errorf("%s: Wants %v", c.in, st.Wants())
		}
	}
}

// TestParseServer: between servers the same names live in another namespace.
func TestParseServer(t *testing.T) {
	el := element(t, "", "<message xmlns='jabber:server' to='b@x'/>")
	if st := Parse(el, NSServer); st.Kind != Message || st.To != address1(t, "b@x") {
		t.Errorf("%+v", st)
	}
}

func TestNames(t *testing.T) {
	for k := Message; k <= IQ; k++ {
		if KindOf([]byte(k.String())) != k {
			t.Errorf("%v is not read back", k)
		}
		for _, typ := range typesOf[k] {
			if typeOf(k, []byte(typ.String())) != typ || typ.String() == "" {
				t.Errorf("%v %v is not read back", k, typ)
			}
		}
	}
	for typ := NoType; typ <= Result; typ++ {
		if got := typ.IsSubscription(); got != strings.Contains(typ.String(), "subscribe") {
			t.Errorf("%v: IsSubscription %v", typ, got)
		}
	}
	if KindOf(nil) != NotStanza {
		t.Error("no name is a stanza")
	}
}

// TestClone: a clone outlives the buffer.
func TestClone(t *testing.T) {
	tok := new(xmlstream.Tokenizer)
	buf := []byte("<stream:stream xmlns='jabber:client' xmlns:stream='" + NSStream + "' xmlns:p='urn:p' xml:lang='de'>" +
		"<message id='1' to='b@x/r' from='a@x' type='chat'><body>x</body><p:y/></message>")
	_, _, used, err := tok.Next(buf)
	if err != nil {
		t.Fatal(err)
	}
	_, el, _, err := tok.Next(buf[used:])
	if err != nil {
		t.Fatal(err)
	}
	st := Parse(el, NSClient)
	want := string(st.AppendRelay(nil, st.From, jid.JID{}))
	own := st.Clone()
	for i := range buf {
		buf[i] = '#'
	}
	tok.Release()
	if got := string(own.AppendRelay(nil, own.From, jid.JID{})); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	if string(own.ID) != "1" || own.To.String() != "b@x/r" || !own.Payload().Is(NSClient, "body") {
		t.Errorf("%+v", own)
	}
}
