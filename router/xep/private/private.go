// Package private keeps XML that a user's clients want to find again (XEP-0049).
//
// Everything of one account is one stored document, <query/> with the elements as its children. An
// element is known by its namespace and name: a set replaces those of the same namespace and name
// and leaves the others, so that one client does not lose what another has stored.
package private

import (
	"fmt"
	"hash/maphash"
	"slices"
	"strings"
	"sync"

	"roost/router"
	"roost/xmlstream"
	"roost/xmlstream/jid"
	"roost/xmlstream/stanza"
)

// NS is the namespace of the protocol, and of what is stored.
const NS = "jabber:iq:private"

// DefaultMaxSize is the default of Limits.MaxSize.
const DefaultMaxSize = 128 << 10

// Limits of one account. A zero field is the default.
type Limits struct {
	MaxSize int // bytes of all that is kept
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
	read  xmlstream.Limits // for what is stored

	seed  maphash.Seed
	locks [64]sync.Mutex // by account: a set reads and then writes
}

// Register adds the feature to r.
func Register(r *router.Router, store Store, l Limits) {
	if l.MaxSize == 0 {
		l.MaxSize = DefaultMaxSize
	}
	s := &service{store: store, lim: l, seed: maphash.MakeSeed()}
	// What was stored under larger limits stays readable.
	s.read = xmlstream.Limits{MaxStanza: 1 << 30, MaxDepth: 1 << 10, MaxAttrs: 256, MaxNamespaces: 1 << 10}
	r.Handle(router.Row{Space: NS, Local: "query", Get: true, Set: true, Blocks: true, Feature: "-",
		To: router.ToOwn | router.ToOthers, Unknown: true, Handle: s.serve})
	r.AddFeature(router.ToServer|router.ToOwn, NS)
}

func (s *service) serve(q *router.IQ) {
	switch {
	case q.Target != router.ToOwn: // §2.3: nobody else's, whether there is such an account or not
		q.Error(stanza.Forbidden.With("private data is its owner's alone"))
	case q.Type == stanza.Get:
		s.get(q)
	default:
		s.set(q)
	}
}

// get answers with the stored elements that have the namespace and name of the one asked for.
func (s *service) get(q *router.IQ) {
	want, e := asked(q.Payload)
	if e != nil {
		q.Error(e)
		return
	}
	kept, err := s.load(q.Account())
	if err != nil {
		q.Fault("private data", err)
		return
	}
	q.Result(func(dst []byte) []byte {
		dst = append(dst, open...)
		found := false
		for el := range kept.Children() {
			if same(el, want) {
				found = true
				dst = append(dst, el.Raw()...)
			}
		}
		if !found { // what is asked for is given back as it is: empty
			dst = append(append(dst, '<'), want.Local()...)
			dst = append(xmlstream.AppendAttr(dst, "xmlns", want.Space()), "/>"...)
		}
		return append(dst, end...)
	})
}

// asked is the one element of a get.
func asked(query xmlstream.Element) (want xmlstream.Element, e *stanza.StanzaError) {
	n := 0
	for el := range query.Children() {
		n++
		want = el
	}
	if n != 1 { // §2.3, §3; §2.3: no more than one namespace
		return want, stanza.BadRequest.With("a private get asks for exactly one element")
	}
	return want, check(want)
}

// check obeys §2.3 and §3: an element has a namespace of its own, which is not one of the reserved.
func check(el xmlstream.Element) *stanza.StanzaError {
	if why := reserved(string(el.Space())); why != "" {
		return stanza.NotAcceptable.With("element " + string(el.Local()) + " " + why)
	}
	return nil
}

func reserved(space string) string {
	switch {
	case space == "", space == NS:
		return "has no namespace of its own"
	case space == "vcard-temp", strings.HasPrefix(space, "jabber:"), strings.HasPrefix(space, "http://jabber.org/"):
		return "is of the reserved namespace " + space
	}
	return ""
}

func same(a, b xmlstream.Element) bool {
	return string(a.Local()) == string(b.Local()) && string(a.Space()) == string(b.Space())
}

// set stores all elements of a request, or none.
func (s *service) set(q *router.IQ) {
	n := 0
	for el := range q.Payload.Children() {
		n++
		if e := check(el); e != nil {
			q.Error(e)
			return
		}
	}
	if n == 0 { // §2.3
		q.Error(stanza.NotAcceptable.With("a private set has at least one element"))
		return
	}
	user := q.Account()
	mu := &s.locks[maphash.String(s.seed, user.String())%uint64(len(s.locks))]
	mu.Lock()
	defer mu.Unlock()
	kept, err := s.load(user)
	if err != nil {
		q.Fault("private data", err)
		return
	}
	doc := merge(kept, q.Payload)
	if len(doc) > s.lim.MaxSize {
		q.Error(stanza.PolicyViolation.With(fmt.Sprintf("private data would have %d bytes; %d are allowed", len(doc), s.lim.MaxSize)))
		return
	}
	if err := s.store.SetBlob(user, NS, doc, s.lim.MaxSize); err != nil {
		q.Fault("private data", err)
		return
	}
	q.Result(nil)
}

// load reads what user has stored; zero when there is nothing.
func (s *service) load(user jid.JID) (xmlstream.Element, error) {
	b, err := s.store.Blob(user, NS)
	if err != nil || len(b) == 0 {
		return xmlstream.Element{}, err
	}
	return xmlstream.ParseElement(b, &s.read)
}

const (
	open = "<query xmlns='" + NS + "'>"
	end  = "</query>"
)

// merge is the document of kept with the elements of query in place of their namesakes. It is nil
// when nothing is left.
func merge(kept, query xmlstream.Element) []byte {
	type name struct{ space, local string }
	replaced := map[name]bool{}
	for el := range query.Children() {
		replaced[name{string(el.Space()), string(el.Local())}] = true
	}
	doc := []byte(open)
	for old := range kept.Children() {
		if !replaced[name{string(old.Space()), string(old.Local())}] {
			doc = append(doc, old.Raw()...)
		}
	}
	for el := range query.Children() {
		if !empty(el) { // an empty element is what a get answers anyway
			doc = appendStandalone(doc, el)
		}
	}
	if len(doc) == len(open) {
		return nil
	}
	return append(doc, end...)
}

func empty(el xmlstream.Element) bool {
	for range el.Attrs() {
		return false
	}
	return len(el.Inner()) == 0
}

// appendStandalone writes el so that it means the same as a child of the document: what it inherits
// of namespaces is declared in its start tag.
func appendStandalone(dst []byte, el xmlstream.Element) []byte {
	raw := el.Raw()
	n := 1 + len(el.Local())
	if p := el.Prefix(); len(p) > 0 {
		n += len(p) + 1
	}
	dst = append(dst, raw[:n]...)
	from := len(dst)
	dst = el.AppendDecls(dst)
	// Whether el declares a default namespace itself shows when it is read in the document.
	def := el.Namespace("")
	doc, err := xmlstream.ParseElement(slices.Concat([]byte(open), raw[:n], dst[from:], raw[n:], []byte(end)), nil)
	if err != nil || string(doc.First().Namespace("")) != string(def) {
		dst = xmlstream.AppendAttr(dst, "xmlns", def)
	}
	return append(dst, raw[n:]...)
}
