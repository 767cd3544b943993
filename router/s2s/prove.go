package s2s

import (
	"crypto/x509"
	"encoding/base64"
	"time"

	"roost/netio"
	"roost/tlsconf"
	"roost/xmlstream"
	"roost/xmlstream/stanza"
)

// OnTLS implements netio.Handler: a new stream begins, and nothing of the old one counts (RFC 6120
// §5.4.3.3). The certificate is judged beside the loop.
func (in *In) OnTLS(c *netio.Conn, st *tlsState, err error) {
	if err != nil {
		in.over = true
		in.srv.log.Info("TLS handshake failed", "domain", in.who(), "peer", in.peer, "reason", err.Error())
		return
	}
	certs, who := in.policy().Certs, in.who()
	in.secure, in.state, in.bidi = true, inHeader, false
	in.restart(&in.cfg.PreAuth)
	in.judge(certs, st, who, func(cert *x509.Certificate) { in.cert, in.certs = cert, certs })
}

// judge checks, beside the loop, whether the peer's certificate holds by the authorities of certs. What
// it names is another question. held is called on the loop, when it does.
func (l *link) judge(certs *tlsconf.Config, st *tlsState, who string, held func(*x509.Certificate)) {
	if len(st.PeerCertificates) == 0 {
		return
	}
	ok := false
	l.async(func() {
		var err error
		if ok, err = tlsconf.VerifyClient(certs, st); err != nil {
			l.srv.log.Info("certificate of another server not accepted", "domain", who, "reason", err.Error())
		}
	}, func() {
		if ok {
			held(st.PeerCertificates[0])
		}
	})
}

// certified gives their certificate, when it holds by the authorities that count for r: a stream that
// claims to be of one domain may go on to prove another.
func (in *In) certified(r *Remote) *x509.Certificate {
	if in.certs != r.Certs {
		return nil
	}
	return in.cert
}

// onAuth is SASL EXTERNAL (XEP-0178 §3): it proves the claim of the header, by the certificate.
func (in *In) onAuth(el xmlstream.Element) error {
	if !el.Is(stanza.NSSASL, "auth") {
		return unsupported(el)
	}
	mechanism, _ := el.Attr("mechanism")
	switch authz, ok := decodeAuthz(el.Text()); {
	case string(mechanism) != "EXTERNAL":
		return in.refuse("invalid-mechanism", "the mechanism is not EXTERNAL")
	case in.needsTLS():
		return in.refuse("encryption-required", "TLS comes first")
	case !in.offersExternal():
		return in.refuse("not-authorized", "no certificate proves the domain")
	case !ok:
		return in.refuse("incorrect-encoding", "not base64")
	case authz != "" && authz != in.claim.Remote: // RFC 6120 §6.3.8
		return in.refuse("invalid-authzid", "the stream is from "+in.claim.Remote)
	}
	in.authed, in.state = true, inAuthHeader
	in.settle(in.claim, asked)
	in.settle(in.claim, confirmed)
	in.writeString("<success xmlns='" + stanza.NSSASL + "'/>")
	in.restart(&in.cfg.Proven)
	in.srv.log.Info("stream from another server accepted", "domain", in.claim.Remote, "local", in.claim.Local, "by", "certificate", "tls", in.secure)
	return nil
}

// decodeAuthz reads an authorization identity: absent and "=" are empty (RFC 6120 §6.4.2).
func decodeAuthz(b []byte) (string, bool) {
	if len(b) == 0 || string(b) == "=" {
		return "", true
	}
	out, err := base64.StdEncoding.DecodeString(string(b))
	return string(out), err == nil
}

// refuse answers a failed attempt; dialback is still open to the peer.
func (in *In) refuse(condition, why string) error {
	in.srv.log.Info("SASL EXTERNAL refused", "domain", in.who(), "reason", why)
	in.writeString("<failure xmlns='" + stanza.NSSASL + "'><" + condition + "/></failure>")
	if in.failures++; in.failures >= maxFailures {
		return stanza.StreamPolicyViolation.With("too many failed attempts")
	}
	return nil
}

// settle takes a pair one step further.
func (in *In) settle(p Pair, s step) proof {
	was := in.pairs[p]
	now := proofs[was][s]
	switch {
	case was != pending && now == pending:
		in.pending++
	case was == pending && now != pending:
		in.pending--
	}
	if in.pairs == nil {
		in.pairs = map[Pair]proof{}
	}
	if in.pairs[p] = now; now == unproven {
		delete(in.pairs, p)
	}
	if was != proven && now == proven {
		in.tok.SetLimits(&in.cfg.Proven)
		in.limits = &in.cfg.Proven
		in.touch()
		in.srv.accepted(p, in)
		if in.bidi {
			in.srv.accept(p, in)
		}
	}
	return now
}

// onDialback handles the two elements of XEP-0220. Verdicts have no place here: we ask nothing on
// streams that others have opened.
func (in *In) onDialback(el xmlstream.Element) error {
	d, err := parseDB(el)
	switch {
	case err != nil:
		return err
	case d.verdict != "":
		in.srv.log.Info("dialback verdict ignored", "domain", d.pair.Remote, "reason", "nobody was asked on this stream")
		return nil
	case string(el.Local()) == "verify":
		return in.onVerify(d)
	case string(el.Local()) == "result":
		return in.onResult(d)
	}
	return unsupported(el)
}

// onVerify answers as the authoritative server. The work is small; a flood of it ends the stream.
func (in *In) onVerify(d dbElement) error {
	if now := in.srv.seconds(); now-in.minute >= 60 {
		in.minute, in.verifies = now, 0
	}
	if in.verifies >= maxVerifies {
		return stanza.StreamPolicyViolation.With("too many dialback keys to verify")
	}
	in.served = true
	in.touch()
	in.verifies++
	if !in.answerVerify(d) {
		in.verifies += wrongKey - 1
	}
	return nil
}

// onResult begins to prove a pair as the receiving server (XEP-0220 §2.2.2): its authoritative
// server is asked on a stream of our own.
func (in *In) onResult(d dbElement) error {
	p := d.pair
	if e := in.objection(p); e != nil {
		return in.deny(p, failed, e, e.Text)
	}
	switch in.pairs[p] {
	case proven:
		in.verdict(p, valid, nil)
		return nil
	case pending:
		in.srv.log.Info("dialback key ignored", "domain", p.Remote, "reason", "the one before is still being verified")
		return nil
	}
	in.settle(p, asked)
	conn := in.conn
	in.srv.verify(p, in.id, d.key, func(v verdict) {
		conn.Post(func() { in.onVerdict(p, v) })
	})
	return nil
}

// objection says why a pair is not even looked at; nil when it is.
func (in *In) objection(p Pair) *stanza.StanzaError {
	r, _ := in.srv.remote(p.Remote)
	switch {
	case in.srv.local(p.Local) == nil: // XEP-0220 §2.4
		return stanza.ItemNotFound.With(p.Local + " is not served here")
	case !in.srv.speaks(p):
		return stanza.PolicyViolation.With(unlisted(p).Text)
	case !in.secure && r.TLS == TLSRequired: // §2.4
		return stanza.PolicyViolation.With("TLS comes first")
	case r.Verify != VerifyNone && in.certified(r) == nil:
		return stanza.NotAuthorized.With("a valid certificate is needed")
	case r.Verify == VerifyHost && !tlsconf.MatchDomain(in.certified(r), p.Remote):
		return stanza.NotAuthorized.With("a certificate for " + p.Remote + " is needed")
	case in.pairs[p] == unproven && (in.pending >= maxPending || len(in.pairs) >= maxPairs): // §2.4
		return stanza.ResourceConstraint.With("too many domains on this stream")
	}
	return nil
}

// A verdict is what became of a question to an authoritative server. A nil err with ok false is its
// no; with an err there was no answer.
type verdict struct {
	ok  bool
	err *stanza.StanzaError
}

// onVerdict ends the wait for an authoritative server.
func (in *In) onVerdict(p Pair, v verdict) {
	if in.over {
		return
	}
	var err error
	switch {
	case v.err != nil:
		in.settle(p, unknown)
		err = in.deny(p, failed, v.err, "its server could not verify the key: "+v.err.Error())
	case !v.ok:
		in.settle(p, denied)
		err = in.deny(p, invalid, nil, "its server says that the key is not its own")
	case in.settle(p, confirmed) == proven:
		in.srv.log.Info("stream from another server accepted", "domain", p.Remote, "local", p.Local, "by", "dialback", "tls", in.secure)
		in.verdict(p, valid, nil)
	}
	if err != nil {
		in.fail(err)
	}
}

// deny tells the peer that a pair is not accepted; the stream goes on for others, up to a limit.
func (in *In) deny(p Pair, how string, e *stanza.StanzaError, why string) error {
	in.srv.log.Info("dialback refused", "domain", p.Remote, "local", p.Local, "peer", in.peer, "reason", why)
	in.verdict(p, how, e)
	if in.failures++; in.failures >= maxFailures {
		return stanza.StreamPolicyViolation.With("too many domains that could not be proven")
	}
	return nil
}

func (in *In) verdict(p Pair, how string, e *stanza.StanzaError) {
	in.write(func(dst []byte) []byte { return appendVerdict(dst, "result", p, "", how, e) })
}

// OnEOF implements netio.Handler: the peer sends no more, so the stream is over (RFC 6120 §4.4).
func (in *In) OnEOF(*netio.Conn) {
	if !in.over && in.proven() {
		in.srv.log.Info("stream from another server ended", "domain", in.who(), "peer", in.peer, "reason", "it closed its side without a word")
	}
	in.stop(nil)
}

// OnTimer implements netio.Handler: the time to prove anything, and then the idle time.
func (in *In) OnTimer(c *netio.Conn) {
	if in.parting.Load() {
		in.stop(nil)
		return
	}
	if in.proven() || in.served {
		limit := in.policy().IdleTimeout
		if idle := in.idle(); idle < limit {
			c.SetTimer(limit - idle + time.Second)
			return
		}
		in.withdraw()
		in.part()
		return
	}
	in.fail(stanza.StreamConnectionTimeout.With("nothing was proven within " + in.cfg.timeout().String()))
}

// OnOverflow implements netio.Handler: the peer does not read.
func (in *In) OnOverflow(*netio.Conn) {
	in.fail(stanza.StreamResourceConstraint.With("too much is waiting for you to read it"))
}

// OnClose implements netio.Handler.
func (in *In) OnClose(_ *netio.Conn, err error) {
	cut := !in.over && err != nil
	in.over = true
	in.tok.Release()
	in.withdraw()
	in.srv.in.Add(-1)
	in.giveBack(in.claim.Remote)
	if cut && len(in.pairs) > 0 {
		in.srv.log.Info("stream from another server ended", "domain", in.who(), "peer", in.peer, "reason", reason(err))
	}
	for p, how := range in.pairs {
		in.srv.dropped(p, in)
		if how == proven && cut {
			in.srv.doubt(p)
		}
	}
}
