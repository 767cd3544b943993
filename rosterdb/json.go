package rosterdb

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"unicode/utf8"

	"roost/xmlstream/jid"
)

// The JSON of one roster is an object, contact → entry:
//
//	"bob@example.org": {
//	  "name": "Bob", "groups": ["Work"], "subscription": "to",
//	  "pending_requests": {}
//	}
//
// subscription is none, to, from or both. In pending_requests:
//
//	"ask": true                        the owner asked and waits for an answer
//	"subscribe": {"direction": "in", "stanza": "<presence …>"}
//	                                   the contact asked and waits; stanza may be missing
//	"approved": true                   pre-approval (RFC 6121 §3.4)
//	"listed": true                     written only when nothing else says that the
//	                                   owner made this entry before the contact asked
//
// Every member may be missing. Members that are not named here are kept as
// they are, in Item.Extra and Item.ExtraPending. A pending request in a
// direction that is subscribed already is dropped.

// JSONError says where a roster's JSON is wrong.
type JSONError struct {
	Offset int64  // byte offset in the input
	Path   string // `"bob@example.org".groups[1]`, "" for the whole
	Why    string
}

func (e *JSONError) Error() string {
	if e.Path == "" {
		return fmt.Sprintf("offset %d: %s", e.Offset, e.Why)
	}
	return fmt.Sprintf("offset %d: %s: %s", e.Offset, e.Path, e.Why)
}

// RosterJSON writes r as a JSON object, all entries, sorted, without line ends.
func RosterJSON(r *Roster) []byte {
	b := []byte{'{'}
	for i := range r.Items {
		if i > 0 {
			b = append(b, ',')
		}
		b = appendJSON(b, r.Items[i].Contact.String())
		b = append(b, ':')
		b = appendItemJSON(b, &r.Items[i])
	}
	return append(b, '}')
}

func appendItemJSON(b []byte, it *Item) []byte {
	b = appendJSON(append(b, `{"name":`...), it.Name)
	b = append(b, `,"groups":[`...)
	for i, g := range it.Groups {
		if i > 0 {
			b = append(b, ',')
		}
		b = appendJSON(b, g)
	}
	b = append(b, `],"subscription":"`...)
	b = append(b, it.Sub.String()...)
	b = append(b, `","pending_requests":{`...)
	start := len(b)
	member := func(text string) {
		if len(b) > start {
			b = append(b, ',')
		}
		b = append(b, text...)
	}
	if it.PendingIn {
		member(`"subscribe":{"direction":"in"`)
		if len(it.Request) > 0 {
			b = appendJSON(append(b, `,"stanza":`...), string(it.Request))
		}
		b = append(b, '}')
	}
	if it.Ask {
		member(`"ask":true`)
	}
	if it.Approved {
		member(`"approved":true`)
	}
	if it.Listed && !listedByContent(*it) {
		member(`"listed":true`)
	}
	if len(it.ExtraPending) > 2 {
		member(string(it.ExtraPending[1 : len(it.ExtraPending)-1]))
	}
	b = append(b, '}')
	if len(it.Extra) > 2 {
		b = append(append(b, ','), it.Extra[1:len(it.Extra)-1]...)
	}
	return append(b, '}')
}

// listedByContent reports whether an entry is known to its owner whatever its
// Listed says.
func listedByContent(it Item) bool {
	return mustList(it) || !it.PendingIn || it.Name != "" || len(it.Groups) > 0
}

// ParseRosterJSON reads what RosterJSON writes, and what other programs write
// in the same form. The result has no versions; it shares no memory with b.
// Errors are *JSONError.
func ParseRosterJSON(b []byte) (*Roster, error) {
	if !utf8.Valid(b) {
		at := 0
		for r, n := utf8.DecodeRune(b); r != utf8.RuneError || n > 1; r, n = utf8.DecodeRune(b[at:]) {
			at += n
		}
		return nil, &JSONError{int64(at), "", "not UTF-8"}
	}
	if r, ok := fastRoster(b); ok {
		return r, nil
	}
	return readRoster(b)
}

// readRoster reads every form and says what is wrong.
func readRoster(b []byte) (*Roster, error) {
	r := &Roster{}
	seen := map[jid.JID]bool{}
	err := eachMember(b, 0, "", func(key string, v value) error {
		contact, err := jid.Parse(key)
		if err != nil {
			return &JSONError{v.keyAt, "", err.Error()}
		}
		if !contact.IsBare() {
			return &JSONError{v.keyAt, "", fmt.Sprintf("%q has a resource; a contact is local@domain or domain", key)}
		}
		if seen[contact] {
			return &JSONError{v.keyAt, "", fmt.Sprintf("contact %s is there twice", contact)}
		}
		seen[contact] = true
		it, err := parseItem(v)
		it.Contact = contact.Clone()
		r.Items = append(r.Items, it)
		return err
	})
	if err != nil {
		return nil, err
	}
	if err := sortItems(r.Items); err != nil {
		return nil, &JSONError{0, "", err.Error()}
	}
	return r, nil
}

func parseItem(v value) (Item, error) {
	var it Item
	err := eachMember(v.raw, v.at, v.path, func(key string, v value) (err error) {
		switch key {
		case "name":
			it.Name, err = v.text()
		case "groups":
			it.Groups, err = v.groups()
		case "subscription":
			err = v.subscription(&it.Sub)
		case "pending_requests":
			err = v.pending(&it)
		default:
			it.Extra = v.keep(it.Extra, key)
		}
		return err
	})
	if err != nil {
		return Item{}, err
	}
	it.Extra, it.ExtraPending = closeObject(it.Extra), closeObject(it.ExtraPending)
	p := stateParts[it.State()]
	it.Ask, it.PendingIn = p.out, p.in
	if !it.PendingIn {
		it.Request = nil
	}
	it.Listed = it.Listed || listedByContent(it)
	return it, nil
}

func (v value) groups() (groups []string, err error) {
	if v.raw[0] != '[' {
		return nil, v.bad("want an array of strings, found %s", v.kind())
	}
	dec := json.NewDecoder(bytes.NewReader(v.raw))
	if _, err := dec.Token(); err != nil {
		return nil, syntax(err, v.at, len(v.raw), v.path)
	}
	for i := 0; dec.More(); i++ {
		var raw json.RawMessage
		if err := dec.Decode(&raw); err != nil {
			return nil, syntax(err, v.at, len(v.raw), v.path)
		}
		el := value{raw: raw, at: v.at + dec.InputOffset() - int64(len(raw)), path: v.path + "[" + strconv.Itoa(i) + "]"}
		g, err := el.text()
		switch {
		case err != nil:
			return nil, err
		case g == "":
			return nil, el.bad("the group is empty")
		case slices.Contains(groups, g):
			return nil, el.bad("group %q is there twice", g)
		}
		groups = append(groups, g)
	}
	return groups, nil
}

func (v value) subscription(sub *Sub) error {
	s, err := v.text()
	if err != nil {
		return err
	}
	var ok bool
	if *sub, ok = ParseSub(s); !ok {
		return v.bad("%q is not none, to, from or both", s)
	}
	return nil
}

func (v value) pending(it *Item) error {
	if v.raw[0] == 'n' { // null
		return nil
	}
	return eachMember(v.raw, v.at, v.path, func(key string, v value) (err error) {
		switch key {
		case "subscribe":
			err = v.request(it)
		case "ask":
			if v.raw[0] == '"' && v.trimmed() == `"subscribe"` {
				it.Ask = true
				break
			}
			it.Ask, err = v.flag()
		case "approved":
			it.Approved, err = v.flag()
		case "listed":
			it.Listed, err = v.flag()
		default:
			it.ExtraPending = v.keep(it.ExtraPending, key)
		}
		return err
	})
}

func (v value) request(it *Item) error {
	it.PendingIn = true
	return eachMember(v.raw, v.at, v.path, func(key string, v value) error {
		s, err := v.text()
		switch {
		case err != nil:
			return err
		case key == "stanza":
			it.Request = append([]byte(nil), s...) // nil when empty
		case key != "direction":
			return v.bad("unknown member; there are direction and stanza")
		case s != "in":
			return v.bad(`%q is not "in"; a request of the owner's is "ask": true`, s)
		}
		return nil
	})
}
