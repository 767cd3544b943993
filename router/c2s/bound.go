package c2s

import (
	"sync"

	"roost/router/stream"
	"roost/xmlstream"
	"roost/xmlstream/jid"
	"roost/xmlstream/stanza"
)

// onStanza routes what a session sends (RFC 6120 §8).
func (s *Stream) onStanza(el xmlstream.Element) error {
	st := s.srv.stanzas.get()
	defer s.srv.stanzas.put(st)
	*st = stanza.Parse(el, stanza.NSClient)
	if st.Kind == stanza.NotStanza {
		return unsupported(el)
	}
	if len(el.Prefix()) > 0 { // §4.8.5: the content namespace is the default one
		return stanza.StreamBadNamespacePrefix.With("a stanza with a namespace prefix")
	}
	if err := s.checkFrom(st); err != nil {
		return err
	}
	st.From = s.seat.JID // stamped (RFC 6120 §8.1.2.1); the log shows it too
	st.Timer = s.srv.Meter.Received(s.conn.Number(), st.Kind)
	s.sum.in++
	s.received(st)
	if s.srv.Router.Route(&s.seat.Session, st, false) {
		if st.Kind != stanza.Presence { // a broadcast waits for nobody
			s.yield(st.To)
		}
		return nil
	}
	own := st.Clone()
	s.async(s.srv.pool(s.seat.JID), func() { s.srv.Router.Route(&s.seat.Session, own, true) }, nil)
	return nil
}

// pool is where a stanza of user is handled when that may take long.
func (srv *Server) pool(user jid.JID) *stream.Pool {
	if srv.Far != nil {
		if p := srv.Far(user); p != nil {
			return p
		}
	}
	return srv.Work
}

// checkFrom obeys RFC 6120 §8.1.2.1: a from address must be the client's own, bare or full.
func (s *Stream) checkFrom(st *stanza.Stanza) error {
	v, ok := st.El.Attr("from")
	if !ok || st.From == s.seat.JID || st.From == s.seat.JID.Bare() {
		return nil
	}
	return stanza.StreamInvalidFrom.With("from \"" + stream.Clip(v) + "\" is not " + s.seat.JID.String()) // §4.9.3.9
}

// views are stanzas whose envelopes are on loan to the router while it looks at them: it hands them
// to interfaces, so that they cannot live on the stack.
type views struct{ sync.Pool }

func (v *views) get() *stanza.Stanza {
	if st, ok := v.Get().(*stanza.Stanza); ok {
		return st
	}
	return new(stanza.Stanza)
}

func (v *views) put(st *stanza.Stanza) {
	*st = stanza.Stanza{} // a view that outlives its stanza finds nothing
	v.Put(st)
}
