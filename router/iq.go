package router

import (
	"slices"

	"roost/xmlstream"
	"roost/xmlstream/jid"
	"roost/xmlstream/stanza"
)

// Target says for whom the server answers a request.
type Target uint8

const (
	ToServer Target = 1 << iota // a domain that we serve
	ToOwn                       // the sender's own account: no to, or its bare JID
	ToOthers                    // another account's bare JID
)

// Row declares who answers requests about one payload element. The disco features of the server
// and of accounts come from these rows.
type Row struct {
	Space, Local string // the payload's qualified name
	Get, Set     bool
	To           Target
	Blocks       bool   // Handle reads or writes a store; for ToOthers it always may
	Unknown      bool   // Handle answers for accounts that do not exist, too: as for those that do not know the sender
	Feature      string // announced by disco#info; empty: Space; "-": none
	Handle       func(*IQ)
}

// registry finds rows by namespace and name.
type registry struct {
	rows     map[string]map[string]*Row
	features []feature
	forms    []form
}

// find gives the row that answers requests about p to a target, nil when there is none.
func (g *registry) find(p xmlstream.Element, to Target) *Row {
	row := g.rows[string(p.Space())][string(p.Local())]
	if row == nil || row.To&to == 0 {
		return nil
	}
	return row
}

type feature struct {
	to Target
	v  string
}

// Handle adds rows. It must not be called once sessions are bound.
func (r *Router) Handle(rows ...Row) {
	for _, row := range rows {
		if r.iq.rows == nil {
			r.iq.rows = map[string]map[string]*Row{}
		}
		byName := r.iq.rows[row.Space]
		if byName == nil {
			byName = map[string]*Row{}
			r.iq.rows[row.Space] = byName
		}
		byName[row.Local] = &row
		switch row.Feature {
		case "":
			r.AddFeature(row.To, row.Space)
		case "-":
		default:
			r.AddFeature(row.To, row.Feature)
		}
	}
}

// AddFeature announces a feature that has no row of its own.
func (r *Router) AddFeature(to Target, v string) {
	r.iq.features = append(r.iq.features, feature{to, v})
}

// Features lists what disco#info announces for a target, sorted (XEP-0030, XEP-0115).
func (r *Router) Features(to Target) []string {
	var out []string
	for _, f := range r.iq.features {
		if f.to&to != 0 {
			out = append(out, f.v)
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// IQ is one request that the server answers. Exactly one of Result, Reply and Error must be
// called; all it holds is borrowed until then.
type IQ struct {
	*stanza.Stanza
	Router  *Router
	Session *Session // the sender's; nil when From is of another domain
	Payload xmlstream.Element
	Target  Target
}

// Account is the bare JID that the request is about: the addressed account, or the sender's own.
// It is the domain for a request to the server.
func (q *IQ) Account() jid.JID {
	if q.To.IsZero() {
		return q.From.Bare()
	}
	return q.To.Bare()
}

// Result answers with type result. payload appends the child element; nil answers with none.
func (q *IQ) Result(payload func(dst []byte) []byte) {
	f := stanza.NewFrame()
	h := stanza.Header{Kind: stanza.IQ, Type: stanza.Result, ID: q.ID, From: q.To, To: q.From}
	dst := h.Append(f.Buf())
	if payload == nil {
		dst = append(dst, "/>"...)
	} else {
		dst = h.AppendEnd(payload(append(dst, '>')))
	}
	f.Set(dst)
	q.Router.back(q.Session, q.Stanza, f)
}

// Error answers with type error.
func (q *IQ) Error(e *stanza.StanzaError) { q.Router.bounce(q.Session, q.Stanza, e) }

// Fault answers for a store that failed, and logs it once.
func (q *IQ) Fault(what string, err error) {
	q.Error(q.Router.StoreError(what, q.Account(), err))
}

// routeIQ routes a request or an answer (RFC 6120 §8.2.3, §10.3.3; RFC 6121 §8.5).
func (r *Router) routeIQ(s *Session, st *stanza.Stanza, mayBlock bool) bool {
	switch {
	case st.To.IsZero() || st.To == s.JID.Bare():
		// §10.3.3: the server answers for the sender's own account. A result without an addressee
		// acknowledges a push; there is nobody to tell.
		return !st.Wants() || r.serve(s, st, ToOwn, mayBlock)
	case !r.Serves(st.To.Domain()):
		r.abroad(s, st, s.JID)
	case st.To.IsDomain():
		return !st.Wants() || r.serve(s, st, ToServer, mayBlock)
	case st.To.Local() == "":
		r.bounce(s, st, stanza.ServiceUnavailable.New()) // a resource of the server: there are none
	default:
		return r.deliver(s, st, mayBlock)
	}
	return true
}

// answer serves a request to an account that is not the sender's. It blocks.
func (r *Router) answer(s *Session, st *stanza.Stanza) { r.serve(s, st, ToOthers, true) }

// serve hands a get or set to its row.
func (r *Router) serve(s *Session, st *stanza.Stanza, to Target, mayBlock bool) bool {
	p := st.Payload()
	row := r.iq.find(p, to)
	switch {
	case row == nil:
		// RFC 6120 §8.4, RFC 6121 §8.5.2: never forwarded, refused when not understood
		r.bounce(s, st, stanza.ServiceUnavailable.New())
	case st.Type == stanza.Get && !row.Get, st.Type == stanza.Set && !row.Set:
		r.bounce(s, st, stanza.FeatureNotImplemented.With("no "+st.Type.String()+" for "+row.Space))
	case row.Blocks && !mayBlock:
		return false
	default:
		row.Handle(&IQ{Stanza: st, Router: r, Session: s, Payload: p, Target: to})
	}
	return true
}
