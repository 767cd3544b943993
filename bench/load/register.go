package load

import (
	"roost/bench/measure"
	"roost/bench/scenario"
	"roost/xmlstream"
)

// registering is the kind of segment that makes accounts instead of logging in.
const registering scenario.PhaseKind = "register"

const nsRegister = "jabber:iq:register"

// register makes an account by XEP-0077, on the stream that is to become its first.
func (e *Engine) register(i int32) {
	s := &e.sess[i]
	s.state, s.step = regist, e.now
	n := &e.cfg.Target.Names
	b := append(e.buf(i), "<iq type='set' id='register'><query xmlns='"+nsRegister+"'><username>"...)
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
