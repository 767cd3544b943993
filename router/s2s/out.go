package s2s

import (
	"crypto/x509"
	"encoding/base64"
	"errors"
	"sync"
	"time"

	"roost/netio"
	"roost/router/stream"
	"roost/tlsconf"
	"roost/xmlstream"
	"roost/xmlstream/stanza"
)

// outState is where a stream of ours stands. It only moves forward, but for a connection that fails
// while there is another place to try: then it is outConnecting again.
type outState uint8

const (
	outResolving  outState = iota // the name is looked up
	outConnecting                 // one or more connections are being made
	outHeader                     // waits for the answer to our header
	outFeatures                   // waits for the features
	outProceed                    // has asked for TLS
	outTLS                        // the handshake is going on
	outSASL                       // has sent our certificate's claim
	outReady                      // nothing is in the way of dialback: keys can be verified
	outProving                    // has sent our key
	outOpen                       // stanzas go
	outClosed                     // over
	nOutStates
)

var outStateNames = [nOutStates]string{"resolving", "connecting", "header", "features", "proceed", "tls", "sasl",
	"ready", "proving", "open", "closed"}

func (st outState) String() string { return outStateNames[st] }

// outSteps has one function per state for a complete child element of the stream.
var outSteps = [nOutStates]func(*Out, xmlstream.Element) error{
	outResolving: (*Out).unexpected, outConnecting: (*Out).unexpected,
	outHeader:   (*Out).unexpected,
	outFeatures: (*Out).onFeatures,
	outProceed:  (*Out).onProceed,
	outTLS:      (*Out).unexpected,
	outSASL:     (*Out).onSASL,
	outReady:    (*Out).onElement, outProving: (*Out).onElement, outOpen: (*Out).onElement,
	outClosed: (*Out).unexpected,
}

// An Out is a stream that we make, for one pair. It outlives the connections that are tried for it.
type Out struct {
	link
	pair Pair
	rem  *Remote

	mu     sync.Mutex // guards what follows
	state  outState
	queue  []*stanza.Frame // stanzas that wait for outOpen
	bytes  int             // in queue
	asks   []*inquiry      // keys to verify, those that were sent among them
	found  []Candidate     // places, those from next on not tried yet
	next   int
	tries  int   // connections being made
	yields bool  // stanzas of the pair go another way
	err    error // why the last one failed
	since  time.Time

	// Of the connection, on its loop.
	at     Candidate
	id     string // of the stream, theirs
	cert   *x509.Certificate
	authed bool // by SASL
	spoken bool // SASL was tried
	bidi   bool
}

// inquiry is a key that a stream of theirs came with, to be verified on ours.
type inquiry struct {
	id, key string
	sent    bool
	until   time.Time // once sent
	done    func(verdict)
}

// What may wait for one stream.
const (
	maxAsks    = 64   // keys to be verified
	maxWaiting = 4096 // stanzas
)

// patience is how long an answer to a question of dialback is waited for.
func (o *Out) patience() time.Duration { return o.rem.ConnectTimeout }

func newOut(s *Server, p Pair, r *Remote) *Out {
	o := &Out{link: link{srv: s}, pair: p, rem: r, since: s.c.Now()}
	o.end = o
	return o
}

// yield has a stream that was made to verify keys alone leave the stanzas to another; it is false
// when it has some. Server.mu is held.
func (o *Out) yield(yields bool) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	if yields && (o.state >= outSASL && o.state != outReady || len(o.queue) > 0) {
		return false
	}
	o.yields = yields
	return true
}

// send takes over f and sends it, now or when the stream is open. Not taken and no error: the stream
// has ended, or leaves stanzas to another. Any goroutine.
func (o *Out) send(f *stanza.Frame) (taken bool, e *stanza.StanzaError) {
	o.mu.Lock()
	defer o.mu.Unlock()
	switch {
	case o.state == outClosed, o.yields:
		return false, nil
	case o.state == outOpen:
		return o.pass(o.conn, f), nil
	case o.bytes+len(f.Bytes()) > o.srv.c.MaxQueue && o.bytes > 0, len(o.queue) >= maxWaiting:
		f.Release()
		return true, stanza.ResourceConstraint.With("too much is waiting for a stream to " + o.pair.Remote)
	}
	o.queue = append(o.queue, f)
	o.bytes += len(f.Bytes())
	if o.state == outReady {
		o.prove()
		o.conn.Post(o.tick)
	}
	return true, nil
}

// ended makes sure that a stream which has refused a stanza is out of the way, unless it only leaves
// it to another.
func (o *Out) ended() {
	o.mu.Lock()
	st, yields := o.state, o.yields
	o.mu.Unlock()
	switch {
	case st == outClosed:
		o.srv.forget(o)
	case st == outOpen && !yields: // its connection is ending, and has not said so yet
		o.finish(errors.New("the connection is ending"), nil)
	}
}

// ask has a key verified. It is false when the stream has ended.
func (o *Out) ask(q *inquiry) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	switch {
	case o.state == outClosed:
		return false
	case len(o.asks) >= maxAsks:
		go q.done(verdict{err: stanza.ResourceConstraint.With("too many keys wait for " + o.pair.Remote)})
		return true
	}
	o.asks = append(o.asks, q)
	if o.state >= outReady {
		o.sendAsks()
		o.conn.Post(o.tick)
	}
	return true
}

// sendAsks sends the questions that wait. o.mu is held.
func (o *Out) sendAsks() {
	now := o.srv.c.Now()
	for _, q := range o.asks {
		if !q.sent {
			q.sent, q.until = true, now.Add(o.patience())
			o.write(func(dst []byte) []byte { return appendVerify(dst, o.pair, q.id, q.key) })
		}
	}
}

// prove sends our key (XEP-0220 §2.1.1). o.mu is held.
func (o *Out) prove() {
	o.state = outProving
	o.touch()
	key := o.srv.secret(o.pair).Key(o.pair.Remote, o.pair.Local, o.id)
	o.write(func(dst []byte) []byte { return appendResult(dst, o.pair, key) })
}

func (o *Out) handle(ev xmlstream.Event, el xmlstream.Element) error {
	switch ev {
	case xmlstream.Open:
		return o.onHeader(el)
	case xmlstream.Close:
		o.finish(o.closed(), nil)
		return nil
	}
	if el.Is(stanza.NSStream, "error") { // RFC 6120 §4.9.1.1
		return o.onStreamError(el)
	}
	return outSteps[o.now()](o, el)
}

// closed is the reason when the other server closes a stream in order: none for one that nobody waits
// for.
func (o *Out) closed() error {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.state >= outReady && len(o.queue) == 0 && len(o.asks) == 0 {
		return nil
	}
	return errors.New("the other server has closed the stream")
}

// onStreamError: host-unknown means that the domain is not there (RFC 6120 §4.9.3.6).
func (o *Out) onStreamError(el xmlstream.Element) error {
	condition := stream.Clip(el.First().Local())
	e := stanza.RemoteServerTimeout
	if condition == string(stanza.StreamHostUnknown) || condition == string(stanza.StreamHostGone) {
		e = stanza.RemoteServerNotFound
	}
	o.finish(errors.New("the other server ended the stream with "+condition), e.With(o.pair.Remote+" answers "+condition))
	return nil
}

func (o *Out) now() outState {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.state
}

// move goes on to a state, unless the stream has ended.
func (o *Out) move(st outState) {
	o.mu.Lock()
	if o.state != outClosed {
		o.state = st
	}
	o.mu.Unlock()
}

func (o *Out) unexpected(xmlstream.Element) error {
	return stanza.StreamUnsupportedStanzaType.With("an element in state " + o.now().String())
}

func (o *Out) header() stream.Answer {
	return stream.Answer{Space: stanza.NSServer, From: o.pair.Local, To: domainJID(o.pair.Remote), Dialback: true}
}

// onHeader takes the answer to our header. What it says about domains proves nothing; the id is what
// our key is made for.
func (o *Out) onHeader(el xmlstream.Element) error {
	if _, err := stream.ParseHeader(el, stanza.NSServer); err != nil {
		return err
	}
	id, _ := el.Attr("id")
	if len(id) == 0 || len(id) > maxKey { // RFC 6120 §4.7.3
		return stanza.StreamPolicyViolation.With("a stream needs an id")
	}
	o.id = string(id)
	o.move(outFeatures)
	return nil
}

// onFeatures chooses the next step: TLS, then our certificate, then dialback.
func (o *Out) onFeatures(el xmlstream.Element) error {
	if !el.Is(stanza.NSStream, "features") {
		return unsupported(el)
	}
	tls := el.Child(stanza.NSTLS, "starttls")
	switch {
	case o.authed:
		o.open()
		return nil
	case !o.secure && !tls.IsZero() && o.rem.TLS != TLSNo:
		o.move(outProceed)
		o.writeString("<starttls xmlns='" + stanza.NSTLS + "'/>")
		return nil
	case !o.secure && o.rem.TLS == TLSRequired:
		return o.refuse("it offers no TLS, and tls is required")
	case !o.secure && !tls.Child(stanza.NSTLS, "required").IsZero():
		return o.refuse("it demands TLS, and tls is no")
	case !o.trusted():
		return o.refuse("its certificate is not accepted")
	}
	external := false
	for m := range el.Child(stanza.NSSASL, "mechanisms").Children() {
		external = external || string(m.Text()) == "EXTERNAL"
	}
	if !el.Child(nsBidiFeature, "bidi").IsZero() { // XEP-0288 §2.2: after TLS, before authentication
		o.bidi = true
		o.writeString("<bidi xmlns='" + nsBidi + "'/>")
	}
	if external && o.secure && !o.spoken && tlsconf.MatchDomain(o.rem.Certs.Leaf(o.pair.Local), o.pair.Local) {
		o.spoken = true
		o.move(outSASL) // XEP-0178 §3
		o.writeString("<auth xmlns='" + stanza.NSSASL + "' mechanism='EXTERNAL'>" +
			base64.StdEncoding.EncodeToString([]byte(o.pair.Local)) + "</auth>")
		return nil
	}
	o.ready()
	return nil
}

// trusted reports whether the certificate proves what the policy wants. Without TLS there is none.
func (o *Out) trusted() bool {
	switch o.rem.Verify {
	case VerifyCA:
		return o.cert != nil
	case VerifyHost:
		return o.cert != nil && tlsconf.MatchDomain(o.cert, o.pair.Remote)
	}
	return true
}

// refuse is the end of a stream that we do not want to go on with.
func (o *Out) refuse(why string) error {
	return stanza.StreamPolicyViolation.With(why)
}

// onProceed begins TLS (RFC 6120 §5.4.3).
func (o *Out) onProceed(el xmlstream.Element) error {
	if !el.Is(stanza.NSTLS, "proceed") {
		return stanza.StreamUnsupportedStanzaType.With("TLS was offered and is refused")
	}
	o.handshake()
	return nil
}

func (o *Out) handshake(alpn ...string) {
	o.move(outTLS)
	o.shake()
	o.conn.StartTLSClient(o.rem.Certs.Client(o.pair.Local, o.pair.Remote, alpn...), o.rem.ConnectTimeout)
}

// OnTLS implements netio.Handler: a new stream begins. The certificate is judged beside the loop,
// where anything depends on it.
func (o *Out) OnTLS(_ *netio.Conn, st *tlsState, err error) {
	if err != nil {
		return // OnClose follows, with the same
	}
	o.secure = true
	o.restart(&o.srv.rules.Load().limits)
	o.move(outHeader)
	o.writeHeader()
	if o.rem.Verify != VerifyNone {
		o.judge(o.rem.Certs, st, o.pair.Remote, func(cert *x509.Certificate) { o.cert = cert })
	}
}

// onSASL is the answer to our certificate.
func (o *Out) onSASL(el xmlstream.Element) error {
	switch {
	case el.Is(stanza.NSSASL, "success"): // a new stream begins (RFC 6120 §6.3.2)
		o.authed = true
		o.restart(&o.srv.rules.Load().limits)
		o.move(outHeader)
		o.writeHeader()
	case el.Is(stanza.NSSASL, "failure"): // XEP-0178 §3: dialback is left
		o.srv.log.Info("our certificate is refused", "domain", o.pair.Remote, "local", o.pair.Local, "reason", stream.Clip(el.First().Local()))
		o.ready()
	default:
		return unsupported(el)
	}
	return nil
}

// ready is the point from which on keys can be verified, theirs and ours. A stream that was made only
// to see whether the domain is there (doubt) has seen it.
func (o *Out) ready() {
	o.mu.Lock()
	if o.state == outClosed {
		o.mu.Unlock()
		return
	}
	o.state = outReady
	o.sendAsks()
	if len(o.queue) > 0 {
		o.prove()
	}
	look := o.state == outReady && len(o.asks) == 0
	o.touch()
	o.mu.Unlock()
	o.tick()
	o.srv.reached(Pair{Remote: o.pair.Remote})
	if look {
		o.quit(0)
	}
}

// open lets the stanzas go.
func (o *Out) open() {
	o.mu.Lock()
	if o.state == outClosed {
		o.mu.Unlock()
		return
	}
	o.state = outOpen
	o.sendAsks()
	for _, f := range o.queue {
		if !o.pass(o.conn, f) {
			o.left = append(o.left, f) // the connection is ending: OnClose gives it back
		}
	}
	o.queue, o.bytes, o.found = nil, 0, nil
	o.touch()
	o.mu.Unlock()
	o.srv.log.Info("stream to another server open", "domain", o.pair.Remote, "local", o.pair.Local, "at", o.at.Addr,
		"by", map[bool]string{true: "certificate", false: "dialback"}[o.authed], "tls", o.secure)
	o.tick()
	o.srv.reached(Pair{Remote: o.pair.Remote})
	o.srv.reached(o.pair)
}
