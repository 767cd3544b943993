package routertest

import (
	"regexp"
	"strings"
	"testing"
)

// Case is one request and the answer that it must get: a name, the stanza, and the whole answer but
// for the text of an error (see Result and Refused).
type Case [3]string

// Run asks each Case of c. Every request gets exactly one answer.
func Run(t *testing.T, c *Client, cases []Case) {
	t.Helper()
	for _, k := range cases {
		name, ask, want := k[0], k[1], k[2]
		t.Run(name, func(t *testing.T) {
			t.Helper()
			c.Got()
			c.Send(ask)
			got := c.Got()
			if len(got) != 1 || Plain(got[0]) != want {
				t.Errorf("%s\ngot  %s\nwant %s", ask, strings.Join(got, "\n     "), want)
			}
		})
	}
}

var errorText = regexp.MustCompile(`<text xmlns='urn:ietf:params:xml:ns:xmpp-stanzas' xml:lang='en'>[^<]*</text>`)

// Plain is s without the text for people that an error may carry.
func Plain(s string) string { return errorText.ReplaceAllString(s, "") }

// Result is an iq result with payload; an empty from is absent.
func Result(id, from, to, payload string) string {
	s := "<iq" + attr("from", from) + attr("to", to) + " type='result'" + attr("id", id)
	if payload == "" {
		return s + "/>"
	}
	return s + ">" + payload + "</iq>"
}

// Refused is an error answer of the kind (iq, message, presence), without text.
func Refused(kind, id, from, to, typ, condition string) string {
	return "<" + kind + attr("from", from) + attr("to", to) + " type='error'" + attr("id", id) + "><error type='" + typ +
		"'><" + condition + " xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error></" + kind + ">"
}

func attr(name, value string) string {
	if value == "" {
		return ""
	}
	return " " + name + "='" + value + "'"
}
