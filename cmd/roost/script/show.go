package script

import (
	"encoding/xml"
	"slices"
	"strings"
)

// show writes an item for a person.
func show(it item) string {
	var b strings.Builder
	switch it.kind {
	case closed:
		return "</stream:stream>"
	case opened:
		writeStart(&b, it.node, "")
		return b.String() + ">"
	}
	showNode(&b, it.node, nsClient)
	return b.String()
}

func writeStart(b *strings.Builder, n *node, scope string) {
	b.WriteString("<" + n.local)
	if n.space != scope {
		b.WriteString(" xmlns='" + n.space + "'")
	}
	var attrs []string
	for at, v := range n.attrs {
		s := at.local + "='" + escape(v) + "'"
		if at.space == nsXML {
			s = "xml:" + s
		}
		attrs = append(attrs, s)
	}
	slices.Sort(attrs)
	for _, a := range attrs {
		b.WriteString(" " + a)
	}
}

func showNode(b *strings.Builder, n *node, scope string) {
	writeStart(b, n, scope)
	if len(n.kids) == 0 && n.text == "" {
		b.WriteString("/>")
		return
	}
	b.WriteString(">")
	if len(n.kids) == 0 || strings.TrimSpace(n.text) != "" {
		b.WriteString(escape(n.text))
	}
	for _, k := range n.kids {
		showNode(b, k, n.space)
	}
	b.WriteString("</" + n.local + ">")
}

func escape(s string) string {
	var b strings.Builder
	xml.EscapeText(&b, []byte(s))
	return b.String()
}
