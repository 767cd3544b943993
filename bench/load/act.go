package load

import (
	"strconv"

	"roost/bench/measure"
	"roost/bench/scenario"
	"roost/xmlstream/stanza"
)

const nsPing = "urn:xmpp:ping"

// act does one action of a stream as session i; intended is when it was meant to be, negative for a closed loop.
func (e *Engine) act(st *stream, i int32, d draw, intended int64) {
	if e.sess[i].state != online {
		e.seg.Skipped++
		return
	}
	loop := int16(-1)
	if !st.load.Open() {
		loop = st.index
	}
	switch st.load.Do {
	case scenario.DoMessage:
		if to, stored := e.receiver(st.load.To, i, d); to < 0 {
			e.seg.Skipped++
		} else {
			e.message(i, to, st.size(d), intended, loop, stored)
		}
	case scenario.DoPresence:
		e.broadcast(i, intended, loop)
	case scenario.DoPing:
		e.ask(i, measure.Ping, intended, loop)
	case scenario.DoRosterGet:
		e.ask(i, measure.RosterGet, intended, loop)
	case scenario.DoRosterSet:
		e.ask(i, measure.RosterSet, intended, loop)
	case scenario.DoDisconnect:
		e.run.away[i] = st.load.Away
		e.logout(i, *st.load.Clean)
	}
}

// receiver picks who gets a message of session i: -1 if nobody is there; stored says that the account is off line for good.
func (e *Engine) receiver(to scenario.Receiver, i int32, d draw) (at int32, stored bool) {
	u, res := e.user(i), int(i)%e.sc.Resources
	resource := func(user int) int32 { return e.sessionOf(user) + int32(res) }
	switch to {
	case scenario.ToSelf:
		return i, false
	case scenario.ToPair:
		return e.ifOnline(resource(e.graph.Partner(u))), false
	case scenario.ToContact:
		n := e.graph.Degree(u)
		for k := range n { // from a random one on, the first who is there
			if r := e.ifOnline(resource(e.graph.Contact(u, (int(d.whom%uint64(n))+k)%n))); r >= 0 {
				return r, false
			}
		}
	case scenario.ToRandom:
		first, n := e.graph.CircleOf(u)
		for k := range n {
			if r := e.ifOnline(resource(first + (int(d.whom%uint64(n))+k)%n)); r >= 0 && r != i {
				return r, false
			}
		}
	case scenario.ToOffline:
		if n := len(e.absent); n > 0 {
			return e.absent[d.whom%uint64(n)], true
		}
	}
	return -1, false
}

func (e *Engine) ifOnline(i int32) int32 {
	if e.sess[i].state != online {
		return -1
	}
	return i
}

// message sends one. It is addressed to the full JID, or to the bare one of somebody who is off line.
func (e *Engine) message(from, to int32, size int, intended int64, loop int16, stored bool) {
	f := e.flowTo(from, to, loop)
	sent := e.clock()
	st := stamp{run: e.cfg.Run, sender: uint32(from), receiver: uint32(to), seq: f.Send(), intended: intended, sent: sent}
	t := &e.seg.Account[measure.Messages]
	t.Sent++
	if stored {
		f.GiveUp(measure.Stored)
		t.Stored++
	} else {
		e.open++
	}
	b := append(e.buf(from), "<message to='"...)
	if stored {
		b = e.cfg.Target.Names.AppendBare(b, e.user(to))
	} else {
		b = e.appendJID(b, to)
	}
	b = append(b, "' type='chat' id='"...)
	b = appendSplitID(b, uint32(to), st.seq)
	b = append(b, "'><body>"...)
	b = st.appendBody(b, size, &e.raw)
	e.put(from, append(b, "</body></message>"...))
}

// Ids of messages hold the receiver and the number, for the case that they come back: m, and both to the base 36.
func appendSplitID(b []byte, to, seq uint32) []byte {
	b = append(appendID(b, 'm', to), '.')
	return strconv.AppendUint(b, uint64(seq), 36)
}

func splitID(id []byte) (to, seq uint32, ok bool) {
	for k, c := range id {
		if c != '.' {
			continue
		}
		to, ok = parseID(id[:k], 'm')
		n, err := strconv.ParseUint(string(id[k+1:]), 36, 32)
		return to, uint32(n), ok && err == nil
	}
	return 0, 0, false
}

// A cast is a broadcast of a closed loop that not everybody has seen.
type cast struct {
	left int32 // who must still see it
	load int16 // the closed loop it belongs to
}

// castKey is the key of broadcast seq of a session in Engine.casts.
func castKey(sender, seq uint32) uint64 { return uint64(sender)<<32 | uint64(seq) }

// saw books that one more session has seen a broadcast: the last one lets a closed loop go on.
func (e *Engine) saw(sender, seq uint32) {
	key := castKey(sender, seq)
	c, ok := e.casts[key]
	if !ok {
		return // of an open loop
	}
	if c.left--; c.left > 0 {
		e.casts[key] = c
		return
	}
	delete(e.casts, key)
	e.again(c.load, int32(sender))
}

// broadcast changes session i's presence. Every session of a contact whose own login is over must see it. A closed loop ends
// for a session with a broadcast that nobody is there to see, or that somebody misses.
func (e *Engine) broadcast(i int32, intended int64, loop int16) {
	s := &e.sess[i]
	sent := e.clock()
	st := stamp{run: e.cfg.Run, sender: uint32(i), receiver: everybody, seq: s.casts, intended: intended, sent: sent}
	s.casts++
	u, due := e.user(i), int32(0)
	for k := range e.graph.Degree(u) {
		first := e.sessionOf(e.graph.Contact(u, k))
		for r := first; r < first+int32(e.sc.Resources); r++ {
			if o := &e.sess[r]; o.state == online && o.settled <= sent {
				o.presDue++
				e.open++
				e.seg.Account[measure.Presences].Sent++
				due++
			}
		}
	}
	if loop >= 0 && due > 0 {
		e.casts[castKey(st.sender, st.seq)] = cast{due, loop}
	}
	b := append(e.buf(i), "<presence><status>"...)
	b = st.appendBody(b, stampText, &e.raw)
	e.put(i, append(b, "</status></presence>"...))
}

// stranger is a name that is in no roster of ours, for roster sets that leave the society as it is.
const stranger = "roost-bench-stranger@"

// request books a request of session i and returns its number.
func (e *Engine) request(i int32, kind measure.Kind, intended int64, loop int16) uint32 {
	s := &e.sess[i]
	s.asked = append(s.asked, request{id: s.ids, kind: kind, load: loop, intended: intended, sent: e.clock()})
	s.ids++
	e.open++
	e.seg.Account[measure.IQs].Sent++
	return s.ids - 1
}

// ask sends a request.
func (e *Engine) ask(i int32, kind measure.Kind, intended int64, loop int16) {
	id := e.request(i, kind, intended, loop)
	b := append(e.buf(i), "<iq id='"...)
	b = appendID(b, 'q', id)
	switch kind {
	case measure.Ping:
		b = append(b, "' type='get' to='"...)
		b = append(b, e.cfg.Target.Names.Domain...)
		b = append(b, "'><ping xmlns='"+nsPing+"'/></iq>"...)
	case measure.RosterGet:
		b = append(b, "' type='get'><query xmlns='"+stanza.NSRoster+"'/></iq>"...)
	case measure.RosterSet:
		b = append(b, "' type='set'><query xmlns='"+stanza.NSRoster+"'><item jid='"+stranger...)
		b = append(b, e.cfg.Target.Names.Domain...)
		b = append(b, "' name='"...)
		b = strconv.AppendUint(b, uint64(id), 10)
		b = append(b, "'/></query></iq>"...)
	}
	e.put(i, b)
}
