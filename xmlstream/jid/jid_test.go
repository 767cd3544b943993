package jid

import (
	"errors"
	"strings"
	"testing"
)

func long(n int) string { return strings.Repeat("a", n) }

// longDomain has n octets in labels of at most 63.
func longDomain(n int) string {
	s := strings.Repeat(strings.Repeat("d", 63)+".", n/64+1)[:n]
	if strings.HasSuffix(s, ".") {
		s = s[:n-2] + "dd"
	}
	return s
}

var accepted = []struct{ name, in, local, domain, resource string }{
	// RFC 7622 §3.5, Table 1, examples 1 to 15
	{"1 bare", "juliet@example.com", "juliet", "example.com", ""},
	{"2 full", "juliet@example.com/foo", "juliet", "example.com", "foo"},
	{"3 space in the resource", "juliet@example.com/foo bar", "juliet", "example.com", "foo bar"},
	{"4 at sign in the resource", "juliet@example.com/foo@bar", "juliet", "example.com", "foo@bar"},
	{"5 escaped space", `foo\20bar@example.com`, `foo\20bar`, "example.com", ""},
	{"6 ss", "fussball@example.com", "fussball", "example.com", ""},
	{"7 sharp s is not ss", "fu\u00dfball@example.com", "fu\u00dfball", "example.com", ""},
	{"8 pi", "\u03c0@example.com", "\u03c0", "example.com", ""},
	{"9 capital sigma", "\u03a3@example.com/foo", "\u03c3", "example.com", "foo"},
	{"10 small sigma", "\u03c3@example.com/foo", "\u03c3", "example.com", "foo"},
	{"11 final sigma stays", "\u03c2@example.com/foo", "\u03c2", "example.com", "foo"},
	{"12 chess king in the resource", "king@example.com/\u265a", "king", "example.com", "\u265a"},
	{"13 domain", "example.com", "", "example.com", ""},
	{"14 domain and resource", "example.com/foobar", "", "example.com", "foobar"},
	{"15 the first slash cuts", "a.example.com/b@example.net", "", "a.example.com", "b@example.net"},

	{"upper case", "Juliet@EXAMPLE.com/Balcony", "juliet", "example.com", "Balcony"},
	{"slash in the resource", "a@b/c/d", "a", "b", "c/d"},
	{"at after slash", "b/c@d", "", "b", "c@d"},
	{"odd but allowed", "!#$%()*+,-.;=?[\\]^_`{|}~@b", "!#$%()*+,-.;=?[\\]^_`{|}~", "b", ""},
	{"resource of one space at the end", "a@b/c ", "a", "b", "c "},
	{"fullwidth folds", "\uff21\uff42@example.com", "ab", "example.com", ""},
	{"local part composed", "u\u0308@example.com", "\u00fc", "example.com", ""},
	{"resource keeps case and width", "a@b/\uff21B", "a", "b", "\uff21B"},
	{"resource composed", "a@b/u\u0308", "a", "b", "\u00fc"},
	{"resource maps other spaces", "a@b/x\u00a0y", "a", "b", "x y"},
	{"emoji resource", "a@b/\U0001F40E", "a", "b", "\U0001F40E"},
	{"right to left", "\u05d0\u05d1@b", "\u05d0\u05d1", "b", ""},

	{"final dot", "a@example.com.", "a", "example.com", ""},
	{"final dot before a resource", "example.com./r", "", "example.com", "r"},
	{"ideographic dots", "example\u3002com\u3002", "", "example.com", ""},
	{"U-label", "a@b\u00fccher.example", "a", "b\u00fccher.example", ""},
	{"U-label folds", "a@B\u00dcCHER.example", "a", "b\u00fccher.example", ""},
	{"U-label composed", "a@bu\u0308cher.example", "a", "b\u00fccher.example", ""},
	{"A-label", "a@xn--bcher-kva.example", "a", "b\u00fccher.example", ""},
	{"A-label in upper case", "a@XN--BCHER-KVA.Example.", "a", "b\u00fccher.example", ""},
	{"sharp s in the domain", "fu\u00dfball.example", "", "fu\u00dfball.example", ""},
	{"fullwidth domain", "\uff45xample.com", "", "example.com", ""},
	{"Hebrew domain", "\u05d0\u05d1.\u05d2", "", "\u05d0\u05d1.\u05d2", ""},
	{"zero-width non-joiner by the rule", "\u0646\u0627\u0645\u0647\u200c\u0627\u06cc.example", "", "\u0646\u0627\u0645\u0647\u200c\u0627\u06cc.example", ""},
	{"one label", "a@localhost", "a", "localhost", ""},
	{"digits", "a@192.0.2.1", "a", "192.0.2.1", ""},
	{"IPv6", "a@[2001:db8::1]/r", "a", "[2001:db8::1]", "r"},
	{"IPv6 shortened", "a@[2001:DB8:0:0:0:0:0:1]", "a", "[2001:db8::1]", ""},
	{"IPv6 with IPv4", "[::ffff:192.0.2.1]", "", "[::ffff:192.0.2.1]", ""},

	{"longest local part", long(1023) + "@b", long(1023), "b", ""},
	{"longest domain", longDomain(1023), "", longDomain(1023), ""},
	{"longest resource", "b/" + long(1023), "", "b", long(1023)},
	{"longest of all", long(1023) + "@" + longDomain(1023) + "/" + long(1023), long(1023), longDomain(1023), long(1023)},
	{"long before it is prepared", strings.Repeat("\uff41", 1023) + "@b", long(1023), "b", ""},
	{"longest label", strings.Repeat("d", 63) + ".example", "", strings.Repeat("d", 63) + ".example", ""},
}

func TestAccepted(t *testing.T) {
	for _, c := range accepted {
		t.Run(c.name, func(t *testing.T) {
			j, err := Parse(c.in)
			if err != nil {
				t.Fatal(err)
			}
			if j.Local() != c.local || j.Domain() != c.domain || j.Resource() != c.resource {
				t.Errorf("got %q %q %q, want %q %q %q", j.Local(), j.Domain(), j.Resource(), c.local, c.domain, c.resource)
			}
			check(t, j)
			for _, parse := range []func([]byte) (JID, error){ParseBytes, ParseBorrowed} {
				if other, err := parse([]byte(c.in)); err != nil || other != j {
					t.Errorf("from bytes: %v %v, want %v", other, err, j)
				}
			}
			if made, err := New(c.local, c.domain, c.resource); err != nil || made != j {
				t.Errorf("New: %v %v, want %v", made, err, j)
			}
		})
	}
}

// check holds for every JID.
func check(t *testing.T, j JID) {
	t.Helper()
	again, err := Parse(j.String())
	if err != nil || again != j {
		t.Errorf("%q parsed again: %q, %v", j, again, err)
	}
	for part, n := range map[string]int{PartLocal: len(j.Local()), PartDomain: len(j.Domain()), PartResource: len(j.Resource())} {
		if n > MaxPart {
			t.Errorf("%q: %s of %d octets", j, part, n)
		}
	}
	bare := j.Domain()
	if j.Local() != "" {
		bare = j.Local() + "@" + bare
	}
	if b, err := Parse(bare); err != nil || b != j.Bare() || j.Bare().String() != bare || !j.Bare().IsBare() || j.Bare().IsFull() {
		t.Errorf("%q: Bare %q, want %q (%v)", j, j.Bare(), bare, err)
	}
	if d, err := Parse(j.Domain()); err != nil || d != j.DomainJID() || !j.DomainJID().IsDomain() {
		t.Errorf("%q: DomainJID %q (%v)", j, j.DomainJID(), err)
	}
	if j.IsFull() == j.IsBare() || j.IsFull() != (j.Resource() != "") || j.IsZero() {
		t.Errorf("%q: IsFull %v, IsBare %v, IsZero %v", j, j.IsFull(), j.IsBare(), j.IsZero())
	}
	if j.IsDomain() != (j.Local() == "" && j.IsBare()) {
		t.Errorf("%q: IsDomain %v", j, j.IsDomain())
	}
	if j.Clone() != j || string(j.AppendTo([]byte("x"))) != "x"+j.String() {
		t.Errorf("%q: Clone or AppendTo", j)
	}
}

var refused = []struct{ name, in, part string }{
	// RFC 7622 §3.5, Table 2, examples 16 to 23
	{"16 quotation marks", `"juliet"@example.com`, PartLocal},
	{"17 space in the local part", "foo bar@example.com", PartLocal},
	{"18 space at the start of the resource", "juliet@example.com/ foo", PartResource},
	{"19 empty local part and resource", "@example.com/", PartResource},
	{"20 roman numeral", "henry\u2163@example.com", PartLocal},
	{"21 chess king in the local part", "\u265a@example.com", PartLocal},
	{"22 local part alone", "juliet@", PartDomain},
	{"23 resource alone", "/foobar", PartDomain},

	{"nothing", "", PartDomain},
	{"at", "@", PartLocal},
	{"slash", "/", PartResource},
	{"at slash", "@/", PartResource},
	{"no local part", "@server", PartLocal},
	{"no domain", "node@/server", PartDomain},
	{"empty resource", "a@b/", PartResource},
	{"two at signs", "user@@host", PartDomain},
	{"at sign in the domain", "a@b@c", PartDomain},
	{"fullwidth at sign", "a\uff20b@c", PartLocal},
	{"ampersand", "a&b@c", PartLocal},
	{"apostrophe", "a'b@c", PartLocal},
	{"colon", "a:b@c", PartLocal},
	{"less", "a<b@c", PartLocal},
	{"greater", "a>b@c", PartLocal},
	{"control in the local part", "a\tb@c", PartLocal},
	{"control in the domain", "a@b\x00", PartDomain},
	{"control in the resource", "a@b/c\nd", PartResource},
	{"delete in the resource", "a@b/c\x7f", PartResource},
	{"C1 control in the resource", "a@b/c\u0085", PartResource},
	{"not UTF-8 local part", "\xff@b", PartLocal},
	{"not UTF-8 domain", "a@\xc3", PartDomain},
	{"not UTF-8 resource", "a@b/\xed\xa0\x80", PartResource},
	{"mixed directions", "a\u05d0@b", PartLocal},
	{"other space at the start of the resource", "a@b/\u3000x", PartResource},
	{"joiner without its context", "a\u200db@c", PartLocal},

	{"space in the domain", "a@b c", PartDomain},
	{"underscore", "a@b_c", PartDomain},
	{"only a dot", "a@.", PartDomain},
	{"empty label", "a@b..c", PartDomain},
	{"empty first label", "a@.b", PartDomain},
	{"two final dots", "a@b..", PartDomain},
	{"empty U-label", "a@\u00fc..c", PartDomain},
	{"two final ideographic dots", "\u00fc\u3002\u3002", PartDomain},
	{"hyphen first", "a@-b", PartDomain},
	{"hyphen last", "a@b-.c", PartDomain},
	{"reserved label", "a@ab--c", PartDomain},
	{"A-label of nothing", "a@xn--", PartDomain},
	{"A-label that is not one", "a@xn--a", PartDomain},
	{"A-label of ASCII", "a@xn--abc-.example", PartDomain},
	{"A-label of a symbol", "a@xn--jih.example", PartDomain},
	{"symbol in the domain", "a@\u265a.example", PartDomain},
	{"ignored code points alone", "a@\u00ad", PartDomain},
	{"mixed directions in the domain", "a\u05d0.example", PartDomain},
	{"no closing bracket", "a@[::1", PartDomain},
	{"not an IPv6 address", "a@[::x]", PartDomain},
	{"IPv4 in brackets", "a@[192.0.2.1]", PartDomain},
	{"IPv6 zone", "a@[fe80::1%eth0]", PartDomain},
	{"text after the bracket", "a@[::1]x", PartDomain},
	{"bracket alone", "[", PartDomain},
	{"empty brackets", "[]", PartDomain},

	{"local part too long", long(1024) + "@b", PartLocal},
	{"domain too long", longDomain(1024), PartDomain},
	{"resource too long", "b/" + long(1024), PartResource},
	{"local part too long once prepared", strings.Repeat("\uff41", 1024) + "@b", PartLocal},
	{"resource too long in runes of two", "b/" + strings.Repeat("\u00fc", 512), PartResource},
	{"far too long local part", strings.Repeat("\uff41", 100000) + "@b", PartLocal},
	{"far too long domain", strings.Repeat("\u00ad", 100000), PartDomain},
	{"far too long resource", "b/" + strings.Repeat("\u00fc", 100000), PartResource},
	{"label too long", strings.Repeat("d", 64) + ".example", PartDomain},
	{"label too long in ASCII form", strings.Repeat("\u00fc", 60) + ".example", PartDomain},
}

func TestRefused(t *testing.T) {
	for _, c := range refused {
		t.Run(c.name, func(t *testing.T) {
			j, err := Parse(c.in)
			if err == nil {
				t.Fatalf("accepted as %q", j)
			}
			e, ok := errors.AsType[*Error](err)
			if !ok || e.Part != c.part {
				t.Errorf("%v, want an error about the %s", err, c.part)
			}
			if !j.IsZero() {
				t.Errorf("the JID beside the error is %q", j)
			}
			if ok && (len(err.Error()) > 5*maxValue || e.Why == "" || !strings.Contains(err.Error(), c.part)) {
				t.Errorf("error %q", err)
			}
		})
	}
}

func TestNewRefuses(t *testing.T) {
	for _, c := range []struct{ local, domain, resource, part string }{
		{"", "", "", PartDomain},
		{"a b", "c", "", PartLocal},
		{"a", "b c", "", PartDomain},
		{"a", "b", "\x01", PartResource},
		{"a@b", "c", "", PartLocal},
		{"a", "b/c", "", PartDomain},
		{"a", "b@c", "", PartDomain},
	} {
		j, err := New(c.local, c.domain, c.resource)
		if e, ok := errors.AsType[*Error](err); !ok || e.Part != c.part {
			t.Errorf("New(%q, %q, %q) = %q, %v; want an error about the %s", c.local, c.domain, c.resource, j, err, c.part)
		}
	}
}

func TestZero(t *testing.T) {
	var j JID
	if !j.IsZero() || j.IsBare() || j.IsFull() || j.IsDomain() {
		t.Errorf("zero: %v %v %v %v", j.IsZero(), j.IsBare(), j.IsFull(), j.IsDomain())
	}
	if s := j.String() + j.Local() + j.Domain() + j.Resource(); s != "" {
		t.Errorf("zero has %q", s)
	}
	if j.Bare() != j || j.DomainJID() != j || j.Clone() != j {
		t.Error("what is made of zero is not zero")
	}
	if _, err := j.WithResource("x"); err == nil {
		t.Error("zero takes a resource")
	}
}

func TestWithResource(t *testing.T) {
	for _, c := range []struct{ in, resource, want string }{
		{"a@b", "c", "a@b/c"},
		{"a@b/old", "New", "a@b/New"},
		{"b", "x/y@z", "b/x/y@z"},
		{"b", "u\u0308", "b/\u00fc"},
	} {
		j, err := Parse(c.in)
		if err != nil {
			t.Fatal(err)
		}
		got, err := j.WithResource(c.resource)
		want, _ := Parse(c.want)
		if err != nil || got != want || got.String() != c.want {
			t.Errorf("%s with %q: %q, %v", c.in, c.resource, got, err)
		}
		check(t, got)
	}
	j, _ := Parse("a@b")
	for _, bad := range []string{"", " x", "\x00", long(1024)} {
		if got, err := j.WithResource(bad); err == nil {
			t.Errorf("resource %.10q accepted: %q", bad, got)
		}
	}
}

// TestBorrowed: a canonical ASCII address is a view of its bytes; anything
// else, an error too, does not see them change.
func TestBorrowed(t *testing.T) {
	b := []byte("juliet@example.com/balcony")
	j, err := ParseBorrowed(b)
	if err != nil {
		t.Fatal(err)
	}
	kept, bare := j.Clone(), j.Bare()
	b[0] = 'J'
	if j.String() != "Juliet@example.com/balcony" || bare.String() != "Juliet@example.com" {
		t.Errorf("the view does not see the change: %q %q", j, bare)
	}
	if kept.String() != "juliet@example.com/balcony" {
		t.Errorf("the clone changed: %q", kept)
	}
	for _, in := range []string{"Juliet@example.com", "\u03c0@example.com/x", "example.com.", "xn--bcher-kva.example"} {
		b := []byte(in)
		j, err := ParseBorrowed(b)
		if err != nil {
			t.Fatal(err)
		}
		before := j.Clone()
		clear(b)
		if j != before {
			t.Errorf("%q: the result is a view of the input", in)
		}
	}
	b = []byte("juliet@example.com")
	j, err = ParseBytes(b)
	clear(b)
	if err != nil || j.String() != "juliet@example.com" {
		t.Errorf("ParseBytes: %q %v", j, err)
	}
	b = []byte("a b@example.com")
	_, err = ParseBorrowed(b)
	clear(b)
	if e, _ := errors.AsType[*Error](err); e == nil || e.Value != "a b" {
		t.Errorf("error %v", err)
	}
}

func TestMapKey(t *testing.T) {
	m := map[JID]int{}
	for _, in := range []string{"Juliet@Example.com", "juliet@example.com.", "juliet@EXAMPLE.COM"} {
		j, err := ParseBorrowed([]byte(in))
		if err != nil {
			t.Fatal(err)
		}
		m[j]++
	}
	j, _ := New("juliet", "example.com", "")
	full, _ := j.WithResource("x")
	if len(m) != 1 || m[j] != 3 || m[full.Bare()] != 3 || m[full] != 0 {
		t.Errorf("%v", m)
	}
}
