package script

import (
	"errors"
	"fmt"
	"net"
	"strconv"
	"strings"
)

// A run is one script on one server.
type run struct {
	script  *Script
	opts    Options
	start   Start
	server  Server
	actors  map[string]*actor
	order   []*actor
	last    *actor // who acted last
	vars    vars
	log     transcript
	stopped bool         // a statement has ended the server
	halted  chan error   // how it ended
	service *service     // nil when the script has none
	reply   string       // to the last request over HTTP
	peer    net.Listener // where the server finds other servers; nil when the script has none
}

// Run plays a script on a server that start starts, with dir for its files. cut makes the server
// read one byte at a time. The error has the line, what was expected, what came, and all that went
// over the sockets.
func Run(s *Script, dir string, cut bool, start Start) (err error) {
	r := &run{script: s, start: start, actors: map[string]*actor{}, vars: vars{"dir": dir}, halted: make(chan error, 1)}
	if s.names("service") {
		if r.service, err = newService(); err != nil {
			return err
		}
		defer r.service.close()
	}
	if s.routes() {
		if err := r.listenPeer(); err != nil {
			return err
		}
		defer r.peer.Close()
	}
	config, err := prepareDir(s, dir, r.service, r.peerAddr())
	if err != nil {
		return err
	}
	r.opts = Options{Dir: dir, Config: config, Cut: cut, Process: s.uses("kill")}
	if r.server, err = start(r.opts); err != nil {
		return fmt.Errorf("%s: start: %w", s.Name, err)
	}
	defer func() {
		for _, a := range r.order {
			a.conn.Close()
		}
		end := r.join
		if !r.stopped {
			end = r.server.Stop
		}
		if e := end(); e != nil && err == nil {
			err = fmt.Errorf("%s: stop: %w", s.Name, e)
		}
	}()
	for _, st := range s.lines {
		r.log.line = st.line
		if err := r.step(st); err != nil {
			return fmt.Errorf("%s:%d: %s: %w\n%s", s.Name, st.line, st, err, r.log.b)
		}
	}
	return nil
}

// String is the statement in short.
func (st statement) String() string {
	if st.actor != "" {
		return st.actor + " " + st.verb
	}
	return strings.Join(append([]string{st.verb}, st.args...), " ")
}

func (r *run) step(st statement) error {
	if st.actor != "" {
		return r.exchange(st)
	}
	if len(st.args) == 0 {
		if f := serverVerbs[st.verb]; f != nil {
			return f(r)
		}
		return fmt.Errorf("unknown statement %q", st.verb)
	}
	plain, opts := options(st.args)
	if f := makers[st.verb]; f != nil {
		if err := r.turn(nil); err != nil {
			return err
		}
		return f(r, plain, opts)
	}
	f := actorVerbs[st.verb]
	if f == nil {
		return fmt.Errorf("unknown statement %q", st.verb)
	}
	a := r.actors[plain[0]]
	if a == nil {
		return fmt.Errorf("nobody is called %q", plain[0])
	}
	if err := r.turn(a); err != nil {
		return err
	}
	return f(r, a, plain[1:], opts)
}

// turn makes statements take effect in the order of the script: before another actor acts, the
// server has handled what the last one sent.
func (r *run) turn(a *actor) error {
	if r.last != nil && r.last != a {
		if err := r.last.sync(); err != nil {
			return err
		}
	}
	r.last = a
	return nil
}

func (r *run) exchange(st statement) error {
	if apart[st.actor] {
		if err := r.turn(nil); err != nil {
			return err
		}
		if st.actor == "service" {
			return r.play(st)
		}
		return r.web(st)
	}
	a := r.actors[st.actor]
	if a == nil {
		return fmt.Errorf("nobody is called %q", st.actor)
	}
	switch st.verb {
	case "send", "raw":
		if err := r.turn(a); err != nil {
			return err
		}
		text := st.text
		if st.verb == "send" {
			var err error
			if text, err = r.vars.expand(text); err != nil {
				return err
			}
		}
		var b strings.Builder
		for i := range st.times {
			b.WriteString(numbered(text, i+1))
		}
		a.send([]byte(b.String()))
		return nil
	case "expect":
		for i := range st.times {
			if err := r.expect(a, numbered(st.text, i+1)); err != nil {
				return err
			}
		}
		return nil
	case "any":
		return r.expectAny(a, st.text)
	case "until":
		return r.until(a, st.text)
	case "nothing":
		return r.nothing(a)
	case "close":
		err := a.ended(true)
		a.conn.Close()
		return err
	case "eof":
		return a.ended(false)
	case "gone":
		return a.vanished()
	case "stream-error":
		return r.streamError(a, st)
	}
	return fmt.Errorf("nothing like %q can be expected", st.verb)
}

// numbered fills in {#}, the number of a repetition.
func numbered(text string, n int) string {
	if !strings.Contains(text, "{#}") {
		return text
	}
	return strings.ReplaceAll(text, "{#}", strconv.Itoa(n))
}

func (r *run) expect(a *actor, text string) error {
	ps, err := parsePatterns(text)
	if err != nil {
		return err
	}
	for _, p := range ps {
		it, err := a.next()
		if err != nil {
			return fmt.Errorf("%w; expected\n     %s", err, text)
		}
		if err := p.match(it, r.vars); err != nil {
			return fmt.Errorf("%w\n got: %s\nwant: %s", err, show(it), text)
		}
	}
	return nil
}

// until throws away what comes before the first item that matches.
func (r *run) until(a *actor, text string) error {
	ps, err := parsePatterns(text)
	if err != nil {
		return err
	}
	for {
		it, err := a.next()
		if err != nil {
			return fmt.Errorf("%w; expected at some time\n     %s", err, text)
		}
		if ps[0].match(it, r.vars) == nil {
			return nil
		}
	}
}

// expectAny takes as many items as there are patterns, in any order.
func (r *run) expectAny(a *actor, text string) error {
	ps, err := parsePatterns(text)
	if err != nil {
		return err
	}
	for len(ps) > 0 {
		it, err := a.next()
		if err != nil {
			return fmt.Errorf("%w; still expected: %d of\n%s", err, len(ps), text)
		}
		var why []string
		found := -1
		for i, p := range ps {
			e := p.match(it, r.vars)
			if e == nil {
				found = i
				break
			}
			why = append(why, e.Error())
		}
		if found < 0 {
			return fmt.Errorf("%s\n got: %s\nwant one of: %s", strings.Join(why, "\n"), show(it), text)
		}
		ps = append(ps[:found], ps[found+1:]...)
	}
	return nil
}

// nothing proves that nothing is on its way to a: all that others have sent is handled first.
func (r *run) nothing(a *actor) error {
	for _, other := range r.order {
		if other != a {
			if err := other.sync(); err != nil {
				return err
			}
		}
	}
	r.last = a
	return a.silence()
}

// streamError expects an error of RFC 6120 §4.9 and the end of the stream after it.
func (r *run) streamError(a *actor, st statement) error {
	if len(st.args) == 0 {
		return errors.New("which condition?")
	}
	it, err := a.next()
	if err != nil {
		return fmt.Errorf("%w; expected the stream error %s", err, st.text)
	}
	if it.kind != element || it.name != (name{nsStream, "error"}) || len(it.kids) == 0 {
		return fmt.Errorf("expected the stream error %s, got %s", st.text, show(it))
	}
	first := it.kids[0]
	if first.space != nsStrErr || !r.vars.matches(st.args[0], first.local) {
		return fmt.Errorf("expected the stream error %s, got %s", st.text, show(it))
	}
	app := strings.TrimSpace(strings.TrimPrefix(st.text, st.args[0]))
	ps, err := parsePatterns("<stream:error>" + app + "...</stream:error>")
	if err != nil {
		return err
	}
	if err := ps[0].match(it, r.vars); err != nil {
		return fmt.Errorf("%w\n got: %s", err, show(it))
	}
	if err := a.ended(true); err != nil {
		return err
	}
	a.conn.Close()
	return nil
}
