package script

import (
	"bufio"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"time"
)

// patience bounds each thing that a script waits for.
const patience = 10 * time.Second

// transcript is what went over all sockets of a script, in order.
type transcript struct {
	b    []byte
	line int // of the statement that runs
	last time.Time
}

// pause makes waiting visible.
func (t *transcript) pause() {
	now := time.Now()
	if gap := now.Sub(t.last); gap > 200*time.Millisecond && !t.last.IsZero() {
		t.b = fmt.Appendf(t.b, "     (%v later)\n", gap.Round(100*time.Millisecond))
	}
	t.last = now
}

const maxShown = 2000 // bytes of one piece

func (t *transcript) add(who, dir string, data []byte) {
	t.pause()
	text, cut := data, ""
	if len(text) > maxShown {
		text, cut = text[:maxShown], fmt.Sprintf(" … (%d bytes)", len(data))
	}
	t.b = fmt.Appendf(t.b, "%4d %s%s %s%s\n", t.line, who, dir, strings.ToValidUTF8(string(text), "\uFFFD"), cut)
}

func (t *transcript) note(who, format string, args ...any) {
	t.pause()
	t.b = fmt.Appendf(t.b, "%4d %s: %s\n", t.line, who, fmt.Sprintf(format, args...))
}

// An actor is one connection of a script.
type actor struct {
	name    string
	conn    net.Conn // the TCP connection, or TLS on it
	tcp     *net.TCPConn
	log     *transcript
	in      *reader
	buf     *bufio.Reader
	pending []item // read while waiting for something else
	gone    error  // why nothing more comes
	jid     string // once bound
	domain  string
	dirty   bool // has sent since the server was last seen to have handled all
	deaf    bool // has a small buffer until it reads
	silent  bool // reads are not done: the script ended this side
	server  bool // its streams are those of servers
	pings   int
}

func dial(who, addr string, log *transcript) (*actor, error) {
	c, err := net.DialTimeout("tcp", addr, patience)
	if err != nil {
		return nil, err
	}
	log.note(who, "connected to %s", addr)
	return newActor(who, c.(*net.TCPConn), log), nil
}

func newActor(who string, c *net.TCPConn, log *transcript) *actor {
	a := &actor{name: who, conn: c, tcp: c, log: log, domain: defaultDomain}
	a.buf = bufio.NewReaderSize(tap{a}, 16384)
	a.restart()
	return a
}

// tap copies what is read into the transcript.
type tap struct{ a *actor }

func (t tap) Read(b []byte) (int, error) {
	n, err := t.a.conn.Read(b)
	if n > 0 {
		t.a.log.add(t.a.name, "<", b[:n])
	}
	return n, err
}

// restart begins a new stream on the connection.
func (a *actor) restart() { a.in = newReader(a.buf) }

// startTLS takes up TLS; whatever the server sent in clear behind its <proceed/> is an error.
func (a *actor) startTLS(c *tls.Config) error {
	if n := a.buf.Buffered(); n > 0 {
		return fmt.Errorf("%d bytes in clear before the handshake", n)
	}
	t := tls.Client(a.tcp, c)
	t.SetDeadline(time.Now().Add(patience))
	if err := t.Handshake(); err != nil {
		return fmt.Errorf("TLS handshake: %w", err)
	}
	t.SetDeadline(time.Time{})
	a.conn = t
	st := t.ConnectionState()
	a.log.note(a.name, "%s %s", tls.VersionName(st.Version), tls.CipherSuiteName(st.CipherSuite))
	a.restart()
	return nil
}

// write sends bytes. That the server has gone meanwhile is noted only: what it has said before is
// the script's matter.
func (a *actor) write(b []byte) {
	a.conn.SetWriteDeadline(time.Now().Add(patience))
	a.dirty = true
	if _, err := a.conn.Write(b); err != nil {
		a.log.note(a.name, "write: %v", err)
	}
}

func (a *actor) send(b []byte) {
	a.log.add(a.name, ">", b)
	a.write(b)
}

// fetch reads one item from the socket.
func (a *actor) fetch() (item, error) {
	if a.gone != nil {
		return item{}, a.gone
	}
	if a.deaf { // with the small buffer the kernel waits 200 ms for each segment
		a.deaf = false
		if err := a.tcp.SetReadBuffer(1 << 18); err != nil {
			return item{}, err
		}
	}
	a.conn.SetReadDeadline(time.Now().Add(patience))
	it, err := a.in.next()
	if ne, ok := errors.AsType[net.Error](err); ok && ne.Timeout() {
		return it, fmt.Errorf("nothing came within %v", patience)
	}
	if err != nil {
		a.gone = fmt.Errorf("the stream broke: %w", err)
		if errors.Is(err, io.EOF) {
			a.gone = errEnded
		}
		return it, a.gone
	}
	if it.kind == element {
		if a.server {
			asClient(it.node)
		}
		a.learn(it.node)
	}
	return it, nil
}

var errEnded = errors.New("the server ended the connection")

// learn follows what changes the connection: success restarts the stream, binding names it.
func (a *actor) learn(n *node) {
	switch {
	case n.name == name{nsSASL, "success"}:
		a.restart()
	case n.local == "iq" && n.attr("type") == "result":
		if j := n.child(nsBind, "bind").child(nsBind, "jid"); j != nil {
			a.jid = j.text
			if _, rest, ok := strings.Cut(a.jid, "@"); ok {
				a.domain, _, _ = strings.Cut(rest, "/")
			}
		}
	}
}

// next is the oldest item that no statement has taken.
func (a *actor) next() (item, error) {
	if len(a.pending) > 0 {
		it := a.pending[0]
		a.pending = a.pending[1:]
		return it, nil
	}
	return a.fetch()
}

// ping sends a ping to the server and gives its id.
func (a *actor) ping() string {
	a.pings++
	id := fmt.Sprintf("script-%s-%d", a.name, a.pings)
	a.send([]byte("<iq type='get' id='" + id + "' to='" + a.domain + "'><ping xmlns='" + nsPing + "'/></iq>"))
	return id
}

func isPong(it item, id string) bool {
	return it.kind == element && it.local == "iq" && it.attr("id") == id
}

// sync waits until the server has handled all that the actor has sent. Server and client keep the
// order of a stream (RFC 6120 §10.1), so the answer to a ping says so.
func (a *actor) sync() error {
	if a.jid == "" || !a.dirty || a.gone != nil || a.silent {
		return nil
	}
	id := a.ping()
	for {
		it, err := a.fetch()
		if a.gone != nil {
			return nil // the script will look at how it ended
		}
		if err != nil {
			return fmt.Errorf("%s: no answer to the ping %s: %w", a.name, id, err)
		}
		if isPong(it, id) {
			a.dirty = false
			return nil
		}
		a.pending = append(a.pending, it)
	}
}

// silence proves that nothing has come before the answer to a ping.
func (a *actor) silence() error {
	if len(a.pending) > 0 {
		return fmt.Errorf("expected nothing, got %s", show(a.pending[0]))
	}
	if a.jid == "" {
		return errors.New("silence is proved by a ping, which needs a bound session")
	}
	id := a.ping()
	it, err := a.fetch()
	if err != nil {
		return err
	}
	if !isPong(it, id) {
		return fmt.Errorf("expected nothing, got %s", show(it))
	}
	a.dirty = false
	return nil
}

// ended expects the end of the connection; want says whether </stream:stream> must come first.
func (a *actor) ended(want bool) error {
	if want {
		it, err := a.next()
		if err != nil {
			return err
		}
		if it.kind != closed {
			return fmt.Errorf("expected </stream:stream>, got %s", show(it))
		}
	}
	it, err := a.next()
	if a.gone != nil {
		return nil
	}
	if err != nil {
		return fmt.Errorf("the connection stays open: %w", err)
	}
	return fmt.Errorf("expected the end of the connection, got %s", show(it))
}

// vanished waits for the end of the connection, whatever comes before it: an alert of TLS, bytes
// that are no XML, a reset.
func (a *actor) vanished() error {
	a.conn.SetReadDeadline(time.Now().Add(patience))
	_, err := io.Copy(io.Discard, a.buf)
	if ne, ok := errors.AsType[net.Error](err); ok && ne.Timeout() {
		return fmt.Errorf("the connection stays open for %v", patience)
	}
	a.gone = errEnded
	return nil
}

// halfClose ends the actor's own direction.
func (a *actor) halfClose() {
	if t, ok := a.conn.(*tls.Conn); ok {
		t.CloseWrite()
		return
	}
	a.tcp.CloseWrite()
}

// drop resets the connection without a word.
func (a *actor) drop() {
	a.tcp.SetLinger(0)
	a.tcp.Close()
	a.gone = errors.New("the script dropped the connection")
}
