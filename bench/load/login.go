package load

import (
	"net/netip"
	"strconv"
	"time"

	"roost/bench/measure"
	"roost/bench/scenario"
	"roost/bench/sock"
	"roost/xmlstream"
	"roost/xmlstream/stanza"
)

// logins is what the launcher of a phase knows of those under way.
type logins struct {
	under   int // connections from Dial until on line, or failed
	working int // goroutines that compute for sessions
	failed  int // that will not be tried again, in this phase
	retry   int // that wait to be tried again
}

// kindOf names the step that failed.
var kindOf = [nStates]measure.Kind{connect: measure.Connect, header: measure.Login, feature: measure.Login,
	startTLS: measure.TLS, handshake: measure.TLS, salting: measure.Auth, auth: measure.Auth, regist: measure.Register,
	bind: measure.Bind, legacy: measure.Bind, roster: measure.RosterGet, online: measure.Login, leaving: measure.Login}

// login begins to bring session i on line; wanted is when the schedule wanted it, negative for none.
func (e *Engine) login(i int32, wanted int64) {
	s := &e.sess[i]
	var from netip.Addr
	if n := len(e.to.sources); n > 0 {
		from = e.to.sources[int(i)/len(e.to.addrs)%n]
	}
	s.begun, s.wanted = e.clock(), wanted
	s.step = s.begun
	e.log.under++
	fd, err := sock.Dial(e.to.addrs[int(i)%len(e.to.addrs)], from)
	if err != nil {
		e.seg.Error(measure.Connect, errorName(err))
		e.loginOver(i, err)
		return
	}
	s.fd, s.state = int32(fd), connect
	s.writable = true
	if err := e.poll.Add(fd, i, true); err != nil {
		e.fail(i, errorName(err))
	}
}

// connected serves a connection that is there, or has failed.
func (e *Engine) connected(i int32) {
	s := &e.sess[i]
	if err := sock.Connected(int(s.fd)); err != nil {
		e.fail(i, errorName(err))
		return
	}
	e.now = e.clock()
	e.seg.Record(measure.Connect, since(s.wanted, e.now), e.now-s.begun)
	s.writable = false
	if err := e.poll.Watch(int(s.fd), i, false); err != nil {
		e.fail(i, errorName(err))
		return
	}
	if e.sc.Login.TLS == scenario.TLSDirect {
		e.startHandshake(i)
		return
	}
	e.begin(i)
}

// since is how long ago wanted was, negative when nothing was wanted.
func since(wanted, now int64) int64 {
	if wanted < 0 {
		return -1
	}
	return now - wanted
}

// begin opens a stream, the first or one that replaces another (RFC 6120 §4.3.3).
func (e *Engine) begin(i int32) {
	s := &e.sess[i]
	s.state, s.restart = header, true
	e.put(i, append(e.buf(i), e.hello...))
}

// element serves one element of session i, as its state wants; false when the connection's bytes belong to somebody else now.
func (e *Engine) element(i int32, ev xmlstream.Event, el xmlstream.Element) bool {
	s := &e.sess[i]
	if ev == xmlstream.Close {
		if s.state == leaving {
			e.ended(i, "")
			return false
		}
		e.fail(i, "the server closed the stream")
		return false
	}
	if ev == xmlstream.Complete && el.Is(stanza.NSStream, "error") {
		e.fail(i, "stream error "+string(el.First().Local()))
		return false
	}
	switch s.state {
	case header:
		if ev != xmlstream.Open {
			e.fail(i, "no stream header")
			return false
		}
		s.state = feature
	case feature:
		e.onFeatures(i, el)
	case startTLS:
		if !el.Is(stanza.NSTLS, "proceed") {
			e.fail(i, "STARTTLS is refused")
			return false
		}
		e.startHandshake(i)
		return false
	case auth:
		e.onAuth(i, el)
	case regist, bind, legacy, roster, online, leaving:
		e.onStanza(i, el)
	default:
		e.fail(i, "unexpected <"+string(el.Local())+"/>")
	}
	return e.sess[i].fd >= 0
}

// onFeatures goes on with what is next (RFC 6120 §4.3.2).
func (e *Engine) onFeatures(i int32, el xmlstream.Element) {
	s := &e.sess[i]
	if !el.Is(stanza.NSStream, "features") {
		e.fail(i, "no <stream:features/>")
		return
	}
	switch {
	case e.sc.Login.TLS == scenario.TLSStart && !s.secure:
		s.state = startTLS
		if el.Child(stanza.NSTLS, "starttls").IsZero() {
			e.fail(i, "the server offers no STARTTLS")
			return
		}
		e.say(i, "<starttls xmlns='"+stanza.NSTLS+"'/>")
	case !s.authed && e.run != nil && e.run.registers():
		e.register(i)
	case !s.authed:
		mechs := el.Child(stanza.NSSASL, "mechanisms")
		if mechs.IsZero() {
			s.state = auth
			e.fail(i, "the server offers no mechanism; does it want TLS first?")
			return
		}
		e.authenticate(i, mechs)
	default:
		// RFC 3921's session is a no-op that RFC 6120 has dropped; some servers still want it.
		old := el.Child(stanza.NSSession, "session")
		s.old = !old.IsZero() && old.Child(stanza.NSSession, "optional").IsZero()
		s.state, s.step = bind, e.now
		b := append(e.buf(i), "<iq type='set' id='bind'><bind xmlns='"+stanza.NSBind+"'><resource>"...)
		b = e.appendResource(b, i)
		e.put(i, append(b, "</resource></bind></iq>"...))
	}
}

// onBound takes the address that the server has given.
func (e *Engine) onBound(i int32, el xmlstream.Element) {
	s := &e.sess[i]
	full := el.Child(stanza.NSBind, "bind").Child(stanza.NSBind, "jid").Inner()
	if len(full) == 0 {
		e.fail(i, "the answer has no address")
		return
	}
	s.jid = ""
	if string(full) != string(e.appendAsked(nil, i)) {
		s.jid = string(full)
	}
	if s.old {
		s.state = legacy
		e.say(i, "<iq type='set' id='session'><session xmlns='"+stanza.NSSession+"'/></iq>")
		return
	}
	e.bound(i)
}

// bound asks for the roster.
func (e *Engine) bound(i int32) {
	s := &e.sess[i]
	e.seg.Record(measure.Bind, -1, e.now-s.step)
	if !*e.sc.Login.Roster {
		e.arrive(i)
		return
	}
	s.state = roster
	e.ask(i, measure.RosterGet, -1, -1)
}

// arrive says that the session is there.
func (e *Engine) arrive(i int32) {
	s := &e.sess[i]
	s.state = online
	s.at = int32(len(e.online))
	e.online = append(e.online, i)
	if *e.sc.Login.Presence {
		e.say(i, "<presence/>")
	} else {
		s.settled = e.now
	}
	e.seg.Record(measure.Login, since(s.wanted, e.now), e.now-s.begun)
	s.attempts = 0
	e.loginOver(i, nil)
}

// leaveOnline takes session i from those on line.
func (e *Engine) leaveOnline(i int32) {
	at, last := e.sess[i].at, e.online[len(e.online)-1]
	e.online[at] = last
	e.sess[last].at = at
	e.online = e.online[:len(e.online)-1]
	e.sess[i].at = -1
}

// loginOver ends a login: it is tried again as often as the scenario says, after 1, 2, 4 … seconds, up to 30, and up to
// half of that more.
func (e *Engine) loginOver(i int32, err error) {
	e.log.under--
	s := &e.sess[i]
	if err == nil || e.run == nil {
		return
	}
	if int(s.attempts) >= e.sc.Login.Retries {
		e.log.failed++
		return
	}
	wait := min(time.Second<<min(s.attempts, 5), 30*time.Second)
	s.attempts++
	e.log.retry++
	e.timers.push(timer{at: e.clock() + int64(wait) + e.run.rng.Int64N(int64(wait)/2), what: tRetry, arg: i})
}

// logout ends session i, cleanly or with a reset.
func (e *Engine) logout(i int32, clean bool) {
	s := &e.sess[i]
	if s.state != online {
		return
	}
	if !clean {
		e.drop(i, measure.Cut, true)
		e.left(i)
		return
	}
	e.leaveOnline(i)
	s.state, s.step = leaving, e.now
	e.nLeaving++
	e.say(i, "</stream:stream>") // RFC 6120 §4.4: the server answers in kind
}

// left serves the end of a logout.
func (e *Engine) left(i int32) {
	if e.run != nil {
		e.run.left(e, i)
	}
}

// Number formats for ids.
func appendID(b []byte, letter byte, n uint32) []byte {
	b = append(b, letter)
	return strconv.AppendUint(b, uint64(n), 36)
}

func parseID(b []byte, letter byte) (uint32, bool) {
	if len(b) < 2 || len(b) > 8 || b[0] != letter {
		return 0, false
	}
	n, err := strconv.ParseUint(string(b[1:]), 36, 32)
	return uint32(n), err == nil
}
