package version

import (
	"testing"

	. "roost/router/routertest"
)

func TestVersion(t *testing.T) {
	for _, k := range []struct {
		info Info
		want string
	}{
		{Info{"Roost", "1.0", ""}, "<name>Roost</name><version>1.0</version>"},
		{Info{"Roost", "1.0", "Linux"}, "<name>Roost</name><version>1.0</version><os>Linux</os>"},
		{Info{"A&B", "<1>", ""}, "<name>A&amp;B</name><version>&lt;1&gt;</version>"},
		{Info{"Roost", "", ""}, "<name>Roost</name><version></version>"},
	} {
		s := New(t, Options{})
		Register(s.Router, k.info)
		a := s.Bind("a@x/r")
		s.Accounts.Add(JID(t, "b@x"))
		const q = "<query xmlns='" + NS + "'/>"
		Run(t, a, []Case{
			{"server", "<iq type='get' id='1' to='x'>" + q + "</iq>",
				Result("1", "x", "a@x/r", "<query xmlns='"+NS+"'>"+k.want+"</query>")},
			{"own account", "<iq type='get' id='1'>" + q + "</iq>", Refused("iq", "1", "", "a@x/r", "cancel", "service-unavailable")},
			{"another", "<iq type='get' id='1' to='b@x'>" + q + "</iq>", Refused("iq", "1", "b@x", "a@x/r", "cancel", "service-unavailable")},
			{"set", "<iq type='set' id='1' to='x'>" + q + "</iq>", Refused("iq", "1", "x", "a@x/r", "cancel", "feature-not-implemented")},
		})
	}
}
