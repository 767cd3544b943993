package s2s

import (
	"errors"

	"roost/router/stream"
	"roost/xmlstream"
	"roost/xmlstream/stanza"
)

// onElement handles what comes in an open stream: verdicts, and with bidi stanzas.
func (o *Out) onElement(el xmlstream.Element) error {
	switch string(el.Space()) {
	case nsDialback:
		return o.onDialback(el)
	case stanza.NSServer:
		return o.onStanza(el)
	}
	return unsupported(el)
}

// onStanza takes stanzas of the inverse pair, once ours is accepted and both sides said so
// (XEP-0288 §2.2).
func (o *Out) onStanza(el xmlstream.Element) error {
	st := stanza.Parse(el, stanza.NSServer)
	p, err := pairOf(&st)
	switch {
	case st.Kind == stanza.NotStanza:
		return unsupported(el)
	case err != nil:
		return err
	case !o.bidi || o.now() != outOpen: // RFC 6120 §4.9.3.12
		return stanza.StreamNotAuthorized.With("a stanza on a stream that goes the other way")
	case p != o.pair: // §4.9.3.9
		return stanza.StreamInvalidFrom.With("\"" + stream.Clip(p.Remote) + "\" to \"" + stream.Clip(p.Local) + "\" is not proven on this stream")
	}
	o.take(&st)
	return nil
}

// onDialback takes verdicts on our key and on keys that we asked about. What was not asked for, or is
// about other domains, is not believed (XEP-0220 §4).
func (o *Out) onDialback(el xmlstream.Element) error {
	d, err := parseDB(el)
	if err != nil {
		return err
	}
	name := string(el.Local())
	switch {
	case d.verdict == "" && name == "verify":
		o.answerVerify(d)
	case d.verdict == "":
		o.write(func(dst []byte) []byte {
			return appendVerdict(dst, "result", d.pair, "", failed, stanza.ResourceConstraint.With("make a stream of your own"))
		})
	case d.pair != o.pair:
		o.srv.log.Info("dialback verdict ignored", "domain", o.pair.Remote, "reason", "it is for "+d.pair.String())
	case name == "verify":
		o.onVerified(d)
	case name == "result":
		return o.onProof(d)
	default:
		return unsupported(el)
	}
	return nil
}

// onProof is the verdict on our key.
func (o *Out) onProof(d dbElement) error {
	if o.now() != outProving {
		o.srv.log.Info("dialback verdict ignored", "domain", o.pair.Remote, "reason", "our key was not sent, or is answered already")
		return nil
	}
	switch d.verdict {
	case valid:
		o.open()
		return nil
	case failed: // XEP-0220 §2.4
		e := stanza.RemoteServerTimeout
		if d.cause == string(stanza.ItemNotFound) {
			e = stanza.RemoteServerNotFound
		}
		o.finish(errors.New("dialback failed there: "+d.cause), e.With(o.pair.Remote+" does not accept "+o.pair.Local+": "+d.cause))
		return nil
	}
	o.finish(errors.New("our dialback key is not accepted"), stanza.RemoteServerTimeout.With(o.pair.Remote+" does not accept the key of "+o.pair.Local))
	return nil
}

// onVerified is the verdict on a key that we asked about.
func (o *Out) onVerified(d dbElement) {
	o.mu.Lock()
	var q *inquiry
	for i, a := range o.asks {
		if a.sent && a.id == d.id {
			q = a
			o.asks = append(o.asks[:i:i], o.asks[i+1:]...)
			break
		}
	}
	o.touch()
	o.mu.Unlock()
	switch {
	case q == nil:
		o.srv.log.Info("dialback verdict ignored", "domain", o.pair.Remote, "reason", "nobody asked about that stream, or it came too late")
	case d.verdict == valid:
		q.done(verdict{ok: true})
	case d.verdict == invalid:
		q.done(verdict{})
	default:
		q.done(verdict{err: stanza.RemoteServerTimeout.With("its server answers " + d.cause)})
	}
}
