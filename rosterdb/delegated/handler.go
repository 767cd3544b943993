package delegated

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"time"

	"roost/xmlstream/jid"
)

// How long the body of a refresh may take to arrive, and its answer to leave.
const (
	readTime  = 30 * time.Second
	writeTime = 30 * time.Second
)

// Reply is the answer to a refresh. The first four members are those of Prosody's
// mod_http_roster_admin. Each account that was named, once or more, is in exactly one of updated,
// unchanged, offline and errors:
//
//   - updated: it has a session, its roster was fetched, and differed from the one in force; clients
//     have been told of every difference.
//   - unchanged: it has a session, its roster was fetched, and was the one in force.
//   - offline: it has no session. Nothing was fetched; what is kept of its roster is not in force any
//     more, and the next login fetches it.
//   - errors: the roster could not be fetched, or the name is none. failed says why. The old roster
//     stays in force.
//
// Rosters of contacts that were fetched although nobody named them (see Refresh) are not counted.
// Status is "error" when everything has failed or the request was wrong, "ok" otherwise.
type Reply struct {
	Status    string   `json:"status"`
	Message   string   `json:"message"`
	Updated   int      `json:"updated"`
	Errors    int      `json:"errors"`
	Unchanged int      `json:"unchanged"`
	Offline   int      `json:"offline"`
	Failed    []Failed `json:"failed"`
}

// Failed is one account in a Reply that could not be refreshed.
type Failed struct {
	User   string `json:"user"`   // as the request named it
	Code   int    `json:"code"`   // HTTP status of the application; 0 when there was no answer
	Reason string `json:"reason"` // a word of Error.Reason
	Error  string `json:"error"`
}

// Finder gives the Store of a domain, nil when that domain's rosters are not delegated. For the
// empty name it gives the only one there is, nil when there are several.
type Finder func(domain string) *Store

// Handler serves POST /roster_admin/refresh, whose body is a JSON array of user names, and
// GET /roster_admin/refresh/NAME. The domain is that of the query, ?domain=, else the one that the
// Host header names, else the only one whose rosters are delegated.
//
// A request must show the token of the domain, Options.Token, or that of the listener, of which an
// operator has every right; nothing when neither is set. See Signature for another way.
func Handler(find Finder, listener string) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("POST /roster_admin/refresh", func(w http.ResponseWriter, q *http.Request) {
		if s := choose(w, q, find, listener); s != nil {
			s.post(w, q)
		}
	})
	mux.HandleFunc("GET /roster_admin/refresh/{user}", func(w http.ResponseWriter, q *http.Request) {
		s := choose(w, q, find, listener)
		if s == nil {
			return
		}
		if _, err := s.account(q.PathValue("user")); err != nil {
			wrong(w, http.StatusBadRequest, err.Error())
			return
		}
		s.refresh(w, q, []string{q.PathValue("user")})
	})
	return mux
}

// choose finds the Store that a request is about, and asks whether it may be made; nil: it has been
// answered.
func choose(w http.ResponseWriter, q *http.Request, find Finder, listener string) *Store {
	s, name, hint := named(q, find)
	if !admit(w, q, s, listener) {
		return nil
	}
	if s == nil {
		wrong(w, http.StatusNotFound, fmt.Sprintf("the rosters of %q are not delegated to a web application here%s", clip(name), hint))
	}
	return s
}

// named finds the Store of a request; name is what it was looked for by.
func named(q *http.Request, find Finder) (s *Store, name, hint string) {
	if name := q.URL.Query().Get("domain"); name != "" {
		return find(canonical(name)), name, ""
	}
	host := q.Host
	if h, _, err := net.SplitHostPort(host); err == nil {
		host = h
	}
	s = find(canonical(host))
	if s == nil {
		s = find("")
	}
	return s, host, ": name the domain with ?domain="
}

func canonical(domain string) string {
	j, err := jid.Parse(domain)
	if err != nil || !j.IsDomain() {
		return "." // no domain
	}
	return j.Domain()
}

func (s *Store) post(w http.ResponseWriter, q *http.Request) {
	inTime(w)
	names, err := s.names(http.MaxBytesReader(w, q.Body, s.o.MaxRefresh))
	if err == nil {
		s.refresh(w, q, names)
		return
	}
	status := http.StatusBadRequest
	if _, long := errors.AsType[*http.MaxBytesError](err); long || errors.Is(err, errTooMany) {
		status = http.StatusRequestEntityTooLarge
	}
	wrong(w, status, err.Error())
}

// inTime bounds how long a body may take: one that never ends would keep its place for ever.
func inTime(w http.ResponseWriter) {
	_ = http.NewResponseController(w).SetReadDeadline(time.Now().Add(readTime))
}

var errTooMany = errors.New("too many names in one refresh")

// names reads a JSON array of strings. {} stands for an empty one: so some languages write it.
func (s *Store) names(r io.Reader) (names []string, err error) {
	dec := json.NewDecoder(r)
	const want = `the body must be a JSON array of user names, such as ["john", "aaron"]`
	tok, err := dec.Token()
	switch {
	case errors.Is(err, io.EOF):
		return nil, errors.New("the body is empty: " + want)
	case err != nil:
		return nil, fmt.Errorf("%s: %w", want, err)
	case tok != json.Delim('[') && tok != json.Delim('{'):
		return nil, fmt.Errorf("%s, not %s", want, kind(tok))
	case tok == json.Delim('{') && dec.More():
		return nil, errors.New(want + ", not an object")
	}
	for dec.More() {
		tok, err := dec.Token()
		if err != nil {
			return nil, fmt.Errorf("%s: offset %d: %w", want, dec.InputOffset(), err)
		}
		name, ok := tok.(string)
		switch {
		case !ok:
			return nil, fmt.Errorf("%s; at offset %d stands %s", want, dec.InputOffset(), kind(tok))
		case len(names) == s.o.MaxNames:
			return nil, fmt.Errorf("%w: at most %d", errTooMany, s.o.MaxNames)
		}
		names = append(names, name)
	}
	if _, err := dec.Token(); err != nil {
		return nil, fmt.Errorf("%s: offset %d: %w", want, dec.InputOffset(), err)
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("%s: something follows it at offset %d", want, dec.InputOffset())
	}
	return names, nil
}

// refresh refreshes the accounts of names, and answers.
func (s *Store) refresh(w http.ResponseWriter, q *http.Request, names []string) {
	select {
	case s.refreshes <- struct{}{}:
		defer func() { <-s.refreshes }()
	default:
		busy(w, fmt.Errorf("%d refreshes are going on; try again", s.o.Refreshes))
		return
	}
	reply := Reply{Status: "ok", Message: "roster update complete", Failed: []Failed{}}
	owners := make([]jid.JID, 0, len(names))
	named := make(map[jid.JID]string, len(names))
	for _, name := range names {
		owner, err := s.account(name)
		if err != nil {
			reply.Failed = append(reply.Failed, Failed{clip(name), 0, ReasonName, err.Error()})
			continue
		}
		if _, twice := named[owner]; !twice {
			named[owner] = name
			owners = append(owners, owner)
		}
	}
	// An application that does not wait for the answer wants the refresh all the same.
	sum := s.RefreshAll(context.WithoutCancel(q.Context()), owners)
	for _, e := range sum.Failed {
		reply.Failed = append(reply.Failed, Failed{named[e.Owner], e.Code, e.Reason, e.Err.Error()})
	}
	reply.Updated, reply.Unchanged, reply.Offline, reply.Errors = sum.Updated, sum.Unchanged, sum.Offline, len(reply.Failed)
	if reply.Errors > 0 {
		reply.Message = fmt.Sprintf("roster update complete, but for %d that failed", reply.Errors)
		if reply.Errors == reply.Errors+reply.Updated+reply.Unchanged+reply.Offline {
			reply.Status, reply.Message = "error", "no roster was updated"
		}
	}
	write(w, http.StatusOK, reply)
}

// account gives the account that a name stands for.
func (s *Store) account(name string) (jid.JID, error) {
	owner, err := jid.New(name, s.o.Domain, "")
	switch {
	case err != nil:
		return owner, fmt.Errorf("%s is no user name: %w", quote(name), err)
	case name == "":
		return owner, errors.New("a user name is empty")
	}
	return owner, nil
}

// wrong answers a request that was not understood.
func wrong(w http.ResponseWriter, status int, message string) {
	write(w, status, Reply{Status: "error", Message: clip(strings.ToValidUTF8(message, "?")), Failed: []Failed{}})
}

// busy asks to come again.
func busy(w http.ResponseWriter, err error) {
	w.Header().Set("Retry-After", "1")
	wrong(w, http.StatusServiceUnavailable, err.Error())
}

func write(w http.ResponseWriter, status int, reply Reply) {
	rc := http.NewResponseController(w)
	// without a deadline a peer that does not read would keep its place for ever
	_ = rc.SetWriteDeadline(time.Now().Add(writeTime))
	defer rc.SetWriteDeadline(time.Time{}) // the connection may be used again
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(reply) // who does not wait for the answer does not want it
}
