package riakhttp

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"

	"roost/rosterdb"
	"roost/xmlstream/jid"
)

const jsonType = "application/json"

// get answers GET and HEAD.
func (h *handler) get(w http.ResponseWriter, q *http.Request, owner jid.JID) *problem {
	cond, p := readCondition(q.Header)
	if p != nil {
		return p
	}
	r, err := h.o.Store.Roster(owner)
	if err != nil {
		return h.fault(q, err)
	}
	body := rosterdb.RosterJSON(r)
	tag := tagOf(r.Ver, body)
	switch {
	case !cond.match.allows(r.Ver != 0, tag):
		return h.fault(q, preconditionError(owner))
	case r.Ver == 0:
		return h.fault(q, absentError(owner))
	}
	setVersion(w, tag)
	if cond.none.forbids(true, tag) { // RFC 9110 §13.1.2
		w.WriteHeader(http.StatusNotModified)
		return nil
	}
	writeRoster(w, body)
	return nil
}

// put answers PUT and POST.
func (h *handler) put(w http.ResponseWriter, q *http.Request, owner jid.JID) *problem {
	cond, p := readCondition(q.Header)
	if p != nil {
		return p
	}
	body, p := h.readBody(w, q)
	if p != nil {
		return p
	}
	joinLines(body)
	r, err := rosterdb.ParseRosterJSON(body)
	if err != nil {
		return badJSON(body, err)
	}
	if _, self := r.Find(owner); self {
		return badAt(body, keyOffset(body, owner), fmt.Sprintf("%s is the owner of the roster and cannot be a contact in it", owner))
	}
	now, err := h.o.Replacer.ReplaceIf(owner, r, cond.check(owner))
	if err != nil {
		return h.fault(q, err)
	}
	text := rosterdb.RosterJSON(now)
	setVersion(w, tagOf(now.Ver, text))
	if q.URL.Query().Get("returnbody") == "true" {
		writeRoster(w, text)
	} else {
		w.WriteHeader(http.StatusNoContent)
	}
	return nil
}

func (h *handler) delete(w http.ResponseWriter, q *http.Request, owner jid.JID) *problem {
	cond, p := readCondition(q.Header)
	if p != nil {
		return p
	}
	check := cond.check(owner)
	_, err := h.o.Replacer.ReplaceIf(owner, nil, func(old *rosterdb.Roster) error {
		if check != nil {
			if err := check(old); err != nil {
				return err
			}
		}
		if old.Ver == 0 {
			return absentError(owner)
		}
		return nil
	})
	if err != nil {
		return h.fault(q, err)
	}
	w.WriteHeader(http.StatusNoContent)
	return nil
}

func setVersion(w http.ResponseWriter, tag string) {
	w.Header().Set("ETag", tag)
	w.Header().Set("X-Riak-Vclock", tag[1:len(tag)-1])
}

func writeRoster(w http.ResponseWriter, body []byte) {
	w.Header().Set("Content-Type", jsonType)
	w.Header().Set("Content-Length", strconv.Itoa(len(body)))
	_, _ = w.Write(body) // who does not wait for the answer does not get it
}

// keyOffset is where the member of a contact begins, in an object that was read without an error.
func keyOffset(body []byte, contact jid.JID) int64 {
	dec := json.NewDecoder(bytes.NewReader(body))
	_, err := dec.Token() // the brace
	for err == nil && dec.More() {
		var tok json.Token
		var value json.RawMessage
		if tok, err = dec.Token(); err != nil {
			break
		}
		key, _ := tok.(string)
		at := dec.InputOffset() - int64(len(key)) - 2
		if j, wrong := jid.Parse(key); wrong == nil && j == contact {
			return at
		}
		err = dec.Decode(&value)
	}
	return 0
}
