package c2s

import (
	"context"
	"crypto/tls"
	"encoding/base64"
	"errors"
	"net/netip"
	"strings"
	"time"

	"roost/router/sasl"
	"roost/tlsconf"
	"roost/xmlstream"
	"roost/xmlstream/jid"
	"roost/xmlstream/stanza"
)

// newNegotiation is what a stream on a plain connection begins with; until is when it must be over.
func newNegotiation(cfg *Config, peer netip.AddrPort, until time.Time) *negotiation {
	return &negotiation{peer: peer, until: until, env: sasl.Env{Realm: cfg.Realm, AllowPlain: cfg.AllowPlain, Store: cfg.Store, Digest: cfg.Digest}}
}

// secured notes what TLS says of the client. It is on the loop.
func (s *Stream) secured(st *tls.ConnectionState) {
	env := &s.nego.env
	env.Secure = true
	s.nego.tls = tlsNumber(st)
	for _, b := range tlsconf.Bindings(st, s.cfg.TLS.Leaf(st.ServerName)) {
		env.Bindings = append(env.Bindings, sasl.Binding{Type: b.Type, Data: b.Data})
	}
	if len(st.PeerCertificates) > 0 {
		s.verify(st)
	}
}

// verify checks the client's certificate beside the loop: it takes some signature verifications.
func (s *Stream) verify(st *tls.ConnectionState) {
	var ok bool
	var addrs []string
	var err error
	if !s.compute(func() {
		if s.job.orphaned() {
			return
		}
		ok, err = tlsconf.VerifyClient(s.cfg.TLS, st)
		addrs = tlsconf.XMPPAddrs(st.PeerCertificates[0])
	}, func() {
		if err != nil {
			s.srv.Log.Info("client certificate not accepted", "peer", s.who(), "err", err)
		}
		s.nego.env.CertVerified, s.nego.env.CertJIDs = ok, addrs
	}) {
		s.fail(stanza.StreamResourceConstraint.With(tooManyLogins))
	}
}

// onAuth begins a SASL exchange (RFC 6120 §6.4.2).
func (s *Stream) onAuth(el xmlstream.Element) error {
	switch string(el.Local()) {
	case "auth":
	case "abort": // §6.4.4: nothing is going on, which is the state that the client asks for
		return s.saslFailure(&sasl.Failure{Condition: sasl.Aborted})
	case "response": // §6.4.3: nobody asked
		return s.saslFailure(&sasl.Failure{Condition: sasl.MalformedRequest, Text: "no exchange is going on"})
	default:
		return unsupported(el)
	}
	name, _ := el.Attr("mechanism")
	if !s.mayAuthenticate() { // §6.5.4
		return s.saslFailure(&sasl.Failure{Condition: sasl.EncryptionRequired, Text: "use STARTTLS first"})
	}
	x, err := sasl.Start(&s.nego.env, string(name))
	if err != nil {
		return s.saslFailure(err)
	}
	initial, err := decode(el)
	if err != nil {
		return s.saslFailure(err)
	}
	s.nego.exchange, s.nego.mechanism = x, string(name)
	return s.begins(initial)
}

// onResponse goes on with an exchange (RFC 6120 §6.4.3).
func (s *Stream) onResponse(el xmlstream.Element) error {
	switch {
	case el.Is(stanza.NSSASL, "response"):
	case el.Is(stanza.NSSASL, "abort"): // §6.4.4
		return s.saslFailure(&sasl.Failure{Condition: sasl.Aborted})
	case el.Is(stanza.NSSASL, "auth"): // §6.4.2: one exchange at a time
		return s.saslFailure(&sasl.Failure{Condition: sasl.MalformedRequest, Text: "an exchange is going on"})
	default: // §4.9.3.12
		return stanza.StreamNotAuthorized.With("finish the authentication first")
	}
	response, err := decode(el)
	if err != nil {
		return s.saslFailure(err)
	}
	if response == nil {
		response = []byte{} // an empty <response/> is an empty response (§6.4.3)
	}
	return s.proceed(response)
}

// decode reads the base64 of a SASL element (RFC 6120 §6.3.5, RFC 4648 §4): nil for no text, empty
// for "=". The result is owned.
func decode(el xmlstream.Element) ([]byte, error) {
	text := el.Text()
	switch {
	case len(text) == 0:
		return nil, nil
	case string(text) == "=":
		return []byte{}, nil
	}
	out, err := base64.StdEncoding.Strict().AppendDecode(nil, text)
	if err != nil || !el.First().IsZero() || containsLineEnd(text) {
		return nil, &sasl.Failure{Condition: sasl.IncorrectEncoding, Text: "not base64"}
	}
	return out, nil
}

// containsLineEnd: encoding/base64 skips line ends, RFC 4648 §3.1 does not allow them.
func containsLineEnd(b []byte) bool {
	for _, c := range b {
		if c == '\r' || c == '\n' {
			return true
		}
	}
	return false
}

// tooManyLogins is told to whoever does not get into the line of its address.
const tooManyLogins = "too many logins from your address are waiting; try again later"

// proceed gives the exchange its next message, beside the loop: it may look into a store.
func (s *Stream) proceed(message []byte) error {
	var out []byte
	var done bool
	var err error
	x := s.nego.exchange
	if !s.compute(func() {
		if s.job.orphaned() {
			return // a flood of logins that nobody waits for costs no hashing
		}
		ctx, cancel := context.WithTimeout(context.Background(), s.cfg.patience())
		defer cancel()
		out, done, err = x.Next(ctx, message)
		if done && err == nil {
			err = s.admit(x.User())
		}
	}, func() {
		switch {
		case s.state == stClosing:
		case err != nil, done:
			s.ends(out, err)
		default:
			s.state = stChallenge
			s.write(func(dst []byte) []byte { return appendSASL(dst, "challenge", out, false) })
		}
	}) { // RFC 6120 §6.5.11
		return s.saslFailure(&sasl.Failure{Condition: sasl.TemporaryAuthFailure, Text: tooManyLogins})
	}
	return nil
}

// admit makes sure that the one who authenticated has an account here: a client certificate proves
// an address, not that we know it. It may block.
func (s *Stream) admit(user string) error {
	j, err := jid.New(user, s.nego.domain, "")
	if err != nil {
		return &sasl.Failure{Condition: sasl.NotAuthorized, Err: err}
	}
	switch ok, err := s.srv.Accounts.Exists(j); {
	case err != nil:
		return &sasl.Failure{Condition: sasl.TemporaryAuthFailure, Err: err}
	case !ok:
		return &sasl.Failure{Condition: sasl.NotAuthorized, Err: sasl.ErrNoUser}
	}
	return nil
}

// saslSuccess (RFC 6120 §6.4.6): the client opens a new stream on the same connection.
func (s *Stream) saslSuccess(data []byte) {
	user, err := jid.New(s.nego.exchange.User(), s.nego.domain, "")
	if err != nil {
		s.fail(&stanza.StreamError{Condition: stanza.StreamInternalServerError, Err: err})
		return
	}
	if s.cfg.LogLogins {
		s.srv.Log.Info("authentication succeeded", "peer", s.nego.peer, "user", user.String())
	}
	s.nego.user, s.nego.exchange = user, nil
	s.srv.tried(s.nego.mechanism, "")
	s.write(func(dst []byte) []byte { return appendSASL(dst, "success", data, data != nil) })
	s.state = stAuthHeader
	s.headerSent = false
	s.tok.Reset(&s.cfg.PreAuth) // §6.3.2
}

// saslFailure answers a failed attempt (RFC 6120 §6.4.5). The result ends the stream when the
// client has used up its attempts.
func (s *Stream) saslFailure(err error) error {
	f, ok := errors.AsType[*sasl.Failure](err)
	if !ok {
		f = &sasl.Failure{Condition: sasl.TemporaryAuthFailure, Err: err}
	}
	user := ""
	if s.nego.exchange != nil {
		user = s.nego.exchange.User()
	}
	s.srv.Log.Info("authentication failed", "peer", s.nego.peer, "domain", s.nego.domain,
		"user", user, "mechanism", s.nego.mechanism, "tls", tlsName(s.nego.tls), "condition", f.Condition, "err", oneLine(f.Err))
	s.srv.tried(s.nego.mechanism, f.Condition)
	s.nego.exchange, s.nego.mechanism = nil, ""
	s.state = stFeatures
	s.write(func(dst []byte) []byte {
		dst = append(dst, "<failure xmlns='"+stanza.NSSASL+"'><"...)
		dst = append(append(dst, f.Condition...), "/>"...)
		if f.Text != "" {
			dst = append(dst, "<text xml:lang='en'>"...)
			dst = append(xmlstream.AppendText(dst, f.Text), "</text>"...)
		}
		return append(dst, "</failure>"...)
	})
	if errors.Is(err, sasl.ErrBinding) {
		s.nego.mismatches++
	} else {
		s.nego.failures++
	}
	if s.nego.failures >= s.cfg.MaxAuthFailures || s.nego.mismatches >= maxMismatches {
		return stanza.StreamPolicyViolation.With("too many failed attempts to log in")
	}
	return nil
}

// tried tells who counts how an attempt to log in ended. Without a mechanism it did not begin.
func (srv *Server) tried(mechanism, condition string) {
	if srv.Login != nil {
		srv.Login(mechanism, condition)
	}
}

// oneLine is an error for the log: errors.Join puts each on a line of its own.
func oneLine(err error) string {
	if err == nil {
		return ""
	}
	return strings.ReplaceAll(err.Error(), "\n", "; ")
}

// maxMismatches bounds the attempts that fail over channel binding before any password is tried:
// enough for a client to go through every SCRAM mechanism, with and without -PLUS.
const maxMismatches = 8

// appendSASL writes a challenge or success; empty data that is there is "=" (RFC 6120 §6.4.2).
func appendSASL(dst []byte, name string, data []byte, explicit bool) []byte {
	dst = append(dst, '<')
	dst = append(dst, name...)
	dst = append(dst, " xmlns='"+stanza.NSSASL+"'"...)
	if len(data) == 0 && !explicit {
		return append(dst, "/>"...)
	}
	dst = append(dst, '>')
	if len(data) == 0 {
		dst = append(dst, '=')
	}
	dst = base64.StdEncoding.AppendEncode(dst, data)
	dst = append(dst, "</"...)
	return append(append(dst, name...), '>')
}
