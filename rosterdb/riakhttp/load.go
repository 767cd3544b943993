package riakhttp

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"roost/rosterdb"
	"roost/xmlstream/jid"
)

// lineTypes are the names of JSON Lines.
var lineTypes = []string{"application/x-ndjson", "application/jsonl", "application/x-jsonlines"}

// loading is one load of many rosters.
type loading struct {
	h     *handler
	q     *http.Request
	w     http.ResponseWriter
	rc    *http.ResponseController
	began bool // something is answered
}

// progress is one line of the answer.
type progress struct {
	Line   int  `json:"line"`
	Stored int  `json:"stored"`
	Done   bool `json:"done,omitempty"`
}

// load stores the rosters of a body of lines, and answers while it does.
func (h *handler) load(w http.ResponseWriter, q *http.Request, _ jid.JID) *problem {
	if q.Header.Get("Content-Type") == "" {
		return bad(http.StatusUnsupportedMediaType, `many rosters are sent with Content-Type %s; a single one goes to %s%s/user@domain`, lineTypes[0], Prefix, bucket)
	}
	if p := checkType(q.Header, lineTypes...); p != nil {
		return p
	}
	o, p := loadOptions(q.URL.Query())
	if p != nil {
		return p
	}
	select {
	case h.loads <- struct{}{}:
		defer func() { <-h.loads }()
	default:
		w.Header().Set("Retry-After", "10")
		return bad(http.StatusServiceUnavailable, "%d loads are running, which is the limit; try again later", h.o.MaxLoads)
	}
	l := &loading{h: h, q: q, w: w, rc: http.NewResponseController(w)}
	_ = l.rc.EnableFullDuplex() // HTTP/2 has it always
	in := newPatient(w, q.Body, h.o.Idle)
	defer in.endWith(q.Context())()
	o.Owner, o.MaxLine = h.loadOwner, int(h.o.MaxBody)
	o.Put = func(owner jid.JID, r *rosterdb.Roster) error {
		_, err := h.o.Replacer.ReplaceIf(owner, r, nil)
		if err != nil {
			err = &storeError{err}
		}
		return err
	}
	o.Progress = func(p rosterdb.LoadProgress) error { return l.answer(progress{Line: p.Line, Stored: p.Stored}) }
	now, err := rosterdb.Load(q.Context(), in, o)
	if err != nil {
		l.stop(in, now, err)
		return nil
	}
	in.done()
	_ = l.answer(progress{Line: now.Line, Stored: now.Stored, Done: true}) // who does not wait for the answer does not get it
	_ = l.rc.SetWriteDeadline(time.Time{})
	return nil
}

func loadOptions(query url.Values) (o rosterdb.LoadOptions, p *problem) {
	for name, to := range map[string]*int{"from": &o.From, "every": &o.Every} {
		if !query.Has(name) {
			continue
		}
		n, err := strconv.Atoi(query.Get(name))
		if err != nil || n < 1 {
			return o, bad(http.StatusBadRequest, "%s=%s is not understood; it is a number from 1 on", name, query.Get(name))
		}
		*to = n
	}
	return o, nil
}

// answer sends one line of the answer.
func (l *loading) answer(v any) error {
	b, err := json.Marshal(v)
	if err != nil {
		return err
	}
	if !l.began {
		l.began = true
		l.w.Header().Set("Content-Type", lineTypes[0])
	}
	_ = l.rc.SetWriteDeadline(time.Now().Add(l.h.o.Idle)) // without one there is no socket, as in tests
	if _, err := l.w.Write(append(b, '\n')); err != nil {
		return err
	}
	return l.rc.Flush()
}

// stop says why a load ended and where it goes on.
func (l *loading) stop(in *patient, now rosterdb.LoadProgress, err error) {
	p := l.problem(err)
	p.stopped = &stopped{Stored: now.Stored, From: now.Line + 1}
	if p.Line == 0 {
		p.Line = p.From
	}
	if l.began {
		_ = l.answer(p)
	} else {
		p.write(l.w)
		_ = l.rc.Flush()
	}
	if p.status != http.StatusServiceUnavailable {
		in.drain()
	}
	_ = l.rc.SetWriteDeadline(time.Time{})
}

// storeError marks what the store, not the body, is to blame for.
type storeError struct{ error }

func (e *storeError) Unwrap() error { return e.error }

func (l *loading) problem(err error) *problem {
	p := bad(http.StatusBadRequest, "%v", err)
	le, ok := errors.AsType[*rosterdb.LineError](err)
	if ok {
		p.Line = le.Line
	}
	if se, ok := errors.AsType[*storeError](err); ok {
		cause := l.h.fault(l.q, se.error)
		p.status, p.Error = cause.status, fmt.Sprintf("line %d: %s", p.Line, cause.Error)
		return p
	}
	if je, ok := errors.AsType[*rosterdb.JSONError](err); ok {
		p.Offset, p.Column = &je.Offset, int(je.Offset)+1
		return p
	}
	switch {
	case errors.Is(err, rosterdb.ErrTooBig):
		p.status = http.StatusRequestEntityTooLarge
	case errors.Is(err, errSilent):
		p.status = http.StatusRequestTimeout
	case !ok || l.q.Context().Err() != nil: // the server stops, or the client does not listen any more
		p.status, p.Error = http.StatusServiceUnavailable, fmt.Sprintf("the load was ended: %v", err)
	}
	return p
}
