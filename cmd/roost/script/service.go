package script

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
)

// service is a web application that owns rosters, as scripts play it.
type service struct {
	addr string
	srv  *http.Server // nil while it is down

	mu      sync.Mutex // guards what follows
	answers map[string]answer
	asked   []string      // request targets, since they were last looked at
	gone    chan struct{} // closed when nothing is to hang any longer
}

// answer is how the service answers on one path.
type answer struct {
	status int
	body   string
	cut    bool // more is promised than comes
	hang   bool // nothing comes
}

func newService() (*service, error) {
	s := &service{answers: map[string]answer{}, gone: make(chan struct{})}
	return s, s.up()
}

// url is where the service is, without a slash at its end.
func (s *service) url() string {
	if s == nil {
		return ""
	}
	return "http://" + s.addr
}

// up listens, at the same address as before.
func (s *service) up() error {
	if s.srv != nil {
		return errors.New("the service is up")
	}
	at := s.addr
	if at == "" {
		at = "127.0.0.1:0"
	}
	ln, err := net.Listen("tcp", at)
	if err != nil {
		return err
	}
	s.addr, s.srv = ln.Addr().String(), &http.Server{Handler: s}
	go s.srv.Serve(ln)
	return nil
}

// down refuses connections, and breaks those that are there.
func (s *service) down() error {
	if s.srv == nil {
		return errors.New("the service is down")
	}
	err := s.srv.Close()
	s.srv = nil
	return err
}

func (s *service) close() {
	close(s.gone)
	if s.srv != nil {
		s.srv.Close()
	}
}

// ServeHTTP answers a request for a roster, with an ETag where there is one.
func (s *service) ServeHTTP(w http.ResponseWriter, q *http.Request) {
	s.mu.Lock()
	s.asked = append(s.asked, q.RequestURI)
	a, ok := s.answers[q.RequestURI]
	s.mu.Unlock()
	tag := fmt.Sprintf(`"%x"`, sha256.Sum256([]byte(a.body)))
	switch {
	case !ok:
		http.NotFound(w, q)
	case a.hang:
		select {
		case <-s.gone:
		case <-q.Context().Done():
		}
	case a.cut:
		w.Header().Set("Content-Length", strconv.Itoa(2*len(a.body)+1))
		io.WriteString(w, a.body)
	case a.status == http.StatusOK && q.Header.Get("If-None-Match") == tag:
		w.WriteHeader(http.StatusNotModified)
	default:
		if a.status == http.StatusOK {
			w.Header().Set("ETag", tag)
		}
		w.WriteHeader(a.status)
		io.WriteString(w, a.body)
	}
}

// play does a statement of the service.
func (r *run) play(st statement) error {
	s := r.service
	switch st.verb {
	case "up":
		return s.up()
	case "down":
		return s.down()
	case "expect":
		return s.wasAsked(strings.Fields(st.text))
	case "nothing":
		return s.wasAsked(nil)
	}
	path, body, _ := strings.Cut(st.text, " ")
	a := answer{status: http.StatusOK, body: strings.TrimSpace(body)}
	switch st.verb {
	case "send":
	case "hang":
		a.hang = true
	case "cut":
		a.cut = true
	case "big":
		a.body = "{" + strings.Repeat(" ", 10<<20) + "}"
	default:
		var err error
		if a.status, err = strconv.Atoi(st.verb); err != nil || a.status < 200 || a.status > 599 {
			return fmt.Errorf("the service cannot do %q", st.verb)
		}
	}
	path, err := r.vars.expand(path)
	if err != nil {
		return err
	}
	s.mu.Lock()
	s.answers[path] = a
	s.mu.Unlock()
	return nil
}

// wasAsked compares what the service was asked for since the last time, in any order.
func (s *service) wasAsked(want []string) error {
	s.mu.Lock()
	got := s.asked
	s.asked = nil
	s.mu.Unlock()
	slices.Sort(got)
	slices.Sort(want)
	if !slices.Equal(got, want) {
		return fmt.Errorf("the service was asked for %q, expected %q", got, want)
	}
	return nil
}

// request makes an HTTP request to the server, and keeps the answer; the text is METHOD PATH BODY, the
// verb a bearer token.
func (r *run) request(st statement) error {
	text, err := r.vars.expand(st.text)
	if err != nil {
		return err
	}
	method, rest, _ := strings.Cut(text, " ")
	path, body, _ := strings.Cut(rest, " ")
	q, err := http.NewRequest(method, "http://"+r.server.Addr("http")+path, strings.NewReader(body))
	if err != nil {
		return err
	}
	if st.verb != "send" {
		q.Header.Set("Authorization", "Bearer "+st.verb)
	}
	c := http.Client{Timeout: patience}
	resp, err := c.Do(q)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	r.reply = fmt.Sprintf("%d %s", resp.StatusCode, strings.TrimSpace(string(b)))
	r.log.note("http", "%s → %s", text, r.reply)
	return err
}

// web does a statement of HTTP.
func (r *run) web(st statement) error {
	if st.verb != "expect" {
		return r.request(st)
	}
	if !r.vars.matches(st.text, r.reply) {
		return fmt.Errorf("expected %s, got %s", st.text, r.reply)
	}
	return nil
}

// apart are the names that are no connections.
var apart = map[string]bool{"service": true, "http": true}

// parseApart reads a statement of the service or of HTTP: what it sends and expects is no XML.
func parseApart(who, arrow, mod, text string) statement {
	st := statement{actor: who, verb: mod, text: text, times: 1}
	if mod == "" {
		st.verb = map[string]string{">": "send", "<": "expect"}[arrow]
	}
	return st
}
