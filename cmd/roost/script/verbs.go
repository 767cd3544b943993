package script

import (
	"crypto/tls"
	"encoding/base64"
	"errors"
	"fmt"
	"maps"
	"strings"
	"time"
)

// serverVerbs concern the server.
var serverVerbs = map[string]func(*run) error{
	"kill":    func(r *run) error { return errors.Join(r.halt(Server.Kill), r.join()) },
	"stop":    func(r *run) error { return r.halt(Server.Stop) },
	"restart": (*run).restart,
}

type (
	maker func(r *run, plain []string, opts map[string]string) error
	verb  func(r *run, a *actor, plain []string, opts map[string]string) error
)

// makers make actors, or concern several.
var makers = map[string]maker{
	"connect":  (*run).connect,
	"login":    (*run).login,
	"follow":   (*run).follow,
	"befriend": (*run).befriend,
	"accept":   (*run).accept,
	"logged":   (*run).logged,
}

// actorVerbs are what an actor does besides sending.
var actorVerbs = map[string]verb{
	"open":       (*run).open,
	"stream":     (*run).stream,
	"answer":     (*run).answer,
	"proves":     (*run).proves,
	"secures":    (*run).secures,
	"tls":        func(r *run, a *actor, _ []string, opts map[string]string) error { return r.handshake(a, opts) },
	"starttls":   (*run).starttls,
	"auth":       (*run).auth,
	"bind":       (*run).bind,
	"interested": (*run).interested,
	"online":     (*run).online,
	"skip":       (*run).skip,
	"sync":       simple(func(a *actor) error { a.dirty = true; return errors.Join(a.sync(), a.gone) }),
	"close":      simple(func(a *actor) error { a.send([]byte("</stream:stream>")); return nil }),
	"eof":        simple(func(a *actor) error { a.halfClose(); return nil }),
	"drop":       simple(func(a *actor) error { a.drop(); return nil }),
	"deaf":       simple(func(a *actor) error { a.silent, a.deaf = true, true; return a.tcp.SetReadBuffer(4096) }),
}

func simple(f func(*actor) error) verb {
	return func(_ *run, a *actor, plain []string, _ map[string]string) error {
		if len(plain) > 0 {
			return fmt.Errorf("unknown word %q", plain[0])
		}
		return f(a)
	}
}

func (r *run) halt(end func(Server) error) error {
	if err := r.turn(nil); err != nil {
		return err
	}
	r.stopped = true
	server := r.server
	go func() { r.halted <- end(server) }() // clients read their farewell meanwhile
	return nil
}

// join waits for the end of a server that a statement has ended.
func (r *run) join() error {
	if !r.stopped {
		return nil
	}
	select {
	case err := <-r.halted:
		r.halted <- nil
		return err
	case <-time.After(patience):
		return errors.New("the server does not end")
	}
}

func (r *run) restart() (err error) {
	if !r.stopped {
		if err := r.halt(Server.Stop); err != nil {
			return err
		}
	}
	for _, a := range r.order {
		a.conn.Close()
	}
	if err := r.join(); err != nil {
		return err
	}
	<-r.halted
	r.actors, r.order, r.last = map[string]*actor{}, nil, nil
	if r.server, err = r.start(r.opts); err == nil {
		r.stopped = false
	}
	return err
}

// connect NAME [direct [refused]] [listen=ADDR]: a TCP connection, with TLS on it when direct;
// refused: the server must not take part in the handshake.
func (r *run) connect(plain []string, opts map[string]string) error {
	who := plain[0]
	words := map[string]bool{}
	for _, w := range plain[1:] {
		if w != "direct" && w != "refused" {
			return fmt.Errorf("unknown word %q", w)
		}
		words[w] = true
	}
	direct := words["direct"]
	listen := clearListen
	if direct {
		listen = directListen
	}
	if l := opts["listen"]; l != "" {
		listen = l
	}
	if old := r.actors[who]; old != nil {
		old.conn.Close()
	}
	addr := r.server.Addr(listen)
	if addr == "" {
		return fmt.Errorf("the server does not listen at %q", listen)
	}
	a, err := dial(who, addr, &r.log)
	if err != nil {
		return err
	}
	r.actors[who] = a
	r.order = append(r.order, a)
	r.last = a
	if !direct {
		return nil
	}
	err = r.handshake(a, opts)
	if !words["refused"] {
		return err
	}
	if err == nil { // TLS 1.3: the server may refuse when the client believes to be done
		return a.vanished()
	}
	return nil
}

func (r *run) handshake(a *actor, opts map[string]string) error {
	c, err := clientTLS(r.opts.Dir, opts)
	if err != nil {
		return err
	}
	return a.startTLS(c)
}

// open NAME [to=DOMAIN]: sends a header and takes the answer and the features.
func (r *run) open(a *actor, _ []string, opts map[string]string) error {
	if to := opts["to"]; to != "" {
		a.domain = to
	}
	a.restart()
	a.send([]byte("<?xml version='1.0'?><stream:stream to='" + a.domain + "' version='1.0' xmlns='" + nsClient +
		"' xmlns:stream='" + nsStream + "'>"))
	return r.expect(a, "<stream:stream from='"+a.domain+"' id='*' version='1.0' ...> <stream:features>...</stream:features>")
}

// starttls NAME: asks for TLS, takes it up.
func (r *run) starttls(a *actor, _ []string, opts map[string]string) error {
	a.send([]byte("<starttls xmlns='" + nsTLS + "'/>"))
	if err := r.expect(a, "<tls:proceed/>"); err != nil {
		return err
	}
	return r.handshake(a, opts)
}

// auth NAME USER [password=] [mech=] [authzid=] [binding=] [flag=] [fail=CONDITION]
func (r *run) auth(a *actor, plain []string, opts map[string]string) error {
	if len(plain) != 1 {
		return errors.New("auth NAME USER")
	}
	c := credentials{user: plain[0], domain: a.domain, pass: password, mech: "PLAIN", binding: "tls-exporter",
		authzid: opts["authzid"], flag: opts["flag"]}
	for k, p := range map[string]*string{"password": &c.pass, "mech": &c.mech, "binding": &c.binding} {
		if v, ok := opts[k]; ok {
			*p = v
		}
	}
	err := a.authenticate(c)
	want, failed := opts["fail"]
	if !failed {
		return err
	}
	f, ok := errors.AsType[*authFailure](err)
	switch {
	case !ok:
		return fmt.Errorf("expected the failure %s, got: %v", want, err)
	case f.condition != want:
		return fmt.Errorf("expected the failure %s, got %s", want, f.condition)
	}
	return nil
}

type authFailure struct{ condition string }

func (f *authFailure) Error() string { return "authentication failed: " + f.condition }

func (a *actor) authenticate(c credentials) error {
	conn, _ := a.conn.(*tls.Conn)
	m, err := newMechanism(c, conn)
	if err != nil {
		return err
	}
	b, err := m.step(nil)
	if err != nil {
		return err
	}
	text := ""
	if b != nil {
		text = encode(b)
	}
	a.send([]byte("<auth xmlns='" + nsSASL + "' mechanism='" + c.mech + "'>" + text + "</auth>"))
	for {
		it, err := a.next()
		if err != nil {
			return err
		}
		if it.kind != element || it.space != nsSASL {
			return fmt.Errorf("got %s in an authentication", show(it))
		}
		data, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(it.text, "="))
		switch it.local {
		case "failure":
			return failureOf(it)
		case "success":
			return errors.Join(err, m.finish(data))
		case "challenge":
			if b, err2 := m.step(data); errors.Join(err, err2) == nil {
				a.send([]byte("<response xmlns='" + nsSASL + "'>" + encode(b) + "</response>"))
				continue
			} else {
				return errors.Join(err, err2)
			}
		}
		return fmt.Errorf("got %s in an authentication", show(it))
	}
}

func failureOf(it item) error {
	for _, k := range it.kids {
		if k.local != "text" {
			return &authFailure{k.local}
		}
	}
	return &authFailure{"(no condition)"}
}

func encode(b []byte) string {
	if len(b) == 0 {
		return "=" // RFC 6120 §6.4.2
	}
	return base64.StdEncoding.EncodeToString(b)
}

// bind NAME [RESOURCE]
func (r *run) bind(a *actor, plain []string, _ map[string]string) error {
	res := "<bind xmlns='" + nsBind + "'/>"
	if len(plain) > 0 {
		res = "<bind xmlns='" + nsBind + "'><resource>" + escape(plain[0]) + "</resource></bind>"
	}
	a.send([]byte("<iq type='set' id='script-bind'>" + res + "</iq>"))
	if err := r.expect(a, "<iq type='result' id='script-bind' ...><bind:bind><bind:jid>*</bind:jid></bind:bind></iq>"); err != nil {
		return err
	}
	r.vars[a.name] = a.jid
	return nil
}

// login USER@DOMAIN[/RESOURCE] [as NAME] [tls|direct] [interested] [online] [mech=] [password=]
func (r *run) login(plain []string, opts map[string]string) error {
	quiet := len(r.log.b)
	bare, res, _ := strings.Cut(plain[0], "/")
	user, domain, ok := strings.Cut(bare, "@")
	if !ok {
		return fmt.Errorf("%q is no address", plain[0])
	}
	who, words := user, map[string]bool{}
	for i := 1; i < len(plain); i++ {
		if plain[i] == "as" && i+1 < len(plain) {
			i++
			who = plain[i]
			continue
		}
		words[plain[i]] = true
	}
	target := []string{who}
	if words["direct"] {
		target = append(target, "direct")
	}
	if err := r.connect(target, opts); err != nil {
		return err
	}
	a := r.actors[who]
	a.domain = domain
	steps := []func() error{func() error { return r.open(a, nil, nil) }}
	if words["tls"] {
		steps = append(steps, func() error { return r.starttls(a, nil, opts) }, steps[0])
	}
	bindTo := []string{}
	if res != "" {
		bindTo = append(bindTo, res)
	}
	steps = append(steps, func() error { return r.auth(a, []string{user}, opts) },
		func() error { return r.open(a, nil, nil) },
		func() error { return r.bind(a, bindTo, nil) })
	if words["interested"] {
		steps = append(steps, func() error { return r.interested(a, nil, nil) })
	}
	if words["online"] {
		steps = append(steps, func() error { return r.online(a, nil, nil) })
	}
	maps.DeleteFunc(words, func(w string, _ bool) bool {
		return w == "tls" || w == "direct" || w == "interested" || w == "online"
	})
	for w := range words {
		return fmt.Errorf("unknown word %q", w)
	}
	for _, f := range steps {
		if err := f(); err != nil {
			return err
		}
	}
	r.log.b = r.log.b[:quiet] // a login that went well is no news
	r.log.note(who, "logged in as %s", a.jid)
	return nil
}

// interested NAME: asks for the roster and takes the answer.
func (r *run) interested(a *actor, _ []string, _ map[string]string) error {
	a.send([]byte("<iq type='get' id='script-roster'><query xmlns='" + nsRoster + "'/></iq>"))
	return r.skip(a, nil, nil)
}

// online NAME: sends initial presence and takes whatever comes.
func (r *run) online(a *actor, _ []string, _ map[string]string) error {
	a.send([]byte("<presence/>"))
	return r.skip(a, nil, nil)
}

// skip NAME: throws away what has come, once the server has handled all.
func (r *run) skip(a *actor, _ []string, _ map[string]string) error {
	for _, other := range r.order {
		if other != a {
			if err := other.sync(); err != nil {
				return err
			}
		}
	}
	a.dirty = true
	if err := a.sync(); err != nil {
		return err
	}
	a.pending = nil
	return a.gone
}

// follow A B: A subscribes to B's presence, and B agrees. What both are told of it is skipped.
func (r *run) follow(plain []string, _ map[string]string) error {
	if len(plain) != 2 || r.actors[plain[0]] == nil || r.actors[plain[1]] == nil {
		return errors.New("follow needs two actors who are logged in")
	}
	a, b := r.actors[plain[0]], r.actors[plain[1]]
	for _, s := range []struct {
		from, to *actor
		typ      string
	}{{a, b, "subscribe"}, {b, a, "subscribed"}} {
		to, _, _ := strings.Cut(s.to.jid, "/")
		s.from.send([]byte("<presence to='" + to + "' type='" + s.typ + "'/>"))
		if err := s.from.sync(); err != nil {
			return err
		}
	}
	for _, x := range r.order {
		if x.jid != "" && x.gone == nil {
			if err := r.skip(x, nil, nil); err != nil {
				return err
			}
		}
	}
	return nil
}

// befriend A B: both see each other's presence.
func (r *run) befriend(plain []string, opts map[string]string) error {
	if err := r.follow(plain, opts); err != nil {
		return err
	}
	return r.follow([]string{plain[1], plain[0]}, opts)
}
