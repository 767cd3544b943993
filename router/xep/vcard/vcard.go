// Package vcard keeps one vCard for each account, which everybody may read (XEP-0054).
package vcard

import (
	"fmt"

	"roost/router"
	"roost/xmlstream"
	"roost/xmlstream/jid"
	"roost/xmlstream/stanza"
)

// NS is the namespace of the protocol, and of what is stored.
const NS = "vcard-temp"

// DefaultMaxSize is the default of Limits.MaxSize.
const DefaultMaxSize = 128 << 10

// Limits of one account. A zero field is the default.
type Limits struct {
	MaxSize int // bytes of a vCard, pictures included
}

// Store keeps one small document for each account and namespace. It may block.
type Store interface {
	// Blob gives nil when there is none.
	Blob(owner jid.JID, namespace string) ([]byte, error)
	// SetBlob stores a copy of value; an empty one deletes.
	SetBlob(owner jid.JID, namespace string, value []byte, maxSize int) error
}

type service struct {
	store Store
	lim   Limits
}

// Register adds the feature to r.
func Register(r *router.Router, store Store, l Limits) {
	if l.MaxSize == 0 {
		l.MaxSize = DefaultMaxSize
	}
	s := &service{store, l}
	r.Handle(router.Row{Space: NS, Local: "vCard", Get: true, Set: true, Blocks: true,
		To: router.ToOwn | router.ToOthers, Unknown: true, Handle: s.serve})
	r.AddFeature(router.ToServer, NS) // §4: the server says so
}

func (s *service) serve(q *router.IQ) {
	switch {
	case q.Type == stanza.Get:
		s.get(q)
	case q.Target == router.ToOwn:
		s.set(q)
	default: // §3.2
		q.Error(stanza.Forbidden.With("a vCard is set by its owner alone"))
	}
}

func (s *service) get(q *router.IQ) {
	b, err := s.store.Blob(q.Account(), NS)
	switch {
	case err != nil:
		q.Fault("vCard", err)
	case b != nil:
		q.Result(func(dst []byte) []byte { return append(dst, b...) })
	case q.Target == router.ToOwn: // §3.1
		q.Error(stanza.ItemNotFound.New())
	default: // §3.3: as for an account that does not exist
		q.Error(stanza.ServiceUnavailable.New())
	}
}

// set replaces the vCard; an empty one removes it.
func (s *service) set(q *router.IQ) {
	var b []byte
	if !q.Payload.First().IsZero() {
		b = standalone(q.Payload)
	}
	if len(b) > s.lim.MaxSize {
		q.Error(stanza.PolicyViolation.With(fmt.Sprintf("the vCard has %d bytes; %d are allowed", len(b), s.lim.MaxSize)))
		return
	}
	if err := s.store.SetBlob(q.Account(), NS, b, s.lim.MaxSize); err != nil {
		q.Fault("vCard", err)
		return
	}
	q.Result(nil)
}

// standalone writes a vCard so that it means the same in any stream. Its own attributes (§7: some
// clients give a version) say nothing that the elements do not, and are left out.
func standalone(el xmlstream.Element) []byte {
	dst := append([]byte(nil), "<vCard xmlns='"+NS+"'"...)
	dst = append(el.AppendInnerDecls(dst), '>')
	dst = append(dst, el.Inner()...)
	return append(dst, "</vCard>"...)
}
