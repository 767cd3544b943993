package c2s

import (
	"roost/router/sasl"
	"roost/router/stream"
	"roost/xmlstream"
	"roost/xmlstream/stanza"
)

// feature is one offer in <stream:features/> (RFC 6120 §4.3.2).
type feature struct {
	when  func(*Stream) bool
	offer func(*Stream, []byte) []byte
}

// features are offered in this order.
var features = []feature{
	{(*Stream).offersTLS, (*Stream).appendTLS},
	{(*Stream).offersSASL, (*Stream).appendSASL},
	{(*Stream).offersRegister, (*Stream).appendRegister},
	{(*Stream).authenticated, appendConst("<bind xmlns='" + stanza.NSBind + "'/>" +
		"<session xmlns='" + stanza.NSSession + "'><optional/></session>")}, // RFC 6121 §1.4: optional
	{(*Stream).authenticated, (*Stream).appendFurther},
	{func(s *Stream) bool { return s.srv.Caps != nil },
		func(s *Stream, dst []byte) []byte { return append(dst, s.srv.Caps()...) }},
}

func appendConst(v string) func(*Stream, []byte) []byte {
	return func(_ *Stream, dst []byte) []byte { return append(dst, v...) }
}

func (s *Stream) appendFeatures(dst []byte) []byte {
	dst = append(dst, "<stream:features>"...)
	for _, f := range features {
		if f.when(s) {
			dst = f.offer(s, dst)
		}
	}
	return append(dst, "</stream:features>"...)
}

func (s *Stream) authenticated() bool { return s.state == stBind }

func (s *Stream) offersTLS() bool {
	return s.state == stFeatures && s.cfg.TLS.Enabled() && !s.nego.env.Secure
}

func (s *Stream) appendTLS(dst []byte) []byte {
	if s.cfg.RequireTLS {
		return append(dst, stream.TLSRequired...)
	}
	return append(dst, stream.TLSOffer...)
}

// mayAuthenticate: RFC 6120 §5.3.1, TLS comes first when it is required.
func (s *Stream) mayAuthenticate() bool { return s.nego.env.Secure || !s.cfg.RequireTLS }

func (s *Stream) offersSASL() bool { return s.state == stFeatures && s.mayAuthenticate() }

// appendSASL offers the mechanisms (RFC 6120 §6.4.1) and the channel bindings (XEP-0440 §3).
func (s *Stream) appendSASL(dst []byte) []byte {
	env := &s.nego.env
	offer := sasl.Offer(env)
	if len(offer) == 0 { // an empty list is none (RFC 6120 §A.4)
		return dst
	}
	dst = append(dst, "<mechanisms xmlns='"+stanza.NSSASL+"'>"...)
	for _, m := range offer {
		dst = append(dst, "<mechanism>"...)
		dst = append(append(dst, m...), "</mechanism>"...)
	}
	dst = append(dst, "</mechanisms>"...)
	types := sasl.BindingTypes(env)
	if len(types) == 0 {
		return dst
	}
	dst = append(dst, "<sasl-channel-binding xmlns='urn:xmpp:sasl-cb:0'>"...)
	for _, t := range types {
		dst = append(xmlstream.AppendAttr(append(dst, "<channel-binding"...), "type", t), "/>"...)
	}
	return append(dst, "</sasl-channel-binding>"...)
}

func (s *Stream) offersRegister() bool {
	return s.state == stFeatures && s.mayAuthenticate() && s.srv.Registrar != nil &&
		s.srv.Registrar.StreamFeature(s.nego.domain) != ""
}

func (s *Stream) appendRegister(dst []byte) []byte {
	return append(dst, s.srv.Registrar.StreamFeature(s.nego.domain)...)
}

func (s *Stream) appendFurther(dst []byte) []byte { return append(dst, s.srv.Features...) }

// onFeature handles an element from a client that is not authenticated.
func (s *Stream) onFeature(el xmlstream.Element) error {
	switch space := string(el.Space()); {
	case space == stanza.NSTLS:
		return s.onStartTLS(el)
	case space == stanza.NSSASL:
		return s.onAuth(el)
	case space == stanza.NSClient && stanza.KindOf(el.Local()) != stanza.NotStanza:
		return s.onEarlyStanza(el)
	default:
		return unsupported(el)
	}
}

// onEarlyStanza: RFC 6120 §4.9.3.12, nothing is handled before authentication but registration
// where it is open (XEP-0077 §3.1).
func (s *Stream) onEarlyStanza(el xmlstream.Element) error {
	st := stanza.Parse(el, stanza.NSClient)
	if !s.offersRegister() || !s.srv.Registrar.IsRequest(&st) {
		return stanza.StreamNotAuthorized.With("log in first")
	}
	own, domain, peer := st.Clone(), s.nego.domain, s.nego.peer.Addr()
	s.async(s.srv.Auth, func() {
		if s.job.orphaned() {
			return // nobody waits for the account
		}
		reply, _ := s.srv.Registrar.Handle(domain, peer, own)
		s.conn.Send(stanza.FrameOf(reply))
	}, nil)
	return nil
}

// onStartTLS begins TLS (RFC 6120 §5.4.2). What stands behind the element belongs to the handshake.
func (s *Stream) onStartTLS(el xmlstream.Element) error {
	switch {
	case string(el.Local()) != "starttls":
		return unsupported(el)
	case !s.offersTLS(): // §5.4.2.2: the failure, then the end of the stream
		s.writeString(stream.TLSFailure)
		s.last(nil)
		return nil
	}
	s.writeString(stream.TLSProceed)
	s.state = stTLS
	s.tok.Release()
	s.conn.StartTLS(s.cfg.TLS.Server(), s.cfg.patience())
	return nil
}
