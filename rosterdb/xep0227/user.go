package xep0227

import (
	"bytes"
	"encoding/base64"
	"encoding/xml"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"roost/rosterdb"
	"roost/xmlstream/jid"
)

// maxRequest bounds the stanza of a request that is kept, in bytes, as
// rosterdb.Limits does; of a longer one only the fact is.
const maxRequest = 4096

// user is one element <user/> that is read.
type user struct {
	im    *importer
	at    Pos
	owner jid.JID
	size  int // bytes that it holds, about

	credentials rosterdb.Credentials
	roster      *rosterdb.Roster
	index       map[jid.JID]int // of roster.Items
	messages    [][]byte
	documents   []document
}

type document struct {
	namespace string
	doc       []byte
}

func (u *user) wrong(at Pos, format string, args ...any) {
	u.im.report.wrong(Problem{Pos: at, Who: u.owner.String(), What: fmt.Sprintf(format, args...)})
}

// elements are the children of <user/> that are known.
var elements = map[xml.Name]func(*user, xml.StartElement) error{
	{Space: nsScram, Local: "scram-credentials"}: (*user).scram,
	{Space: nsRoster, Local: "query"}:            (*user).rosterQuery,
	{Space: nsClient, Local: "presence"}:         (*user).presence,
	{Space: nsPie, Local: "offline-messages"}:    (*user).offline,
	{Space: nsPrivate, Local: "query"}:           (*user).document,
	{Space: nsVCard, Local: "vCard"}:             (*user).document,
}

func (u *user) read(t xml.StartElement) error {
	u.credentials.Password, _ = attrOf(t, "password")
	u.unknownAttrs(t, "name", "password")
	return u.im.children(t, func(t xml.StartElement) error {
		if u.size > u.im.o.MaxUser {
			return u.im.tooLong()
		}
		if fn := elements[t.Name]; fn != nil {
			return fn(u, t)
		}
		return u.im.skip(t)
	})
}

// unknownAttrs counts attributes of ours that are not known.
func (u *user) unknownAttrs(t xml.StartElement, known ...string) {
	for _, a := range t.Attr {
		if !isDeclaration(a) && (a.Name.Space != "" || !slices.Contains(known, a.Name.Local)) {
			u.im.report.leave(clip("attribute "+a.Name.Local+" of <"+t.Name.Local+">"), u.im.at)
		}
	}
}

// clip bounds what a file makes a report say.
func clip(s string) string {
	if len(s) > 120 {
		s = strings.ToValidUTF8(s[:117], "") + "..."
	}
	return s
}

// textOf reads an element that holds text.
func (u *user) textOf(t xml.StartElement) (string, error) {
	var b []byte
	for {
		tok, err := u.im.next()
		if err != nil {
			return "", err
		}
		switch tok := tok.(type) {
		case xml.CharData:
			b = append(b, tok...)
		case xml.StartElement:
			if err := u.im.skip(tok); err != nil {
				return "", err
			}
		case xml.EndElement:
			return string(b), nil
		case xml.Directive:
			return "", u.im.bad(errDirective)
		}
	}
}

// scram: §3.3.
func (u *user) scram(t xml.StartElement) error {
	at := u.im.at
	mech, _ := attrOf(t, "mechanism")
	hash, _ := strings.CutPrefix(mech, "SCRAM-")
	if !slices.Contains(rosterdb.Hashes(), hash) {
		return u.im.skip(t)
	}
	var k rosterdb.ScramKeys
	var wrong error
	err := u.im.children(t, func(t xml.StartElement) error {
		s, err := u.textOf(t)
		if err != nil {
			return err
		}
		s = strings.TrimSpace(s)
		var bad error
		switch t.Name.Local {
		case "iter-count":
			k.Iterations, bad = strconv.Atoi(s)
		case "salt":
			k.Salt, bad = base64.StdEncoding.DecodeString(s)
		case "server-key":
			k.ServerKey, bad = base64.StdEncoding.DecodeString(s)
		case "stored-key":
			k.StoredKey, bad = base64.StdEncoding.DecodeString(s)
		default:
			u.im.report.leave(clip("<"+t.Name.Local+"/> in <scram-credentials/>"), u.im.at)
		}
		if bad != nil {
			wrong = fmt.Errorf("<%s/> of %s: %w", t.Name.Local, mech, bad)
		}
		return nil
	})
	if err != nil {
		return err
	}
	if wrong == nil {
		wrong = k.Check(hash)
	}
	if wrong != nil {
		u.wrong(at, "%v", wrong)
		return nil
	}
	if u.credentials.Keys == nil {
		u.credentials.Keys = map[string]rosterdb.ScramKeys{}
	}
	u.credentials.Keys[hash] = k
	return nil
}

// entry is the roster entry of a contact, which is made when there is none.
func (u *user) entry(contact jid.JID) *rosterdb.Item {
	if u.roster == nil {
		u.roster, u.index = &rosterdb.Roster{}, map[jid.JID]int{}
	}
	i, ok := u.index[contact]
	if !ok {
		i = len(u.roster.Items)
		u.index[contact] = i
		u.roster.Items = append(u.roster.Items, rosterdb.Item{Contact: contact})
	}
	return &u.roster.Items[i]
}

// contact reads the address of a contact; one that is none is a problem, and false.
func (u *user) contact(at Pos, s string) (jid.JID, bool) {
	j, err := jid.Parse(s)
	switch {
	case err != nil:
		u.wrong(at, "contact %q: %v", clip(s), err)
	case j.IsZero() || j.Bare() == u.owner:
		u.wrong(at, "contact %q is the user itself or nobody", clip(s))
	default:
		return j.Bare().Clone(), true
	}
	return j, false
}

// rosterQuery: §3.4. A version says nothing in another store.
func (u *user) rosterQuery(t xml.StartElement) error {
	u.unknownAttrs(t, "ver", "version")
	if u.roster == nil {
		u.roster, u.index = &rosterdb.Roster{}, map[jid.JID]int{}
	}
	return u.im.children(t, func(t xml.StartElement) error {
		if t.Name != (xml.Name{Space: nsRoster, Local: "item"}) {
			return u.im.skip(t)
		}
		return u.item(t)
	})
}

func (u *user) item(t xml.StartElement) error {
	at := u.im.at
	u.unknownAttrs(t, "jid", "name", "subscription", "ask", "approved")
	addr, _ := attrOf(t, "jid")
	contact, ok := u.contact(at, addr)
	subText, _ := attrOf(t, "subscription")
	sub, known := rosterdb.ParseSub(subText)
	if ok && !known && subText != "" { // RFC 6121 §2.1.2.5: absent means none
		u.wrong(at, "contact %s: the subscription %q is not none, to, from or both", contact, clip(subText))
		ok = false
	}
	var groups []string
	err := u.im.children(t, func(t xml.StartElement) error {
		if t.Name != (xml.Name{Space: nsRoster, Local: "group"}) {
			return u.im.skip(t)
		}
		g, err := u.textOf(t)
		if g != "" && !slices.Contains(groups, g) { // RFC 6121 §2.1.2.6: neither adds anything
			groups = append(groups, g)
			u.size += len(g)
		}
		return err
	})
	if err != nil || !ok {
		return err
	}
	it := u.entry(contact)
	it.Name, _ = attrOf(t, "name")
	it.Sub, it.Groups, it.Listed = sub, groups, true
	u.size += len(addr) + len(it.Name) + 100
	switch ask, _ := attrOf(t, "ask"); ask {
	case "subscribe":
		it.Ask = true
	case "":
	default:
		u.im.report.leave(clip("ask='"+ask+"' of <item/>"), at)
	}
	switch approved, _ := attrOf(t, "approved"); approved {
	case "true", "1":
		it.Approved = true
	}
	return nil
}

// tree reads an element and gives it in our form, as it stands where space is the default namespace.
func (u *user) tree(t xml.StartElement, space string) ([]byte, error) {
	c := newCanon(space)
	wrong := c.start(t)
	for len(c.stack) > 1 || wrong != nil {
		if wrong != nil {
			return nil, u.im.bad(wrong)
		}
		tok, err := u.im.next()
		if err != nil {
			return nil, err
		}
		_, wrong = c.token(tok)
	}
	u.size += len(c.b)
	return c.b, nil
}

// presence: §3.9. Whatever else is a presence is not stored.
func (u *user) presence(t xml.StartElement) error {
	at := u.im.at
	kind, _ := attrOf(t, "type")
	from, _ := attrOf(t, "from")
	if kind != "subscribe" {
		return u.im.skip(t)
	}
	contact, ok := u.contact(at, from)
	if !ok {
		return u.im.pass()
	}
	t, err := request(contact, u.owner)(t)
	if err != nil {
		return u.im.bad(err)
	}
	b, err := u.tree(t, nsClient)
	if err != nil {
		return err
	}
	it := u.entry(contact)
	it.PendingIn, it.Request = true, b
	if len(b) > maxRequest {
		it.Request = nil
		u.im.report.leave(fmt.Sprintf("text of a subscription request of more than %d bytes", maxRequest), at)
	}
	return nil
}

// offline: §3.5.
func (u *user) offline(t xml.StartElement) error {
	return u.im.children(t, func(t xml.StartElement) error {
		if t.Name != (xml.Name{Space: nsClient, Local: "message"}) {
			return u.im.skip(t)
		}
		t, err := message(u.owner)(t)
		if err != nil {
			return u.im.bad(err)
		}
		b, err := u.tree(t, nsClient)
		u.messages = append(u.messages, b)
		return err
	})
}

// document: §3.6, §3.7. One without a child is none.
func (u *user) document(t xml.StartElement) error {
	ns := t.Name.Space
	b, err := u.tree(t, "")
	if err != nil || bytes.HasSuffix(b, []byte("/>")) && bytes.IndexByte(b[1:], '<') < 0 {
		return err
	}
	u.documents = append(u.documents, document{ns, b})
	return nil
}

// spaceOff is b without white space at its ends, as XML has it.
func spaceOff(b []byte) []byte { return bytes.Trim(b, " \t\r\n\ufeff") }
