package jid

import "testing"

// RFC 7622 §3.5, Table 1.
var legal = []struct{ in, local, domain, resource string }{
	{"juliet@example.com", "juliet", "example.com", ""},
	{"juliet@example.com/foo", "juliet", "example.com", "foo"},
	{"juliet@example.com/foo bar", "juliet", "example.com", "foo bar"},
	{"juliet@example.com/foo@bar", "juliet", "example.com", "foo@bar"},
	{`foo\20bar@example.com`, `foo\20bar`, "example.com", ""},
	{"fussball@example.com", "fussball", "example.com", ""},
	{"fu\u00dfball@example.com", "fu\u00dfball", "example.com", ""},
	{"\u03c0@example.com", "\u03c0", "example.com", ""},
	{"\u03a3@example.com/foo", "\u03c3", "example.com", "foo"},
	{"\u03c3@example.com/foo", "\u03c3", "example.com", "foo"},
	{"\u03c2@example.com/foo", "\u03c2", "example.com", "foo"},
	{"king@example.com/\u265a", "king", "example.com", "\u265a"},
	{"example.com", "", "example.com", ""},
	{"example.com/foobar", "", "example.com", "foobar"},
	{"a.example.com/b@example.net", "", "a.example.com", "b@example.net"},
}

// RFC 7622 §3.5, Table 2.
var illegal = []struct{ in, part string }{
	{`"juliet"@example.com`, PartLocal},
	{"foo bar@example.com", PartLocal},
	{"juliet@example.com/ foo", PartResource},
	{"@example.com/", PartResource},
	{"henry\u2163@example.com", PartLocal},
	{"\u265a@example.com", PartLocal},
	{"juliet@", PartDomain},
	{"/foobar", PartDomain},
}

func TestTable1(t *testing.T) {
	for _, c := range legal {
		j, err := Parse(c.in)
		if err != nil {
			t.Errorf("%q: %v", c.in, err)
			continue
		}
		if j.Local() != c.local || j.Domain() != c.domain || j.Resource() != c.resource {
			t.Errorf("%q: %q %q %q", c.in, j.Local(), j.Domain(), j.Resource())
		}
	}
}

func TestTable2(t *testing.T) {
	for _, c := range illegal {
		j, err := Parse(c.in)
		if err == nil {
			t.Errorf("%q: accepted as %q", c.in, j)
			continue
		}
		if e := err.(*Error); e.Part != c.part {
			t.Errorf("%q: %v, want part %s", c.in, err, c.part)
		}
	}
}
