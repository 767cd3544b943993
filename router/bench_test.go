package router_test

import (
	"testing"

	"roost/router"
	. "roost/router/routertest"
	"roost/xmlstream"
	"roost/xmlstream/jid"
	"roost/xmlstream/stanza"
)

// sink is a stream that takes everything and keeps nothing.
type sink struct{}

func (sink) Deliver(f *stanza.Frame) bool { f.Release(); return true }
func (sink) End(*stanza.StreamError)      {}

// quiet is a server with b@x/r on line and a@x/1 and a@x/2, of which it gives the first.
func quiet(t testing.TB) (*Server, *router.Session) {
	s := New(t, Options{})
	var first *router.Session
	for _, full := range []string{"b@x/r", "a@x/2", "a@x/1"} {
		s.Accounts.Add(JID(t, full).Bare())
		x, e := s.Router.Bind(router.Request{JID: JID(t, full), Out: sink{},
			Welcome: func(jid.JID) *stanza.Frame { return stanza.NewFrame() }})
		if e != nil {
			t.Fatal(e)
		}
		s.Router.Route(x, Parse(t, "<presence/>"), true)
		first = x
	}
	return s, first
}

const chat = "<message to='b@x' type='chat' id='1'><body>Art thou not Romeo, and a Montague?</body></message>"

// BenchmarkRoute is a chat message to one session, already cut and parsed.
func BenchmarkRoute(b *testing.B) {
	s, sess := quiet(b)
	st := Parse(b, chat)
	b.ReportAllocs()
	for b.Loop() {
		s.Router.Route(sess, st, false)
	}
}

// BenchmarkCutParseRoute is the same from the bytes on.
func BenchmarkCutParseRoute(b *testing.B) {
	s, sess := quiet(b)
	var tok xmlstream.Tokenizer
	defer tok.Release()
	if _, _, _, err := tok.Next([]byte("<stream:stream xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams'>")); err != nil {
		b.Fatal(err)
	}
	buf := []byte(chat)
	b.SetBytes(int64(len(buf)))
	b.ReportAllocs()
	for b.Loop() {
		_, el, _, err := tok.Next(buf)
		if err != nil {
			b.Fatal(err)
		}
		st := stanza.Parse(el, stanza.NSClient)
		s.Router.Route(sess, &st, false)
	}
}

// BenchmarkPresence is an update seen by a hundred contacts on line.
func BenchmarkPresence(b *testing.B) {
	s, sess := quiet(b)
	for i := range 100 {
		name := "c" + string(rune('a'+i/26)) + string(rune('a'+i%26)) + "@x"
		s.Watches(name, "a@x")
		x, e := s.Router.Bind(router.Request{JID: JID(b, name+"/r"), Out: sink{},
			Welcome: func(jid.JID) *stanza.Frame { return stanza.NewFrame() }})
		if e != nil {
			b.Fatal(e)
		}
		s.Router.Route(x, Parse(b, "<presence/>"), true)
	}
	st := Parse(b, "<presence><show>away</show></presence>")
	b.ReportAllocs()
	for b.Loop() {
		s.Router.Route(sess, st, true)
	}
}
