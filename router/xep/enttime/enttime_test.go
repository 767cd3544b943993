package enttime

import (
	"testing"
	"time"

	. "roost/router/routertest"
)

func TestTime(t *testing.T) {
	at := time.Date(2006, 12, 19, 17, 58, 35, 42_000_000, time.UTC)
	for _, k := range []struct {
		zone *time.Location
		tzo  string
	}{
		{time.UTC, "Z"},
		{time.FixedZone("", -6*3600), "-06:00"},
		{time.FixedZone("", 5*3600+1800), "+05:30"},
	} {
		s := New(t, Options{})
		Register(s.Router, func() time.Time { return at.In(k.zone) })
		a := s.Bind("a@x/r")
		s.Accounts.Add(JID(t, "b@x"))
		body := "<time xmlns='" + NS + "'><tzo>" + k.tzo + "</tzo><utc>2006-12-19T17:58:35.042Z</utc></time>"
		const q = "<time xmlns='" + NS + "'/>"
		Run(t, a, []Case{
			{"server", "<iq type='get' id='1' to='x'>" + q + "</iq>", Result("1", "x", "a@x/r", body)},
			{"own account", "<iq type='get' id='1'>" + q + "</iq>", Result("1", "", "a@x/r", body)},
			{"another", "<iq type='get' id='1' to='b@x'>" + q + "</iq>", Refused("iq", "1", "b@x", "a@x/r", "cancel", "service-unavailable")},
			{"set", "<iq type='set' id='1' to='x'>" + q + "</iq>", Refused("iq", "1", "x", "a@x/r", "cancel", "feature-not-implemented")},
		})
	}
}
