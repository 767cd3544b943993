package roster

import (
	"strconv"

	"roost/rosterdb"
	"roost/router"
	"roost/xmlstream/jid"
	"roost/xmlstream/stanza"
)

// get answers with the whole roster, with nothing when the client's version is the current one, or
// with nothing and pushes of what it lacks (RFC 6121 §2.2, §2.6).
func (s *Service) get(q *router.IQ) {
	owner := q.Account()
	far, err := s.fetch(q, owner)
	if err != nil {
		q.Fault("roster", storeError(err))
		return
	}
	// A change and its pushes are under this lock, too: each is either in what is read here, or its
	// pushes come after what is sent here. So versions never go back on a stream.
	defer s.lock(owner, owner)()
	q.Session.SetInterested()
	ro, err := s.near(owner, far)
	if err != nil {
		q.Fault("roster", storeError(err))
		return
	}
	known, versioned := q.Payload.Attr("ver")
	edits, ok := since(ro, string(known))
	if !versioned || !ok || tooMany(ro, edits) {
		q.Result(func(dst []byte) []byte { return appendRoster(dst, ro) })
		return
	}
	q.Result(nil)
	for _, e := range edits { // §2.6.3: the final state of each, in the order of the changes
		s.pushTo(q.Session, e.Item, e.Item.Ver, e.Removed)
	}
}

// fetch gets a roster that is kept elsewhere near, without the lock: it may take long. The resource is
// not interested before it has the whole roster: pushes alone would be a part of one.
func (s *Service) fetch(q *router.IQ, owner jid.JID) (*rosterdb.Roster, error) {
	e := s.elsewhere(owner.Domain())
	if e == nil {
		return nil, nil
	}
	return e.Roster(owner)
}

// near is the roster that is there now; far is what was fetched of one that is kept elsewhere. That one
// is not fetched again: who fetches may wait for Differ, which waits for the lock.
func (s *Service) near(owner jid.JID, far *rosterdb.Roster) (*rosterdb.Roster, error) {
	if far == nil {
		return s.db.Roster(owner)
	}
	if ro := s.elsewhere(owner.Domain()).Cached(owner); ro != nil {
		return ro, nil
	}
	return far, nil
}

// since is what a client lacks that has a version of its own; ok is false when it is to get the whole
// roster: it has none (ver=""), one of another server, or one that is too old.
func since(ro *rosterdb.Roster, known string) (edits []rosterdb.Edit, ok bool) {
	if known == verString(ro.Ver) {
		return nil, true
	}
	ver, err := strconv.ParseUint(known, 36, 64)
	if err != nil || verString(ver) != known {
		return nil, false
	}
	return ro.Since(ver)
}

const (
	envelope = 150 // bytes of a push, or of a whole roster, without items, about
	// pushSlack is how many bytes more than the whole roster pushes may take: less than one packet is
	// not worth sending a short roster anew.
	pushSlack = 256
)

// tooMany reports whether the whole roster is the shorter answer (RFC 6121 §2.6.3).
func tooMany(ro *rosterdb.Roster, edits []rosterdb.Edit) bool {
	if len(edits) == 0 {
		return false
	}
	pushes, whole, n := 0, envelope+pushSlack, 0
	var b []byte
	for _, e := range edits {
		b = appendItem(b[:0], e.Item, e.Removed)
		pushes += envelope + len(b)
	}
	for it := range ro.Visible() {
		if n++; n >= len(edits) && whole >= pushes {
			return false
		}
		b = appendItem(b[:0], it, false)
		whole += len(b)
	}
	return n < len(edits) || whole < pushes
}

func appendRoster(dst []byte, ro *rosterdb.Roster) []byte {
	dst = appendQuery(dst, ro.Ver)
	for it := range ro.Visible() {
		dst = appendItem(dst, it, false)
	}
	return append(dst, "</query>"...)
}

// pushTo sends one changed item to one resource (RFC 6121 §2.1.6).
func (s *Service) pushTo(ses *router.Session, it rosterdb.Item, ver uint64, removed bool) {
	id := strconv.AppendUint([]byte("push-"), s.pushID.Add(1), 36)
	h := stanza.Header{Kind: stanza.IQ, Type: stanza.Set, ID: id, To: ses.JID}
	f := stanza.NewFrame()
	dst := appendQuery(append(h.Append(f.Buf()), '>'), ver)
	dst = appendItem(dst, it, removed)
	f.Set(h.AppendEnd(append(dst, "</query>"...)))
	ses.Deliver(f)
}
