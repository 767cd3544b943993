package roster

import (
	"errors"
	"slices"
	"strconv"

	"roost/rosterdb"
	"roost/router"
	"roost/xmlstream"
	"roost/xmlstream/jid"
	"roost/xmlstream/stanza"
)

// serve answers a roster get or set.
func (s *Service) serve(q *router.IQ) {
	switch {
	case q.Target != router.ToOwn: // RFC 6121 §2.1.5, §2.3.3: nobody else's roster
		q.Error(stanza.Forbidden.New())
	case q.Type == stanza.Get:
		s.get(q)
	default:
		s.set(q)
	}
}

// set adds, changes or removes one item (RFC 6121 §2.3, §2.4, §2.5).
func (s *Service) set(q *router.IQ) {
	it, e := parseSet(q.Payload)
	switch {
	case s.elsewhere(q.Account().Domain()) != nil:
		q.Error(stanza.ServiceUnavailable.With("the roster is kept elsewhere and cannot be changed from here"))
	case e != nil:
		q.Error(e)
	case it.contact == q.Account():
		q.Error(stanza.NotAllowed.With("an account is no contact of itself")) // RFC 6121 §2.3.3
	case it.remove:
		s.remove(q, it.contact)
	default:
		s.update(q, it)
	}
}

func (s *Service) update(q *router.IQ, it setItem) {
	owner := q.Account()
	defer s.lock(owner, owner)()
	ch, err := s.db.SetItem(owner, it.contact, it.name, it.groups, s.limits)
	switch {
	case errors.Is(err, rosterdb.ErrBadItem): // RFC 6121 §2.3.3
		q.Error(stanza.NotAcceptable.With(err.Error()))
	case errors.Is(err, rosterdb.ErrRosterFull):
		q.Error(stanza.ResourceConstraint.With("the roster has no room for another contact"))
	case err != nil:
		q.Fault("roster", storeError(err))
	default:
		s.push(owner, ch.After, ch.Ver, false)
		q.Result(nil)
	}
}

// setItem is what a client may say about an item. RFC 6121 §2.1.2: subscription (but for remove),
// ask and approved are the server's and are ignored.
type setItem struct {
	contact jid.JID
	name    string
	groups  []string
	remove  bool
}

func parseSet(query xmlstream.Element) (setItem, *stanza.StanzaError) {
	var el xmlstream.Element
	n := 0
	for c := range query.Children() {
		n++
		el = c
	}
	if n != 1 || !el.Is(stanza.NSRoster, "item") { // RFC 6121 §2.1.5
		return setItem{}, stanza.BadRequest.With("a roster set has exactly one item")
	}
	addr, ok := el.Attr("jid")
	if !ok {
		return setItem{}, stanza.BadRequest.With("the item has no jid")
	}
	contact, err := jid.ParseBytes(addr)
	if err != nil {
		return setItem{}, stanza.JIDMalformed.With("item: " + err.Error())
	}
	it := setItem{contact: contact.Bare()}
	sub, _ := el.Attr("subscription")
	if it.remove = string(sub) == "remove"; it.remove {
		return it, nil
	}
	name, _ := el.Attr("name")
	it.name = string(name)
	for g := range el.Children() {
		if !g.Is(stanza.NSRoster, "group") {
			continue
		}
		group := string(g.Text())
		switch {
		case group == "": // RFC 6121 §2.3.3
			return it, stanza.NotAcceptable.With("a group without a name")
		case slices.Contains(it.groups, group): // RFC 6121 §2.3.3
			return it, stanza.BadRequest.With("the group \"" + group + "\" stands twice")
		}
		it.groups = append(it.groups, group)
	}
	return it, nil
}

func verString(ver uint64) string { return strconv.FormatUint(ver, 36) }

func appendQuery(dst []byte, ver uint64) []byte {
	dst = append(dst, "<query xmlns='"+stanza.NSRoster+"' ver='"...)
	dst = strconv.AppendUint(dst, ver, 36)
	return append(dst, "'>"...)
}

// appendItem writes an item as clients see it (RFC 6121 §2.1.2).
func appendItem(dst []byte, it rosterdb.Item, removed bool) []byte {
	dst = append(dst, "<item"...)
	dst = xmlstream.AppendAttr(dst, "jid", it.Contact.String())
	if removed {
		return append(dst, " subscription='remove'/>"...)
	}
	if it.Name != "" {
		dst = xmlstream.AppendAttr(dst, "name", it.Name)
	}
	dst = xmlstream.AppendAttr(dst, "subscription", it.Sub.String())
	if it.Ask {
		dst = append(dst, " ask='subscribe'"...)
	}
	if it.Approved {
		dst = append(dst, " approved='true'"...)
	}
	if len(it.Groups) == 0 {
		return append(dst, "/>"...)
	}
	dst = append(dst, '>')
	for _, g := range it.Groups {
		dst = append(dst, "<group>"...)
		dst = append(xmlstream.AppendText(dst, g), "</group>"...)
	}
	return append(dst, "</item>"...)
}
