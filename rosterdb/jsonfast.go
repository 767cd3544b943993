package rosterdb

import (
	"bytes"
	"encoding/json"
	"slices"
	"strings"
	"unicode/utf8"

	"roost/xmlstream/jid"
)

// fastRoster reads the everyday form of a roster in one pass, many times as fast
// as the decoder of encoding/json. ok is false for all else, wrong or
// only rare: then readRoster decides and explains. b is valid UTF-8.
func fastRoster(b []byte) (r *Roster, ok bool) {
	p := quick{s: string(b)}
	r = &Roster{}
	ok = p.object(func(key string) bool {
		contact, err := jid.Parse(key)
		if err != nil || !contact.IsBare() {
			return false
		}
		it, ok := p.item()
		it.Contact = contact
		r.Items = append(r.Items, it)
		return ok
	})
	if p.space(); !ok || p.at != len(p.s) {
		return nil, false
	}
	return r, sortItems(r.Items) == nil
}

// quick is a place in a text. Its methods read one thing and go behind it; after
// a false the place means nothing.
type quick struct {
	s      string
	at     int
	groups []string // of all entries
}

// item reads one entry; an unknown member is not for here.
func (p *quick) item() (it Item, ok bool) {
	seen := 0
	ok = p.object(func(key string) (ok bool) {
		member := 0
		switch key {
		case "name":
			member = 1
			it.Name, ok = p.text()
		case "groups":
			member = 2
			it.Groups, ok = p.list()
		case "subscription":
			member = 4
			var s string
			if s, ok = p.text(); ok {
				it.Sub, ok = ParseSub(s)
			}
		case "pending_requests":
			member = 8
			ok = p.pending(&it)
		}
		ok = ok && seen&member == 0
		seen |= member
		return ok
	})
	parts := stateParts[it.State()]
	it.Ask, it.Listed = parts.out, true // no request of the contact's comes this way
	return it, ok
}

func (p *quick) pending(it *Item) bool {
	seen := 0
	return p.object(func(key string) bool {
		var flag *bool
		member := 0
		switch key {
		case "ask":
			flag, member = &it.Ask, 1
		case "approved":
			flag, member = &it.Approved, 2
		default:
			return false
		}
		if seen&member != 0 {
			return false
		}
		seen |= member
		if *flag = p.word("true"); *flag {
			return true
		}
		return p.word("false")
	})
}

// object reads an object; member is called behind each name and its colon.
func (p *quick) object(member func(key string) bool) bool {
	if !p.char('{') {
		return false
	}
	if p.char('}') {
		return true
	}
	for {
		key, ok := p.text()
		if !ok || !p.char(':') || !member(key) {
			return false
		}
		if p.char('}') {
			return true
		}
		if !p.char(',') {
			return false
		}
	}
}

// list reads an array of strings, none of them empty or there twice.
func (p *quick) list() (groups []string, ok bool) {
	if !p.char('[') {
		return nil, false
	}
	if p.char(']') {
		return nil, true
	}
	first := len(p.groups)
	for {
		g, ok := p.text()
		if !ok || g == "" || slices.Contains(p.groups[first:], g) {
			return nil, false
		}
		p.groups = append(p.groups, g)
		if p.char(']') {
			return p.groups[first:len(p.groups):len(p.groups)], true
		}
		if !p.char(',') {
			return nil, false
		}
	}
}

// text reads a string: a part of the input where nothing is escaped.
func (p *quick) text() (s string, ok bool) {
	if !p.char('"') {
		return "", false
	}
	start, escaped := p.at, false
	for ; p.at < len(p.s); p.at++ {
		switch c := p.s[p.at]; {
		case c == '"':
			s = p.s[start:p.at]
			p.at++
			if escaped {
				return unescape(p.s[start-1 : p.at])
			}
			return s, true
		case c == '\\':
			escaped = true
			p.at++
		case c < ' ':
			return "", false
		}
	}
	return "", false
}

func unescape(quoted string) (s string, ok bool) {
	err := json.Unmarshal([]byte(quoted), &s)
	return s, err == nil
}

func (p *quick) word(w string) bool {
	p.space()
	if !strings.HasPrefix(p.s[p.at:], w) {
		return false
	}
	p.at += len(w)
	return true
}

// char goes behind one c and the white space before it; false when something else comes.
func (p *quick) char(c byte) bool {
	p.space()
	if p.at == len(p.s) || p.s[p.at] != c {
		return false
	}
	p.at++
	return true
}

func (p *quick) space() {
	for p.at < len(p.s) && (p.s[p.at] == ' ' || p.s[p.at] == '\n' || p.s[p.at] == '\t' || p.s[p.at] == '\r') {
		p.at++
	}
}

// fastLine cuts {"jid":"…","roster":…} apart where the members stand in this order;
// it does not look into the roster. ok is false for all else, wrong or only rare.
func fastLine(b []byte) (owner string, roster []byte, ok bool) {
	p := quick{s: string(b[:min(len(b), 4096)])} // an address is shorter
	name := func(want string) bool {
		s, ok := p.text()
		return ok && s == want && p.char(':')
	}
	if !p.char('{') || !name("jid") {
		return "", nil, false
	}
	if owner, ok = p.text(); !ok || !p.char(',') || !name("roster") {
		return "", nil, false
	}
	roster, ok = bytes.CutSuffix(bytes.TrimRight(b[p.at:], space), []byte{'}'})
	return owner, roster, ok && utf8.Valid(b)
}
