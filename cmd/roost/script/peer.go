package script

import (
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"strings"
	"time"
)

// Namespaces of streams between servers.
const (
	nsServer   = "jabber:server"
	nsDialback = "jabber:server:dialback"
)

// listenPeer makes the place where the server finds the other servers of a script: {peer} in a
// configuration.
func (r *run) listenPeer() (err error) {
	r.peer, err = net.Listen("tcp", "127.0.0.1:0")
	return err
}

func (r *run) peerAddr() string {
	if r.peer == nil {
		return ""
	}
	return r.peer.Addr().String()
}

// accept NAME [to=REMOTE] [from=LOCAL] [id=ID] [features=TEXT] [only]: takes a connection that the
// server has made, reads its header and answers with a header and features; only: does no more than
// take it.
func (r *run) accept(plain []string, opts map[string]string) error {
	r.peer.(*net.TCPListener).SetDeadline(time.Now().Add(patience))
	c, err := r.peer.Accept()
	if err != nil {
		return fmt.Errorf("the server makes no connection: %w", err)
	}
	a := newActor(plain[0], c.(*net.TCPConn), &r.log)
	a.server = true
	r.log.note(a.name, "the server has connected")
	r.actors[a.name] = a
	r.order = append(r.order, a)
	r.last = a
	if len(plain) > 1 && plain[1] == "only" {
		return nil
	}
	return r.answer(a, nil, opts)
}

// answer NAME: reads the server's header and answers it.
func (r *run) answer(a *actor, _ []string, opts map[string]string) error {
	to, from := value(opts, "to", "remote.test"), value(opts, "from", defaultDomain)
	if err := r.expect(a, "<stream:stream from='"+from+"' to='"+to+"' version='1.0' ...>"); err != nil {
		return err
	}
	features := value(opts, "features", "<dialback xmlns='urn:xmpp:features:dialback'><errors/></dialback>")
	a.send([]byte(serverHeader(to, from, value(opts, "id", "script-id")) + "<stream:features>" + features + "</stream:features>"))
	return nil
}

// stream NAME [from=REMOTE] [to=LOCAL]: sends the header of a server, takes the answer and the
// features, and captures the id of the stream as {NAME-id}.
func (r *run) stream(a *actor, _ []string, opts map[string]string) error {
	from, to := value(opts, "from", "remote.test"), value(opts, "to", defaultDomain)
	a.server, a.domain = true, to
	a.restart()
	a.send([]byte(serverHeader(from, to, "")))
	delete(r.vars, a.name+"-id")
	return r.expect(a, "<stream:stream from='"+to+"' to='"+from+"' id='{"+a.name+"-id}' version='1.0' ...> <stream:features>...</stream:features>")
}

func serverHeader(from, to, id string) string {
	s := "<?xml version='1.0'?><stream:stream xmlns='" + nsServer + "' xmlns:stream='" + nsStream + "' xmlns:db='" + nsDialback + "' version='1.0'"
	for _, a := range [][2]string{{"from", from}, {"to", to}, {"id", id}} {
		if a[1] != "" {
			s += " " + a[0] + "='" + escape(a[1]) + "'"
		}
	}
	return s + ">"
}

func value(opts map[string]string, key, def string) string {
	if v, ok := opts[key]; ok {
		return v
	}
	return def
}

// proves NAME [from=REMOTE] [to=LOCAL]: NAME proves a pair of domains by dialback: its authoritative
// server, which the server asks, says yes.
func (r *run) proves(a *actor, _ []string, opts map[string]string) error {
	from, to := value(opts, "from", "remote.test"), value(opts, "to", defaultDomain)
	a.send([]byte("<db:result from='" + from + "' to='" + to + "'>key</db:result>"))
	asked := a.name + "-asks"
	if err := r.accept([]string{asked}, map[string]string{"to": from, "from": to}); err != nil {
		return err
	}
	peer := r.actors[asked]
	if err := r.expect(peer, "<db:verify from='"+to+"' to='"+from+"' id='{"+a.name+"-id}'>key</db:verify>"); err != nil {
		return err
	}
	peer.send([]byte("<db:verify from='" + from + "' to='" + to + "' id='" + r.vars[a.name+"-id"] + "' type='valid'/>"))
	return r.expect(a, "<db:result from='"+to+"' to='"+from+"' type='valid'/>")
}

// secures NAME takes up TLS as the server that was connected to, with the certificate of cert=.
func (r *run) secures(a *actor, _ []string, opts map[string]string) error {
	c, err := clientTLS(r.opts.Dir, opts)
	if err != nil {
		return err
	}
	if n := a.buf.Buffered(); n > 0 {
		return fmt.Errorf("%d bytes in clear before the handshake", n)
	}
	t := tls.Server(a.tcp, c)
	t.SetDeadline(time.Now().Add(patience))
	if err := t.Handshake(); err != nil {
		return fmt.Errorf("TLS handshake: %w", err)
	}
	t.SetDeadline(time.Time{})
	a.conn = t
	a.restart()
	return nil
}

// logged TEXT… waits until one line of the server's log has all the texts.
func (r *run) logged(texts []string, _ map[string]string) error {
	l, ok := r.server.(interface{ Logged() string })
	if !ok {
		return errors.New("this server's log is not at hand")
	}
	for end := time.Now().Add(patience); ; time.Sleep(time.Millisecond) {
		text := l.Logged()
		if hasLine(text, texts) {
			return nil
		}
		if time.Now().After(end) {
			return fmt.Errorf("no line of the log has %q", texts)
		}
	}
}

func hasLine(log string, texts []string) bool {
	for line := range strings.SplitSeq(log, "\n") {
		found := true
		for _, t := range texts {
			found = found && strings.Contains(line, t)
		}
		if found {
			return true
		}
	}
	return false
}

// asClient gives elements of servers the namespace in which patterns are written.
func asClient(n *node) {
	if n.space == nsServer {
		n.space = nsClient
	}
	for _, k := range n.kids {
		asClient(k)
	}
}
