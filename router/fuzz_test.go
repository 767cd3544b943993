package router_test

import (
	"testing"

	"roost/router"
	. "roost/router/routertest"
	"roost/xmlstream"
	"roost/xmlstream/stanza"
)

// FuzzRoute routes whatever a client may send. Nothing panics, every request is answered, and all that anybody receives
// is one stanza that stands alone in a stream.
func FuzzRoute(f *testing.F) {
	for _, seed := range []string{
		"<message to='b@x/r' type='chat' id='&lt;'><body>hi</body></message>",
		"<message to='b@x' xml:lang='de' xmlns:e='urn:e' e:a='1'><e:x><y xmlns='z'/></e:x><![CDATA[<]]></message>",
		"<c:message xmlns:c='jabber:client' to='b@x'><c:body>&amp;</c:body></c:message>",
		"<message to='off@x'><body/></message>", "<message type='headline'/>", "<message to='x/y'/>",
		"<presence/>", "<presence type='unavailable'><status>&quot;</status></presence>",
		"<presence to='b@x'><priority>-1</priority></presence>", "<presence><priority> 12 </priority></presence>",
		"<presence type='subscribe' to='b@x/r'/>", "<presence type='probe' to='b@x'/>",
		"<iq type='get' id='1'><q xmlns='urn:q'/></iq>", "<iq type='set' to='b@x' id='1'><q xmlns='urn:q'/></iq>",
		"<iq type='get' to='x' id='1'><q xmlns='urn:q' a='&#9;'/></iq>", "<iq type='result' to='b@x/r' id='1'/>",
		"<iq type='get' to='b@x/r' id='1'><p:q xmlns:p='urn:q'/></iq>", "<iq/>", "<iq type='get' id='1'/>",
		"<message to='c@z'/>", "<message to='@'/>", "<message to='a@x/R' from='b@x'/>",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		var tok xmlstream.Tokenizer
		defer tok.Release()
		const header = "<stream:stream xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams' xmlns:s='urn:s' xml:lang='en'>"
		if _, _, _, err := tok.Next([]byte(header)); err != nil {
			t.Fatal(err)
		}
		buf := []byte(text)
		ev, el, used, err := tok.Next(buf)
		if err != nil || ev != xmlstream.Complete || used != len(buf) {
			return
		}
		st := stanza.Parse(el, stanza.NSClient)
		if st.Kind == stanza.NotStanza {
			return
		}
		s := New(t, Options{Federated: true})
		s.Router.Handle(router.Row{Space: "urn:q", Local: "q", Get: true, Set: true, To: router.ToServer | router.ToOwn | router.ToOthers,
			Handle: func(q *router.IQ) {
				q.Result(func(dst []byte) []byte {
					return append(xmlstream.AppendText(append(dst, "<q>"...), q.Payload.Text()), "</q>"...)
				})
			}})
		s.Friends("a@x", "b@x")
		s.Accounts.Add(JID(t, "off@x"))
		a, b := s.Online("a@x/r", ""), s.Online("b@x/r", "")
		s.Drain()
		if !s.Router.Route(a.Session, &st, false) {
			st = stanza.Parse(el, stanza.NSClient)
			if !s.Router.Route(a.Session, st.Clone(), true) {
				t.Fatal("not done")
			}
		}
		all := append(append(a.Got(), b.Got()...), s.Federation.Sent()...)
		if st.Kind == stanza.IQ && st.Wants() && len(all) == 0 {
			t.Errorf("no answer to %q", text)
		}
		for _, g := range append(all, s.Offline.Kept(JID(t, "off@x"))...) {
			alone(t, g)
		}
	})
}

// alone checks that g is one whole stanza in a stream that declares no more than every stream does.
func alone(t *testing.T, g string) {
	t.Helper()
	var tok xmlstream.Tokenizer
	defer tok.Release()
	if _, _, _, err := tok.Next([]byte("<stream xmlns='jabber:client'>")); err != nil {
		t.Fatal(err)
	}
	ev, el, used, err := tok.Next([]byte(g))
	if err != nil || ev != xmlstream.Complete || used != len(g) {
		t.Errorf("%v: %q", err, g)
		return
	}
	if st := stanza.Parse(el, stanza.NSClient); st.Kind == stanza.NotStanza {
		t.Errorf("no stanza: %q", g)
	}
}
