// Package enttime tells the server's time (XEP-0202), in the formats of XEP-0082.
package enttime

import (
	"time"

	"roost/router"
)

// NS is the namespace of the protocol.
const NS = "urn:xmpp:time"

// Formats of XEP-0082: §3.2 DateTime in UTC with milliseconds, and the time zone definition, "Z" or
// ±hh:mm.
const (
	dateTime = "2006-01-02T15:04:05.000Z"
	zone     = "Z07:00"
)

// Register adds the feature to r. The location of what now gives is the zone that is told.
func Register(r *router.Router, now func() time.Time) {
	r.Handle(router.Row{Space: NS, Local: "time", Get: true, To: router.ToServer | router.ToOwn,
		Handle: func(q *router.IQ) {
			t := now()
			q.Result(func(dst []byte) []byte {
				dst = append(dst, "<time xmlns='"+NS+"'><tzo>"...)
				dst = t.AppendFormat(dst, zone)
				dst = append(dst, "</tzo><utc>"...)
				dst = t.UTC().AppendFormat(dst, dateTime)
				return append(dst, "</utc></time>"...)
			})
		}})
}
