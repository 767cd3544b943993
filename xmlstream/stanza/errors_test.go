package stanza

import (
	"errors"
	"strings"
	"testing"

	"roost/xmlstream"
)

// stanzaConditions is the table of RFC 6120 §8.3.3, in its order, with the error types that it
// recommends.
var stanzaConditions = []struct {
	condition Condition
	name, typ string
}{
	{BadRequest, "bad-request", "modify"},
	{Conflict, "conflict", "cancel"},
	{FeatureNotImplemented, "feature-not-implemented", "cancel"},
	{Forbidden, "forbidden", "auth"},
	{Gone, "gone", "cancel"},
	{InternalServerError, "internal-server-error", "cancel"},
	{ItemNotFound, "item-not-found", "cancel"},
	{JIDMalformed, "jid-malformed", "modify"},
	{NotAcceptable, "not-acceptable", "modify"},
	{NotAllowed, "not-allowed", "cancel"},
	{NotAuthorized, "not-authorized", "auth"},
	{PolicyViolation, "policy-violation", "modify"},
	{RecipientUnavailable, "recipient-unavailable", "wait"},
	{Redirect, "redirect", "modify"},
	{RegistrationRequired, "registration-required", "auth"},
	{RemoteServerNotFound, "remote-server-not-found", "cancel"},
	{RemoteServerTimeout, "remote-server-timeout", "wait"},
	{ResourceConstraint, "resource-constraint", "wait"},
	{ServiceUnavailable, "service-unavailable", "cancel"},
	{SubscriptionRequired, "subscription-required", "auth"},
	{UndefinedCondition, "undefined-condition", "modify"},
	{UnexpectedRequest, "unexpected-request", "wait"},
}

// streamConditions are the names of RFC 6120 §4.9.3, in its order.
var streamConditions = strings.Fields(`bad-format bad-namespace-prefix conflict connection-timeout
	host-gone host-unknown improper-addressing internal-server-error invalid-from invalid-namespace
	invalid-xml not-authorized not-well-formed policy-violation remote-connection-failed reset
	resource-constraint restricted-xml see-other-host system-shutdown undefined-condition
	unsupported-encoding unsupported-feature unsupported-stanza-type unsupported-version`)

// hostile is text that would break out of XML written without care.
const hostile = `<&>'"]]>` + "\x01\r"

const hostileRead = `<&>'"]]>` + "\uFFFD\r"

func parseXML(t *testing.T, b []byte) xmlstream.Element {
	t.Helper()
	el, err := xmlstream.ParseElement(b, nil)
	if err != nil {
		t.Fatalf("%v in %s", err, b)
	}
	return el
}

// inStream makes a piece of a stream stand alone.
func inStream(b []byte) []byte {
	return append(append([]byte("<x xmlns='jabber:client' xmlns:stream='"+NSStream+"'>"), b...), "</x>"...)
}

func TestStanzaErrors(t *testing.T) {
	if len(stanzaConditions) != 22 || len(errorTypes) != 22 {
		t.Fatalf("%d conditions, %d types, want 22", len(stanzaConditions), len(errorTypes))
	}
	for _, c := range stanzaConditions {
		if string(c.condition) != c.name {
			t.Errorf("%s is called %s", c.name, c.condition)
		}
		for _, e := range []*StanzaError{
			c.condition.New(),
			c.condition.With(hostile),
			{Condition: c.condition, Type: "continue", URI: "xmpp:a@b?" + hostile, Text: "why", App: "<app xmlns='urn:x'/>"},
		} {
			checkStanzaError(t, e, c.name, c.typ)
		}
	}
}

func checkStanzaError(t *testing.T, e *StanzaError, name, typ string) {
	t.Helper()
	el := parseXML(t, inStream(e.Append(nil))).First()
	if e.Type != "" {
		typ = e.Type
	}
	if got, _ := el.Attr("type"); !el.Is(NSClient, "error") || string(got) != typ {
		t.Errorf("%s: type %s, want %s", el.Raw(), got, typ)
	}
	condition := el.First()
	if !condition.Is(NSStanzas, name) || string(condition.Text()) != strings.Replace(e.URI, hostile, hostileRead, 1) {
		t.Errorf("%s: condition %s %q", el.Raw(), condition.Local(), condition.Text())
	}
	text := el.Child(NSStanzas, "text")
	if string(text.Text()) != strings.Replace(e.Text, hostile, hostileRead, 1) || text.IsZero() != (e.Text == "") {
		t.Errorf("%s: text %q", el.Raw(), text.Text())
	}
	if !text.IsZero() && string(text.Lang()) != "en" {
		t.Errorf("%s: the text has no language", el.Raw())
	}
	if el.Child("urn:x", "app").IsZero() != (e.App == "") {
		t.Errorf("%s: no application condition", el.Raw())
	}
}

func TestStreamErrors(t *testing.T) {
	if len(streamConditions) != 25 || len(StreamConditions) != 25 {
		t.Fatalf("%d names, %d conditions, want 25", len(streamConditions), len(StreamConditions))
	}
	for i, c := range StreamConditions {
		if string(c) != streamConditions[i] {
			t.Errorf("row %d is %s, want %s", i+1, c, streamConditions[i])
		}
		for _, e := range []*StreamError{
			c.New(),
			c.With(hostile),
			{Condition: c, Host: "[2001:db8::1]:5222" + hostile, App: "<app xmlns='urn:x'/>", Err: errors.New("ours alone")},
		} {
			checkStreamError(t, e)
		}
	}
}

func checkStreamError(t *testing.T, e *StreamError) {
	t.Helper()
	el := parseXML(t, inStream(e.Append(nil))).First()
	condition, text := el.First(), el.Child(NSStreams, "text")
	if !el.Is(NSStream, "error") || string(el.Prefix()) != "stream" || !condition.Is(NSStreams, string(e.Condition)) {
		t.Errorf("%s", el.Raw())
	}
	if string(condition.Text()) != strings.Replace(e.Host, hostile, hostileRead, 1) {
		t.Errorf("%s: host %q", el.Raw(), condition.Text())
	}
	if string(text.Text()) != strings.Replace(e.Text, hostile, hostileRead, 1) || text.IsZero() != (e.Text == "") {
		t.Errorf("%s: text %q", el.Raw(), text.Text())
	}
	if el.Child("urn:x", "app").IsZero() != (e.App == "") || strings.Contains(string(el.Raw()), "ours alone") {
		t.Errorf("%s", el.Raw())
	}
}

func TestErrorTexts(t *testing.T) {
	cause := errors.New("cause")
	for _, c := range []struct {
		err  error
		want string
	}{
		{Conflict.New(), "conflict"},
		{Conflict.With("why"), "conflict: why"},
		{StreamReset.New(), "stream error reset"},
		{StreamReset.With("why"), "stream error reset: why"},
		{&StreamError{Condition: StreamReset, Text: "why", Err: cause}, "stream error reset: why: cause"},
		{&StreamError{Condition: StreamReset, Err: cause}, "stream error reset: cause"},
	} {
		if c.err.Error() != c.want {
			t.Errorf("%q, want %q", c.err, c.want)
		}
	}
	if !errors.Is(&StreamError{Err: cause}, cause) {
		t.Error("the cause is lost")
	}
}

// TestAppendError: RFC 6120 §8.3.1, the answer has the kind and id of what it answers.
func TestAppendError(t *testing.T) {
	for _, c := range []struct{ in, want string }{
		{"<message id='a&apos;b' type='chat'><body>x</body></message>",
			"<message from='b@x' to='a@x/r' type='error' id='a&apos;b'><error type='cancel'><gone xmlns='" + NSStanzas + "'/></error></message>"},
		{"<presence/>", "<presence from='b@x' to='a@x/r' type='error'><error type='cancel'><gone xmlns='" + NSStanzas + "'/></error></presence>"},
		{"<iq id='1' type='get'><q/></iq>", "<iq from='b@x' to='a@x/r' type='error' id='1'><error type='cancel'><gone xmlns='" + NSStanzas + "'/></error></iq>"},
	} {
		st := cut(t, "", c.in)
		if got := string(st.AppendError(nil, address1(t, "b@x"), address1(t, "a@x/r"), Gone.New())); got != c.want {
			t.Errorf("got  %s\nwant %s", got, c.want)
		}
	}
}
