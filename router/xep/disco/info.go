package disco

import (
	"crypto/sha1" // XEP-0115 §9.1: mandatory to implement, and no secret rests on it
	"encoding/base64"
	"slices"
	"strings"

	"roost/router"
	"roost/xmlstream"
)

// identity is what an entity is (XEP-0030 §3.1).
type identity struct{ category, kind, lang, name string }

// appendInfo writes the children of a disco#info query.
func appendInfo(dst []byte, ids []identity, features []string, forms []router.Form) []byte {
	for _, id := range ids {
		dst = xmlstream.AppendAttr(append(dst, "<identity"...), "category", id.category)
		dst = xmlstream.AppendAttr(dst, "type", id.kind)
		if id.lang != "" {
			dst = xmlstream.AppendAttr(dst, "xml:lang", id.lang)
		}
		if id.name != "" {
			dst = xmlstream.AppendAttr(dst, "name", id.name)
		}
		dst = append(dst, "/>"...)
	}
	for _, f := range features {
		dst = append(xmlstream.AppendAttr(append(dst, "<feature"...), "var", f), "/>"...)
	}
	for _, f := range forms {
		dst = appendForm(dst, f)
	}
	return dst
}

// appendForm writes extended information (XEP-0128 §2).
func appendForm(dst []byte, f router.Form) []byte {
	dst = append(dst, "<x xmlns='jabber:x:data' type='result'>"...)
	dst = appendField(dst, router.Field{Var: "FORM_TYPE", Type: "hidden", Values: []string{f.Type}})
	for _, v := range f.Fields {
		dst = appendField(dst, v)
	}
	return append(dst, "</x>"...)
}

func appendField(dst []byte, f router.Field) []byte {
	dst = xmlstream.AppendAttr(append(dst, "<field"...), "var", f.Var)
	if f.Type != "" {
		dst = xmlstream.AppendAttr(dst, "type", f.Type)
	}
	dst = append(dst, '>')
	for _, v := range f.Values {
		dst = append(xmlstream.AppendText(append(dst, "<value>"...), v), "</value>"...)
	}
	return append(dst, "</field>"...)
}

func appendItem(dst []byte, it Item) []byte {
	dst = xmlstream.AppendAttr(append(dst, "<item"...), "jid", it.JID.String())
	if it.Name != "" {
		dst = xmlstream.AppendAttr(dst, "name", it.Name)
	}
	return append(dst, "/>"...)
}

// verification is the ver of XEP-0115 §5.1 for the hash sha-1. The order of what is given does not
// matter.
func verification(ids []identity, features []string, forms []router.Form) string {
	var b strings.Builder
	ids = slices.SortedFunc(slices.Values(ids), func(x, y identity) int {
		return strings.Compare(x.key(), y.key())
	})
	for _, id := range ids {
		b.WriteString(id.key() + id.name + "<")
	}
	for _, f := range slices.Sorted(slices.Values(features)) {
		b.WriteString(f + "<")
	}
	forms = slices.SortedFunc(slices.Values(forms), func(x, y router.Form) int {
		return strings.Compare(x.Type, y.Type)
	})
	for _, f := range forms {
		b.WriteString(f.Type + "<")
		fields := slices.SortedFunc(slices.Values(f.Fields), func(x, y router.Field) int {
			return strings.Compare(x.Var, y.Var)
		})
		for _, v := range fields {
			b.WriteString(v.Var + "<")
			for _, val := range slices.Sorted(slices.Values(v.Values)) {
				b.WriteString(val + "<")
			}
		}
	}
	sum := sha1.Sum([]byte(b.String()))
	return base64.StdEncoding.EncodeToString(sum[:])
}

// key is what identities are sorted by.
func (id identity) key() string { return id.category + "/" + id.kind + "/" + id.lang + "/" }
