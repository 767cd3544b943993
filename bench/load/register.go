package load

import (
	"roost/bench/measure"
	"roost/bench/scenario"
	"roost/xmlstream"
	"roost/xmlstream/stanza"
)

const nsRegister = "jabber:iq:register"

// register makes an account by XEP-0077, on the stream that is to become its first.
func (e *Engine) register(i int32) {
	s := &e.sess[i]
	s.state, s.step = regist, e.now
	n := &e.cfg.Target.Names
	b := append(e.buf(i), "<iq type='set' id='register'"...)
	b = xmlstream.AppendAttr(b, "to", n.Domain)
	b = append(b, "><query xmlns='"+nsRegister+"'><username>"...)
	b = xmlstream.AppendText(b, n.UserOf(e.user(i)))
	b = append(b, "</username><password>"...)
	b = xmlstream.AppendText(b, n.PasswordOf(e.user(i)))
	e.put(i, append(b, "</password></query></iq>"...))
}

// registered serves the answer; name is that of the error. An account that is there already is as good as a new one.
func (e *Engine) registered(i int32, name string) {
	if name != "" && name != "conflict" {
		e.fail(i, name)
		return
	}
	e.seg.Record(measure.Register, -1, e.now-e.sess[i].step)
	e.drop(i, measure.Cut, false)
	e.loginOver(i, nil)
}

// befriend subscribes to all contacts of session i's user who are on line; each subscription is accounted for as a presence, from the
// request to the contact's approval. Contacts that belong into a group are put there before, by roster sets.
func (e *Engine) befriend(i int32) {
	s, u := &e.sess[i], e.user(i)
	if s.state != online || int(i)%e.sc.Resources != 0 {
		return
	}
	for k := range e.graph.Degree(u) {
		c := e.graph.Contact(u, k)
		if e.sess[e.sessionOf(c)].state != online {
			e.seg.Skipped++
			continue
		}
		if g := e.graph.GroupOf(k); g != "" {
			e.enlist(i, c, g)
		}
		s.presDue++
		e.open++
		e.seg.Account[measure.Presences].Sent++
		b := append(e.buf(i), "<presence type='subscribe' to='"...)
		b = e.cfg.Target.Names.AppendBare(b, c)
		e.put(i, append(b, "'/>"...))
	}
}

// enlist puts a contact into a group.
func (e *Engine) enlist(i int32, contact int, group string) {
	q := e.request(i, measure.RosterSet, -1, -1)
	b := append(e.buf(i), "<iq type='set' id='"...)
	b = appendID(b, 'q', q)
	b = append(b, "'><query xmlns='"+stanza.NSRoster+"'><item jid='"...)
	b = e.cfg.Target.Names.AppendBare(b, contact)
	b = append(b, "'><group>"...)
	b = xmlstream.AppendText(b, group)
	e.put(i, append(b, "</group></item></query></iq>"...))
}

// onSubscription agrees to requests, and books the agreements of others.
func (e *Engine) onSubscription(i int32, kind string, from []byte) {
	s := &e.sess[i]
	switch {
	case kind == "subscribe":
		b := append(e.buf(i), "<presence type='subscribed'"...)
		b = xmlstream.AppendAttr(b, "to", from)
		e.put(i, append(b, "/>"...))
	case kind == "subscribed" && e.run != nil && e.run.seg.Kind == scenario.Befriend && int(i)%e.sc.Resources == 0 && s.presGot < s.presDue:
		s.presGot++
		e.open--
		e.seg.Account[measure.Presences].Delivered++
	}
}
