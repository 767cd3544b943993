package c2s

import (
	"errors"
	"net/netip"
	"sync/atomic"
	"time"

	"roost/router/sasl"
	"roost/router/stream"
	"roost/xmlstream/jid"
	"roost/xmlstream/stanza"
)

// more is what few streams have. It is made on the loop, which alone looks at its buckets; peer does not
// change.
type more struct {
	peer           netip.AddrPort // for the Tap; the zero value when there was none at the beginning
	stanzas, bytes stream.Bucket
}

// counters of what limits have done. Anybody may read them.
type counters struct{ delayed, refused, full, slowed atomic.Uint64 }

// Stats are counts since the start.
type Stats struct {
	LoginsDelayed uint64 // that waited for login_rate, or after wrong passwords
	LoginsRefused uint64 // that would have waited for too long
	LoginsFull    uint64 // that there was no memory for
	Slowed        uint64 // times that a session was not read from because it had sent too much
}

// Stats reads the counters.
func (srv *Server) Stats() Stats {
	c := &srv.count
	return Stats{c.delayed.Load(), c.refused.Load(), c.full.Load(), c.slowed.Load()}
}

// charge takes what a session has sent from its rates, and stops reading when it was too much. It is on the
// loop.
func (s *Stream) charge(bytes, stanzas int) {
	if !s.cfg.Stanzas.On() && !s.cfg.Bytes.On() || s.state != stBound {
		return
	}
	m := s.more.Load()
	if m == nil {
		m = new(more)
		s.more.Store(m)
	}
	now := time.Now().UnixNano()
	if d := max(m.stanzas.Take(s.cfg.Stanzas, stanzas, now), m.bytes.Take(s.cfg.Bytes, bytes, now)); d > 0 && !s.waiting {
		s.srv.count.slowed.Add(1)
		s.wait(d, nil)
	}
}

// settle stops reading again while a session still owes something.
func (s *Stream) settle() {
	if m := s.more.Load(); m != nil && s.state == stBound {
		now := time.Now().UnixNano()
		if d := max(m.stanzas.Wait(s.cfg.Stanzas, 0, now), m.bytes.Wait(s.cfg.Bytes, 0, now)); d > 0 {
			s.wait(d, nil)
		}
	}
}

// loginPatience is how long an attempt to log in waits for its turn at most.
const loginPatience = 5 * time.Second

// begins starts an attempt to log in: at once, when it is its turn, or not at all.
func (s *Stream) begins(initial []byte) error {
	if s.srv.Full != nil && s.srv.Full() { // RFC 6120 §4.9.3.17
		s.srv.count.full.Add(1)
		return stanza.StreamResourceConstraint.With("the server has no memory for more sessions; try again later")
	}
	turn, ok := s.cfg.Logins.Reserve(s.patience(loginPatience))
	if !ok { // RFC 6120 §6.5.11
		s.srv.count.refused.Add(1)
		return s.saslFailure(&sasl.Failure{Condition: sasl.TemporaryAuthFailure, Text: "too many logins; try again later"})
	}
	blame, ok := s.srv.failures.before(s.penalty(), s.nego.peer.Addr())
	if !ok {
		return s.tooMany()
	}
	d := max(turn, blame)
	if d == 0 {
		return s.proceed(initial)
	}
	s.srv.count.delayed.Add(1)
	s.wait(d, func() {
		if err := s.proceed(initial); err != nil {
			s.fail(err)
		}
	})
	return nil
}

// ends answers an attempt to log in: later, when there were wrong passwords for that account from that
// address. A right password waits, too, so that waiting tells nothing.
func (s *Stream) ends(out []byte, err error) {
	answer := func() {
		if err == nil {
			s.saslSuccess(out)
		} else if e := s.saslFailure(err); e != nil {
			s.fail(e)
		}
	}
	d, ok := s.srv.failures.after(s.penalty(), s.nego.peer.Addr(), s.claimed(), wrongPassword(err))
	switch {
	case !ok:
		if e := s.tooMany(); e != nil {
			s.fail(e)
		}
	case d == 0:
		answer()
	default:
		s.srv.count.delayed.Add(1)
		s.wait(d, answer)
	}
}

// tooMany answers an attempt that would have to wait for too long (RFC 6120 §6.5.11).
func (s *Stream) tooMany() error {
	s.srv.count.refused.Add(1)
	return s.saslFailure(&sasl.Failure{Condition: sasl.TemporaryAuthFailure, Text: "too many wrong passwords; try again later"})
}

// wrongPassword tells whether err is the answer to somebody who does not know the password, or the name.
func wrongPassword(err error) bool {
	f, ok := errors.AsType[*sasl.Failure](err)
	return ok && f.Condition == sasl.NotAuthorized && !errors.Is(err, sasl.ErrBinding)
}

// claimed is whom the exchange is about.
func (s *Stream) claimed() jid.JID {
	if s.nego.exchange == nil {
		return jid.JID{}
	}
	user, _ := jid.New(s.nego.exchange.User(), s.nego.domain, "")
	return user
}

// patience is d, less when AuthTimeout comes before.
func (s *Stream) patience(d time.Duration) time.Duration {
	if s.nego.until.IsZero() {
		return d
	}
	return max(0, min(d, time.Until(s.nego.until)-2*time.Second)) // timers go by the second
}

func (s *Stream) penalty() penalty {
	return penalty{first: s.cfg.FailureDelay, most: s.patience(s.cfg.MaxFailureDelay)}
}
