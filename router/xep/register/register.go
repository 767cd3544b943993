// Package register lets people make, change and remove accounts over XMPP itself (XEP-0077).
//
// Making an account happens before anybody has authenticated: the stream calls Handle. What an
// account may do to itself comes through the router.
package register

import (
	"errors"
	"log/slog"
	"time"

	"roost/router"
	"roost/xmlstream/jid"
	"roost/xmlstream/stanza"
)

// Namespaces of the protocol and of its stream feature.
const (
	NS        = "jabber:iq:register"
	NSFeature = "http://jabber.org/features/iq-register"
)

// Errors that Accounts may wrap.
var (
	ErrExists    = errors.New("there is such an account")
	ErrNoAccount = errors.New("there is no such account")
	ErrPassword  = errors.New("the password cannot be used")
	ErrReadOnly  = errors.New("accounts cannot be changed here")
)

// Accounts is the store of accounts. Users are bare JIDs. All methods may block.
type Accounts interface {
	Create(user jid.JID, password string) error      // ErrExists, ErrPassword, ErrReadOnly
	SetPassword(user jid.JID, password string) error // ErrNoAccount, ErrPassword, ErrReadOnly
	// Removable tells whether Remove would have anything to do: nil, ErrNoAccount, ErrReadOnly.
	Removable(user jid.JID) error
	// Remove deletes the account and all that is stored for it.
	Remove(user jid.JID) error
}

// Subscriptions ends presence subscriptions.
type Subscriptions interface {
	// Cancel ends all subscriptions of user, in both directions, and tells the contacts. The user's
	// sessions are unbound before. It may block.
	Cancel(user jid.JID) error
}

// Defaults of Limits.
const (
	DefaultPerAddress   = 5
	DefaultMaxAddresses = 4096
	DefaultMaxPassword  = 1024
)

// Limits of registration. A zero field is the default.
type Limits struct {
	PerAddress   int // accounts asked for from one address (IPv6: one /64) within an hour; negative: no limit
	MaxAddresses int // addresses that are remembered for it; of more, the oldest is forgotten
	MaxPassword  int // bytes of a password
}

func (l Limits) withDefaults() Limits {
	if l.PerAddress == 0 {
		l.PerAddress = DefaultPerAddress
	}
	if l.MaxAddresses <= 0 {
		l.MaxAddresses = DefaultMaxAddresses
	}
	if l.MaxPassword <= 0 {
		l.MaxPassword = DefaultMaxPassword
	}
	return l
}

// Options are what Register needs.
type Options struct {
	Accounts      Accounts
	Subscriptions Subscriptions
	Open          func(domain string) bool // whether strangers may register at domain; nil: nowhere
	Limits        Limits
	Log           *slog.Logger
	Now           func() time.Time // nil: time.Now
}

// Service is the feature.
type Service struct {
	accounts Accounts
	subs     Subscriptions
	open     func(domain string) bool
	lim      Limits
	log      *slog.Logger
	rate     rate
}

// Register adds the feature to r.
func Register(r *router.Router, o Options) *Service {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Open == nil {
		o.Open = func(string) bool { return false }
	}
	o.Limits = o.Limits.withDefaults()
	s := &Service{accounts: o.Accounts, subs: o.Subscriptions, open: o.Open, lim: o.Limits, log: o.Log,
		rate: rate{now: o.Now, limit: o.Limits.PerAddress, room: o.Limits.MaxAddresses}}
	r.Handle(router.Row{Space: NS, Local: "query", Get: true, Set: true, Blocks: true, Feature: "-",
		To: router.ToServer | router.ToOwn, Handle: s.serve})
	r.AddFeature(router.ToServer, NS) // §8
	return s
}

// serve handles requests of an account about itself.
func (s *Service) serve(q *router.IQ) {
	user := q.From.Bare()
	switch {
	case q.Target == router.ToServer && q.To.Domain() != user.Domain():
		// §3.1: another of our domains knows no registration of strangers who have an account elsewhere
		q.Error(stanza.ServiceUnavailable.New())
	case q.Type == stanza.Get:
		q.Result(func(dst []byte) []byte { return appendRegistered(dst, user.Local()) })
	case !q.Payload.Child(NS, "remove").IsZero():
		s.remove(q, user)
	default:
		s.change(q, user)
	}
}

// change sets a new password (§3.3).
func (s *Service) change(q *router.IQ, user jid.JID) {
	name, password, e := fields(q.Payload)
	if e != nil {
		q.Error(stanza.BadRequest.With(e.Text)) // §3.3: here it is bad-request
		return
	}
	named, err := jid.New(name, user.Domain(), "")
	if err != nil || named != user {
		q.Error(stanza.NotAllowed.With("only the password of " + user.Local() + " is changed here"))
		return
	}
	if e := s.checkPassword(password); e != nil {
		q.Error(e)
		return
	}
	err = s.accounts.SetPassword(user, password)
	switch {
	case err == nil:
		q.Result(nil)
	case errors.Is(err, ErrReadOnly), errors.Is(err, ErrNoAccount):
		q.Error(stanza.NotAllowed.With("the password of this account is not kept here"))
	case errors.Is(err, ErrPassword):
		q.Error(stanza.NotAcceptable.With(err.Error()))
	default:
		q.Fault("account", err)
	}
}

// remove cancels the account of the sender (§3.2): first nobody sees it any more, then it goes, and
// then its streams end.
func (s *Service) remove(q *router.IQ, user jid.JID) {
	n := 0
	for range q.Payload.Children() {
		n++
	}
	if n != 1 { // §3.2
		q.Error(stanza.BadRequest.With("remove stands alone"))
		return
	}
	err := s.accounts.Removable(user)
	switch {
	case err == nil:
		s.cancel(q, user.Clone())
	case errors.Is(err, ErrReadOnly): // §3.2
		q.Error(stanza.NotAllowed.With("accounts are not removed here"))
	case errors.Is(err, ErrNoAccount): // §3.2
		q.Error(stanza.RegistrationRequired.With("the account is not registered here"))
	default:
		q.Fault("account", err)
	}
}

// cancel takes the account off line and away. Unbind comes first: whoever saw the sessions is told
// while the roster still knows whom to tell, and nothing is stored for the account afterwards. So
// the streams end even when the store fails.
func (s *Service) cancel(q *router.IQ, user jid.JID) {
	sessions := q.Router.Sessions(user)
	for _, x := range sessions {
		q.Router.Unbind(x, "")
	}
	end := stanza.StreamNotAuthorized.With("the account was removed") // §3.2
	err := s.subs.Cancel(user)
	if err == nil {
		err = s.accounts.Remove(user)
	}
	if err == nil {
		q.Result(nil)
	} else {
		q.Fault("account", err)
		end = stanza.StreamInternalServerError.With("the account was not removed")
	}
	for _, x := range sessions {
		x.End(end)
	}
}
