package riakhttp

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"

	"roost/rosterdb"
)

// problem is an answer that says what is wrong.
type problem struct {
	status int

	Error  string `json:"error"`
	Offset *int64 `json:"offset,omitempty"` // bytes in the body, or in the line of many
	Line   int    `json:"line,omitempty"`   // from 1
	Column int    `json:"column,omitempty"` // bytes, from 1
	*stopped
}

// stopped is how far a load of many came.
type stopped struct {
	Stored int `json:"stored"`
	From   int `json:"from"` // where to go on
}

func bad(status int, format string, args ...any) *problem {
	return &problem{status: status, Error: fmt.Sprintf(format, args...)}
}

// badAt is about a place in body.
func badAt(body []byte, offset int64, why string) *problem {
	offset = min(max(offset, 0), int64(len(body)))
	before := body[:offset]
	p := &problem{status: http.StatusBadRequest, Offset: &offset,
		Line: bytes.Count(before, []byte{'\n'}) + 1, Column: int(offset) - bytes.LastIndexByte(before, '\n')}
	p.Error = fmt.Sprintf("line %d, column %d: %s", p.Line, p.Column, why)
	return p
}

// badJSON is badAt for what rosterdb.ParseRosterJSON says.
func badJSON(body []byte, err error) *problem {
	je, ok := errors.AsType[*rosterdb.JSONError](err)
	if !ok {
		return bad(http.StatusBadRequest, "%v", err)
	}
	if je.Path == "" {
		return badAt(body, je.Offset, je.Why)
	}
	return badAt(body, je.Offset, je.Path+": "+je.Why)
}

// refusals are the faults of a store that the client can do something about.
var refusals = []struct {
	err    error
	status int
}{
	{errPrecondition, http.StatusPreconditionFailed},
	{errAbsent, http.StatusNotFound},
	{rosterdb.ErrBadItem, http.StatusBadRequest},
	{rosterdb.ErrTooBig, http.StatusRequestEntityTooLarge},
	{rosterdb.ErrNoSpace, http.StatusInsufficientStorage},
	{rosterdb.ErrReadOnly, http.StatusServiceUnavailable},
	{rosterdb.ErrClosed, http.StatusServiceUnavailable},
}

// fault is the answer to an error of the store. What is the server's own affair goes to the log.
func (h *handler) fault(q *http.Request, err error) *problem {
	for _, r := range refusals {
		if errors.Is(err, r.err) {
			return bad(r.status, "%v", err)
		}
	}
	h.o.Log.Error("roster over HTTP failed", "method", q.Method, "path", q.URL.Path, "err", err)
	return bad(http.StatusInternalServerError, "the store failed; the server's log says why")
}

func (p *problem) write(w http.ResponseWriter) {
	b, _ := json.Marshal(p) // strings and numbers only
	w.Header().Set("Content-Type", jsonType)
	w.Header().Del("ETag")
	w.WriteHeader(p.status)
	_, _ = w.Write(append(b, '\n')) // who does not wait for the answer does not get it
}
