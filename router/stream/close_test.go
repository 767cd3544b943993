package stream

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"roost/xmlstream"
	"roost/xmlstream/stanza"
)

// TestFromXML: what the tokenizer refuses, and the stream error that says so.
func TestFromXML(t *testing.T) {
	own := stanza.StreamReset.With("ours")
	for _, c := range []struct {
		err  error
		want stanza.StreamCondition
		app  string
	}{
		{xmlstream.ErrNotWellFormed, stanza.StreamNotWellFormed, ""},         // §4.9.3.13
		{xmlstream.ErrRestricted, stanza.StreamRestrictedXML, ""},            // §4.9.3.18
		{xmlstream.ErrEncoding, stanza.StreamUnsupportedEncoding, ""},        // §4.9.3.22
		{xmlstream.ErrStrayText, stanza.StreamBadFormat, ""},                 // §4.9.3.1
		{xmlstream.ErrStanzaTooBig, stanza.StreamPolicyViolation, "too-big"}, // §4.9.3.14
		{xmlstream.ErrTooDeep, stanza.StreamPolicyViolation, ""},             // §4.9.3.14
		{xmlstream.ErrTooManyAttrs, stanza.StreamPolicyViolation, ""},        // §4.9.3.14
		{xmlstream.ErrTooManyNamespaces, stanza.StreamPolicyViolation, ""},   // §4.9.3.14
		{errors.New("anything else"), stanza.StreamNotWellFormed, ""},        //
		{own, stanza.StreamReset, ""},                                        // one of ours stays
		{fmt.Errorf("deep inside: %w", own), stanza.StreamReset, ""},         //
	} {
		for _, err := range []error{c.err, &xmlstream.SyntaxError{Offset: 7, Err: c.err}} {
			e := FromXML(err)
			if e.Condition != c.want || !strings.Contains(e.App, c.app) || (e.App == "") != (c.app == "") {
				t.Errorf("%v: %v %s", err, e, e.App)
			}
			if !errors.Is(e, c.err) && !errors.Is(own, e) {
				t.Errorf("%v: the cause is lost for our log: %v", err, e)
			}
			if c.want == stanza.StreamPolicyViolation && e.Text == "" {
				t.Errorf("%v: the peer does not learn which limit", err)
			}
		}
	}
}

// TestFromTokenizer: the same from bytes, so that no refusal of the tokenizer is missing above.
func TestFromTokenizer(t *testing.T) {
	const header = "<stream:stream xmlns='jabber:client' xmlns:stream='" + stanza.NSStream + "'>"
	limits := &xmlstream.Limits{MaxStanza: 200, MaxDepth: 3, MaxAttrs: 3, MaxNamespaces: 8}
	for _, c := range []struct {
		in   string
		want stanza.StreamCondition
	}{
		{"<a></b>", stanza.StreamNotWellFormed},
		{"<a b='1' b='2'/>", stanza.StreamNotWellFormed},
		{"<p:a/>", stanza.StreamNotWellFormed},
		{"<a>\x00</a>", stanza.StreamNotWellFormed},
		{"<!-- -->", stanza.StreamRestrictedXML},
		{"<a><?p?></a>", stanza.StreamRestrictedXML},
		{"<!DOCTYPE a>", stanza.StreamRestrictedXML},
		{"<a>&b;</a>", stanza.StreamRestrictedXML},
		{"<a>\xff</a>", stanza.StreamUnsupportedEncoding},
		{"text", stanza.StreamBadFormat},
		{"<a>" + strings.Repeat("x", 300) + "</a>", stanza.StreamPolicyViolation},
		{"<a><a><a><a/></a></a></a>", stanza.StreamPolicyViolation},
		{"<a b='' c='' d='' e=''/>", stanza.StreamPolicyViolation},
		{"<a xmlns:a='a' xmlns:b='a' xmlns:c='a'><b xmlns:d='a' xmlns:e='a' xmlns:f='a'><c xmlns:g='a' xmlns:h='a' xmlns:i='a'/></b></a>", stanza.StreamPolicyViolation},
	} {
		var tok xmlstream.Tokenizer
		tok.Reset(limits)
		buf := []byte(header + c.in)
		_, _, used, err := tok.Next(buf)
		if err != nil {
			t.Fatal(err)
		}
		if _, _, _, err = tok.Next(buf[used:]); err == nil || err == xmlstream.ErrShort {
			t.Errorf("%s is accepted: %v", c.in, err)
			continue
		}
		if e := FromXML(err); e.Condition != c.want {
			t.Errorf("%s: %v, want %s", c.in, e, c.want)
		}
	}
}

// TestAppendLast: the last words stand in a stream, which they end (§4.4, §4.9.1.1).
func TestAppendLast(t *testing.T) {
	if got := string(AppendLast(nil, nil)); got != "</stream:stream>" {
		t.Error(got)
	}
	for _, c := range stanza.StreamConditions {
		buf := Answer{Space: stanza.NSClient, ID: "1"}.Append(nil)
		buf = AppendLast(buf, c.With("<why>"))
		var tok xmlstream.Tokenizer
		var events []xmlstream.Event
		for len(buf) > 0 {
			ev, el, used, err := tok.Next(buf)
			if err != nil {
				t.Fatalf("%s: %v", c, err)
			}
			if ev == xmlstream.Complete && (!el.Is(stanza.NSStream, "error") || !el.First().Is(stanza.NSStreams, string(c))) {
				t.Errorf("%s", el.Raw())
			}
			events = append(events, ev)
			buf = buf[used:]
		}
		if fmt.Sprint(events) != "[Open Complete Close]" {
			t.Errorf("%s: %v", c, events)
		}
	}
}

// TestTLSElements: §5.4, each is one element of the namespace.
func TestTLSElements(t *testing.T) {
	for text, local := range map[string]string{TLSOffer: "starttls", TLSRequired: "starttls", TLSProceed: "proceed", TLSFailure: "failure"} {
		el, err := xmlstream.ParseElement([]byte(text), nil)
		if err != nil || !el.Is(stanza.NSTLS, local) || el.Child(stanza.NSTLS, "required").IsZero() != (text != TLSRequired) {
			t.Errorf("%s: %v", text, err)
		}
	}
}
