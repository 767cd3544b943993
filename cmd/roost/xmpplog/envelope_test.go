package xmpplog

import (
	"testing"

	"roost/cmd/roost/conf"
	"roost/xmlstream"
)

// FuzzEnvelope: whatever the quick way reads, the tokenizer reads the same.
func FuzzEnvelope(f *testing.F) {
	for _, s := range []string{chat, `<message/>`, `<presence from="a@b/c" to='d'/>`, `<iq id='1' type='set' xml:lang='de' x:from='no'><q a='>'/></iq>`,
		`<message from='a'><forwarded><message from='b'></message></forwarded></message>`, `<message id='a&amp;b'/>`, "<message id='a\nb'/>",
		`<message id='1'/><message id='2'/>`, `<message id='1'></message ><iq/>`, `<message xmlns='other' id='1'/>`, `<messages id='1'/>`,
		`<message id='1'><body><![CDATA[</message>]]></body></message>`, `<message  id = '1' />`, `<message id='1'>`, `<stream:error/>`} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		env, ok := readEnvelope([]byte(text))
		if !ok {
			return
		}
		x := new(scratch)
		n := 0
		err := x.elements([]byte(text), func(el xmlstream.Element) {
			n++
			slow := subject{el: el}
			if got := kindOf(el); got != env.kind && n == 1 {
				t.Errorf("%q: kind %q, the tokenizer says %q", text, env.kind, got)
			}
			for _, m := range []conf.Macro{conf.MacroFrom, conf.MacroTo, conf.MacroID, conf.MacroType} {
				if got, want := string(env.value(m)), string(slow.value(m)); got != want && n == 1 {
					t.Errorf("%q: %s %q, the tokenizer says %q", text, attributeOf(m), got, want)
				}
			}
		})
		if err == nil && n > 1 {
			t.Errorf("%q: %d elements are taken for one", text, n)
		}
	})
}

// TestEnvelope: what is delivered most is read the quick way.
func TestEnvelope(t *testing.T) {
	for _, s := range []string{chat, `<presence from="a@b/c" to='d'/>`, `<iq id='1' type='set' xml:lang='de'><q a='>'/></iq>`} {
		if _, ok := readEnvelope([]byte(s)); !ok {
			t.Errorf("%s is left to the tokenizer", s)
		}
	}
}
