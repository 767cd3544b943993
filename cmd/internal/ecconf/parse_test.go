package ecconf

import (
	"fmt"
	"strings"
	"testing"
)

// dump writes items in one canonical form, one statement per line.
func dump(items []*Item) string {
	var b strings.Builder
	var walk func(items []*Item, in string)
	walk = func(items []*Item, in string) {
		for _, it := range items {
			switch it.Kind {
			case OptionItem:
				fmt.Fprintf(&b, "%s%s = %s\n", in, it.Name, it.Value)
			case IncludeItem:
				fmt.Fprintf(&b, "%s%s %s\n", in, it.Name, it.Value)
			case StanzaItem:
				name := it.Name
				if it.Named {
					name += " " + Quote(it.Instance)
				}
				fmt.Fprintf(&b, "%s%s {\n", in, name)
				walk(it.Items, in+"  ")
				fmt.Fprintf(&b, "%s}\n", in)
			}
		}
	}
	walk(items, "")
	return b.String()
}

func TestParse(t *testing.T) {
	for _, tt := range []struct{ name, src, want string }{
		{"nothing", "", ""},
		{"only comments", "# a\n/* b\n # c */ # d", ""},
		{"byte order mark and CRLF", "\uFEFFa = 1\r\nb = \"2\"\r\n", "a = 1\nb = \"2\"\n"},
		{"anonymous stanza", "xmpp {}", "xmpp {\n}\n"},
		{"comment after a body", "Listen \"*:5222\" {} # note", "Listen \"*:5222\" {\n}\n"},
		{"comment touches a bracket or a string", "a = \"x\"# c\nb {}# c\nc = ( 1 )# c", "a = \"x\"\nb {\n}\nc = ( 1 )\n"},
		{"brace on the next line", "xmpp\n{\n}", "xmpp {\n}\n"},
		{"= before a body", "Esmtp_Listener = {\n a = 1 }", "Esmtp_Listener {\n  a = 1\n}\n"},
		{"= between name and body", "Listen \"x\" = { }", "Listen \"x\" {\n}\n"},
		{"bare instance names", "ThreadPool accept-pool { }\nDomain /yahoo\\.com$/ { }\nListen /tmp/2025 {}", "ThreadPool \"accept-pool\" {\n}\nDomain \"/yahoo\\\\.com$/\" {\n}\nListen \"/tmp/2025\" {\n}\n"},
		{"domain name with #", `domain "#xmpp#x" { }`, "domain \"#xmpp#x\" {\n}\n"},
		{"dictionary on one line", `A = [uri = "mysqlauth://"]`, "A = [ uri = \"mysqlauth://\" ]\n"},
		{"dictionary without =", "A [\n  uri = digest:///path # c\n]", "A = [ uri = digest:///path ]\n"},
		{"empty dictionary and list", "a = [] b = ()", "a = [ ]\nb = ( )\n"},
		{"list", `Relay_Hosts = ( 127.0.0.0/8 "[::1]" )`, "Relay_Hosts = ( 127.0.0.0/8 \"[::1]\" )\n"},
		{"list in a dictionary", `c = [ admin = ( "mailto:a" "xmpp:a" ) abuse = "x" ]`, "c = [ admin = ( \"mailto:a\" \"xmpp:a\" ) abuse = \"x\" ]\n"},
		{"several on one line", "a = 1 b = 2 c {} d = 3", "a = 1\nb = 2\nc {\n}\nd = 3\n"},
		{"value on the next line", "a =\n 1", "a = 1\n"},
		{"escapes", `a = "say \"hi\" \d \\"`, "a = \"say \\\"hi\\\" \\\\d \\\\\"\n"},
		{"comment characters in a string", `a = "x # y /* z */"`, "a = \"x # y /* z */\"\n"},
		{"block comment between tokens", "a /* one */ = /* two */ 1", "a = 1\n"},
		{"block comments do not nest", "/* /* */ a = 1", "a = 1\n"},
		{"tolerant words", "a = file:///x.y@z-*~%t+D", "a = file:///x.y@z-*~%t+D\n"},
		{"include", "include \"a\"\nxmpp { readonly_include b/c.conf }", "include \"a\"\nxmpp {\n  readonly_include b/c.conf\n}\n"},
		{"lines left out", "a {\n  ...\n  b \"c\" { ... }\n}", "a {\n  b \"c\" {\n  }\n}\n"},
	} {
		doc, err := Parse("f", []byte(tt.src))
		if err != nil {
			t.Errorf("%s: %v", tt.name, err)
		}
		if got := dump(doc.Items); got != tt.want {
			t.Errorf("%s: got\n%s\nwant\n%s", tt.name, got, tt.want)
		}
		again, err := Parse("f", []byte(dump(doc.Items)))
		if err != nil || dump(again.Items) != tt.want {
			t.Errorf("%s: what was printed does not read the same: %v", tt.name, err)
		}
	}
}

// The parser goes on at the next statement: every mistake is reported, and
// what stands around it is understood.
func TestParseErrors(t *testing.T) {
	for _, tt := range []struct{ src, items, errs string }{
		{"a = \nb = 1", "b = 1\n", `f:2:1: a has no value: "b" already belongs to the next statement`},
		{"a = }", "", "f:1:5: a has no value: found } instead\nf:1:5: } closes nothing: no stanza is open here"},
		{"a\nb = 1", "b = 1\n", `f:1:1: "a" has neither a value nor a body: write a = … or a { … }`},
		{"s { a }\nb = 1", "s {\n}\nb = 1\n", `f:1:5: "a" has neither a value nor a body: write a = … or a { … }`},
		{"a 300\nb = 1", "b = 1\n", `f:1:3: = is missing between a and "300" (or a { after it, if a is a stanza)`},
		{"a = 1 2\nb = 1", "a = 1\nb = 1\n", `f:1:7: "2" stands after the value of a: quote a value that holds white space, and put ( … ) around a list`},
		{"a = 300;\nb = ( x, y )", "a = 300\nb = ( x y )\n", "f:1:5: \"300;\": white space separates values and statements, leave out commas and semicolons\nf:2:7: \"x,\": white space separates values and statements, leave out commas and semicolons"},
		{"a = 300# five", "a = 300\n", `f:1:5: # touches the word "300": put a space before a comment, or quote the whole value`},
		{"a = x/* c */\nb = 1", "a = x\nb = 1\n", `f:1:5: /* touches the word "x": put a space before a comment, or quote the whole value`},
		{"a = 'x'", "a = x\n", "f:1:5: ' does not delimit strings: use double quotes\nf:1:6: a quote touches the word \"x\": quote the whole value\nf:1:7: ' does not delimit strings: use double quotes"},
		{"a = \"x\nb = 1", "a = \"x\"\nb = 1\n", "f:1:5: the string that starts here has no closing quote on its line"},
		{"a = 1\n/* x\n", "a = 1\n", "f:2:1: the comment that starts here is never closed: */ is missing"},
		{"s {\n a = 1\n", "s {\n  a = 1\n}\n", "f:1:3: the { that opens here is never closed: } is missing"},
		{"}\na = 1", "a = 1\n", "f:1:1: } closes nothing: no stanza is open here"},
		{"domain #xmpp#x {\n r = 1\n}", "r = 1\n", "f:1:1: \"domain\" has neither a value nor a body: write domain = … or domain { … }; a name that begins with # must be quoted, else it is a comment\nf:3:1: } closes nothing: no stanza is open here"},
		{"Listen [::]:5222 {\n a = 1\n}\nb = 1", "b = 1\n", `f:1:9: "::" in the dictionary of Listen has no value: write :: = … (an address in brackets must be quoted: "[::]:5222")`},
		{"d = [ x ]\nb = 1", "b = 1\n", `f:1:7: "x" in the dictionary of d has no value: write x = …`},
		{"d = [ ( ]\nb = 1", "b = 1\n", `f:1:7: ( stands in the dictionary of d, which holds only key = value`},
		{"l = ( a [ )\nb = 1", "b = 1\n", `f:1:9: [ stands in the list of l, which holds only words and quoted strings`},
		{"l = ( a\nb = 1", "b = 1\n", `f:2:1: ( of l, opened on line 1, is not closed before "b": ) is missing`},
		{"s { l = ( a }\nb = 1", "s {\n}\nb = 1\n", `f:1:13: ( of l, opened on line 1, is not closed before }: ) is missing`},
		{"include\nb = 1", "include b\n", `f:2:3: = stands where the name of an option or a stanza was expected`},
		{"include {}", "", `f:1:1: include needs the path of a file or directory: include "file.conf"`},
		{"= 3\nb = 1", "b = 1\n", "f:1:1: = stands where the name of an option or a stanza was expected"},
		{"a = \x00\nb = \xff", "a = \x00\nb = \xff\n", "f:1:5: the control character U+0000 is not allowed\nf:2:5: byte 0xff is not UTF-8: save the file as UTF-8"},
		{"# é\xff", "", "f:1:4: byte 0xff is not UTF-8: save the file as UTF-8"},
		{"é = \"ü\" x", "é = \"ü\"\n", `f:1:9: "x" stands after the value of é: quote a value that holds white space, and put ( … ) around a list`},
	} {
		doc, err := Parse("f", []byte(tt.src))
		if err == nil || err.Error() != tt.errs {
			t.Errorf("%q: got\n%v\nwant\n%s", tt.src, err, tt.errs)
		}
		if got := dump(doc.Items); got != tt.items {
			t.Errorf("%q: items\n%s\nwant\n%s", tt.src, got, tt.items)
		}
	}
}

// The damaged copy of the listener sample: both closing signs are missing.
func TestParseUnclosedSample(t *testing.T) {
	src := "xmpp_listener {\n  AuthPlainParameters = [\n     # you may use any\n     uri = \"file:///x\"\n\n  Listen \"*:5222\" {} # xmpp client port\n"
	doc, err := Parse("f", []byte(src))
	want := "f:1:15: the { that opens here is never closed: } is missing\n" +
		"f:6:3: [ of AuthPlainParameters, opened on line 2, is not closed before \"Listen\": ] is missing"
	if err == nil || err.Error() != want {
		t.Errorf("got\n%v\nwant\n%s", err, want)
	}
	if got, want := dump(doc.Items), "xmpp_listener {\n  Listen \"*:5222\" {\n  }\n}\n"; got != want {
		t.Errorf("items\n%s", got)
	}
	if !doc.Items[0].Damaged {
		t.Error("the stanza is not marked as damaged")
	}
}

func TestParsePositions(t *testing.T) {
	doc, err := Parse("f", []byte("/* ü\n */ s \"é\" {\n\td = [ k = ( \"x\" y ) ]\n}"))
	if err != nil {
		t.Fatal(err)
	}
	s := doc.Items[0]
	d := s.Items[0]
	e := d.Value.Entries[0]
	for _, tt := range []struct {
		what string
		pos  Pos
		want string
	}{
		{"stanza", s.Pos, "f:2:5"}, {"instance", s.InstancePos, "f:2:7"}, {"option", d.Pos, "f:3:2"},
		{"dict", d.Value.Pos, "f:3:6"}, {"key", e.Pos, "f:3:8"}, {"list", e.Value.Pos, "f:3:12"}, {"item", e.Value.Items[1].Pos, "f:3:18"},
	} {
		if tt.pos.String() != tt.want {
			t.Errorf("%s at %s, want %s", tt.what, tt.pos, tt.want)
		}
	}
}

func TestParseNesting(t *testing.T) {
	for _, tt := range []struct {
		name, src, want string
	}{
		{"stanzas", strings.Repeat("a {\n", MaxNesting+5) + strings.Repeat("}\n", MaxNesting+5), fmt.Sprintf("f:%d:3: stanzas nest deeper than 32 levels", MaxNesting+1)},
		{"dictionaries", "a = " + strings.Repeat("[ a = ", MaxNesting+1) + strings.Repeat("]", MaxNesting+1), "f:1:197: the value of a nests deeper than 32 levels"},
	} {
		if _, err := Parse("f", []byte(tt.src)); err == nil || err.Error() != tt.want {
			t.Errorf("%s: got %v, want %s", tt.name, err, tt.want)
		}
	}
}

func TestErrorsAreBounded(t *testing.T) {
	_, err := Parse("f", []byte(strings.Repeat("} ", 200_000)))
	es, ok := err.(Errors)
	if !ok || len(es) != MaxErrors+1 || es[MaxErrors].Msg != "there is more to say than the messages above; mend those first" {
		t.Errorf("got %d errors", len(es))
	}
}

func TestElisionWarns(t *testing.T) {
	doc, err := Parse("f", []byte("a {\n  ...\n}"))
	if err != nil || len(doc.Warnings) != 1 || doc.Warnings[0].Error() != "f:2:3: ... stands for lines that were left out; nothing is set by it" {
		t.Errorf("got %v, %v", doc.Warnings, err)
	}
}
