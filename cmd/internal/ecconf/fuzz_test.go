package ecconf

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// FuzzParse: any input ends, panics nowhere, and what was understood of an
// input without errors reads the same after it is printed.
func FuzzParse(f *testing.F) {
	for _, s := range []string{
		"xmpp {}\nxmpp_listener {\n  AuthPlainParameters = [ uri = \"file:///x\" ]\n  Listen \"*:5222\" {} # c\n}",
		"a = ( b \"c\" ) d = [ e = f g = ( h ) ]", "include \"x\" readonly_include y", "a = \"\\\"\\\\\\d\"",
		"domain #xmpp#x {", "Listen [::]:5222 {}", "/* x", "\"", "a {{{{", ")]}", "a = 'x", "...", "a = 1;,# x", "\x00\xff",
	} {
		f.Add(s)
	}
	samples, _ := filepath.Glob("../../roost/conf/testdata/*.conf")
	for _, path := range samples {
		if b, err := os.ReadFile(path); err == nil {
			f.Add(string(b))
		}
	}
	schema := testSchema(f)
	f.Fuzz(func(t *testing.T, src string) {
		doc, err := Parse("f", []byte(src))
		for _, e := range asList(err) {
			if e.Pos.Line < 1 && !strings.HasPrefix(e.Msg, "there is more") || e.Msg == "" {
				t.Errorf("error without a place or a message: %#v", e)
			}
		}
		if tree, _ := schema.Bind(doc); tree == nil {
			t.Error("no tree")
		}
		if err != nil {
			return
		}
		printed := dump(doc.Items)
		again, err := Parse("f", []byte(printed))
		if err != nil {
			t.Fatalf("printed form is refused: %v\n%s", err, printed)
		}
		if got := dump(again.Items); got != printed {
			t.Errorf("printed form reads differently:\n%s\n%s", printed, got)
		}
	})
}

func asList(err error) Errors {
	es, _ := err.(Errors)
	return es
}
