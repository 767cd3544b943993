// Package ping answers pings for the server and for accounts (XEP-0199).
package ping

import (
	"roost/router"
	"roost/xmlstream/stanza"
)

// NS is the namespace of the protocol.
const NS = "urn:xmpp:ping"

// Register adds the feature to r.
func Register(r *router.Router) {
	r.Handle(router.Row{Space: NS, Local: "ping", Get: true,
		To: router.ToServer | router.ToOwn | router.ToOthers, Handle: answer})
}

// answer says that the server, or the server for an account, is there. XEP-0199 §4.4: a ping to a
// bare JID is the server's to answer. §7, RFC 6120 §13.11: to one who may not know of the account it
// looks as if there was none.
func answer(q *router.IQ) {
	if q.Target != router.ToOthers {
		q.Result(nil)
		return
	}
	sees, err := q.Router.Sees(q.Account(), q.From)
	switch {
	case err != nil:
		q.Fault("roster", err)
	case !sees:
		q.Error(stanza.ServiceUnavailable.New())
	default:
		q.Result(nil)
	}
}
