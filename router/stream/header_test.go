package stream

import (
	"errors"
	"strings"
	"testing"

	"roost/xmlstream"
	"roost/xmlstream/jid"
	"roost/xmlstream/stanza"
)

// root gives the start tag that stands in text.
func root(t testing.TB, text string) xmlstream.Element {
	t.Helper()
	tok := new(xmlstream.Tokenizer)
	ev, el, _, err := tok.Next([]byte(text))
	if err != nil || ev != xmlstream.Open {
		t.Fatalf("%v %v in %s", ev, err, text)
	}
	return el
}

func TestParseHeader(t *testing.T) {
	const ns = "xmlns='jabber:client' xmlns:stream='" + stanza.NSStream + "' "
	for _, c := range []struct {
		name, in string
		to, from string
		lang     string
		old      bool
		bad      stanza.StreamCondition
	}{
		{"§4.7", "<stream:stream " + ns + "to='x' from='a@x' version='1.0' xml:lang='de'>", "x", "a@x", "de", false, ""},
		{"§4.7.2 prepared", "<stream:stream " + ns + "to='X.' version='1.0'>", "x", "", "", false, ""},
		{"§4.7.2 absent", "<stream:stream " + ns + "version='1.0'>", "", "", "", false, ""},
		{"§4.7.2 invalid", "<stream:stream " + ns + "to='@' from='a@x' version='1.0'>", "", "a@x", "", false, stanza.StreamHostUnknown},
		{"§4.7.1 full", "<stream:stream " + ns + "to='x' from='a@x/r' version='1.0'>", "x", "a@x/r", "", false, ""},
		{"§4.7.1 invalid", "<stream:stream " + ns + "to='x' from='a b@x' version='1.0'>", "x", "", "", false, stanza.StreamInvalidFrom},
		{"§4.7.3 id is ignored", "<stream:stream " + ns + "to='x' id='1' version='1.0'>", "x", "", "", false, ""},
		{"other attributes are ignored", "<stream:stream " + ns + "to='x' a='b' stream:to='y' version='1.0'>", "x", "", "", false, ""},
		{"§4.7.5 absent", "<stream:stream " + ns + "to='x'>", "x", "", "", true, stanza.StreamUnsupportedVersion},
		{"§4.7.5 too old", "<stream:stream " + ns + "to='x' version='0.9'>", "x", "", "", false, stanza.StreamUnsupportedVersion},
		{"§4.7.5 minor", "<stream:stream " + ns + "to='x' version='1.12'>", "x", "", "", false, ""},
		{"§4.7.5 major", "<stream:stream " + ns + "to='x' version='2.0'>", "x", "", "", false, ""},
		{"§4.7.5 numbers", "<stream:stream " + ns + "to='x' version='01.00'>", "x", "", "", false, ""},
		{"§4.7.5 no minor", "<stream:stream " + ns + "to='x' version='1'>", "x", "", "", false, stanza.StreamUnsupportedVersion},
		{"§4.7.5 words", "<stream:stream " + ns + "to='x' version='one.two'>", "x", "", "", false, stanza.StreamUnsupportedVersion},
		{"§4.7.5 signs", "<stream:stream " + ns + "to='x' version='+1.-0'>", "x", "", "", false, stanza.StreamUnsupportedVersion},
		{"§4.7.5 huge", "<stream:stream " + ns + "to='x' version='99999999999.0'>", "x", "", "", false, stanza.StreamUnsupportedVersion},
		{"§4.7.5 empty", "<stream:stream " + ns + "to='x' version=''>", "x", "", "", false, stanza.StreamUnsupportedVersion},
		{"§4.7.5 three numbers", "<stream:stream " + ns + "to='x' version='1.0.0'>", "x", "", "", false, stanza.StreamUnsupportedVersion},
		{"§4.8.1 another namespace", "<stream:stream xmlns='jabber:client' xmlns:stream='y' to='x' version='1.0'>", "x", "", "", false, stanza.StreamInvalidNamespace},
		{"§4.8.1 no namespace", "<stream to='x' version='1.0'>", "x", "", "", false, stanza.StreamInvalidNamespace},
		{"§4.8.2 another content namespace", "<stream:stream xmlns='jabber:server' xmlns:stream='" + stanza.NSStream + "' to='x' version='1.0'>", "x", "", "", false, stanza.StreamInvalidNamespace},
		{"§4.8.2 no content namespace", "<stream:stream xmlns:stream='" + stanza.NSStream + "' to='x' version='1.0'>", "x", "", "", false, stanza.StreamInvalidNamespace},
		{"§4.8.5 another prefix", "<s:stream xmlns='jabber:client' xmlns:s='" + stanza.NSStream + "' to='x' version='1.0'>", "x", "", "", false, stanza.StreamBadNamespacePrefix},
		{"§4.8.5 no prefix", "<stream xmlns='" + stanza.NSStream + "' to='x' version='1.0'>", "x", "", "", false, stanza.StreamBadNamespacePrefix},
		{"§4.9.3.1 another element", "<stream:features " + ns + "to='x' version='1.0'>", "x", "", "", false, stanza.StreamBadFormat},
		{"names before addresses", "<stream:stream xmlns:stream='" + stanza.NSStream + "' to='@' version='1.0'>", "", "", "", false, stanza.StreamInvalidNamespace},
	} {
		t.Run(c.name, func(t *testing.T) {
			h, err := ParseHeader(root(t, c.in), stanza.NSClient)
			if h.To.String() != c.to || h.From.String() != c.from || h.Lang != c.lang || h.Old != c.old {
				t.Errorf("%+v", h)
			}
			var got stanza.StreamCondition
			if e, ok := errors.AsType[*stanza.StreamError](err); ok {
				got = e.Condition
			} else if err != nil {
				t.Errorf("%T %v", err, err)
			}
			if got != c.bad {
				t.Errorf("%v, want %q", err, c.bad)
			}
		})
	}
}

// TestHeaderIsOwned: nothing of a Header is lost with the buffer.
func TestHeaderIsOwned(t *testing.T) {
	buf := []byte("<stream:stream xmlns='jabber:client' xmlns:stream='" + stanza.NSStream + "' to='x.example' from='a@x.example' xml:lang='de' version='1.0'>")
	var tok xmlstream.Tokenizer
	_, el, _, err := tok.Next(buf)
	if err != nil {
		t.Fatal(err)
	}
	h, err := ParseHeader(el, stanza.NSClient)
	if err != nil {
		t.Fatal(err)
	}
	for i := range buf {
		buf[i] = '#'
	}
	tok.Release()
	if h.To.String() != "x.example" || h.From.String() != "a@x.example" || h.Lang != "de" {
		t.Errorf("%+v", h)
	}
}

// TestAnswer: our header is one that we would take, whatever stands in it.
func TestAnswer(t *testing.T) {
	to, err := jid.Parse("a@x/<'&")
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		a    Answer
		want string
	}{
		{Answer{Space: stanza.NSClient, ID: "1"}, " version='1.0' id='1' xml:lang='en'>"},
		{Answer{Space: stanza.NSServer, ID: "<'>", From: "x", To: to}, " version='1.0' id='&lt;&apos;&gt;' from='x' to='a@x/&lt;&apos;&amp;' xml:lang='en'>"},
	} {
		got := string(c.a.Append(nil))
		want := "<?xml version='1.0'?><stream:stream xmlns='" + c.a.Space + "' xmlns:stream='" + stanza.NSStream + "'" + c.want
		if got != want {
			t.Errorf("got  %s\nwant %s", got, want)
		}
		if _, err := ParseHeader(root(t, got), c.a.Space); err != nil {
			t.Error(err)
		}
	}
}

// TestNewID: §4.7.3, ids are unique, and nothing in them needs escaping.
func TestNewID(t *testing.T) {
	seen := map[string]bool{}
	for range 1000 {
		id := NewID()
		if seen[id] || len(id) < 20 || strings.Trim(id, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_") != "" {
			t.Fatal(id)
		}
		seen[id] = true
	}
}

// FuzzParseHeader: whatever the root is, the answer is a header or a stream error.
func FuzzParseHeader(f *testing.F) {
	f.Add("<stream:stream xmlns='jabber:client' xmlns:stream='" + stanza.NSStream + "' to='x' from='a@x' version='1.0'>")
	f.Add("<a version='1.'>")
	f.Fuzz(func(t *testing.T, text string) {
		var tok xmlstream.Tokenizer
		ev, el, _, err := tok.Next([]byte(text))
		if err != nil || ev != xmlstream.Open {
			return
		}
		if _, err := ParseHeader(el, stanza.NSClient); err != nil {
			if _, ok := errors.AsType[*stanza.StreamError](err); !ok {
				t.Fatalf("%T %v", err, err)
			}
		}
	})
}
