package main

import (
	"strings"
	"testing"
)

const portable = `<?xml version='1.0' encoding='UTF-8'?>
<server-data xmlns='urn:xmpp:pie:0'>
<host jid='localhost'>
<user name='alice' password='secret'>
<offline-messages>
<message xmlns='jabber:client' from='bob@localhost/r' to='alice@localhost'><body>Hello</body></message>
</offline-messages>
<query xmlns='jabber:iq:roster'>
<item jid='bob@localhost' name='Bob' subscription='both'><group>Friends</group></item>
</query>
<presence xmlns='jabber:client' from='carol@other.test' to='alice@localhost' type='subscribe'/>
<query xmlns='jabber:iq:private'><e xmlns='urn:e'>1</e></query>
<vCard xmlns='vcard-temp'><FN>Alice</FN></vCard>
</user>
<user name='bob' password='secret'>
<query xmlns='jabber:iq:roster'>
<item jid='alice@localhost' subscription='both'/>
</query>
</user>
</host>
<host jid='other.test'>
</host>
</server-data>
`

// TestPortable: users come from a file of XEP-0227 and go into one; what came once more is not there twice.
func TestPortable(t *testing.T) {
	everywhere(t, func(t *testing.T, p *place) {
		const done = "2 users imported: 2 accounts, 2 rosters, 1 message, 2 documents\n"
		for _, words := range []string{"user import", "user import --format xep227"} {
			if got := p.do(portable, strings.Fields(words)...); got != done {
				t.Errorf("%s: %s", words, got)
			}
			if got := p.do("", "user", "export"); got != portable {
				t.Errorf("%s:\n%s", words, got)
			}
		}
		p.write("users.xml", "\ufeff\n"+portable)
		r := p.try("", "roster", "import", p.path("users.xml"))
		if r.code != exitOK || r.out != "2 rosters imported\n" || !strings.Contains(r.err, "left out: 2 × account") {
			t.Errorf("%+v", r)
		}
		if got := p.do("", "roster", "export", "other.test", "--format", "xep227"); !strings.Contains(got, "<host jid='other.test'>\n</host>") || strings.Contains(got, "localhost") {
			t.Error(got)
		}
		if got := p.do("", "roster", "export", "--format", "xep227"); strings.Contains(got, "secret") || !strings.Contains(got, "name='Bob'") || strings.Contains(got, "Hello") {
			t.Error(got)
		}
	})
}

// TestPortableWrong: what is left out is told, with its place.
func TestPortableWrong(t *testing.T) {
	everywhere(t, func(t *testing.T, p *place) {
		p.refuse(portable, []string{"roster", "import", "--from", "2"}, "--from 2", "again")
		p.refuse(portable[:700], []string{"user", "import"}, "imported: ", "then: line ", "the file ends in the middle", "again")
		p.refuse(portable, []string{"user", "import", "--format", "lines"}, "line 1: ")
		p.refuse("{}", []string{"user", "import", "--format", "xep227"}, "the file is empty")
		p.refuse("<server-data xmlns='urn:xmpp:pie:0'>\n<host jid='far.test'><user name='a'/></host></server-data>", []string{"user", "import"},
			"1 wrong and left out: line 2 column 22: ", "does not serve far.test")
		r := p.try("<server-data xmlns='urn:xmpp:pie:0'><host jid='localhost'><user name='dave'><rooms xmlns='urn:rooms'/></user></host></server-data>", "user", "import")
		if r.code != exitOK || r.out != "1 user imported: 0 accounts, 0 rosters, 0 messages, 0 documents\n" ||
			!strings.Contains(r.err, "note: left out: ") || !strings.Contains(r.err, "1 × <rooms xmlns='urn:rooms'/> (first at line 1 column 77)") {
			t.Errorf("%+v", r)
		}
	})
}

// TestPortableOnline: people on line hear of a roster that comes in a file, and can log in with a password
// that does.
func TestPortableOnline(t *testing.T) {
	p := newPlace(t, "", "")
	p.do("alice@localhost secret\nbob@localhost secret\n", "user", "import")
	s := p.start()
	alice, bob := s.online(t, "alice", "r"), s.online(t, "bob", "r")
	p.do(strings.Replace(portable, "'secret'", "'changed'", 1), "user", "import")
	got := alice.until("<item jid='bob@localhost'")
	if !strings.Contains(got, "type='set'") {
		t.Error(got)
	}
	alice.until("<presence ")
	alice.until("from='bob@localhost/r'")
	bob.until("<item jid='alice@localhost'")
	bob.until("from='alice@localhost/r'")
	c := dial(t, s.addr())
	c.header()
	c.send("<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='PLAIN'>AGFsaWNlAGNoYW5nZWQ=</auth>") // \0alice\0changed
	c.until("<success ")
}
