package load

import (
	"roost/bench/measure"
	"roost/xmlstream"
	"roost/xmlstream/stanza"
)

// onStanza serves a stanza.
func (e *Engine) onStanza(i int32, el xmlstream.Element) {
	switch stanza.KindOf(el.Local()) {
	case stanza.Message:
		e.onMessage(i, el)
	case stanza.Presence:
		e.onPresence(i, el)
	case stanza.IQ:
		e.onIQ(i, el)
	default:
		e.fail(i, "unexpected <"+string(el.Local())+"/>")
	}
}

// onMessage accounts for a message that came to session i.
func (e *Engine) onMessage(i int32, el xmlstream.Element) {
	t := &e.seg.Account[measure.Messages]
	id, _ := el.Attr("id")
	if v, _ := el.Attr("type"); string(v) == "error" {
		e.onRefused(i, id, el)
		return
	}
	var st stamp
	switch st.read(el.Child(stanza.NSClient, "body").Inner(), e.cfg.Run, &e.raw) {
	case isForeign:
		t.Foreign++
		return
	case isBroken:
		if len(id) > 0 && id[0] == 'm' {
			t.Corrupted++
		} else {
			t.Foreign++
		}
		return
	}
	f := e.known(st.sender, st.receiver)
	if f == nil || e.user(int32(st.receiver)) != e.user(i) {
		t.Foreign++
		return
	}
	from, _ := el.Attr("from")
	if e.scratch = e.appendJID(e.scratch[:0], f.from); string(from) != string(e.scratch) {
		t.Corrupted++
		return
	}
	a, column := f.Arrive(st.seq)
	if !e.arrived(t, a, column) {
		return
	}
	if column == measure.Open {
		e.open--
		e.seg.Record(measure.Message, since(st.intended, e.now), e.now-st.sent)
		e.again(f.load, f.from)
	}
}

// arrived books an arrival; false when it is none.
func (e *Engine) arrived(t *measure.Tally, a measure.Arrival, from measure.Column) bool {
	switch a {
	case measure.Again:
		t.Duplicated++
		return false
	case measure.Never:
		t.Foreign++
		return false
	case measure.Swapped:
		t.Reordered++
	}
	t.Delivered++
	t.Move(from, 1)
	return true
}

// onRefused books a message of ours that came back. Its id names the receiver and the number.
func (e *Engine) onRefused(i int32, id []byte, el xmlstream.Element) {
	t := &e.seg.Account[measure.Messages]
	to, seq, ok := splitID(id)
	f := e.known(uint32(i), to)
	if !ok || f == nil {
		t.Foreign++
		return
	}
	from, ok := f.Refuse(seq)
	if !ok {
		t.Duplicated++
		return
	}
	t.Refused++
	t.Move(from, 1)
	e.seg.Error(measure.Message, string(el.Child(stanza.NSClient, "error").First().Local()))
	if from == measure.Open {
		e.open--
		e.again(f.load, f.from)
	}
}

// onPresence accounts for presence that came to session i. What bears no stamp comes with logins and subscriptions.
func (e *Engine) onPresence(i int32, el xmlstream.Element) {
	s := &e.sess[i]
	from, _ := el.Attr("from")
	kind, _ := el.Attr("type")
	if s.settled == never && s.state == online && len(kind) == 0 {
		if e.scratch = e.appendJID(e.scratch[:0], i); string(from) == string(e.scratch) {
			s.settled = e.now // our own, which RFC 6121 §4.2.2 sends last of all to ourselves
			return
		}
	}
	if len(kind) != 0 {
		e.onSubscription(i, string(kind), from)
		return
	}
	status := el.Child(stanza.NSClient, "status")
	if status.IsZero() {
		return
	}
	e.onBroadcast(i, status.Inner(), from)
}

// onBroadcast accounts for a change of presence of ours.
func (e *Engine) onBroadcast(i int32, text, from []byte) {
	s := &e.sess[i]
	t := &e.seg.Account[measure.Presences]
	var st stamp
	switch st.read(text, e.cfg.Run, &e.raw) {
	case isForeign:
		return // what a session of an earlier run has left behind
	case isBroken:
		t.Corrupted++
		return
	}
	if int(st.sender) >= len(e.sess) || st.receiver != everybody {
		t.Foreign++
		return
	}
	if e.user(int32(st.sender)) == e.user(i) {
		return // a copy for ourselves (RFC 6121 §4.4.2)
	}
	if st.sent < s.settled {
		return // the answer to a probe, not a broadcast
	}
	if e.scratch = e.appendJID(e.scratch[:0], int32(st.sender)); string(from) != string(e.scratch) {
		t.Corrupted++
		return
	}
	key := uint64(st.sender)<<32 | uint64(uint32(i))
	w := e.seen[key]
	if w == nil {
		w = new(measure.Window)
		e.seen[key] = w
	}
	column := measure.Open
	if s.presLost > 0 && s.presGot == s.presDue {
		column = measure.Lost
	}
	if !e.arrived(t, w.Arrive(st.seq), column) {
		return
	}
	if column == measure.Lost {
		s.presLost--
		return
	}
	if s.presGot == s.presDue { // nobody has sent it to us, as far as we know
		t.Delivered--
		t.Foreign++
		return
	}
	s.presGot++
	e.open--
	e.seg.Record(measure.Presence, since(st.intended, e.now), e.now-st.sent)
	e.saw(st.sender, st.seq)
}

// onIQ serves answers and requests.
func (e *Engine) onIQ(i int32, el xmlstream.Element) {
	s := &e.sess[i]
	id, _ := el.Attr("id")
	typ, _ := el.Attr("type")
	switch string(typ) {
	case "get", "set":
		e.answer(i, el, id)
		return
	case "result", "error":
	default:
		e.seg.Account[measure.IQs].Foreign++
		return
	}
	ok := string(typ) == "result"
	name := ""
	if !ok {
		name = string(el.Child(stanza.NSClient, "error").First().Local())
	}
	if s.state == regist && string(id) == "register" {
		e.registered(i, name)
		return
	}
	switch {
	case s.state == bind && string(id) == "bind" && ok:
		e.onBound(i, el)
	case s.state == legacy && string(id) == "session" && ok:
		e.bound(i)
	case s.state == bind || s.state == legacy:
		e.fail(i, name)
	default:
		e.onAnswer(i, id, ok, name)
	}
}

// onAnswer books the answer to a request.
func (e *Engine) onAnswer(i int32, id []byte, ok bool, name string) {
	s := &e.sess[i]
	t := &e.seg.Account[measure.IQs]
	n, ours := parseID(id, 'q')
	at := -1
	for k := range s.asked {
		if s.asked[k].id == n && ours {
			at = k
		}
	}
	switch {
	case at >= 0:
	case ours && n < s.ids:
		t.Duplicated++
		return
	default:
		t.Foreign++
		return
	}
	q := s.asked[at]
	s.asked = append(s.asked[:at], s.asked[at+1:]...)
	if len(s.asked) == 0 {
		s.asked = nil
	}
	e.open--
	if ok {
		t.Delivered++
		e.seg.Record(q.kind, since(q.intended, e.now), e.now-q.sent)
	} else {
		t.Refused++
		e.seg.Error(q.kind, name)
	}
	if s.state == roster {
		if !ok {
			e.fail(i, name)
			return
		}
		e.arrive(i)
		return
	}
	e.again(q.load, i)
}

// answer answers a request: roster pushes (RFC 6121 §2.1.6) and pings (XEP-0199) with a result, all else with an
// error.
func (e *Engine) answer(i int32, el xmlstream.Element, id []byte) {
	child := el.First()
	known := child.Is(stanza.NSRoster, "query") || child.Is(nsPing, "ping")
	b := append(e.buf(i), "<iq type='"...)
	if known {
		b = append(b, "result'"...)
	} else {
		b = append(b, "error'"...)
	}
	b = xmlstream.AppendAttr(b, "id", id)
	if from, ok := el.Attr("from"); ok {
		b = xmlstream.AppendAttr(b, "to", from)
	}
	if known {
		b = append(b, "/>"...)
	} else {
		b = append(b, "><error type='cancel'><service-unavailable xmlns='"+stanza.NSStanzas+"'/></error></iq>"...)
	}
	e.put(i, b)
}

// giveUp moves everything that is under way to session i into a column.
func (e *Engine) giveUp(i int32, as measure.Column) {
	s := &e.sess[i]
	for n := s.flowsIn; n >= 0; n = e.flows[n].next {
		f := &e.flows[n]
		k := int64(f.GiveUp(as))
		e.seg.Account[measure.Messages].Move(as, -k)
		e.open -= k
	}
	k := int64(s.presDue - s.presGot)
	e.seg.Account[measure.Presences].Move(as, -k)
	e.open -= k
	s.presDue, s.presGot = 0, 0
	if as == measure.Lost && s.state == online {
		s.presLost += uint32(k)
	}
	if as == measure.Cut {
		s.presLost = 0
	}
	k = int64(len(s.asked))
	e.seg.Account[measure.IQs].Move(as, -k)
	e.open -= k
	s.asked = nil
}

// giveAllUp counts as lost what has not come in the time that a phase gives it.
func (e *Engine) giveAllUp() {
	for i := range e.sess {
		if e.open == 0 {
			return
		}
		lost := len(e.sess[i].asked)
		for range lost {
			e.seg.Error(e.sess[i].asked[0].kind, "no answer")
		}
		e.giveUp(int32(i), measure.Lost)
	}
}

// again goes on with a closed loop, now or after a pause.
func (e *Engine) again(load int16, i int32) {
	if load < 0 || e.run == nil || int(load) >= len(e.run.streams) {
		return
	}
	st := &e.run.streams[load]
	if st.load.Open() || e.run.over {
		return
	}
	if st.load.Think > 0 {
		e.timers.push(timer{at: e.clock() + int64(st.rng.ExpFloat64()*float64(st.load.Think)), what: tThink, arg: i, with: int32(load)})
		return
	}
	e.act(st, i, st.draw(), -1)
}
