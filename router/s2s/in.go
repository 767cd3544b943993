package s2s

import (
	"crypto/x509"
	"net/netip"
	"time"

	"roost/netio"
	"roost/router/stream"
	"roost/tlsconf"
	"roost/xmlstream"
	"roost/xmlstream/stanza"
)

// Accepting is what the incoming streams of one listener share.
type Accepting struct {
	PreAuth xmlstream.Limits // until a pair is proven
	Proven  xmlstream.Limits
	// AuthTimeout is how long a stream may go on without a pair that is proven; default 60 s.
	AuthTimeout time.Duration
}

// Limits of one incoming stream.
const (
	maxPairs    = 256  // pairs that are proven or pending
	maxPending  = 16   // pairs about which somebody is being asked
	maxFailures = 16   // pairs that were not proven, until the stream ends
	maxVerifies = 3000 // keys that we are asked about, per minute
	wrongKey    = 10   // what one of them counts that is not ours
)

const defaultAuthTimeout = time.Minute

// inState is where an incoming stream stands.
type inState uint8

const (
	inHeader     inState = iota // waits for a stream header
	inTLS                       // a TLS handshake is going on
	inOpen                      // features are offered: pairs are proven, and stanzas of those taken
	inAuthHeader                // waits for the stream header after SASL
	nInStates
)

var inStateNames = [nInStates]string{"header", "tls", "open", "header after authentication"}

func (st inState) String() string { return inStateNames[st] }

// inSteps has one function per state for a complete child element of the stream.
var inSteps = [nInStates]func(*In, xmlstream.Element) error{
	inHeader:     (*In).unexpected,
	inTLS:        (*In).unexpected,
	inOpen:       (*In).onElement,
	inAuthHeader: (*In).unexpected,
}

// An In is a stream that another server has opened.
type In struct {
	link
	cfg   *Accepting
	peer  netip.AddrPort
	id    string            // of the stream, ours
	claim Pair              // what the header says, which proves nothing
	cert  *x509.Certificate // theirs, when an authority of certs signed it
	certs *tlsconf.Config
	pairs map[Pair]proof
	state inState

	bidi     bool   // we may send on it, too (XEP-0288)
	authed   bool   // the claim is proven by SASL
	pending  uint16 // pairs
	failures uint16
	verifies uint16 // since minute
	served   bool   // at least one verdict was given
	minute   int64
}

// Accept makes the stream of a connection whose peer speaks jabber:server. It runs on the loop.
func (s *Server) Accept(c *netio.Conn, cfg *Accepting) *In {
	in := &In{link: link{srv: s, conn: c}, cfg: cfg, peer: c.RemoteAddr()}
	in.end = in
	in.restart(&cfg.PreAuth)
	c.SetTimer(cfg.timeout())
	s.in.Add(1)
	return in
}

// AcceptTLS is Accept for a connection that began with TLS (XEP-0368).
func (s *Server) AcceptTLS(c *netio.Conn, cfg *Accepting, st *tlsState) *In {
	in := s.Accept(c, cfg)
	in.OnTLS(c, st, nil)
	return in
}

func (a *Accepting) timeout() time.Duration {
	if a.AuthTimeout == 0 {
		return defaultAuthTimeout
	}
	return a.AuthTimeout
}

func (in *In) handle(ev xmlstream.Event, el xmlstream.Element) error {
	switch ev {
	case xmlstream.Open:
		return in.onHeader(el)
	case xmlstream.Close:
		in.last(nil)
		return nil
	}
	if el.Is(stanza.NSStream, "error") { // RFC 6120 §4.9.1.1
		in.srv.log.Info("the other server ended its stream with an error", "domain", in.who(), "reason", stream.Clip(el.First().Local()))
		in.last(nil)
		return nil
	}
	return inSteps[in.state](in, el)
}

func (in *In) unexpected(xmlstream.Element) error {
	return stanza.StreamUnsupportedStanzaType.With("an element in state " + in.state.String())
}

// header is our answer; from is a domain of ours even when the peer has named none (RFC 6120
// §4.9.1.3).
func (in *In) header() stream.Answer {
	if in.id == "" {
		in.id = stream.NewID()
	}
	a := stream.Answer{Space: stanza.NSServer, ID: in.id, From: in.claim.Local, To: domainJID(in.claim.Remote), Dialback: true}
	if a.From == "" {
		a.From = in.srv.Router.Domains()[0]
	}
	return a
}

// onHeader checks a stream header (RFC 6120 §4.7) and answers with ours and the features.
func (in *In) onHeader(el xmlstream.Element) error {
	h, err := stream.ParseHeader(el, stanza.NSServer)
	before := in.claim
	in.id = stream.NewID()
	in.claim = Pair{}
	if in.srv.local(h.To.String()) != nil {
		in.claim.Local = h.To.String()
	}
	if h.From.IsDomain() {
		in.claim.Remote = h.From.Domain()
	}
	in.writeHeader()
	switch {
	case err != nil:
		return err
	case in.claim.Local == "": // §4.9.3.6
		return stanza.StreamHostUnknown.With("this server does not serve \"" + stream.Clip(h.To.String()) + "\"")
	case !h.From.IsZero() && in.claim.Remote == "": // §4.9.3.9
		return stanza.StreamInvalidFrom.With("\"" + stream.Clip(h.From.String()) + "\" is no domain")
	case in.claim.Remote != "" && !in.srv.speaks(in.claim): // §4.9.3.14
		return stanza.StreamPolicyViolation.With(unlisted(in.claim).Text)
	case in.state == inAuthHeader && in.claim != before: // authenticated as one, a stream of another
		return stanza.StreamNotAuthorized.With("authenticated as " + before.Remote + " to " + before.Local)
	}
	in.state = inOpen
	in.write(in.appendFeatures)
	return nil
}

// policy is what holds for the domain that the peer claims to be.
func (in *In) policy() *Remote {
	r, _ := in.srv.remote(in.claim.Remote)
	return r
}

// offersTLS: STARTTLS comes first, and is offered unless the policy says no (RFC 6120 §5).
func (in *In) offersTLS() bool { return !in.secure && in.policy().TLS != TLSNo }

// needsTLS: nothing but STARTTLS goes on.
func (in *In) needsTLS() bool { return !in.secure && in.policy().TLS == TLSRequired }

// offersExternal: the certificate holds and names the claimed domain (XEP-0178 §3).
func (in *In) offersExternal() bool {
	return in.secure && !in.authed && in.claim.Remote != "" && tlsconf.MatchDomain(in.certified(in.policy()), in.claim.Remote)
}

func (in *In) appendFeatures(dst []byte) []byte {
	dst = append(dst, "<stream:features>"...)
	switch {
	case in.needsTLS():
		return append(append(dst, stream.TLSRequired...), "</stream:features>"...)
	case in.offersTLS():
		dst = append(dst, stream.TLSOffer...)
	}
	if in.offersExternal() {
		dst = append(dst, "<mechanisms xmlns='"+stanza.NSSASL+"'><mechanism>EXTERNAL</mechanism></mechanisms>"...)
	}
	if !in.authed {
		dst = append(dst, "<bidi xmlns='"+nsBidiFeature+"'/>"...)
	}
	dst = append(dst, "<dialback xmlns='"+nsDialbackFeature+"'><errors/></dialback>"...)
	return append(dst, "</stream:features>"...)
}

// onElement handles what stands in an open stream.
func (in *In) onElement(el xmlstream.Element) error {
	switch string(el.Space()) {
	case stanza.NSServer:
		return in.onStanza(el)
	case nsDialback:
		return in.onDialback(el)
	case stanza.NSTLS:
		return in.onStartTLS(el)
	case stanza.NSSASL:
		return in.onAuth(el)
	case nsBidi:
		return in.onBidi(el)
	}
	return unsupported(el)
}

// onStanza takes a stanza of a pair that is proven, and of no other.
func (in *In) onStanza(el xmlstream.Element) error {
	st := stanza.Parse(el, stanza.NSServer)
	if st.Kind == stanza.NotStanza {
		return unsupported(el)
	}
	if len(el.Prefix()) > 0 { // RFC 6120 §4.8.5
		return stanza.StreamBadNamespacePrefix.With("a stanza with a namespace prefix")
	}
	p, err := pairOf(&st)
	switch {
	case err != nil:
		return err
	case in.pairs[p] == proven:
		in.take(&st)
		return nil
	case in.srv.local(p.Local) == nil: // §4.9.3.6
		return stanza.StreamHostUnknown.With("this server does not serve \"" + stream.Clip(p.Local) + "\"")
	case !in.proven(): // §4.9.3.12
		return stanza.StreamNotAuthorized.With("a stanza from \"" + stream.Clip(p.Remote) + "\" before anything is proven")
	}
	return stanza.StreamInvalidFrom.With("\"" + stream.Clip(p.Remote) + "\" to " + p.Local + " is not proven on this stream") // §4.9.3.9
}

func (in *In) proven() bool {
	for _, p := range in.pairs {
		if p == proven {
			return true
		}
	}
	return false
}

func (in *In) onBidi(el xmlstream.Element) error {
	if !el.Is(nsBidi, "bidi") {
		return unsupported(el)
	}
	if in.needsTLS() || len(in.pairs) > 0 { // XEP-0288 §2.2: after TLS, before anything is proven
		return stanza.StreamPolicyViolation.With("bidi comes after TLS and before authentication")
	}
	in.bidi = true
	return nil
}

// onStartTLS begins TLS (RFC 6120 §5.4.2).
func (in *In) onStartTLS(el xmlstream.Element) error {
	switch {
	case string(el.Local()) != "starttls":
		return unsupported(el)
	case !in.offersTLS() || len(in.pairs) > 0: // §5.4.2.2
		in.writeString(stream.TLSFailure)
		in.last(nil)
		return nil
	}
	in.writeString(stream.TLSProceed)
	in.state = inTLS
	in.shake()
	in.conn.StartTLS(in.policy().Certs.Server(), in.cfg.timeout())
	return nil
}

// who names the stream in the log: the domain that it claims, or the address.
func (in *In) who() string {
	if in.claim.Remote == "" {
		return in.peer.String()
	}
	return in.claim.Remote
}

func (in *In) fail(err error) {
	if in.over {
		return
	}
	e := stream.FromXML(err)
	in.srv.log.Info("stream from another server ended", "domain", in.who(), "peer", in.peer, "state", in.state.String(), "reason", error(e))
	in.stop(e)
}

// stop ends the stream, and our sending on it first.
func (in *In) stop(e *stanza.StreamError) {
	in.withdraw()
	in.last(e)
}

// withdraw ends our sending on the stream.
func (in *In) withdraw() {
	if !in.bidi {
		return
	}
	for p := range in.pairs {
		in.srv.withdraw(p, in)
	}
}

// End ends the stream from outside. Any goroutine.
func (in *In) End(e *stanza.StreamError) { in.conn.Post(func() { in.stop(e) }) }
