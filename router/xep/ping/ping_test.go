package ping

import (
	"errors"
	"testing"

	. "roost/router/routertest"
)

func TestPing(t *testing.T) {
	s := New(t, Options{})
	Register(s.Router)
	a := s.Bind("a@x/r")
	s.Accounts.Add(JID(t, "friend@x"), JID(t, "stranger@x"))
	s.Watches("a@x", "friend@x")
	const p = "<ping xmlns='" + NS + "'/>"
	Run(t, a, []Case{
		{"server", "<iq type='get' id='1' to='x'>" + p + "</iq>", Result("1", "x", "a@x/r", "")},
		{"no to", "<iq type='get' id='1'>" + p + "</iq>", Result("1", "", "a@x/r", "")},
		{"own account", "<iq type='get' id='1' to='a@x'>" + p + "</iq>", Result("1", "a@x", "a@x/r", "")},
		{"account that lets a see it", "<iq type='get' id='1' to='friend@x'>" + p + "</iq>", Result("1", "friend@x", "a@x/r", "")},
		{"stranger", "<iq type='get' id='1' to='stranger@x'>" + p + "</iq>",
			Refused("iq", "1", "stranger@x", "a@x/r", "cancel", "service-unavailable")},
		{"nobody", "<iq type='get' id='1' to='nobody@x'>" + p + "</iq>",
			Refused("iq", "1", "nobody@x", "a@x/r", "cancel", "service-unavailable")},
		{"resource that is not there", "<iq type='get' id='1' to='stranger@x/r'>" + p + "</iq>",
			Refused("iq", "1", "stranger@x/r", "a@x/r", "cancel", "service-unavailable")},
		{"set", "<iq type='set' id='1' to='x'>" + p + "</iq>",
			Refused("iq", "1", "x", "a@x/r", "cancel", "feature-not-implemented")},
	})
	s.Rosters.Err = errors.New("broken")
	Run(t, a, []Case{{"store fails", "<iq type='get' id='1' to='friend@x'>" + p + "</iq>",
		Refused("iq", "1", "friend@x", "a@x/r", "cancel", "internal-server-error")}})
}

// An answer must not tell whether there is an account (RFC 6120 §13.11).
func TestStrangerLooksLikeNobody(t *testing.T) {
	s := New(t, Options{})
	Register(s.Router)
	a := s.Bind("a@x/r")
	s.Accounts.Add(JID(t, "stranger@x"))
	known := a.Ask("<iq type='get' id='1' to='stranger@x'><ping xmlns='" + NS + "'/></iq>")
	s.Accounts.Add(JID(t, "other@x"))
	unknown := a.Ask("<iq type='get' id='1' to='strangex@x'><ping xmlns='" + NS + "'/></iq>")
	if len(known) != len(unknown) {
		t.Errorf("the answers differ:\n%s\n%s", known, unknown)
	}
}
