package c2s

import (
	"roost/router/stream"
	"roost/xmlstream"
	"roost/xmlstream/jid"
	"roost/xmlstream/stanza"
)

// onHeader handles a stream header (RFC 6120 §4.2, §4.7) and answers with ours and the features.
func (s *Stream) onHeader(el xmlstream.Element) error {
	h, err := stream.ParseHeader(el, stanza.NSClient)
	domain := h.To.String()
	if !s.srv.Router.Serves(domain) {
		domain = ""
	}
	if s.state == stHeader {
		s.nego.domain, s.nego.env.Domain = domain, domain
	}
	s.write(s.answer(h.From.Bare()).Append) // §4.7.2: the bare address
	s.headerSent = true
	switch {
	case err != nil:
		return err
	case domain == "": // §4.9.1.3, §4.9.3.6: unspecified or unknown
		return stanza.StreamHostUnknown.With("this server does not serve \"" + stream.Clip(h.To.String()) + "\"")
	case s.state != stAuthHeader:
		s.state = stFeatures
	case domain != s.nego.domain: // authenticated with one host, a stream to another
		return stanza.StreamNotAuthorized.With("authenticated with " + s.nego.domain)
	case !h.From.IsZero() && h.From.Bare() != s.nego.user: // §4.7.1, §4.9.3.9
		return stanza.StreamInvalidFrom.With("authenticated as " + s.nego.user.String())
	default:
		s.state = stBind
	}
	s.write(s.appendFeatures)
	return nil
}

// answer is our header; from is the first domain while the client has named none of ours
// (§4.9.1.3).
func (s *Stream) answer(to jid.JID) stream.Answer {
	a := stream.Answer{Space: stanza.NSClient, ID: stream.NewID(), To: to}
	if s.nego != nil {
		a.From = s.nego.domain
	}
	if a.From == "" {
		a.From = s.srv.Router.Domains()[0]
	}
	return a
}
