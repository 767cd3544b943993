// Package version tells which software the server is (XEP-0092).
package version

import (
	"roost/router"
	"roost/xmlstream"
)

// NS is the namespace of the protocol.
const NS = "jabber:iq:version"

// Info is what is told. XEP-0092 §5: an empty OS is not told.
type Info struct{ Name, Version, OS string }

// Register adds the feature to r.
func Register(r *router.Router, i Info) {
	body := append([]byte(nil), "<query xmlns='"+NS+"'>"...)
	body = appendElement(body, "name", i.Name)
	body = appendElement(body, "version", i.Version) // required (§2), be it empty
	if i.OS != "" {
		body = appendElement(body, "os", i.OS)
	}
	body = append(body, "</query>"...)
	r.Handle(router.Row{Space: NS, Local: "query", Get: true, To: router.ToServer,
		Handle: func(q *router.IQ) {
			q.Result(func(dst []byte) []byte { return append(dst, body...) })
		}})
}

func appendElement(dst []byte, name, text string) []byte {
	dst = append(append(append(dst, '<'), name...), '>')
	dst = xmlstream.AppendText(dst, text)
	return append(append(append(dst, "</"...), name...), '>')
}
