package register

import (
	"errors"
	"fmt"
	"net/netip"

	"roost/xmlstream"
	"roost/xmlstream/jid"
	"roost/xmlstream/stanza"
)

const instructions = "Choose a username and a password."

// Offers reports whether strangers may register at domain.
func (s *Service) Offers(domain string) bool { return s.open(domain) }

// StreamFeature announces registration before authentication (§7); empty where it is not open.
func (s *Service) StreamFeature(domain string) string {
	if !s.open(domain) {
		return ""
	}
	return "<register xmlns='" + NSFeature + "'/>"
}

// IsRequest reports whether a stanza that came before authentication is for Handle.
func (s *Service) IsRequest(st *stanza.Stanza) bool {
	return st.Kind == stanza.IQ && st.Bad == nil && st.Wants() && st.Payload().Is(NS, "query")
}

// Handle answers a request that came before authentication, on a stream to domain from the address
// remote. The reply is a complete stanza and the caller's. created is true when there is a new account.
// It may block. st is a request by IsRequest, and borrowed.
func (s *Service) Handle(domain string, remote netip.Addr, st *stanza.Stanza) (reply []byte, created bool) {
	q := st.Payload()
	switch {
	case !s.open(domain), !st.To.IsZero() && st.To.String() != domain: // §3.1
		return st.AppendError(nil, st.To, jid.JID{}, stanza.ServiceUnavailable.With("registration is not open")), false
	case st.Type == stanza.Get:
		return result(st, s.Fields()), false
	case !q.Child(NS, "remove").IsZero(): // §3.2: nobody is known yet
		return st.AppendError(nil, st.To, jid.JID{}, stanza.UnexpectedRequest.With("authenticate first")), false
	}
	if e := s.create(domain, remote, q); e != nil {
		return st.AppendError(nil, st.To, jid.JID{}, e), false
	}
	return result(st, ""), true
}

// Fields is the serialized query that says what an account needs (§3.1).
func (s *Service) Fields() string {
	return "<query xmlns='" + NS + "'><instructions>" + instructions + "</instructions><username/><password/></query>"
}

func result(st *stanza.Stanza, payload string) []byte {
	h := stanza.Header{Kind: stanza.IQ, Type: stanza.Result, ID: st.ID, From: st.To}
	dst := h.Append(nil)
	if payload == "" {
		return append(dst, "/>"...)
	}
	return h.AppendEnd(append(append(dst, '>'), payload...))
}

// create makes the account that query describes.
func (s *Service) create(domain string, remote netip.Addr, query xmlstream.Element) *stanza.StanzaError {
	name, password, e := fields(query)
	if e != nil {
		return e
	}
	if e := s.checkPassword(password); e != nil {
		return e
	}
	user, err := jid.New(name, domain, "")
	if err != nil {
		return stanza.NotAcceptable.With("username: " + err.Error())
	}
	// §3.1.1. Whoever asks for names that are taken counts, too: the answer tells who is here.
	if !s.rate.allow(remote) {
		return &stanza.StanzaError{Condition: stanza.NotAcceptable, Type: "wait",
			Text: fmt.Sprintf("only %d registrations an hour from one address; try again later", s.lim.PerAddress)}
	}
	err = s.accounts.Create(user, password)
	switch {
	case err == nil:
		return nil
	case errors.Is(err, ErrExists):
		return stanza.Conflict.With("the username " + user.Local() + " is taken")
	case errors.Is(err, ErrPassword):
		return stanza.NotAcceptable.With(err.Error())
	case errors.Is(err, ErrReadOnly):
		return stanza.NotAllowed.With("accounts are not made here")
	}
	s.log.Error("registration failed", "user", user.String(), "err", err)
	return stanza.InternalServerError.With("the server's store failed")
}

// fields reads username and password; both must be there and not empty (§3.1).
func fields(query xmlstream.Element) (name, password string, e *stanza.StanzaError) {
	name = string(query.Child(NS, "username").Text())
	password = string(query.Child(NS, "password").Text())
	switch {
	case name == "":
		return "", "", stanza.NotAcceptable.With("a username is needed")
	case password == "":
		return "", "", stanza.NotAcceptable.With("a password is needed")
	}
	return name, password, nil
}

func (s *Service) checkPassword(p string) *stanza.StanzaError {
	if len(p) > s.lim.MaxPassword {
		return stanza.NotAcceptable.With(fmt.Sprintf("the password has %d bytes; %d are allowed", len(p), s.lim.MaxPassword))
	}
	return nil
}

// appendRegistered tells an account what is known of it (§3.1).
func appendRegistered(dst []byte, user string) []byte {
	dst = append(dst, "<query xmlns='"+NS+"'><registered/><instructions>"+instructions+"</instructions><username>"...)
	dst = xmlstream.AppendText(dst, user)
	return append(dst, "</username><password/></query>"...)
}
