package register

import (
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"testing"

	"roost/router/routertest"
	"roost/xmlstream/jid"
	"roost/xmlstream/stanza"
)

// store is accounts with their passwords, and a record of what was done, in order.
type store struct {
	have     map[string]string
	did      []string
	err      error // what every method fails with
	readOnly bool
	cancel   error // what Cancel fails with
}

func (s *store) do(what string, user jid.JID) error {
	if s.err != nil {
		return s.err
	}
	s.did = append(s.did, what+" "+user.String())
	return nil
}

func (s *store) Create(user jid.JID, password string) error {
	if err := s.do("create", user); err != nil {
		return err
	}
	_, taken := s.have[user.String()]
	switch {
	case s.readOnly:
		return fmt.Errorf("file: %w", ErrReadOnly)
	case taken:
		return fmt.Errorf("%v: %w", user, ErrExists)
	case strings.Contains(password, "\x7f"):
		return ErrPassword
	}
	s.have[user.String()] = password
	return nil
}

func (s *store) SetPassword(user jid.JID, password string) error {
	if err := s.do("set", user); err != nil {
		return err
	}
	_, there := s.have[user.String()]
	switch {
	case s.readOnly:
		return ErrReadOnly
	case !there:
		return ErrNoAccount
	case strings.Contains(password, "\x7f"):
		return ErrPassword
	}
	s.have[user.String()] = password
	return nil
}

func (s *store) Removable(user jid.JID) error {
	_, there := s.have[user.String()]
	switch {
	case s.err != nil:
		return s.err
	case s.readOnly:
		return ErrReadOnly
	case !there:
		return ErrNoAccount
	}
	return nil
}

func (s *store) Remove(user jid.JID) error {
	delete(s.have, user.String())
	return s.do("remove", user)
}

func (s *store) Cancel(user jid.JID) error {
	if s.cancel != nil {
		return s.cancel
	}
	return s.do("cancel", user)
}

func setup(t *testing.T, users ...string) (*routertest.Server, *store, *Service) {
	s := routertest.New(t, routertest.Options{Domains: []string{"x", "y"}})
	db := &store{have: map[string]string{}}
	for _, u := range users {
		db.have[u] = "secret"
	}
	svc := Register(s.Router, Options{Accounts: db, Subscriptions: db, Log: slog.New(s.Log),
		Open: func(d string) bool { return d == "x" }, Limits: Limits{MaxPassword: 10}})
	return s, db, svc
}

func query(inner string) string { return "<query xmlns='" + NS + "'>" + inner + "</query>" }

func creds(name, password string) string {
	return query("<username>" + name + "</username><password>" + password + "</password>")
}

func set(to, q string) string {
	if to != "" {
		to = " to='" + to + "'"
	}
	return "<iq type='set' id='1'" + to + ">" + q + "</iq>"
}

func TestOwnAccount(t *testing.T) {
	s, db, _ := setup(t, "a@x")
	a := s.Bind("a@x/r")
	s.Accounts.Add(routertest.JID(t, "b@x"))
	refused := func(from, typ, cond string) string {
		return routertest.Refused("iq", "1", from, "a@x/r", typ, cond)
	}
	registered := "<query xmlns='" + NS + "'><registered/><instructions>" + instructions +
		"</instructions><username>a</username><password/></query>"
	get := func(to string) string { return strings.Replace(set(to, query("")), "'set'", "'get'", 1) }
	routertest.Run(t, a, []routertest.Case{
		{"get", get(""), routertest.Result("1", "", "a@x/r", registered)},
		{"get from the server", get("x"), routertest.Result("1", "x", "a@x/r", registered)},
		{"get from the account", get("a@x"), routertest.Result("1", "a@x", "a@x/r", registered)},
		{"another domain", get("y"), refused("y", "cancel", "service-unavailable")},
		{"another account", get("b@x"), refused("b@x", "cancel", "service-unavailable")},
		{"change", set("x", creds("a", "new")), routertest.Result("1", "x", "a@x/r", "")},
		{"change, name to be prepared", set("", creds("A", "newer")), routertest.Result("1", "", "a@x/r", "")},
		{"no username", set("x", query("<password>p</password>")), refused("x", "modify", "bad-request")},
		{"no password", set("x", query("<username>a</username>")), refused("x", "modify", "bad-request")},
		{"empty password", set("x", creds("a", "")), refused("x", "modify", "bad-request")},
		{"empty query", set("x", query("")), refused("x", "modify", "bad-request")},
		{"somebody else's", set("x", creds("b", "p")), refused("x", "cancel", "not-allowed")},
		{"no username at all", set("x", creds("a b@", "p")), refused("x", "cancel", "not-allowed")},
		{"too long", set("x", creds("a", "12345678901")), refused("x", "modify", "not-acceptable")},
		{"not usable", set("x", creds("a", "a\x7f")), refused("x", "modify", "not-acceptable")},
		{"remove and more", set("", query("<remove/><username>a</username>")), refused("", "modify", "bad-request")},
		{"remove at another domain", set("y", query("<remove/>")), refused("y", "cancel", "service-unavailable")},
	})
	if db.have["a@x"] != "newer" {
		t.Errorf("the password is %q", db.have["a@x"])
	}
	db.readOnly = true
	routertest.Run(t, a, []routertest.Case{
		{"read only", set("", creds("a", "p")), refused("", "cancel", "not-allowed")},
		{"read only, remove", set("", query("<remove/>")), refused("", "cancel", "not-allowed")},
	})
	db.readOnly = false
	delete(db.have, "a@x")
	routertest.Run(t, a, []routertest.Case{
		{"not kept here", set("", creds("a", "p")), refused("", "cancel", "not-allowed")},
		{"not kept here, remove", set("", query("<remove/>")), refused("", "auth", "registration-required")},
	})
	db.err = errors.New("broken")
	routertest.Run(t, a, []routertest.Case{
		{"store fails", set("", creds("a", "p")), refused("", "cancel", "internal-server-error")},
		{"store fails, remove", set("", query("<remove/>")), refused("", "cancel", "internal-server-error")},
	})
	if _, ended := a.Ended(); ended {
		t.Error("the stream ended")
	}
}

func TestRemove(t *testing.T) {
	s, db, _ := setup(t, "a@x", "b@x")
	s.Friends("a@x", "b@x")
	a1, a2, b := s.Online("a@x/1", ""), s.Bind("a@x/2"), s.Online("b@x/r", "")
	s.Drain()
	a1.Send(set("", query("<remove/>")))
	if got := b.One(); got != "<presence from='a@x/1' to='b@x' type='unavailable'/>" {
		t.Errorf("the contact got %s", got)
	}
	if got := a1.One(); got != routertest.Result("1", "", "a@x/1", "") {
		t.Errorf("the sender got %s", got)
	}
	for _, c := range []*routertest.Client{a1, a2} {
		if e, ended := c.Ended(); !ended || e == nil || e.Condition != stanza.StreamNotAuthorized {
			t.Errorf("%v: ended %v with %v", c.Session.JID, ended, e)
		}
	}
	if _, ended := b.Ended(); ended {
		t.Error("the contact's stream ended")
	}
	if want := []string{"cancel a@x", "remove a@x"}; !slices.Equal(db.did, want) {
		t.Errorf("did %q, want %q", db.did, want)
	}
	if n := len(s.Router.Sessions(routertest.JID(t, "a@x"))); n != 0 {
		t.Errorf("%d sessions are left", n)
	}
}

func TestRemoveFails(t *testing.T) {
	s, db, _ := setup(t, "a@x")
	a := s.Bind("a@x/r")
	db.cancel = errors.New("broken")
	want := routertest.Refused("iq", "1", "", "a@x/r", "cancel", "internal-server-error")
	if got := routertest.Plain(a.Ask(set("", query("<remove/>")))); got != want {
		t.Errorf("got %s", got)
	}
	if e, ended := a.Ended(); !ended || e.Condition != stanza.StreamInternalServerError {
		t.Errorf("ended %v with %v", ended, e)
	}
	if db.have["a@x"] == "" {
		t.Error("the account is gone")
	}
}
