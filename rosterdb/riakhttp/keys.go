package riakhttp

import (
	"encoding/json"
	"net/http"
	"slices"
	"time"

	"roost/xmlstream/jid"
)

// page is how many keys are read, and sent, at once. Between two pages no snapshot of the store is
// held, so that a slow client costs nothing but its connection.
const page = 1000

// props are the properties of the bucket that hold here: one copy, the last write wins.
const props = `{"name":"` + bucket + `","n_val":1,"allow_mult":false,"last_write_wins":true,"precommit":[],"postcommit":[],` +
	`"r":1,"w":1,"dw":1,"rw":1}`

// list answers with the properties of the bucket and its keys.
func (h *handler) list(w http.ResponseWriter, q *http.Request, _ jid.JID) *problem {
	query := q.URL.Query()
	keys, showProps := query.Get("keys"), query.Get("props") != "false"
	switch keys {
	case "", "false", "true", "stream":
	default:
		return bad(http.StatusBadRequest, "keys=%s is not understood; there are true, stream and false", keys)
	}
	l := &lister{h: h, q: q, w: w, rc: http.NewResponseController(w), stream: keys == "stream"}
	all := keys == "true" || l.stream
	var first []jid.JID
	if all { // before the answer begins: an error still has a status
		var err error
		if first, err = h.o.Store.RosterOwners("", jid.JID{}, page); err != nil {
			return h.fault(q, err)
		}
	}
	w.Header().Set("Content-Type", jsonType)
	if q.Method == http.MethodHead {
		return nil
	}
	l.head(showProps, all)
	if all {
		l.all(first)
	}
	l.tail(all)
	l.flush()
	_ = l.rc.SetWriteDeadline(time.Time{}) // for the next request
	return nil
}

// lister writes a list in parts.
type lister struct {
	h      *handler
	q      *http.Request
	w      http.ResponseWriter
	rc     *http.ResponseController
	stream bool
	buf    []byte
	sent   bool // a key
}

func (l *lister) head(showProps, all bool) {
	if l.stream {
		if showProps {
			l.buf = append(l.buf, `{"props":`+props+"}\n"...)
		}
		return
	}
	l.buf = append(l.buf, '{')
	if showProps {
		l.buf = append(l.buf, `"props":`+props...)
	}
	if all && showProps {
		l.buf = append(l.buf, ',')
	}
	if all {
		l.buf = append(l.buf, `"keys":[`...)
	}
}

func (l *lister) tail(all bool) {
	switch {
	case l.stream:
		return
	case all:
		l.buf = append(l.buf, ']')
	}
	l.buf = append(l.buf, "}\n"...)
}

// all writes the keys; first is the first page.
func (l *lister) all(owners []jid.JID) {
	for {
		l.keys(owners)
		if len(owners) < page {
			return
		}
		var err error
		if owners, err = l.h.o.Store.RosterOwners("", owners[len(owners)-1], page); err != nil {
			l.h.fault(l.q, err)
			panic(http.ErrAbortHandler) // the list must not look complete
		}
	}
}

func (l *lister) keys(owners []jid.JID) {
	owners = slices.DeleteFunc(slices.Clone(owners), func(j jid.JID) bool {
		return slices.Contains(l.h.o.Elsewhere, j.Domain()) // left from before the domain was delegated
	})
	if len(owners) == 0 {
		return
	}
	if l.stream {
		l.buf, l.sent = append(l.buf, `{"keys":[`...), false
	}
	for _, j := range owners {
		if l.sent {
			l.buf = append(l.buf, ',')
		}
		b, _ := json.Marshal(j.String()) // UTF-8, as addresses are
		l.buf, l.sent = append(l.buf, b...), true
	}
	if l.stream {
		l.buf = append(l.buf, "]}\n"...)
	}
	l.flush()
}

// flush sends what there is; a client that does not take it is given up.
func (l *lister) flush() {
	_ = l.rc.SetWriteDeadline(time.Now().Add(l.h.o.Idle)) // without one there is no socket, as in tests
	_, err := l.w.Write(l.buf)
	if err == nil && (l.stream || len(l.buf) > 0) {
		err = l.rc.Flush()
	}
	if err != nil || l.q.Context().Err() != nil {
		panic(http.ErrAbortHandler)
	}
	l.buf = l.buf[:0]
}
