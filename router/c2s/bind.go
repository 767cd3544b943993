package c2s

import (
	"roost/router"
	"roost/router/stream"
	"roost/xmlstream"
	"roost/xmlstream/jid"
	"roost/xmlstream/stanza"
)

// onBind handles what an authenticated client sends before it has a resource (RFC 6120 §7).
func (s *Stream) onBind(el xmlstream.Element) error {
	st := stanza.Parse(el, stanza.NSClient)
	if st.Kind == stanza.NotStanza {
		return unsupported(el)
	}
	p := st.Payload()
	if st.Kind != stanza.IQ || st.Type != stanza.Set || st.Bad != nil || !p.Is(stanza.NSBind, "bind") {
		return stanza.StreamNotAuthorized.With("bind a resource first") // §7.1, §4.9.3.12
	}
	own := st.Clone()
	own.From = s.nego.user // for the log, as in onStanza
	s.received(own)
	full, err := s.requested(p)
	if err != nil { // §7.7.2.1
		s.bindError(own, stanza.BadRequest.With(err.Error()))
		return nil
	}
	var refused *stanza.StanzaError
	s.async(s.srv.Work, func() {
		if s.job.orphaned() {
			return // nobody waits for the session
		}
		_, refused = s.srv.Router.Bind(router.Request{JID: full, Policy: s.cfg.Conflict,
			Rename: s.generated, Out: s, Seat: &s.seat, Welcome: func(j jid.JID) *stanza.Frame { return welcome(own, j) }})
	}, func() {
		switch {
		case s.state == stClosing:
		case refused != nil:
			s.bindError(own, refused)
		default:
			s.bound()
		}
	})
	return nil
}

// requested is the full JID that the client asks for (§7.7), or a generated one (§7.6).
func (s *Stream) requested(bind xmlstream.Element) (jid.JID, error) {
	resource := bind.Child(stanza.NSBind, "resource").Text()
	if len(resource) == 0 {
		return s.generated(), nil
	}
	return s.nego.user.WithResource(string(resource))
}

// generated makes an address with a resource that nobody can guess (§7.5).
func (s *Stream) generated() jid.JID {
	j, err := s.nego.user.WithResource(stream.NewID())
	if err != nil {
		panic(err) // an id is always a valid resource
	}
	return j
}

func (s *Stream) bindError(st *stanza.Stanza, e *stanza.StanzaError) {
	f := stanza.NewFrame()
	f.Set(st.AppendError(f.Buf(), jid.JID{}, jid.JID{}, e))
	s.Deliver(f)
}

// welcome is the answer to a bind (§7.6.1).
func welcome(st *stanza.Stanza, full jid.JID) *stanza.Frame {
	f := stanza.NewFrame()
	h := stanza.Header{Kind: stanza.IQ, Type: stanza.Result, ID: st.ID}
	dst := append(h.Append(f.Buf()), "><bind xmlns='"+stanza.NSBind+"'><jid>"...)
	dst = append(xmlstream.AppendText(dst, full.String()), "</jid></bind>"...)
	f.Set(h.AppendEnd(dst))
	return f
}

// bound begins the session's life.
func (s *Stream) bound() {
	s.state = stBound
	s.tok.SetLimits(&s.cfg.Bound)
	s.sum.begun(s.nego)
	s.srv.Log.Info("session bound", "jid", s.seat.JID.String(), "peer", s.nego.peer, "mechanism", s.nego.mechanism, "tls", tlsName(s.nego.tls))
	s.nego = nil
	s.setTimer(0)
}
